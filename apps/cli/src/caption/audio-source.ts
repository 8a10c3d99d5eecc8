// Where the speech comes from: a WAV file, or standard input with a WAV or raw samples. Read as a stream, so that an hour of
// audio takes no more memory than a second.
import { createReadStream } from 'node:fs'
import { stat } from 'node:fs/promises'
import type { Readable } from 'node:stream'
import { parseWavHeader, pcm16FromBytes, type WavHeader, wavDataToMono } from '@parley/audio'
import { CaptionUsageError } from './exit-codes.ts'

export interface AudioSource {
  readonly sampleRateHz: number
  /** Its writer may set the pace (a recorder); a file never does. */
  readonly isLive: boolean
  /** Mono samples in order, in pieces of any length. Ends the source when left. */
  samples(): AsyncGenerator<Int16Array, void, undefined>
  /** True when a file has ended before the size its header claims. */
  isCutShort(): boolean
  /** Stops reading, also while nothing comes. Idempotent. */
  close(): void
}

/** Far more than any header with its tags; what has none by then is no WAV file. */
const MAX_HEADER_BYTES = 1_048_576
const RAW_SAMPLE_BYTES = 2

export interface AudioSourceOptions {
  /** Path of a WAV file, or `-`. */
  readonly file: string
  /** Of raw samples on standard input. */
  readonly rateHz: number | undefined
  readonly stdin: Readable & { readonly isTTY?: boolean }
  readonly warn: (text: string) => void
}

/** Reads as far as the first sample. Throws CaptionUsageError with what to do instead. */
export async function openAudioSource(options: AudioSourceOptions): Promise<AudioSource> {
  if (options.file !== '-') return await openFile(options)
  if (options.stdin.isTTY) {
    throw new CaptionUsageError(
      'standard input is a terminal; pipe speech into it: arecord -q -f S16_LE -r 16000 -t raw | ./parley caption - --rate 16000',
    )
  }
  const reader = new ByteReader(options.stdin)
  const start = await reader.peek(4)
  if (start.byteLength === 0) throw new CaptionUsageError('standard input ended before any audio came')
  const magic = String.fromCharCode(...start)
  if (magic === 'RIFF' || magic === 'RF64') {
    const source = await openWav(reader, 'standard input', true)
    if (options.rateHz !== undefined && options.rateHz !== source.sampleRateHz) {
      options.warn(
        `--rate ${options.rateHz} is ignored: the WAV header on standard input says ${source.sampleRateHz} Hz`,
      )
    }
    return source
  }
  if (options.rateHz === undefined) {
    reader.close()
    throw new CaptionUsageError(
      'standard input is not a WAV file; for raw 16-bit mono samples say their rate, for example --rate 16000',
    )
  }
  return rawSource(reader, options.rateHz)
}

async function openFile({ file, rateHz, warn }: AudioSourceOptions): Promise<AudioSource> {
  const found = await stat(file).catch((error: NodeJS.ErrnoException) => {
    const why = error.code === 'ENOENT' ? 'there is no such file' : (error.code ?? error.message)
    throw new CaptionUsageError(`cannot read ${file}: ${why}`)
  })
  if (found.isDirectory()) throw new CaptionUsageError(`cannot read ${file}: it is a directory`)
  if (rateHz !== undefined) warn('--rate is for raw samples on standard input; the rate of a WAV file is in its header')
  return await openWav(new ByteReader(createReadStream(file)), file, false)
}

async function openWav(reader: ByteReader, name: string, isLive: boolean): Promise<AudioSource> {
  for (let wanted = 4_096; ; wanted *= 4) {
    const bytes = await reader.peek(Math.min(wanted, MAX_HEADER_BYTES)).catch((error: NodeJS.ErrnoException) => {
      throw new CaptionUsageError(`cannot read ${name}: ${error.code ?? error.message}`)
    })
    const isWhole = reader.isEnded
    const header = parseWavHeader(bytes, isWhole)
    if (header.ok) return wavSource(reader, header.value, isLive)
    if (header.error.code === 'truncated' && !isWhole && bytes.byteLength < MAX_HEADER_BYTES) continue
    reader.close()
    const hint = isLive ? '' : ' Raw samples go through standard input: ./parley caption - --rate HZ < FILE'
    throw new CaptionUsageError(`cannot use ${name}: ${header.error.message}${hint}`)
  }
}

function wavSource(reader: ByteReader, header: WavHeader, isLive: boolean): AudioSource {
  let leftBytes = header.dataBytes ?? Number.POSITIVE_INFINITY
  let isCutShort = false
  return {
    sampleRateHz: header.sampleRateHz,
    isLive,
    isCutShort: () => isCutShort,
    close: () => reader.close(),
    async *samples() {
      try {
        reader.skip(header.dataOffset)
        while (leftBytes >= header.blockBytes) {
          const bytes = await reader.take(header.blockBytes, leftBytes)
          if (bytes === undefined) {
            isCutShort = Number.isFinite(leftBytes)
            return
          }
          leftBytes -= bytes.byteLength
          yield wavDataToMono(header, bytes)
        }
      } finally {
        reader.close()
      }
    },
  }
}

function rawSource(reader: ByteReader, sampleRateHz: number): AudioSource {
  return {
    sampleRateHz,
    isLive: true,
    isCutShort: () => false,
    close: () => reader.close(),
    async *samples() {
      try {
        for (;;) {
          const bytes = await reader.take(RAW_SAMPLE_BYTES, Number.POSITIVE_INFINITY)
          if (bytes === undefined) return
          yield pcm16FromBytes(bytes)
        }
      } finally {
        reader.close()
      }
    },
  }
}

/** A stream of bytes read in pieces of whole blocks, with a look at its beginning. Holds what was looked at, nothing more. */
class ByteReader {
  readonly #stream: Readable
  readonly #chunks: AsyncIterator<Uint8Array>
  #held: Uint8Array = new Uint8Array(0)
  #isEnded = false

  constructor(stream: Readable) {
    this.#stream = stream
    this.#chunks = stream[Symbol.asyncIterator]()
  }

  /** The stream has no more than what is held. */
  get isEnded(): boolean {
    return this.#isEnded
  }

  /** The next `byteLength` bytes without taking them; fewer at the end. */
  async peek(byteLength: number): Promise<Uint8Array> {
    while (this.#held.byteLength < byteLength && (await this.#more())) {}
    return this.#held.subarray(0, byteLength)
  }

  /** Drops bytes that were looked at. */
  skip(byteLength: number): void {
    this.#held = this.#held.subarray(byteLength)
  }

  /** Whole blocks, as many as are there, at least one and at most `maxBytes`; undefined at the end. */
  async take(blockBytes: number, maxBytes: number): Promise<Uint8Array | undefined> {
    while (this.#held.byteLength < blockBytes) if (!(await this.#more())) return undefined
    const available = Math.min(this.#held.byteLength, maxBytes)
    const taken = this.#held.subarray(0, available - (available % blockBytes))
    this.#held = this.#held.subarray(taken.byteLength)
    return taken
  }

  close(): void {
    this.#isEnded = true
    this.#stream.destroy()
  }

  async #more(): Promise<boolean> {
    if (this.#isEnded) return false
    const next = await this.#chunks.next()
    if (next.done) {
      this.#isEnded = true
      return false
    }
    if (this.#held.byteLength === 0) this.#held = next.value
    else this.#held = Buffer.concat([this.#held, next.value])
    return true
  }
}
