import assert from 'node:assert/strict'
import { test } from 'node:test'
import { probingFrom, stepUdpPath, type UdpPathInput, type UdpPathState } from './udp-path-state.ts'

/** Ticks every 100 ms up to `untilMs`; answers each probe that `isAnswered` says. What happened, with its instant. */
function run(state: UdpPathState, fromMs: number, untilMs: number, isAnswered: (atMs: number) => boolean) {
  const happened: [number, string][] = []
  let now = state
  const take = (input: UdpPathInput, atMs: number): void => {
    const { state: next, effects } = stepUdpPath(now, input, atMs)
    now = next
    for (const effect of effects) {
      happened.push([atMs, effect.kind === 'unusable' ? effect.reason : effect.kind])
      if (effect.kind === 'probe' && isAnswered(atMs)) take('answer', atMs)
    }
  }
  for (let atMs = fromMs; atMs <= untilMs; atMs += 100) take('tick', atMs)
  return { state: now, happened, take }
}
const only = (happened: [number, string][], kind: string) =>
  happened.filter(([, what]) => what === kind).map(([at]) => at)

test('[CL120] a probe every 200 ms until the first answer, five at most; then the path is not used and asked again later and later', () => {
  const { happened } = run(probingFrom(0), 0, 120_000, () => false)
  assert.deepEqual(only(happened, 'probe').slice(0, 6), [0, 200, 400, 600, 800, 6_000])
  assert.deepEqual(only(happened, 'no answer over UDP'), [1_000, 7_000, 18_000, 39_000, 80_000])
})

test('[CL120] an answer makes the path usable, once; then a probe every 500 ms keeps it so', () => {
  const { happened, state } = run(probingFrom(0), 0, 3_000, () => true)
  assert.deepEqual(only(happened, 'usable'), [0])
  assert.deepEqual(only(happened, 'probe'), [0, 500, 1_000, 1_500, 2_000, 2_500, 3_000])
  assert.equal(state.kind, 'active')
})

test('[CL121] unanswered it is asked every 200 ms, doubted after 1 s, not used after 1.5 s, asked again after 5 s', () => {
  const isAnswered = (atMs: number) => atMs < 1_000 || atMs > 4_000
  const { happened } = run(probingFrom(0), 0, 10_000, isAnswered)
  assert.deepEqual(
    happened.filter(([atMs]) => atMs >= 1_000 && atMs <= 2_000),
    [
      [1_000, 'probe'],
      [1_200, 'probe'],
      [1_400, 'probe'],
      [1_500, 'doubt'],
      [1_600, 'probe'],
      [1_800, 'probe'],
      [2_000, 'no answer over UDP for 1.5 s'],
    ],
  )
  assert.deepEqual(only(happened, 'usable'), [0, 7_000])
})

test('[CL121] a lost answer is no silence, nor reason to doubt', () => {
  const { happened } = run(probingFrom(0), 0, 5_000, (atMs) => atMs % 1_000 < 500 || atMs % 1_000 >= 700)
  assert.deepEqual(
    happened.filter(([, what]) => what !== 'probe'),
    [[0, 'usable']],
  )
})

test('[CL124] a path in use is asked at once when the socket breaks', () => {
  const { state } = run(probingFrom(0), 0, 1_100, () => true)
  assert.deepEqual(stepUdpPath(state, 'ask', 1_150).effects, [{ kind: 'probe' }])
  assert.deepEqual(stepUdpPath(probingFrom(0), 'ask', 0).effects, [])
})

test('[CL41] a process that stood still does not take its own stall for the silence of the path', () => {
  const active: UdpPathState = { kind: 'active', heardAtMs: 0, probedAtMs: 0, tickedAtMs: 0, isDoubted: false }
  const { state, effects } = stepUdpPath(active, 'tick', 20_000)
  assert.equal(state.kind, 'active')
  assert.deepEqual(effects, [{ kind: 'probe' }])
})

test('[CL122] after a change of network: a fresh socket and a probe at once; a path in use has a second to answer', () => {
  const down: UdpPathState = { kind: 'down', nextAtMs: 50_000, failures: 4 }
  const asked = stepUdpPath(down, 'network', 1_000)
  assert.deepEqual(asked.effects, [{ kind: 'renew' }])
  assert.deepEqual(stepUdpPath(asked.state, 'tick', 1_000).effects, [{ kind: 'probe' }])
  const active: UdpPathState = { kind: 'active', heardAtMs: 990, probedAtMs: 900, tickedAtMs: 1_000, isDoubted: false }
  const changed = stepUdpPath(active, 'network', 1_000)
  assert.deepEqual(changed.effects, [{ kind: 'renew' }, { kind: 'probe' }])
  const { happened } = run(changed.state, 1_000, 2_500, () => false)
  assert.deepEqual(only(happened, 'no answer over UDP for 1.5 s'), [2_000])
})
