// Test speech: words in, 16 kHz mono PCM16 out, by flite. Recognisers understand it; it is never part of the product.
import { FliteProgram, loadFliteModule } from '../flite/index.ts'
import { loadOnce } from '../load-once.ts'
import { parseWav } from '../wav.ts'
import { SPEECH_RATE_HZ } from './pcm-tools.ts'

export const VOICES = ['slt', 'rms', 'awb', 'kal16'] as const
export type Voice = (typeof VOICES)[number]

const flite = loadOnce(async () => new FliteProgram(await loadFliteModule()))

/** What was said before stays said: synthesis is deterministic and many tests speak the same sentences. */
const spoken = new Map<string, Promise<Int16Array>>()
const MAX_REMEMBERED = 200

/**
 * Speaks `text` (plain English, at most a few sentences). The same text and voice give the same samples; the array is
 * the caller's own.
 */
export async function synthesise(text: string, voice: Voice = 'slt'): Promise<Int16Array> {
  const key = `${voice}:${text}`
  let samples = spoken.get(key)
  if (!samples) {
    if (spoken.size >= MAX_REMEMBERED) spoken.delete(spoken.keys().next().value ?? key)
    samples = speak(text, voice)
    spoken.set(key, samples)
  }
  return (await samples).slice()
}

async function speak(text: string, voice: Voice): Promise<Int16Array> {
  const { wav, log, exitCode } = (await flite()).run(['-voice', voice, '-t', text, '-o', '/speech.wav'])
  const said = parseWav(wav)
  if (exitCode !== 0 || !said.ok) throw new Error(`flite said nothing (exit code ${exitCode}): ${log}`)
  const { samples, sampleRateHz } = said.value
  if (sampleRateHz !== SPEECH_RATE_HZ) throw new Error(`flite's voice ${voice} speaks at ${sampleRateHz} Hz`)
  return samples
}
