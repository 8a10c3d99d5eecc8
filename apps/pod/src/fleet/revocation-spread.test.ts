import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { err, Scope } from '@parley/kernel'
import { ManualClock } from '@parley/kernel/testing'
import type { PodRevocations } from '@parley/protocol'
import { silentLogger } from '@parley/telemetry'
import { type Revocation, Revocations } from '../identity/revocations.ts'
import type { PeerCalls } from './peer-calls.ts'
import { answerRevocations, RevocationSpread } from './revocation-spread.ts'

/** Pods that call each other without sockets; those in `deaf` get nothing. */
function fleetOf(t: TestContext, count: number) {
  const clock = new ManualClock()
  const scope = new Scope(clock)
  t.after(() => scope.close())
  const deaf = new Set<string>()
  const ids = Array.from({ length: count }, (_, n) => `pod_${n}`)
  const known = new Map(ids.map((podId) => [podId, new Revocations(clock)]))
  let calls = 0
  const told: number[] = []
  const pods = ids.map((podId) => {
    const revocations = known.get(podId) as Revocations
    const peers: Pick<PeerCalls, 'ask'> = {
      async ask(peer, call, asked) {
        calls++
        told.push((asked as PodRevocations).revoked.length)
        const target = known.get(peer.podId) as Revocations
        if (deaf.has(peer.podId) || deaf.has(podId)) return err({ kind: 'unreachable', why: 'deaf' })
        const answer = await answerRevocations(target).answer(JSON.parse(JSON.stringify(asked)))
        if (!answer.ok) return err({ kind: 'refused', error: answer.error })
        return call.checkAnswered(answer.value) as never
      },
    }
    const others = () => ids.filter((id) => id !== podId).map((id) => ({ podId: id, url: `http://${id}` }))
    const spread = new RevocationSpread({ clock, scope, revocations, peers, others, logger: silentLogger })
    return { podId, revocations, spread }
  })
  const knows = (id: string): boolean[] => pods.map(({ revocations }) => revocations.has('link', id))
  return { clock, pods, deaf, knows, calls: () => calls, told }
}

const link = (clock: ManualClock, id: string): Revocation => ({
  kind: 'link',
  id,
  untilMs: clock.wallMs() + 3_600_000,
})

test('[PF12] everybody is told at once; who could not be reached is told again each second until it has confirmed', async (t) => {
  const { clock, pods, deaf, knows } = fleetOf(t, 4)
  const [first] = pods
  deaf.add('pod_3')
  first?.revocations.add([link(clock, 'wat_a')])
  await clock.advanceAsync(0)
  assert.deepEqual(knows('wat_a'), [true, true, true, false])
  assert.deepEqual(first?.spread.pending(), ['pod_3'])
  await clock.advanceAsync(10_000, 500)
  assert.deepEqual(first?.spread.pending(), ['pod_3'])
  deaf.clear()
  await clock.advanceAsync(1_000, 500)
  assert.deepEqual(knows('wat_a'), [true, true, true, true])
  assert.deepEqual(first?.spread.pending(), [])
})

test('[PF12] what nobody was told is found, both ways; then one call a second says that all is well', async (t) => {
  const { clock, pods, deaf, knows, calls } = fleetOf(t, 2)
  for (const { podId } of pods) deaf.add(podId)
  for (const [n, { revocations }] of pods.entries()) revocations.add([link(clock, `wat_${n}`)])
  await clock.advanceAsync(3_000, 500)
  assert.deepEqual(
    [knows('wat_0'), knows('wat_1')],
    [
      [true, false],
      [false, true],
    ],
  )
  deaf.clear()
  await clock.advanceAsync(1_000, 500)
  assert.deepEqual(
    [knows('wat_0'), knows('wat_1')],
    [
      [true, true],
      [true, true],
    ],
  )
  await clock.advanceAsync(2_000, 500)
  const before = calls()
  await clock.advanceAsync(10_000, 500)
  assert.equal(calls() - before, 20, 'of two pods')
})

test('[PF12] only news is told, however much is known', async (t) => {
  const { clock, pods, knows, told } = fleetOf(t, 2)
  const [first, second] = pods
  first?.revocations.add(Array.from({ length: 500 }, (_, n) => link(clock, `wat_${n}`)))
  await clock.advanceAsync(1_000, 500)
  told.length = 0
  first?.revocations.add([link(clock, 'wat_new')])
  await clock.advanceAsync(0)
  assert.deepEqual([knows('wat_new'), Math.max(...told)], [[true, true], 1])
  second?.revocations.add([link(clock, 'wat_back')])
  await clock.advanceAsync(0)
  assert.deepEqual([knows('wat_back'), Math.max(...told)], [[true, true], 1])
})
