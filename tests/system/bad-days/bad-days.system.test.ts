// Real speech through real networks' worst habits: the whole platform, the client library, and a relay for each speaker. Speakers
// talk at once, because speech takes the time it takes; each test judges its own.
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { SENTENCES } from '@parley/audio/testing'
import type { ParleyClientError } from '@parley/client'
import { eventually } from '@parley/kernel/testing'
import { wordErrors, words } from '../../../benchmarks/lib/stats.ts'
import { type Platform, parley, startPlatform } from '../../lib/platform.ts'
import { type Recording, record, speak, warmUp } from '../../lib/speaker.ts'
import {
  assertFinalsOnce,
  type BadDay,
  connectThroughRelay,
  describeOutcome,
  midOf,
  type Outcome,
  once,
  spend,
  textOf,
  udpPortOf,
  wordErrorRatio,
} from './bad-day.ts'

/** Long enough for every cut that is survived, short enough that a test can outwait it. */
const GRACE_MS = 10_000
const SPEAKERS_AT_ONCE = 4
const SEEDS = [1, 2, 3, 4, 5]
const MAX_ADDED_WORD_ERROR_RATIO = 0.04

let platform: Platform
let udpPort: number | undefined

before(async () => {
  // More slots than speakers: a bad network may lose the answer to a reservation, and the one never used keeps its slot for a while.
  const slots = ['--workers', '1', '--set', 'speech.slotsPerWorker=10']
  platform = await startPlatform(['--set', `sessions.graceMs=${GRACE_MS}`, ...slots])
  await warmUp(platform, 6)
  udpPort = await udpPortOf(platform)
  assert.ok(udpPort !== undefined, 'the platform takes no audio over UDP')
})
after(() => platform?.stop())

/** A few at a time, so that what is late is late because of the network. When one fails the others are spent to their end all the same. */
async function all(recording: Recording, days: readonly BadDay[]): Promise<Outcome[]> {
  const outcomes: Outcome[] = []
  for (let at = 0; at < days.length; at += SPEAKERS_AT_ONCE) {
    const some = days.slice(at, at + SPEAKERS_AT_ONCE).map((day) => spend(platform, udpPort, recording, day))
    for (const outcome of await Promise.allSettled(some)) {
      if (outcome.status === 'rejected') throw outcome.reason
      outcomes.push(outcome.value)
    }
  }
  return outcomes
}
const linesOf = (stdout: string): Readonly<Record<string, unknown>>[] =>
  stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, unknown>)
const usedUdp = ({ transports }: Outcome): boolean => transports.some(({ kind }) => kind === 'udp')

describe('on a bad network', () => {
  test('5 % lost, 20 % overtaken and 2 % doubled cost at most 4 points of words, on average over five seeds', async (t) => {
    const recording = await record('rms', SENTENCES.slice(0, 7))
    const both = { lossRatio: 0.05, reorderRatio: 0.2, duplicateRatio: 0.02 }
    const days = SEEDS.map((seed) => ({ name: `seed ${seed}`, seed, impairment: { both } }))
    const [undisturbed, ...impaired] = await all(recording, [{ name: 'undisturbed' }, ...days])
    assert.ok(undisturbed)
    for (const outcome of [undisturbed, ...impaired]) t.diagnostic(describeOutcome(outcome))
    for (const outcome of impaired) {
      assert.ok(usedUdp(outcome), `${outcome.name}: the audio did not go over UDP`)
      const { packets, dropped, reordered, duplicated } = outcome.report.up
      assert.ok(dropped.loss > packets * 0.02 && reordered > packets * 0.1 && duplicated > 0, describeOutcome(outcome))
      assertFinalsOnce(outcome)
      assert.equal(outcome.heard.finals.length, undisturbed.heard.finals.length, describeOutcome(outcome))
    }
    const mean = impaired.reduce((sum, outcome) => sum + wordErrorRatio(outcome), 0) / impaired.length
    const added = mean - wordErrorRatio(undisturbed)
    t.diagnostic(`${(added * 100).toFixed(1)} points more`)
    assert.ok(added <= MAX_ADDED_WORD_ERROR_RATIO, impaired.map(describeOutcome).join('\n'))
  })

  test('a person on a train: parley caption through parley impair is whole', async (t) => {
    const sentences = SENTENCES.slice(0, 5)
    const { samples } = await record('slt', sentences, 600)
    const { host } = new URL(platform.url)
    const udpTo = `127.0.0.1:${udpPort}`
    // In the middle of what is said, also where programs take their time to start.
    const cut = ['--delay', '30ms', '--jitter', '20ms', '--cut', 'both@12s+3s', '--how', 'reset']
    const impair = parley(['impair', '--json', '--listen', '0', '--to', host, '--udp-to', udpTo, ...cut])
    try {
      await eventually(() => (impair.stdout().includes('\n') ? undefined : impair.stderr()), { withinMs: 20_000 })
      const { tcp, udp } = linesOf(impair.stdout())[0] as unknown as { tcp: { port: number }; udp: { port: number } }
      const where = ['--url', `http://127.0.0.1:${tcp.port}`, '--udp-endpoint', `127.0.0.1:${udp.port}`]
      const caption = parley(['caption', '-', '--rate', '16000', '--key', platform.apiKey, ...where], {
        input: new Uint8Array(samples.buffer, samples.byteOffset, samples.byteLength),
      })
      const { code, stdout, stderr } = await caption.finished
      t.diagnostic(`${(samples.length / 16_000).toFixed(1)} s of speech: ${stderr.trim()}`)
      assert.equal(code, 0, stderr)
      const said = words(sentences.join(' '))
      assert.ok(wordErrors(said, words(stdout)) <= said.length * 0.2, stdout)
    } finally {
      impair.child.kill('SIGINT')
    }
    const { code, stdout } = await impair.finished
    assert.equal(code, 0)
    const lines = linesOf(stdout)
    const told = lines.map(({ type }) => type).filter((type) => type !== 'status')
    assert.deepEqual(
      told.filter((type) => type !== 'problem'),
      ['ready', 'cut', 'healed', 'summary'],
    )
    // The one before the cut and the one after it, and whatever was asked over HTTP.
    assert.ok(Number(lines.at(-1)?.tcpResetTotal) >= 1, JSON.stringify(lines.at(-1)))
  })
})

test('cuts of the socket, of UDP and of both, a new address, bursts, and a return that comes too late', async (t) => {
  const recording = await record('slt', SENTENCES.slice(0, 4))
  const midMs = midOf(recording, 1)
  const tooLate = comeBackTooLate(recording)
  const outcomes = await all(recording, [
    { name: 'undisturbed' },
    { name: 'socket cut', during: once(midMs, (relay) => relay.cut({ what: 'tcp', how: 'reset', forMs: 2_000 })) },
    { name: 'UDP cut', during: once(midMs, (relay) => relay.cut({ what: 'udp', forMs: 4_000 })) },
    { name: 'both cut', during: once(midMs, (relay) => relay.cut({ how: 'reset', forMs: 2_000 })) },
    { name: 'both silent, no UDP', udp: false, during: once(midMs, (relay) => relay.cut({ forMs: 3_000 })) },
    { name: 'new address', during: once(midMs, (relay) => relay.rebind()) },
    { name: 'bursts', impairment: { up: { burst: { kind: 'periodic', burstMs: 200, everyMs: 2_500 } } } },
  ])
  const late = await tooLate
  for (const outcome of outcomes) t.diagnostic(describeOutcome(outcome))
  const of = (name: string) => outcomes.find((outcome) => outcome.name === name) ?? assert.fail(name)
  const undisturbed = words(textOf(of('undisturbed').heard))
  const isWhole = (name: string) => {
    const outcome = of(name)
    assertFinalsOnce(outcome)
    assert.deepEqual(words(textOf(outcome.heard)), undisturbed, describeOutcome(outcome))
    return outcome
  }

  await t.test('a socket cut in mid-utterance: the audio goes on over UDP, and every final comes once', () => {
    const { resumed, transports } = isWhole('socket cut')
    assert.equal(resumed.length, 1)
    assert.deepEqual(
      transports.map(({ kind }) => kind),
      ['udp'],
    )
  })
  await t.test('UDP cut: over the socket from what had arrived, and back to UDP', () => {
    const { resumed, transports } = isWhole('UDP cut')
    assert.equal(resumed.length, 0)
    assert.deepEqual(
      transports.map(({ kind }) => kind),
      ['udp', 'ws', 'udp'],
    )
  })
  await t.test('both cut: what was said meanwhile is sent afterwards, and no word is missing', () => {
    const { resumed } = isWhole('both cut')
    assert.ok(resumed.length >= 1 && resumed.every(({ lostMs }) => lostMs === 0))
  })
  await t.test('three seconds of silence on the socket alone: no word is missing', () => {
    isWhole('both silent, no UDP')
  })
  await t.test('another address in mid-utterance: no word is missing', () => {
    const { report, resumed } = isWhole('new address')
    assert.deepEqual([report.udpRebindsTotal, resumed.length], [1, 1])
  })
  await t.test('bursts of 200 ms: the session goes on and every utterance gets its final', () => {
    const outcome = of('bursts')
    assertFinalsOnce(outcome)
    assert.ok(outcome.report.up.dropped.burst >= 30, describeOutcome(outcome))
    assert.equal(outcome.resumed.length, 0)
    for (const { text, startMs, endMs } of recording.sentences) {
      const isHeard = outcome.heard.finals.some((final) => final.startMs < endMs && final.endMs > startMs)
      assert.ok(isHeard, `nothing was heard of "${text}": ${JSON.stringify(outcome.heard.finals)}`)
    }
  })
  await t.test('too late: the client says that the session is gone, and what it heard stays heard once', () => {
    assert.equal(late.end.kind, 'lost', JSON.stringify(late.end))
    assert.match(late.code, /^(SESSION_UNKNOWN|CONNECTION_LOST|CONNECT_FAILED)$/)
    assert.equal(new Set(late.finals).size, late.finals.length)
    assert.equal(late.afterwards, 'SESSION_UNKNOWN')
  })
})

/** Cut for longer than a session is kept; then asks the platform for it. */
async function comeBackTooLate(recording: Recording) {
  const { session, relay, close } = await connectThroughRelay(platform, udpPort, { name: 'too late' })
  try {
    const finals: number[] = []
    session.on('caption', (caption) => {
      if (caption.kind === 'final') finals.push(caption.utterance.index)
    })
    // In the third sentence, or as soon as something was heard.
    const cutAtMs = midOf(recording, 2)
    const spoken = speak(session, recording.samples, (mediaMs) => {
      if ((finals.length === 1 || mediaMs >= cutAtMs) && relay.cutState.tcp === 'open') relay.cut({ how: 'reset' })
    })
    await assert.rejects(spoken)
    await eventually(() => (session.state.kind === 'lost' ? undefined : session.state.kind), { withinMs: GRACE_MS * 2 })
    const end = session.state
    relay.heal()
    // The platform waits a moment longer than the client does.
    let afterwards = ''
    const ask = () =>
      session.api.getSession(session.sessionId).then(
        (view) => view.state,
        (error: ParleyClientError) => error.code,
      )
    await eventually(async () => {
      afterwards = await ask()
      return afterwards === 'suspended' ? 'still suspended' : undefined
    })
    return { end, finals, afterwards, code: end.kind === 'lost' ? end.error.code : '' }
  } finally {
    await close()
  }
}
