// RIFF/WAVE files to mono 16-bit samples and back. Lenient about sizes (streamed files lie about them), strict about what
// the samples are: an encoding we cannot read is refused by its name. Does no I/O and does not change the rate.
import { err, ok, type Result } from '@parley/kernel'
import { pcm16ToBytes } from './pcm.ts'

export type WavProblemCode =
  | 'truncated'
  | 'not_riff'
  | 'not_wave'
  | 'format_missing'
  | 'format_invalid'
  | 'encoding_unsupported'
  | 'data_missing'

export interface WavProblem {
  readonly code: WavProblemCode
  /** One sentence for whoever chose the file. */
  readonly message: string
}

/** How the samples of a file are laid out, and where they begin. */
export interface WavHeader {
  readonly sampleRateHz: number
  readonly channels: number
  readonly encoding: 'integer' | 'float'
  readonly bitsPerSample: number
  /** Bytes of one sample of every channel. */
  readonly blockBytes: number
  /** Where the first sample is. */
  readonly dataOffset: number
  /** Bytes of samples; undefined when the writer did not know (a stream): they go on to the end. */
  readonly dataBytes: number | undefined
}

export interface WavAudio {
  readonly header: WavHeader
  readonly sampleRateHz: number
  /** Mono: the mean of the channels. */
  readonly samples: Int16Array
  /** The file ends before the size it claims; `samples` holds what is there. */
  readonly isCutShort: boolean
}

const MAX_CHANNELS = 256
const MAX_RATE_HZ = 1_000_000
const TAG_INTEGER = 0x0001
const TAG_FLOAT = 0x0003
const TAG_EXTENSIBLE = 0xfffe
const UNKNOWN_SIZE = 0xffff_ffff
const FORMAT_BYTES = 16
const EXTENSIBLE_BYTES = 40

/** Bytes 2..15 of a WAVE_FORMAT_EXTENSIBLE sub-format that is a plain format tag in disguise. */
const PLAIN_SUBFORMAT = '000000001000800000aa00389b71'

const TAG_NAMES: Readonly<Record<number, string>> = {
  2: 'Microsoft ADPCM',
  6: 'A-law',
  7: 'mu-law',
  17: 'IMA ADPCM',
  49: 'GSM 6.10',
  64: 'G.721 ADPCM',
  80: 'MPEG layer 1 or 2',
  85: 'MP3',
  255: 'AAC',
  353: 'Windows Media Audio',
  8192: 'Dolby AC-3',
  61868: 'FLAC',
}

/** First bytes of files people take for WAV. */
const OTHER_FILES: readonly (readonly [string, string])[] = [
  ['RIFX', 'a big-endian RIFX file'],
  ['FORM', 'an AIFF file'],
  ['OggS', 'an Ogg file'],
  ['fLaC', 'a FLAC file'],
  ['ID3', 'an MP3 file'],
  ['\xff\xfb', 'an MP3 file'],
  ['\x1aE\xdf\xa3', 'a WebM or Matroska file'],
  ['.snd', 'a Sun audio file'],
]

const problem = (code: WavProblemCode, message: string) => err<WavProblem>({ code, message })

/**
 * Reads up to the first sample. Unless `isWhole`, `bytes` may be the beginning of a stream and the problem `truncated` means
 * "not enough yet". An odd-sized chunk is followed by a padding byte; unknown chunks are skipped.
 */
export function parseWavHeader(bytes: Uint8Array, isWhole = false): Result<WavHeader, WavProblem> {
  const foreign = OTHER_FILES.find(([magic]) => ascii(bytes, 0, magic.length) === magic)
  if (foreign) return problem('not_riff', `This is ${foreign[1]}, not a WAV file; convert it first.`)
  const magic = ascii(bytes, 0, 4)
  const isRf64 = magic === 'RF64'
  if (bytes.byteLength >= 4 && magic !== 'RIFF' && !isRf64) {
    return problem('not_riff', 'This is not a WAV file: it does not begin with "RIFF".')
  }
  if (bytes.byteLength < 12) {
    return problem('truncated', `A WAV file has at least 12 bytes; there are ${bytes.byteLength}.`)
  }
  if (ascii(bytes, 8, 4) !== 'WAVE') return problem('not_wave', 'This RIFF file does not hold WAVE audio.')
  return readChunks(bytes, isRf64, isWhole)
}

function readChunks(bytes: Uint8Array, isRf64: boolean, isWhole: boolean): Result<WavHeader, WavProblem> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  let layout: SampleLayout | undefined
  let largeDataBytes: number | undefined
  let at = 12
  while (at + 8 <= bytes.byteLength) {
    const id = ascii(bytes, at, 4)
    const sizeBytes = view.getUint32(at + 4, true)
    const body = at + 8
    if (id === 'data') return dataChunk(bytes, body, sizeBytes, layout, largeDataBytes)
    if (id === 'fmt ' || id === 'ds64') {
      if (body + sizeBytes > bytes.byteLength) return problem('truncated', `The file ends inside its "${id}" chunk.`)
      if (id === 'fmt ') {
        const parsed = parseFormat(bytes.subarray(body, body + sizeBytes))
        if (!parsed.ok) return parsed
        layout = parsed.value
      } else if (isRf64 && sizeBytes >= 16) {
        largeDataBytes = Number(view.getBigUint64(body + 8, true))
      }
    }
    at = body + sizeBytes + (sizeBytes % 2)
  }
  if (!isWhole || at !== bytes.byteLength) return problem('truncated', 'The file ends before its first sample.')
  if (!layout) return problem('format_missing', 'The file has no "fmt " chunk, so its samples cannot be read.')
  return problem('data_missing', 'The file has no "data" chunk, so there is no sound in it.')
}

function dataChunk(
  bytes: Uint8Array,
  dataOffset: number,
  sizeBytes: number,
  layout: SampleLayout | undefined,
  largeDataBytes: number | undefined,
): Result<WavHeader, WavProblem> {
  if (!layout) return problem('format_missing', 'The samples come before any "fmt " chunk that describes them.')
  // Writers to a pipe leave 0 or all ones; all ones is also what RF64 says when the size is in its "ds64" chunk.
  const isKnown = sizeBytes !== UNKNOWN_SIZE && (sizeBytes !== 0 || isChunkList(bytes, dataOffset))
  return ok({ ...layout, dataOffset, dataBytes: isKnown ? sizeBytes : largeDataBytes })
}

interface SampleLayout {
  readonly sampleRateHz: number
  readonly channels: number
  readonly encoding: 'integer' | 'float'
  readonly bitsPerSample: number
  readonly blockBytes: number
}

function parseFormat(body: Uint8Array): Result<SampleLayout, WavProblem> {
  if (body.byteLength < FORMAT_BYTES) {
    return problem('format_invalid', `The "fmt " chunk has ${body.byteLength} bytes; it needs ${FORMAT_BYTES}.`)
  }
  const view = new DataView(body.buffer, body.byteOffset, body.byteLength)
  const tag = effectiveTag(view)
  if (tag !== TAG_INTEGER && tag !== TAG_FLOAT) return problem('encoding_unsupported', unsupportedMessage(tag))
  const channels = view.getUint16(2, true)
  const sampleRateHz = view.getUint32(4, true)
  const bitsPerSample = view.getUint16(14, true)
  if (channels < 1 || channels > MAX_CHANNELS) {
    return problem('format_invalid', `The file claims ${channels} channels; 1 to ${MAX_CHANNELS} can be read.`)
  }
  if (sampleRateHz < 1 || sampleRateHz > MAX_RATE_HZ) {
    return problem('format_invalid', `The file claims ${sampleRateHz} Hz; 1 to ${MAX_RATE_HZ} Hz can be read.`)
  }
  // Some writers leave the block size 0; it follows from the bits then.
  const blockBytes = view.getUint16(12, true) || channels * Math.ceil(bitsPerSample / 8)
  const sampleBytes = blockBytes / channels
  const encoding = tag === TAG_FLOAT ? 'float' : 'integer'
  if (!isReadable(encoding, bitsPerSample, sampleBytes)) {
    const what = `${bitsPerSample}-bit ${encoding} samples in blocks of ${blockBytes} bytes for ${channels} channel(s)`
    return problem(
      'encoding_unsupported',
      `The file holds ${what}; 8, 16, 24 and 32-bit integers and 32 and 64-bit floats can be read.`,
    )
  }
  return ok({ sampleRateHz, channels, encoding, bitsPerSample, blockBytes })
}

/** Fewer bits than their bytes hold (12 in 2, 20 in 3) are fine: the standard puts them at the top. */
function isReadable(encoding: 'integer' | 'float', bits: number, sampleBytes: number): boolean {
  if (encoding === 'float') return (sampleBytes === 4 && bits === 32) || (sampleBytes === 8 && bits === 64)
  return Number.isInteger(sampleBytes) && sampleBytes <= 4 && bits >= 1 && bits <= 8 * sampleBytes
}

/** The format tag, looked up inside WAVE_FORMAT_EXTENSIBLE; TAG_EXTENSIBLE itself when it hides something unknown. */
function effectiveTag(view: DataView): number {
  const tag = view.getUint16(0, true)
  if (tag !== TAG_EXTENSIBLE || view.byteLength < EXTENSIBLE_BYTES) return tag
  let rest = ''
  for (let at = 26; at < EXTENSIBLE_BYTES; at += 1) rest += view.getUint8(at).toString(16).padStart(2, '0')
  return rest === PLAIN_SUBFORMAT ? view.getUint16(24, true) : tag
}

function unsupportedMessage(tag: number): string {
  const hex = `0x${tag.toString(16).padStart(4, '0')}`
  const name = tag === TAG_EXTENSIBLE ? 'of an extension that is not known' : (TAG_NAMES[tag] ?? 'of an unknown kind')
  return `The samples are ${name} (format ${hex}); only uncompressed PCM can be read. Convert the file to 16-bit PCM first.`
}

/** True when what follows `at` is one or more whole chunks and nothing else: a data chunk of size 0 before them is really empty. */
function isChunkList(bytes: Uint8Array, at: number): boolean {
  if (at === bytes.byteLength) return false
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  while (at + 8 <= bytes.byteLength) {
    if (!/^[ -~]{4}$/.test(ascii(bytes, at, 4))) return false
    const sizeBytes = view.getUint32(at + 4, true)
    at += 8 + sizeBytes + (sizeBytes % 2)
  }
  return at === bytes.byteLength
}

/**
 * The samples of `data` (which begins at a block) as mono PCM16: the mean of the channels, rounded, clipped. Whole blocks
 * only: a rest shorter than `header.blockBytes` is left out, for the caller of a stream to bring again.
 */
export function wavDataToMono(header: WavHeader, data: Uint8Array): Int16Array {
  const { blockBytes, channels } = header
  const read = sampleReader(header, new DataView(data.buffer, data.byteOffset, data.byteLength))
  const sampleBytes = blockBytes / channels
  const samples = new Int16Array(Math.floor(data.byteLength / blockBytes))
  for (let index = 0; index < samples.length; index += 1) {
    let at = index * blockBytes
    let sum = 0
    for (let channel = 0; channel < channels; channel += 1) {
      sum += read(at)
      at += sampleBytes
    }
    const mean = Math.round(sum / channels)
    // NaN, which only a float file can hold, becomes 0 in the Int16Array.
    samples[index] = Math.max(-32_768, Math.min(32_767, mean))
  }
  return samples
}

/** Reads one sample at a byte offset, scaled so that full scale is 32,768. */
function sampleReader(header: WavHeader, view: DataView): (at: number) => number {
  const sampleBytes = header.blockBytes / header.channels
  if (header.encoding === 'float') {
    return sampleBytes === 4 ? (at) => view.getFloat32(at, true) * 32_768 : (at) => view.getFloat64(at, true) * 32_768
  }
  switch (sampleBytes) {
    case 1:
      // Eight-bit WAV is the one unsigned kind.
      return (at) => (view.getUint8(at) - 128) * 256
    case 2:
      return (at) => view.getInt16(at, true)
    case 3:
      return (at) => view.getInt16(at + 1, true) + view.getUint8(at) / 256
    default:
      return (at) => view.getInt32(at, true) / 65_536
  }
}

/** A whole file as mono PCM16 at its own rate. */
export function parseWav(bytes: Uint8Array): Result<WavAudio, WavProblem> {
  const parsed = parseWavHeader(bytes, true)
  if (!parsed.ok) return parsed
  const header = parsed.value
  const presentBytes = bytes.byteLength - header.dataOffset
  const dataBytes = Math.min(header.dataBytes ?? presentBytes, presentBytes)
  const samples = wavDataToMono(header, bytes.subarray(header.dataOffset, header.dataOffset + dataBytes))
  return ok({
    header,
    sampleRateHz: header.sampleRateHz,
    samples,
    isCutShort: header.dataBytes !== undefined && header.dataBytes > presentBytes,
  })
}

/** Bytes of `wavHeader`. */
export const WAV_HEADER_BYTES = 44

/**
 * What comes before the samples of a mono 16-bit PCM WAV file. `dataBytes` undefined: a stream whose length nobody knows yet; readers
 * take what there is.
 */
export function wavHeader(sampleRateHz: number, dataBytes: number | undefined): Uint8Array {
  const header = new Uint8Array(WAV_HEADER_BYTES)
  const view = new DataView(header.buffer)
  writeAscii(header, 0, 'RIFF')
  view.setUint32(4, dataBytes === undefined ? UNKNOWN_SIZE : 36 + dataBytes, true)
  writeAscii(header, 8, 'WAVEfmt ')
  view.setUint32(16, FORMAT_BYTES, true)
  view.setUint16(20, TAG_INTEGER, true)
  view.setUint16(22, 1, true)
  view.setUint32(24, sampleRateHz, true)
  view.setUint32(28, 2 * sampleRateHz, true)
  view.setUint16(32, 2, true)
  view.setUint16(34, 16, true)
  writeAscii(header, 36, 'data')
  view.setUint32(40, dataBytes ?? UNKNOWN_SIZE, true)
  return header
}

/** A mono 16-bit PCM WAV file of `samples`. */
export function encodeWav(samples: Int16Array, sampleRateHz: number): Uint8Array {
  const file = new Uint8Array(WAV_HEADER_BYTES + samples.byteLength)
  file.set(wavHeader(sampleRateHz, samples.byteLength))
  file.set(pcm16ToBytes(samples), WAV_HEADER_BYTES)
  return file
}

/** `length` bytes from `at` as Latin-1; fewer where the bytes end. */
function ascii(bytes: Uint8Array, at: number, length: number): string {
  return String.fromCharCode(...bytes.subarray(at, at + length))
}

function writeAscii(target: Uint8Array, at: number, text: string): void {
  for (let index = 0; index < text.length; index += 1) target[at + index] = text.charCodeAt(index)
}
