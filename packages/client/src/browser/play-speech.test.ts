import assert from 'node:assert/strict'
import { test } from 'node:test'
import { SpokenText } from '../core/spoken-text.ts'
import { playSpeech } from './play-speech.ts'

class FakeSource {
  buffer: { readonly samples: Float32Array } | undefined
  onended: (() => void) | undefined
  startedAtS = -1
  isStopped = false
  connect(): void {}
  start(atS: number): void {
    this.startedAtS = atS
  }
  stop(): void {
    this.isStopped = true
  }
}

class FakeContext {
  currentTime = 10
  state = 'running'
  isSilent = false
  readonly destination = {}
  readonly sources: FakeSource[] = []
  createBuffer(_channels: number, length: number) {
    const samples = new Float32Array(length)
    return { samples, getChannelData: () => samples }
  }
  createBufferSource(): FakeSource {
    const source = new FakeSource()
    this.sources.push(source)
    return source
  }
  createGain() {
    return {
      connect() {},
      disconnect: () => {
        this.isSilent = true
      },
    }
  }
}

function setUp() {
  let cancels = 0
  const speech = new SpokenText('r', {}, () => cancels++)
  const context = new FakeContext()
  speech.start({ sampleRateHz: 16_000, voice: 'v', language: 'en' })
  const play = () => playSpeech(speech, { context: context as unknown as AudioContext })
  return { speech, context, play, cancels: () => cancels }
}

const close = (value: number | undefined, wanted: number): void => assert.ok(Math.abs((value ?? 0) - wanted) < 1e-9)

test('[CL139] pieces are played end to end, those that came before included; done when the last was heard', async () => {
  const { speech, context, play } = setUp()
  speech.deliver(new Int16Array(320).fill(16_384))
  const playback = play()
  speech.deliver(new Int16Array(640))
  speech.deliver(new Int16Array(160))
  const starts = context.sources.map(({ startedAtS }) => startedAtS)
  close(starts[1], (starts[0] ?? 0) + 0.02)
  close(starts[2], (starts[1] ?? 0) + 0.04)
  assert.equal(context.sources[0]?.buffer?.samples[0], 0.5)
  let isDone = false
  void playback.done.then(() => {
    isDone = true
  })
  speech.finish({ kind: 'ended', samples: 1_120 })
  await Promise.resolve()
  for (const source of context.sources) {
    assert.equal(isDone, false)
    source.onended?.()
  }
  assert.deepEqual(await playback.done, { kind: 'ended', samples: 1_120 })
})

test('[CL139] what comes late is heard late, and nothing is skipped', () => {
  const { speech, context, play } = setUp()
  play()
  speech.deliver(new Int16Array(320))
  context.currentTime = 12
  context.sources[0]?.onended?.()
  speech.deliver(new Int16Array(320))
  assert.ok((context.sources[1]?.startedAtS ?? 0) > 12)
})

test('[CL139] stop: silence at once, the speech is cancelled, once', async () => {
  const { speech, context, play, cancels } = setUp()
  const playback = play()
  speech.deliver(new Int16Array(320))
  speech.deliver(new Int16Array(320))
  playback.stop()
  playback.stop()
  assert.ok(context.isSilent && context.sources.every(({ isStopped }) => isStopped))
  assert.deepEqual([(await playback.done).kind, cancels()], ['cancelled', 1])
})

test('[CL139] a speech that is cancelled elsewhere falls silent too', async () => {
  const { speech, context, play } = setUp()
  const playback = play()
  speech.deliver(new Int16Array(320))
  speech.cancel()
  assert.equal((await playback.done).kind, 'cancelled')
  assert.ok(context.sources.every(({ isStopped }) => isStopped))
})
