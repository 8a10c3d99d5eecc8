import assert from 'node:assert/strict'
import { test } from 'node:test'
import { decodePodMessage } from '@parley/protocol'
import { MAX_FENCES, REMEMBER_MS, SessionFences } from './session-fences.ts'
import { until, workerRig } from './testing/worker-rig.ts'

const token = (counter: number, epoch = 1) => ({ epoch, counter })

test('[WK22] a lower token is turned away, the same is taken beside, a greater one ends what is open of lower ones', () => {
  const fences = new SessionFences<string>()
  const enter = (stream: string, counter: number, epoch?: number) =>
    fences.enter('ses_a', token(counter, epoch), stream, 0)
  assert.deepEqual(enter('first', 5), { isTaken: true, superseded: [] })
  assert.deepEqual(enter('beside', 5), { isTaken: true, superseded: [] })
  assert.deepEqual(enter('late', 4), { isTaken: false, greatest: token(5) })
  assert.deepEqual(enter('of an older epoch', 9, 0), { isTaken: false, greatest: token(5) })
  assert.deepEqual(enter('next', 6), { isTaken: true, superseded: ['first', 'beside'] })
  assert.deepEqual(enter('first', 5), { isTaken: false, greatest: token(6) })
  fences.leave('ses_a', 'first', 0)
  assert.deepEqual(enter('of a newer epoch', 1, 2), { isTaken: true, superseded: ['next'] })
  assert.deepEqual(fences.enter('ses_b', token(1), 'of another session', 0), { isTaken: true, superseded: [] })
})

test('[WK23] a token is remembered while a stream is open and some minutes longer', () => {
  const fences = new SessionFences<string>()
  fences.enter('ses_a', token(5), 'first', 0)
  fences.enter('ses_a', token(5), 'second', 0)
  fences.leave('ses_a', 'first', 1_000)
  assert.equal(fences.enter('ses_a', token(4), 'late', 10 * REMEMBER_MS).isTaken, false, 'one is still open')
  fences.leave('ses_a', 'second', 10 * REMEMBER_MS)
  assert.equal(fences.enter('ses_a', token(4), 'late', 11 * REMEMBER_MS - 1).isTaken, false)
  assert.equal(fences.enter('ses_a', token(4), 'late', 11 * REMEMBER_MS).isTaken, true)
  assert.equal(fences.size, 1)
})

test('[WK23] of too many sessions those without a stream for longest are forgotten, never one with a stream', () => {
  const fences = new SessionFences<string>()
  fences.enter('ses_open', token(5), 'open', 0)
  for (let n = 0; n < MAX_FENCES; n++) {
    fences.enter(`ses_${n}`, token(5), `str_${n}`, n)
    fences.leave(`ses_${n}`, `str_${n}`, n)
  }
  assert.equal(fences.size, MAX_FENCES)
  const isTaken = (sessionId: string) => fences.enter(sessionId, token(4), 'late', MAX_FENCES).isTaken
  assert.deepEqual(['ses_open', 'ses_1', 'ses_0'].map(isTaken), [false, false, true])
})

test('[WK22] the stream of a lower token ends for that of a greater one, in the one slot there is', async (t) => {
  const { connect, recogniser, worker } = await workerRig(t, { slots: 1 })
  const [old, next] = [await connect('pod_a'), await connect('pod_b')]
  const of = (counter: number) => ({ sessionId: 'ses_a', fence: token(counter) })
  old.open(1, of(5))
  await old.got('stream.opened', 1)
  next.open(1, of(6))
  await next.got('stream.opened', 1)
  assert.equal((await old.got('stream.failed', 1)).code, 'FENCED')
  assert.deepEqual([recogniser.status().slotsUsed, worker.counters.streamsFailedTotal], [1, 0])
  old.open(2, of(5))
  const refused = await old.got('stream.refused', 2)
  assert.equal(refused.code, 'FENCED')
  assert.match(refused.message, /1:5 is lower than 1:6/)
  next.send({ type: 'stream.close', stream: 1 })
  await until('free', () => recogniser.status().slotsUsed === 0)
  old.open(3, of(5))
  assert.equal((await old.got('stream.refused', 3)).code, 'FENCED', 'also when none is open')
  old.open(4, { sessionId: 'ses_a' })
  await old.got('stream.opened', 4)
})

test('[WK22] the same token is taken beside the stream there is; a stream that is still opening gives way too', async (t) => {
  const { connect, recogniser } = await workerRig(t, { openMs: 50 })
  const [old, next] = [await connect('pod_a'), await connect('pod_b')]
  const of = (counter: number) => ({ sessionId: 'ses_a', fence: token(counter) })
  old.open(1, of(5))
  old.open(2, of(5))
  await old.got('stream.opened', 2)
  await old.got('stream.opened', 1)
  old.open(3, of(5))
  old.send({ type: 'ping', id: 7 })
  await old.got('pong')
  next.open(1, of(6))
  await next.got('stream.opened', 1)
  for (const stream of [1, 2]) assert.equal((await old.got('stream.failed', stream)).code, 'FENCED')
  assert.equal((await old.got('stream.refused', 3)).code, 'FENCED')
  await until('free', () => recogniser.status().slotsUsed === 1)
})

test('[WK22] a token that is none is a fault of the link', () => {
  const open = { type: 'stream.open', stream: 1, sessionId: 'ses_a', language: 'en', firstIndex: 0 }
  const format = { codec: 'pcm16', sampleRateHz: 16_000, frameMs: 20 }
  const decode = (more: object) => decodePodMessage(JSON.stringify({ ...open, format, ...more }))
  for (const fence of ['1:5', { epoch: 1 }, { epoch: 1, counter: -1 }]) assert.equal(decode({ fence }), 'faulty')
  for (const more of [{}, { fence: token(5) }, { fence: { ...token(5), newer: true } }, { unknown: 1 }])
    assert.notEqual(decode(more), 'faulty')
})
