/** Encoded audio to samples and back, for every format of the protocol's closed list. Node only: native code and WASM. */
import { err, ok, type Result } from '@parley/kernel'
import { type AudioFormat, type Codec, checkAudioFormat } from '@parley/protocol'
import type { AudioDecoder, AudioEncoder, CodecProblem, EncoderOptions } from './audio-codec.ts'
import { createLc3Decoder, createLc3Encoder } from './lc3-codec.ts'
import { LC3_FIX, LC3_SONAME, type Lc3Library, lc3Library } from './lc3-library.ts'
import { createOpusDecoder, createOpusEncoder } from './opus-codec.ts'
import { type OpusLibrary, opusLibrary } from './opus-library.ts'
import { createPcm16Decoder, createPcm16Encoder } from './pcm16-codec.ts'

export {
  type AudioDecoder,
  type AudioEncoder,
  CodecError,
  type CodecFault,
  type CodecProblem,
  type EncoderOptions,
} from './audio-codec.ts'

const OPUS_FIX = 'npm ci'

/** A decoder for one stream. Refuses formats outside the closed list and codecs whose library is not installed. */
export async function createDecoder(format: AudioFormat): Promise<Result<AudioDecoder, CodecProblem>> {
  const problem = formatProblem(format)
  if (problem) return err(problem)
  switch (format.codec) {
    case 'pcm16':
      return ok(createPcm16Decoder(format))
    case 'opus': {
      const library = await tryOpus()
      return library.ok ? ok(createOpusDecoder(library.value, format)) : library
    }
    case 'lc3': {
      const library = await tryLc3()
      return library.ok ? ok(createLc3Decoder(library.value, format)) : library
    }
  }
}

/** An encoder for one stream; the same refusals as `createDecoder`. */
export async function createEncoder(
  format: AudioFormat,
  options: EncoderOptions = {},
): Promise<Result<AudioEncoder, CodecProblem>> {
  const problem = formatProblem(format)
  if (problem) return err(problem)
  switch (format.codec) {
    case 'pcm16':
      return ok(createPcm16Encoder(format))
    case 'opus': {
      const library = await tryOpus()
      return library.ok ? ok(createOpusEncoder(library.value, format, options)) : library
    }
    case 'lc3': {
      const library = await tryLc3()
      return library.ok ? ok(createLc3Encoder(library.value, format, options)) : library
    }
  }
}

/** One codec on this machine, as `parley doctor` tells it. */
export interface CodecAvailability {
  readonly codec: Codec
  readonly isAvailable: boolean
  /** What does the work: "built in", "libopus (native)", "libopus (wasm)", "liblc3.so.0". */
  readonly provider: string
  /** Set when it is not available: why, and the one command that mends it. */
  readonly problem?: CodecProblem
}

/** Tries each codec's library. Never throws. */
export async function codecAvailability(): Promise<readonly CodecAvailability[]> {
  const [opus, lc3] = await Promise.all([tryOpus(), tryLc3()])
  return [
    { codec: 'pcm16', isAvailable: true, provider: 'built in' },
    opus.ok
      ? { codec: 'opus', isAvailable: true, provider: `libopus (${opus.value.build})` }
      : { codec: 'opus', isAvailable: false, provider: 'libopus', problem: opus.error },
    lc3.ok
      ? { codec: 'lc3', isAvailable: true, provider: LC3_SONAME }
      : { codec: 'lc3', isAvailable: false, provider: LC3_SONAME, problem: lc3.error },
  ]
}

function formatProblem(format: AudioFormat): CodecProblem | undefined {
  const checked = checkAudioFormat(format)
  if (checked.ok) return undefined
  const { field, value, allowed } = checked.error
  return {
    code: 'AUDIO_FORMAT_UNSUPPORTED',
    reason: 'not_in_list',
    message: `${field} ${value} is not supported; use ${allowed.join(', ')}.`,
  }
}

const libraryMissing = (message: string, fix: string): CodecProblem => ({
  code: 'AUDIO_FORMAT_UNSUPPORTED',
  reason: 'library_missing',
  message: `${message}; install it with: ${fix}`,
  fix,
})

async function tryOpus(): Promise<Result<OpusLibrary, CodecProblem>> {
  try {
    return ok(await opusLibrary())
  } catch {
    return err(libraryMissing('Opus needs the package @evan/opus, which cannot be loaded here', OPUS_FIX))
  }
}

async function tryLc3(): Promise<Result<Lc3Library, CodecProblem>> {
  try {
    return ok(await lc3Library())
  } catch {
    return err(libraryMissing(`LC3 needs ${LC3_SONAME}, which cannot be loaded here`, LC3_FIX))
  }
}
