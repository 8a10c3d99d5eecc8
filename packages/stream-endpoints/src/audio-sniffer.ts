// Which container a client's audio is in, told from its first bytes: WAV, Ogg Opus, or nothing that is read here.
import { parseWavHeader } from '@parley/audio'
import { err, ok, type Result } from '@parley/kernel'
import type { ParleyError } from '@parley/protocol'
import { type AudioReader, oggOpusReader, unreadable, wavReader } from './audio-reader.ts'

/** A WAV file may have pictures before its samples; not more than this. */
const MAX_HEADER_BYTES = 262_144
const OTHERS: readonly (readonly [magic: string, name: string])[] = [
  ['\x1aE\xdf\xa3', 'WebM or Matroska'],
  ['fLaC', 'FLAC'],
  ['ID3', 'MP3'],
  ['\xff\xfb', 'MP3'],
  ['\xff\xf3', 'MP3'],
  ['\xff\xf1', 'AAC'],
  ['FORM', 'AIFF'],
]

export interface Sniffed {
  /** Bytes before the first that the reader wants. */
  readonly headerBytes: number
  readonly open: () => Promise<AudioReader>
}

/** Undefined: more bytes are needed. `isWhole`: there will be no more. */
export function sniff(bytes: Uint8Array, isWhole: boolean): Result<Sniffed | undefined, ParleyError> {
  const begins = (magic: string) => latin1(bytes, 0, magic.length) === magic
  if (begins('OggS')) return ok({ headerBytes: 0, open: oggOpusReader })
  const other = OTHERS.find(([magic]) => begins(magic)) ?? (latin1(bytes, 4, 4) === 'ftyp' ? ['', 'MP4'] : undefined)
  if (other) return err(unreadable(`it is ${other[1]}; send WAV or Opus in Ogg`))
  const header = parseWavHeader(bytes, isWhole)
  if (header.ok) {
    const { value } = header
    return ok({ headerBytes: value.dataOffset, open: async () => wavReader(value) })
  }
  if (header.error.code === 'truncated' && !isWhole && bytes.byteLength < MAX_HEADER_BYTES) return ok(undefined)
  return err(unreadable(`${header.error.message} Send WAV or Opus in Ogg.`))
}

function latin1(bytes: Uint8Array, at: number, length: number): string {
  return String.fromCharCode(...bytes.subarray(at, at + length))
}
