import assert from 'node:assert/strict'
import { test } from 'node:test'
import { concat, SENTENCES, silence, synthesise, withNoise } from './testing/index.ts'
import { createVad, VAD_BLOCK_SAMPLES, type Vad, vadUsage } from './vad.ts'

function* blocks(samples: Int16Array): Generator<Int16Array> {
  for (let at = 0; at + VAD_BLOCK_SAMPLES <= samples.length; at += VAD_BLOCK_SAMPLES) {
    yield samples.subarray(at, at + VAD_BLOCK_SAMPLES)
  }
}

const decisions = (vad: Vad, samples: Int16Array) => [...blocks(samples)].map((block) => vad.isSpeech(block))
const shareOf = (flags: readonly boolean[]) => flags.filter(Boolean).length / flags.length

test('[AU22] speech is heard as speech and a minute of silence as silence, in every mode', async () => {
  const speech = await synthesise(SENTENCES[0] as string)
  for (const mode of [0, 1, 2, 3] as const) {
    const vad = await createVad({ mode })
    assert.ok(shareOf(decisions(vad, speech)) > 0.6, `mode ${mode}`)
    vad.reset()
    assert.equal(shareOf(decisions(vad, silence(60_000))), 0, `mode ${mode}`)
    vad.close()
  }
})

test('[AU22] speech after a pause is told from the pause', async () => {
  const speech = await synthesise(SENTENCES[1] as string, 'rms')
  const vad = await createVad({ mode: 3 })
  const flags = decisions(vad, concat(silence(1_000), speech, silence(1_000)))
  vad.close()
  assert.equal(flags.indexOf(true) >= 45, true)
  // The detector holds on for up to 300 ms after the last speech.
  assert.equal(flags.lastIndexOf(true) <= flags.length - 25, true)
})

test('[AU22] a higher mode takes less for speech', async () => {
  const speech = await synthesise(SENTENCES[5] as string, 'awb')
  const shares: number[] = []
  for (const mode of [0, 1, 2, 3] as const) {
    const vad = await createVad({ mode })
    shares.push(shareOf(decisions(vad, speech)))
    vad.close()
  }
  assert.deepEqual(
    shares,
    shares.toSorted((a, b) => b - a),
  )
  assert.ok((shares[0] as number) > (shares[3] as number))
})

test('[AU23] after a reset it decides as if new', async () => {
  const speech = withNoise(await synthesise(SENTENCES[2] as string), 15)
  const vad = await createVad({ mode: 2 })
  const first = decisions(vad, speech)
  vad.reset()
  assert.deepEqual(decisions(vad, speech), first)
  vad.close()
})

test('[AU24] two streams that take turns never hear each other', async () => {
  const mine = await synthesise(SENTENCES[3] as string)
  const others = withNoise(await synthesise(SENTENCES[4] as string, 'awb'), 5)
  const alone = await createVad({ mode: 2 })
  const expected = decisions(alone, mine)
  alone.close()
  const [left, right] = [await createVad({ mode: 2 }), await createVad({ mode: 0 })]
  const noise = [...blocks(others)]
  const interleaved = [...blocks(mine)].map((block, index) => {
    right.isSpeech(noise[index % noise.length] as Int16Array)
    return left.isSpeech(block)
  })
  left.close()
  right.close()
  assert.deepEqual(interleaved, expected)
})

test('[AU25] detectors opened and closed leave no memory behind', async () => {
  const before = await vadUsage()
  // About 700 bytes each: enough of them to outgrow the memory the module starts with, were they kept.
  for (let turn = 0; turn < 40_000; turn += 1) {
    const vad = await createVad({ mode: 3 })
    vad.close()
    vad.close()
  }
  assert.deepEqual(await vadUsage(), before)
})

test('[AU25] a closed detector, a wrong block and a wrong mode are refused', async () => {
  const vad = await createVad({ mode: 1 })
  assert.throws(() => vad.isSpeech(new Int16Array(160)), RangeError)
  vad.close()
  assert.throws(() => vad.isSpeech(new Int16Array(VAD_BLOCK_SAMPLES)), /closed/)
  assert.throws(() => vad.reset(), /closed/)
  await assert.rejects(createVad({ mode: 4 as 3 }), RangeError)
})
