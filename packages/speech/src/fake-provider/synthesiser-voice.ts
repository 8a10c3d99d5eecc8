// The voice of the fake provider: a synthesiser of the platform behind the names that people use with real providers.
import { createResampler, type Resampler } from '@parley/audio'
import { SPEECH_RATE_HZ } from '@parley/providers'
import type { FakeVoice } from '@parley/providers/fake'
import type { Synthesiser } from '../synthesiser.ts'

/** Which voice of flite stands behind a name of OpenAI's. */
export const FLITE_BEHIND: Readonly<Record<string, string>> = {
  alloy: 'slt',
  ash: 'rms',
  coral: 'slt',
  echo: 'rms',
  fable: 'awb',
  nova: 'slt',
  onyx: 'kal16',
  shimmer: 'awb',
}
const MIN_RATE = 0.5
const MAX_RATE = 2

/** `synthesiser` is started already; `behind` says which of its voices a name stands for. */
export function createSynthesiserVoice(
  synthesiser: Synthesiser,
  behind: Readonly<Record<string, string>> = FLITE_BEHIND,
): FakeVoice {
  return {
    voices: Object.keys(behind),
    async *speak({ text, voice, speed, signal }) {
      const rateRatio = Math.min(MAX_RATE, Math.max(MIN_RATE, speed))
      const asked = synthesiser.speak({ requestId: 'fake', text, voice: behind[voice] ?? voice, rateRatio })
      if (!asked.ok) throw new Error(asked.error.message)
      const speech = asked.value
      const leave = () => speech.cancel()
      signal.addEventListener('abort', leave, { once: true })
      let resampler: Resampler | undefined
      try {
        resampler = await createResampler(speech.sampleRateHz, SPEECH_RATE_HZ)
        for (let chunk = await speech.next(); chunk; chunk = await speech.next()) {
          const samples = resampler.process(chunk)
          if (samples.length > 0) yield samples.slice()
        }
        if (!signal.aborted) yield resampler.flush().slice()
      } finally {
        speech.cancel()
        resampler?.close()
        signal.removeEventListener('abort', leave)
      }
    },
  }
}
