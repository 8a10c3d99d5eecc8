import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { test } from 'node:test'
import { levelDbfs } from '../pcm.ts'
import { encodeWav } from '../wav.ts'
import {
  assertSameSamples,
  concat,
  SENTENCES,
  SPEECH_RATE_HZ,
  silence,
  synthesise,
  VOICES,
  withNoise,
} from './index.ts'
import { HELLO_WORDS, helloSample } from './make-samples.ts'

test('[AU26] every voice speaks, the same words always in the same samples', async () => {
  for (const voice of VOICES) {
    const samples = await synthesise(SENTENCES[0] as string, voice)
    assert.ok(samples.length > SPEECH_RATE_HZ, voice)
    assert.ok(levelDbfs(samples) > -35, voice)
    const copy = samples.slice()
    samples.fill(0)
    assertSameSamples(await synthesise(SENTENCES[0] as string, voice), copy)
  }
})

test('[AU26] there are twenty different sentences of six to twelve plain words', () => {
  assert.equal(new Set(SENTENCES).size, 20)
  for (const sentence of SENTENCES) {
    assert.match(sentence, /^[a-z']+( [a-z']+)*$/)
    const { length } = sentence.split(' ')
    assert.ok(length >= 6 && length <= 12, sentence)
  }
})

test('[AU26] noise has the level asked for and is the same for the same seed', async () => {
  const samples = await synthesise(SENTENCES[1] as string)
  const noisy = withNoise(samples, 10, 7)
  assertSameSamples(withNoise(samples, 10, 7), noisy)
  assert.throws(() => assertSameSamples(withNoise(samples, 10, 8), noisy), /sample \d+ is/)
  const noise = noisy.map((sample, n) => sample - (samples[n] as number))
  assert.ok(Math.abs(levelDbfs(samples) - levelDbfs(noise) - 10) < 0.5)
  assert.equal(levelDbfs(withNoise(silence(100), 10)), levelDbfs(silence(100)))
})

test('[AU26] pieces are joined in order', () => {
  assert.deepEqual([...concat(Int16Array.of(1, 2), new Int16Array(0), Int16Array.of(3))], [1, 2, 3])
  assert.equal(silence(20).length, 320)
})

test('[AU27] samples/hello.wav is what make-samples writes, and its README says what it says', async () => {
  const folder = new URL('../../../../samples/', import.meta.url)
  const file = await readFile(new URL('hello.wav', folder))
  assert.ok(Buffer.from(encodeWav(await helloSample(), SPEECH_RATE_HZ)).equals(file))
  const readme = await readFile(new URL('README.md', folder), 'utf8')
  for (const words of HELLO_WORDS) assert.ok(readme.includes(words), words)
})
