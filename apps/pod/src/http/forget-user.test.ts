import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { err, systemClock } from '@parley/kernel'
import { ParleyError, type Problem, type UserForgotten } from '@parley/protocol'
import { ActsToRecords } from '../bridges/acts-to-records.ts'
import { FakeRecords } from '../testing/fake-records.ts'
import { startTestPod } from '../testing/pod-harness.ts'

async function podWithRecords(t: TestContext) {
  const records = new FakeRecords(new ActsToRecords(systemClock, () => {}))
  const pod = await startTestPod(t, { overrides: { records } })
  const open = async (user: string) => {
    const headers = { 'content-type': 'application/json' }
    await pod.call('/v1/sessions', { method: 'POST', headers, body: JSON.stringify({ user }) })
  }
  const forget = (user: string) => pod.call(`/v1/users/${user}`, { method: 'DELETE' })
  const users = () => pod.sessions.list().map(({ user }) => user)
  return { ...pod, records, open, forget, users }
}

test('[REC6] forgetting ends the sessions of the user first, of nobody else, and says what was deleted', async (t) => {
  const { open, forget, users, records } = await podWithRecords(t)
  for (const user of ['ada lovelace', 'bob', 'ada lovelace']) await open(user)
  const answer = await forget(encodeURIComponent('ada lovelace'))
  assert.equal(answer.status, 200)
  assert.deepEqual((await answer.json()) as UserForgotten, {
    sessionsEnded: 2,
    sessions: 3,
    finals: 20,
    acts: 1,
    waiting: 2,
    archived: 5,
    remarks: ['backups made before still hold the user'],
  })
  assert.deepEqual(users(), ['bob'])
  assert.deepEqual(records.forgotten, ['default ada lovelace key:default'])
})

test('[REC6] when the records cannot be reached the sessions have ended, and the caller is told when to ask again', async (t) => {
  const { open, forget, users, records } = await podWithRecords(t)
  await open('ada')
  records.answer = err(new ParleyError('RECORDS_UNAVAILABLE', { retryAfterMs: 10_000 }))
  const answer = await forget('ada')
  const { code, retryable, retryAfterMs } = (await answer.json()) as Problem
  assert.deepEqual([answer.status, code, retryable, retryAfterMs], [503, 'RECORDS_UNAVAILABLE', true, 10_000])
  assert.equal(answer.headers.get('retry-after'), '10')
  assert.deepEqual(users(), [])
})

test('[REC6] a user may not do it, nor a stranger; a name that cannot be one is refused by its field', async (t) => {
  const { url, forget, call, records } = await podWithRecords(t)
  assert.equal((await fetch(`${url}/v1/users/ada`, { method: 'DELETE' })).status, 401)
  const headers = { 'content-type': 'application/json' }
  const minted = await call('/v1/tokens', { method: 'POST', headers, body: JSON.stringify({ user: 'ada' }) })
  const { token } = (await minted.json()) as { token: string }
  const own = await fetch(`${url}/v1/users/ada`, { method: 'DELETE', headers: { authorization: `Bearer ${token}` } })
  assert.equal(own.status, 403)
  const long = await forget('x'.repeat(129))
  assert.equal(((await long.json()) as Problem).field, 'user')
  assert.deepEqual(records.forgotten, [])
})

test('[REC6] a pod that keeps nothing says so', async (t) => {
  const { call } = await startTestPod(t)
  const answer = await call('/v1/users/ada', { method: 'DELETE' })
  assert.equal(((await answer.json()) as Problem).code, 'RECORDS_UNAVAILABLE')
})
