// A recording as it was sent: what it is in, how long it is, and a reader for it.
import { setImmediate } from 'node:timers/promises'
import { GRANULES_PER_MS, OggOpusReader, parseWavHeader } from '@parley/audio'
import { err, ok, type Result } from '@parley/kernel'
import { ParleyError } from '@parley/protocol'
import { type AudioReader, g711Reader, oggOpusReader, rawReader, unreadable, wavReader } from './audio-reader.ts'
import { sniff } from './audio-sniffer.ts'
import { MAX_FILE_AUDIO_MS } from './limits.ts'
import { BYTES_PER_SAMPLE } from './sample-format.ts'

/** Bytes looked through between turns of others. */
const SCAN_PIECE_BYTES = 65_536

/** Samples without a container. */
export interface BareAudio {
  readonly encoding: 'int16' | 'float32' | 'mulaw' | 'alaw'
  readonly sampleRateHz: number
}

export interface AudioFile {
  readonly durationMs: number
  /** What the reader is to be given, in order. */
  readonly data: Uint8Array
  open(): Promise<AudioReader>
}

/** Tells what `bytes` are. Without `bare` they are in a container. Refuses what is not read here, is too long or empty. */
export async function openAudioFile(bytes: Uint8Array, bare?: BareAudio): Promise<Result<AudioFile, ParleyError>> {
  if (bytes.byteLength === 0) return err(unreadable('the file is empty'))
  const file = bare ? ok(bareFile(bytes, bare)) : await containerFile(bytes)
  if (!file.ok || file.value.durationMs <= MAX_FILE_AUDIO_MS) return file
  const seconds = MAX_FILE_AUDIO_MS / 1000
  const message = `the audio is ${Math.round(file.value.durationMs / 1000)} s long; at most ${seconds} s: send it in parts`
  return err(new ParleyError('MESSAGE_TOO_LARGE', { message }))
}

function bareFile(data: Uint8Array, { encoding, sampleRateHz }: BareAudio): AudioFile {
  const isTelephone = encoding === 'mulaw' || encoding === 'alaw'
  const bytesPerMs = (sampleRateHz * (isTelephone ? 1 : BYTES_PER_SAMPLE[encoding])) / 1000
  return {
    durationMs: data.byteLength / bytesPerMs,
    data,
    open: async () => (isTelephone ? g711Reader(encoding, sampleRateHz) : rawReader(encoding, sampleRateHz)),
  }
}

async function containerFile(bytes: Uint8Array): Promise<Result<AudioFile, ParleyError>> {
  const sniffed = sniff(bytes, true)
  if (!sniffed.ok) return sniffed
  const header = parseWavHeader(bytes, true)
  if (!header.ok) {
    const durationMs = await oggMs(bytes)
    return durationMs.ok ? ok({ durationMs: durationMs.value, data: bytes, open: oggOpusReader }) : durationMs
  }
  const { dataOffset, dataBytes, blockBytes, sampleRateHz } = header.value
  const present = bytes.byteLength - dataOffset
  const data = bytes.subarray(dataOffset, dataOffset + Math.min(dataBytes ?? present, present))
  const durationMs = (Math.floor(data.byteLength / blockBytes) * 1000) / sampleRateHz
  return ok({ durationMs, data, open: async () => wavReader(header.value) })
}

/** By the packets' own account: nothing is decoded for it. */
async function oggMs(bytes: Uint8Array): Promise<Result<number, ParleyError>> {
  const reader = new OggOpusReader()
  let granules = 0
  for (let at = 0; at < bytes.byteLength; at += SCAN_PIECE_BYTES) {
    const packets = reader.read(bytes.subarray(at, at + SCAN_PIECE_BYTES))
    if (!packets.ok) return err(unreadable(packets.error.message))
    for (const { take } of packets.value) granules += take
    await setImmediate()
  }
  return ok(granules / GRANULES_PER_MS)
}
