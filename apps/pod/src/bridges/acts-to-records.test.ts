import assert from 'node:assert/strict'
import { request } from 'node:http'
import { type TestContext, test } from 'node:test'
import { systemClock } from '@parley/kernel'
import { eventually, ManualClock } from '@parley/kernel/testing'
import type { AuditRecord, StoredRecord } from '@parley/store'
import type { WorkerView } from '../speech/worker-view.ts'
import { FakeRecords } from '../testing/fake-records.ts'
import { FakeSpeech } from '../testing/fake-speech.ts'
import { API_KEY, startTestPod } from '../testing/pod-harness.ts'
import { ActsToRecords } from './acts-to-records.ts'

const NOON_MS = Date.parse('2026-11-27T12:00:00Z')

async function podWithActs(t: TestContext) {
  const acts: AuditRecord[] = []
  const note = (record: StoredRecord) => {
    if (record.table === 'audit') acts.push(record.row)
  }
  const speech = new FakeSpeech()
  const records = new FakeRecords(new ActsToRecords(systemClock, note))
  const harness = await startTestPod(t, { speech, overrides: { records } })
  const brief = () => acts.map(({ tenant, actor, action, target, result }) => [tenant, actor, action, target, result])
  /** The act of a request is noted when its answer is out. */
  const noted = async (count: number) => {
    await eventually(() => (acts.length === count ? undefined : `${acts.length} of ${count}: ${JSON.stringify(acts)}`))
    return brief().slice(-1)[0]
  }
  return { ...harness, speech, acts, brief, noted }
}

function order(adminUrl: string, path: string, headers: Record<string, string> = {}): Promise<number> {
  return new Promise((resolve, reject) => {
    const socketPath = adminUrl.replace(/^unix:/, '')
    const call = request({ socketPath, path, method: 'POST', headers }, (response) => {
      response.resume()
      response.once('end', () => resolve(response.statusCode ?? 0))
    })
    call.once('error', reject)
    call.end()
  })
}

const WORKER: WorkerView = {
  workerId: 'wrk_known0',
  url: 'ws://127.0.0.1:9',
  state: 'ready',
  standing: 'in',
  streams: 0,
  slots: {},
  ageMs: 5,
  cpuRatio: 0,
  engines: [],
  voices: [],
  problem: undefined,
}

const post = (body: object) => ({
  method: 'POST',
  headers: { 'content-type': 'application/json' },
  body: JSON.stringify(body),
})

test('[REC5] user tokens and watch links are noted with who, what, target and result; ordinary calls are not', async (t) => {
  const { call, noted, acts } = await podWithActs(t)
  await call('/v1/tokens', post({ user: 'ada' }))
  assert.deepEqual(await noted(1), ['default', 'key:default', 'user-token.issue', 'ada', 'ok'])
  const { sessionId } = (await (await call('/v1/sessions', post({}))).json()) as { sessionId: string }
  const link = await call(`/v1/sessions/${sessionId}/watch-links`, post({}))
  const { linkId } = (await link.json()) as { linkId: string }
  assert.deepEqual(await noted(2), ['default', 'key:default', 'watch-link.issue', sessionId, 'ok'])
  await call(`/v1/sessions/${sessionId}/watch-links/${linkId}`, { method: 'DELETE' })
  assert.deepEqual(await noted(3), ['default', 'key:default', 'watch-link.revoke', linkId, 'ok'])
  await call(`/v1/sessions/${sessionId}/watch-links/none`, { method: 'DELETE' })
  assert.deepEqual(await noted(4), ['default', 'key:default', 'watch-link.revoke', 'none', 'refused (404)'])
  assert.doesNotMatch(JSON.stringify(acts), /eyJ|pk_/, 'neither tokens nor keys')
})

test('[REC5] callers without a valid credential leave nothing; a user without the role does', async (t) => {
  const { url, call, noted, brief } = await podWithActs(t)
  await (await fetch(`${url}/v1/tokens`, post({ user: 'eve' }))).arrayBuffer()
  const wrong = { ...post({ user: 'eve' }), headers: { authorization: 'Bearer pk_wrong' } }
  await (await fetch(`${url}/v1/tokens`, wrong)).arrayBuffer()
  const { token } = (await (await call('/v1/tokens', post({ user: 'ada' }))).json()) as { token: string }
  await noted(1)
  assert.equal(brief().length, 1)
  assert.notEqual(token, API_KEY)
})

test('[REC5] orders at the admin listener are noted: by whom, of which member, and when they were refused', async (t) => {
  const { pod, speech, noted } = await podWithActs(t)
  assert.equal(await order(pod.adminUrl, '/admin/page-codes', { 'x-parley-actor': 'cli:ada' }), 201)
  assert.deepEqual(await noted(1), ['*', 'cli:ada', 'page-code.mint', '', 'ok'])
  assert.equal(await order(pod.adminUrl, '/fleet/members/nobody/drain', { 'x-parley-actor': 'two words' }), 404)
  assert.deepEqual(await noted(2), ['*', 'operator', 'member.drain', 'nobody', 'refused (404)'])
  pod.mintPageCode()
  assert.deepEqual(await noted(3), ['*', 'supervisor', 'page-code.mint', '', 'ok'])
  speech.views = [WORKER]
  assert.equal(await order(pod.adminUrl, '/fleet/members/wrk_known/undrain'), 200)
  assert.deepEqual(await noted(4), ['*', 'operator', 'member.undrain', 'wrk_known0', 'ok'])
})

test('[REC5] what is noted keeps within the bounds of a record, whatever an address holds', () => {
  const acts: StoredRecord[] = []
  const bridge = new ActsToRecords(new ManualClock(NOON_MS), (record) => acts.push(record))
  const principal = { tenant: 'acme', role: 'user', user: 'ada', keyId: undefined } as const
  const params = { linkId: 'x'.repeat(5_000) }
  bridge.operation('revokeWatchLink', { principal, params, body: undefined, status: 204 })
  const [act] = acts
  assert.ok(act?.table === 'audit')
  assert.deepEqual([act.row.atMs, act.row.actor, act.row.target.length], [NOON_MS, 'ada', 256])
})
