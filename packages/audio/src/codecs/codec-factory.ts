// Makes decoders and encoders from libraries that may be missing. Which libraries those are is the caller's choice.
import { err, ok, type Result } from '@parley/kernel'
import { type AudioFormat, type Codec, checkAudioFormat } from '@parley/protocol'
import type { AudioDecoder, AudioEncoder, CodecProblem, EncoderOptions } from './audio-codec.ts'
import { createLc3Decoder, createLc3Encoder } from './lc3-codec.ts'
import { LC3_FIX, LC3_SONAME, type Lc3Library } from './lc3-library.ts'
import { createOpusDecoder, createOpusEncoder } from './opus-codec.ts'
import type { OpusLibrary } from './opus-library.ts'
import { createPcm16Decoder, createPcm16Encoder } from './pcm16-codec.ts'

/** Loaders that reject when the library is not there. */
export interface CodecLibraries {
  opus(): Promise<OpusLibrary>
  lc3(): Promise<Lc3Library>
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

export interface Codecs {
  /** A decoder for one stream. Refuses formats outside the closed list and codecs whose library is not installed. */
  createDecoder(format: AudioFormat): Promise<Result<AudioDecoder, CodecProblem>>
  /** An encoder for one stream; the same refusals as `createDecoder`. */
  createEncoder(format: AudioFormat, options?: EncoderOptions): Promise<Result<AudioEncoder, CodecProblem>>
  /** Tries each codec's library. Never rejects. */
  codecAvailability(): Promise<readonly CodecAvailability[]>
}

const OPUS_FIX = 'npm ci'

export function createCodecs(libraries: CodecLibraries): Codecs {
  const opus = () => attempt(libraries.opus, 'Opus needs the package @evan/opus, which cannot be loaded here', OPUS_FIX)
  const lc3 = () => attempt(libraries.lc3, `LC3 needs ${LC3_SONAME}, which cannot be loaded here`, LC3_FIX)
  return {
    async createDecoder(format) {
      const problem = formatProblem(format)
      if (problem) return err(problem)
      switch (format.codec) {
        case 'pcm16':
          return ok(createPcm16Decoder(format))
        case 'opus':
          return map(await opus(), (library) => createOpusDecoder(library, format))
        case 'lc3':
          return map(await lc3(), (library) => createLc3Decoder(library, format))
      }
    },
    async createEncoder(format, options = {}) {
      const problem = formatProblem(format)
      if (problem) return err(problem)
      switch (format.codec) {
        case 'pcm16':
          return ok(createPcm16Encoder(format))
        case 'opus':
          return map(await opus(), (library) => createOpusEncoder(library, format, options))
        case 'lc3':
          return map(await lc3(), (library) => createLc3Encoder(library, format, options))
      }
    },
    async codecAvailability() {
      return [
        { codec: 'pcm16', isAvailable: true, provider: 'built in' },
        availability('opus', await opus(), (library) => (library ? `libopus (${library.build})` : 'libopus')),
        availability('lc3', await lc3(), () => LC3_SONAME),
      ]
    },
  }
}

function availability<T>(
  codec: Codec,
  library: Result<T, CodecProblem>,
  provider: (library?: T) => string,
): CodecAvailability {
  return library.ok
    ? { codec, isAvailable: true, provider: provider(library.value) }
    : { codec, isAvailable: false, provider: provider(), problem: library.error }
}

function formatProblem(format: AudioFormat): CodecProblem | undefined {
  const checked = checkAudioFormat(format)
  if (checked.ok) return undefined
  const { field, value, allowed } = checked.error
  return {
    code: 'AUDIO_FORMAT_UNSUPPORTED',
    reason: 'not_in_list',
    message: `${field} ${value} is not supported; use one of ${allowed.join(', ')}.`,
  }
}

async function attempt<T>(load: () => Promise<T>, what: string, fix: string): Promise<Result<T, CodecProblem>> {
  try {
    return ok(await load())
  } catch {
    const message = `${what}; install it with: ${fix}`
    return err({ code: 'AUDIO_FORMAT_UNSUPPORTED', reason: 'library_missing', message, fix })
  }
}

function map<T, U>(result: Result<T, CodecProblem>, then: (value: T) => U): Result<U, CodecProblem> {
  return result.ok ? ok(then(result.value)) : result
}
