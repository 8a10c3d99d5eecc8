/** Speech and sound for tests. Not for the product. */
export { assertSameSamples, concat, SPEECH_RATE_HZ, silence, tone, withNoise } from './pcm-tools.ts'
export { SENTENCES } from './sentences.ts'
export { synthesise, VOICES, type Voice } from './speech.ts'
