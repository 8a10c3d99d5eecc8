// Bad days that take minutes: half a minute without a network, five minutes without a socket, and what loss costs every voice.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { SENTENCES, VOICES } from '@parley/audio/testing'
import { words } from '../../../benchmarks/lib/stats.ts'
import { type Platform, startPlatform } from '../../lib/platform.ts'
import { type Recording, record } from '../../lib/speaker.ts'
import {
  assertFinalsOnce,
  type BadDay,
  describeOutcome,
  healthOf,
  midOf,
  type Outcome,
  once,
  spend,
  textOf,
  udpPortOf,
  wordErrorRatio,
} from './bad-day.ts'

async function withPlatform(args: readonly string[], body: (platform: Platform, udpPort: number) => Promise<void>) {
  const platform = await startPlatform(args)
  try {
    const udpPort = await udpPortOf(platform)
    assert.ok(udpPort !== undefined, 'the platform takes no audio over UDP')
    await body(platform, udpPort)
  } finally {
    await platform.stop()
  }
}

const all = (platform: Platform, udpPort: number, recording: Recording, days: readonly BadDay[]): Promise<Outcome[]> =>
  Promise.all(days.map((day) => spend(platform, udpPort, recording, day)))

function assertWhole(undisturbed: Outcome | undefined, outcomes: readonly Outcome[]): void {
  assert.ok(undisturbed)
  for (const outcome of outcomes) {
    assertFinalsOnce(outcome)
    assert.deepEqual(words(textOf(outcome.heard)), words(textOf(undisturbed.heard)), describeOutcome(outcome))
  }
}

test('30 seconds without a network in mid-sentence, then back: everything said meanwhile is heard, once', (t) =>
  withPlatform([], async (platform, udpPort) => {
    const recording = await record('slt', SENTENCES.slice(0, 12))
    const midMs = midOf(recording, 1)
    const [undisturbed, ...outcomes] = await all(platform, udpPort, recording, [
      { name: 'undisturbed' },
      { name: 'in silence', during: once(midMs, (relay) => relay.cut({ forMs: 30_000 })) },
      { name: 'in silence, no UDP', udp: false, during: once(midMs, (relay) => relay.cut({ forMs: 30_000 })) },
      { name: 'reset', during: once(midMs, (relay) => relay.cut({ how: 'reset', forMs: 30_000 })) },
    ])
    for (const outcome of outcomes) t.diagnostic(describeOutcome(outcome))
    assertWhole(undisturbed, outcomes)
    for (const { name, resumed } of outcomes) assert.ok(resumed.length >= 1, `${name}: never resumed`)
  }))

test('back too late for what is sent again: the rest is read as history, and nothing is missing or doubled', (t) =>
  withPlatform(['--set', 'sessions.graceMs=900000'], async (platform, udpPort) => {
    const many = Array.from({ length: 100 }, (_, index) => SENTENCES[index % SENTENCES.length] as string)
    const recording = await record('rms', many, 600)
    // The socket is gone from the first sentence to the last; the audio goes on over UDP.
    const during = (mediaMs: number, relay: Parameters<NonNullable<BadDay['during']>>[1]) => {
      const isAway = mediaMs > midOf(recording, 0) && mediaMs < midOf(recording, many.length - 1)
      if (isAway && relay.cutState.tcp === 'open') relay.cut({ what: 'tcp', how: 'reset' })
      if (!isAway && relay.cutState.tcp !== 'open') relay.heal()
    }
    const [undisturbed, away] = await all(platform, udpPort, recording, [
      { name: 'undisturbed' },
      { name: 'away', during },
    ])
    assert.ok(away)
    t.diagnostic(describeOutcome(away))
    assertWhole(undisturbed, [away])
    assert.ok(((await healthOf(platform)).sessions?.truncatedTotal ?? 0) >= 1, 'nothing was truncated: speak longer')
  }))

test('5 % lost, 20 % overtaken and 2 % doubled cost at most 4 points of words, over all voices and five seeds', (t) =>
  withPlatform([], async (platform, udpPort) => {
    const both = { lossRatio: 0.05, reorderRatio: 0.2, duplicateRatio: 0.02 }
    const days = [1, 2, 3, 4, 5].map((seed) => ({ name: `seed ${seed}`, seed, impairment: { both } }))
    const added: number[] = []
    for (const voice of VOICES) {
      const recording = await record(voice, SENTENCES)
      const [undisturbed, ...impaired] = await all(platform, udpPort, recording, [{ name: 'undisturbed' }, ...days])
      assert.ok(undisturbed)
      for (const outcome of [undisturbed, ...impaired]) t.diagnostic(`${voice} ${describeOutcome(outcome)}`)
      for (const outcome of impaired) added.push(wordErrorRatio(outcome) - wordErrorRatio(undisturbed))
    }
    const mean = added.reduce((sum, ratio) => sum + ratio, 0) / added.length
    t.diagnostic(`${(mean * 100).toFixed(1)} points more`)
    assert.ok(mean <= 0.04, `${(mean * 100).toFixed(1)} points`)
  }))
