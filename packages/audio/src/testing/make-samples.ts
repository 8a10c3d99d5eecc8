// Writes samples/hello.wav, the sound a new user can play without a microphone:
//   node packages/audio/src/testing/make-samples.ts
import { writeFile } from 'node:fs/promises'
import { encodeWav } from '../wav.ts'
import { concat, SPEECH_RATE_HZ, silence } from './pcm-tools.ts'
import { synthesise } from './speech.ts'

/** What the sample says; samples/README.md repeats it. */
export const HELLO_WORDS = [
  'hello and welcome to this short test',
  'every word you hear is written on the screen',
  'this is the end of the sample',
] as const

const LEAD_MS = 200
const PAUSE_MS = 400

export async function helloSample(): Promise<Int16Array> {
  const parts: Int16Array[] = [silence(LEAD_MS)]
  for (const words of HELLO_WORDS) parts.push(await synthesise(words, 'slt'), silence(PAUSE_MS))
  return concat(...parts)
}

if (import.meta.main) {
  const target = new URL('../../../../samples/hello.wav', import.meta.url)
  await writeFile(target, encodeWav(await helloSample(), SPEECH_RATE_HZ))
}
