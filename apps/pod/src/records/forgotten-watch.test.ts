import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ok, type Result, Scope } from '@parley/kernel'
import { ManualClock } from '@parley/kernel/testing'
import { type ForgottenUsers, openRecordStore, type StoreError } from '@parley/store'
import { session } from '@parley/store/testing'
import { silentLogger } from '@parley/telemetry'
import { temporaryFolder } from '../testing/pod-harness.ts'
import { FORGOTTEN_EVERY_MS, type OpenSession, watchForgotten } from './forgotten-watch.ts'

const of = (id: string, user: string, createdAtWallMs: number, tenant = 'acme'): OpenSession => ({
  createdAtWallMs,
  identity: { id, tenant, user },
})

test('[REC6] who is forgotten elsewhere has no session here, unless it began later; a lost database is asked again', async (t) => {
  const clock = new ManualClock()
  const folder = await temporaryFolder(t)
  const opened = await openRecordStore({ kind: 'sqlite', file: `${folder}/r.db` }, { clock, logger: silentLogger })
  assert.ok(opened.ok)
  const store = opened.value
  const scope = new Scope(clock)
  t.after(async () => {
    await scope.close()
    await store.close()
  })
  const startMs = clock.wallMs()
  const sessions = [of('ses_1', 'ada', startMs), of('ses_2', 'bob', startMs), of('ses_3', 'ada', startMs, 'other')]
  const ended: string[] = []
  let isAway = false
  let asked = 0
  const forgottenAfter = async (last: string): Promise<Result<ForgottenUsers | undefined, StoreError>> => {
    asked++
    return isAway ? { ok: false, error: { code: 'UNAVAILABLE', message: 'away' } } : store.forgottenAfter(last)
  }
  const forgotten: string[] = []
  const forgetSessions = async (ids: readonly string[]) => {
    forgotten.push(...ids)
    return store.forgetSessions(ids)
  }
  watchForgotten({
    scope,
    store: { forgottenAfter, forgetSessions },
    sessions: () => sessions,
    end: (tenant, id) => ended.push(`${tenant} ${id}`),
  })
  const look = async () => {
    const before = asked
    clock.advance(FORGOTTEN_EVERY_MS)
    // Answers come from another thread, in the order of their questions.
    for (let n = 0; n < 12; n++) await store.salt()
    assert.equal(asked, before + 1)
  }
  await look()
  assert.deepEqual(ended, [])
  isAway = true
  assert.ok((await store.forget('acme', 'ada')).ok)
  await look()
  assert.deepEqual(ended, [])
  sessions.push(of('ses_4', 'ada', clock.wallMs() + 1))
  isAway = false
  await look()
  assert.deepEqual(ended, ['acme ses_1'])
  const late = session({ tenant: 'acme', sessionId: 'ses_1', userId: 'ada', startedAtMs: clock.wallMs() + 5 })
  assert.ok((await store.write([late])).ok)
  await look()
  assert.deepEqual([ended, forgotten], [['acme ses_1'], ['ses_1']], 'nobody new')
  const left = await store.sessions.list({ tenant: 'acme', limit: 10 })
  assert.ok(left.ok && left.value.length === 0, 'what it recorded last')
})

test('[REC6] a question that is not answered yet is not asked again', async () => {
  const clock = new ManualClock()
  const scope = new Scope(clock)
  let asked = 0
  const never = Promise.withResolvers<Result<ForgottenUsers | undefined, StoreError>>()
  const forgottenAfter = () => {
    asked++
    return never.promise
  }
  const forgetSessions = async () => ok(undefined)
  watchForgotten({ scope, store: { forgottenAfter, forgetSessions }, sessions: () => [], end: () => {} })
  clock.advance(5 * FORGOTTEN_EVERY_MS)
  assert.equal(asked, 1)
  never.resolve(ok(undefined))
  await scope.close()
})
