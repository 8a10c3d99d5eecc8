// The samples of a source as the format that is sent: which rate, which frames, and the encoder for them.
import { createResampler, type Resampler } from '@parley/audio'
import { type AudioEncoder, createEncoder } from '@parley/audio/codecs'
import { AUDIO_FORMATS, type AudioFormat, type Codec } from '@parley/protocol'
import { CaptionUsageError } from './exit-codes.ts'

/** What recognisers hear; every codec of the protocol has it. */
const COMMON_RATE_HZ = 16_000
const FRAME_MS: Readonly<Record<Codec, number>> = { pcm16: 20, opus: 20, lc3: 10 }

/** The source's own rate where the codec has it, else 16 kHz. */
export function chooseFormat(codec: Codec, sourceRateHz: number): AudioFormat {
  const hasRate = AUDIO_FORMATS[codec].sampleRatesHz.includes(sourceRateHz)
  return { codec, sampleRateHz: hasRate ? sourceRateHz : COMMON_RATE_HZ, frameMs: FRAME_MS[codec] }
}

export interface Conversion {
  /** Absent for pcm16, which needs none. */
  readonly encoder?: AudioEncoder
  readonly resampler: Resampler
  close(): void
}

/** Throws CaptionUsageError when this machine cannot encode the format; the message names what to install. */
export async function openConversion(format: AudioFormat, sourceRateHz: number): Promise<Conversion> {
  const encoder = format.codec === 'pcm16' ? undefined : await openEncoder(format)
  const resampler = await createResampler(sourceRateHz, format.sampleRateHz)
  return {
    ...(encoder ? { encoder } : {}),
    resampler,
    close() {
      encoder?.close()
      resampler.close()
    },
  }
}

async function openEncoder(format: AudioFormat): Promise<AudioEncoder> {
  const made = await createEncoder(format)
  if (made.ok) return made.value
  throw new CaptionUsageError(made.error.message)
}

/** The samples at the resampler's rate, to the last one. */
export async function* resampled(
  source: AsyncGenerator<Int16Array, void, undefined>,
  resampler: Resampler,
): AsyncGenerator<Int16Array, void, undefined> {
  for await (const samples of source) yield resampler.process(samples)
  yield resampler.flush()
}
