// The records of a pod over real databases: what is noted arrives, and a database that is away costs nobody anything.
import assert from 'node:assert/strict'
import { mkdir, readdir, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import path from 'node:path'
import { after, type TestContext, test } from 'node:test'
import { systemClock } from '@parley/kernel'
import { eventually, PATIENCE } from '@parley/kernel/testing'
import { openRecordStore, type RecordStore, recordFolders } from '@parley/store'
import { temporaryPostgres } from '@parley/store/testing'
import { collectingLogger } from '@parley/telemetry/testing'
import { type Settings, temporaryFolder, testConfig } from '../testing/pod-harness.ts'
import { openPodRecords } from './pod-records.ts'

const postgres = await temporaryPostgres()
const needsPostgres = typeof postgres === 'string' ? { skip: postgres } : {}
after(async () => {
  if (typeof postgres !== 'string') await postgres.end()
})

const WITHIN = { withinMs: 20_000 }

const identity = { id: 'ses_1' as never, tenant: 'acme', user: 'ada', language: 'en', metadata: {} }
const SESSION = { identity, createdAtWallMs: Date.parse('2026-11-27T12:00:00Z'), audioMs: 1_230 }
const SAID = { epoch: 1, index: 0, revision: 1, language: 'en', text: 'very private words', startMs: 0, endMs: 900 }
const FINAL = { kind: 'final' as const, ...SAID }

async function open(t: TestContext, folder: string, settings: Settings = {}, podId = 'pod_1') {
  const logger = collectingLogger()
  const config = testConfig(folder, settings)
  const records = await openPodRecords({ clock: systemClock, config, podId, logger })
  t.after(() => records.close())
  return { records, lines: logger.lines }
}

/** The records of a folder, as a command would read them. */
async function reading(t: TestContext, folder: string): Promise<RecordStore> {
  const place = { kind: 'sqlite' as const, file: recordFolders(folder).databaseFile }
  const opened = await openRecordStore(place, { clock: systemClock, logger: collectingLogger() })
  assert.ok(opened.ok)
  t.after(() => opened.value.close())
  return opened.value
}

async function sessionOf(store: RecordStore, id = 'ses_1') {
  const found = await store.sessions.get('acme', id)
  assert.ok(found.ok)
  return found.value
}

test('[REC2, REC4] what was noted is in the database when the records are closed, usage of the last seconds too', async (t) => {
  const folder = await temporaryFolder(t)
  const { records } = await open(t, folder)
  const session = { ...SESSION, audioMs: 0 }
  records.sessions.opened(session)
  await eventually(() => (records.report().written > 0 ? undefined : 'nothing was written yet'), WITHIN)
  records.texts('acme', { translatedCharacters: 12, providerTokens: 34 })
  session.audioMs = 1_230
  records.sessions.closed(session, 'client_left')
  await records.close()
  await records.close()
  const store = await reading(t, folder)
  const { endReason, pod } = (await sessionOf(store)) ?? {}
  assert.deepEqual([endReason, pod], ['client_left', 'pod_1'])
  const usage = await store.usage.perDay({ fromDay: '2000-01-01', toDay: '2100-01-01' })
  assert.ok(usage.ok)
  const { speechMs, translatedCharacters, providerTokens } = usage.value[0] ?? {}
  assert.deepEqual([usage.value.length, speechMs, translatedCharacters, providerTokens], [1, 1_230, 12, 34])
})

test('[REC3] texts are kept of tenants that opted in only, and are in no log', async (t) => {
  const folder = await temporaryFolder(t)
  const store = await reading(t, folder)
  assert.ok((await store.retention.set('acme', 30)).ok)
  const { records, lines } = await open(t, folder)
  const other = { ...SESSION, identity: { ...identity, id: 'ses_2' as never, tenant: 'other' } }
  // Which tenants did is known once the records are open.
  await eventually(async () => {
    records.sessions.said(SESSION, FINAL)
    records.sessions.said(other, FINAL)
    const kept = await store.finals.ofSession('acme', 'ses_1', 10)
    return kept.ok && kept.value.length === 1 ? undefined : 'nothing is kept yet'
  }, WITHIN)
  await records.close()
  const kept = await store.finals.ofSession('other', 'ses_2', 10)
  assert.deepEqual(kept, { ok: true, value: [] })
  assert.ok(records.report().dropped.notKept > 0)
  assert.doesNotMatch(JSON.stringify(lines), /private/)
})

test('[REC1, REC7] a database that never answers delays neither start nor end; the next pod writes what waits', async (t) => {
  const folder = await temporaryFolder(t)
  const silent = createServer(() => {})
  await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve))
  t.after(() => silent.close())
  const { port } = silent.address() as { port: number }
  const url = `postgres://parley:secret-word@127.0.0.1:${port}/parley`
  const { records, lines } = await open(t, folder, { 'records.databaseUrl': url })
  const session = { ...SESSION, audioMs: 0 }
  records.sessions.opened(session)
  session.audioMs = 1_230
  const startedMs = systemClock.nowMs()
  await records.close()
  // Its own deadlines add up to less than a second; on a busy machine they come late, but a statement's would be 12 s.
  assert.ok(systemClock.nowMs() - startedMs < 6_000 * PATIENCE)
  assert.equal(records.report().spillRows, 2, 'the session and the usage')
  assert.doesNotMatch(JSON.stringify([lines, records.report().place]), /secret-word/)
  const next = await open(t, folder, {}, 'pod_2')
  const store = await reading(t, folder)
  await eventually(async () => ((await sessionOf(store)) ? undefined : 'not written yet'), WITHIN)
  await eventually(async () => {
    const left = await readdir(path.join(folder, 'records/spill'))
    return left.some((name) => name.startsWith('pod_1')) ? `left: ${left}` : undefined
  }, WITHIN)
  await next.records.close()
})

test('[REC1] a folder that cannot be used is told, and nothing waits for it', async (t) => {
  const folder = await temporaryFolder(t)
  await mkdir(folder, { recursive: true })
  await writeFile(path.join(folder, 'records'), 'a file where a folder should be')
  const { records, lines } = await open(t, folder)
  records.sessions.opened(SESSION)
  await eventually(() => {
    const told = lines.some(({ message }) => /cannot wait on disk/.test(message))
    return told ? undefined : 'nothing was told yet'
  }, WITHIN)
  assert.equal(records.report().queued, 1)
  await records.close()
})

test('[REC6] forgetting takes what is written and what waits; records of before do not come back', async (t) => {
  const folder = await temporaryFolder(t)
  const { records } = await open(t, folder)
  const store = await reading(t, folder)
  records.sessions.opened(SESSION)
  await eventually(async () => ((await sessionOf(store)) ? undefined : 'not written yet'), WITHIN)
  const forgotten = await records.forget('acme', 'ada', 'key:backend')
  assert.ok(forgotten.ok)
  assert.equal(forgotten.value.rows.sessions, 1)
  records.sessions.closed(SESSION, 'deleted')
  await records.close()
  assert.equal(await sessionOf(store), undefined)
  const acts = await store.audit.list({ tenant: 'acme', limit: 10 })
  assert.ok(acts.ok)
  const [act] = acts.value
  assert.deepEqual([act?.actor, act?.action, act?.target], ['key:backend', 'records.forget-user', 'forgotten-user'])
})

test('[REC6] an empty name is refused; a database that is away is RECORDS_UNAVAILABLE, without its address', async (t) => {
  const folder = await temporaryFolder(t)
  const { records } = await open(t, folder, {
    'records.databaseUrl': 'postgres://parley:secret-word@127.0.0.1:1/parley',
  })
  const nobody = await records.forget('acme', '', 'key:backend')
  assert.ok(!nobody.ok && nobody.error.code === 'INVALID_FIELD')
  const away = await records.forget('acme', 'ada', 'key:backend')
  assert.ok(!away.ok && away.error.code === 'RECORDS_UNAVAILABLE')
  assert.doesNotMatch(away.error.message, /127\.0\.0\.1|secret/)
})

test('[REC5] an API key that is in the configuration no more is noted by the next start, once', async (t) => {
  const folder = await temporaryFolder(t)
  const store = await reading(t, folder)
  const hash = 'a'.repeat(64)
  const key = (id: string) => ({ id, tenant: 'acme', role: 'backend' as const, sha256: hash })
  const startWith = async (podId: string, ...ids: string[]) => {
    const config = testConfig(folder)
    const auth = { ...config.auth, keys: ids.map(key) }
    const logger = collectingLogger()
    const records = await openPodRecords({ clock: systemClock, config: { ...config, auth }, podId, logger })
    const remembered = JSON.stringify(ids.map((id) => ['acme', id]))
    await eventually(async () => {
      const known = await store.setting('pods.apiKeys')
      return known.ok && known.value === remembered ? undefined : 'not looked at yet'
    }, WITHIN)
    await records.close()
  }
  await startWith('pod_1', 'one', 'two')
  await startWith('pod_2', 'two')
  await startWith('pod_3', 'two')
  const acts = await store.audit.list({ tenant: 'acme', limit: 10 })
  assert.ok(acts.ok)
  const brief = acts.value.map(({ actor, action, target, result }) => [actor, action, target, result])
  assert.deepEqual(brief, [['configuration', 'api-key.revoke', 'one', 'ok']])
  assert.doesNotMatch(JSON.stringify(acts.value), /aaaa/)
})

test(
  '[REC1] a PostgreSQL that is stopped and started again has all that was noted meanwhile',
  needsPostgres,
  async (t) => {
    assert.ok(typeof postgres !== 'string')
    const folder = await temporaryFolder(t)
    const { records } = await open(t, folder, { 'records.databaseUrl': await postgres.newDatabase() })
    records.sessions.opened(SESSION)
    await eventually(() => (records.report().written > 0 ? undefined : 'nothing was written yet'), WITHIN)
    await postgres.server.stop()
    records.sessions.closed(SESSION, 'client_left')
    await eventually(() => (records.report().spillRows > 0 ? undefined : 'nothing waits on disk yet'), WITHIN)
    assert.ok(records.report().lostForMs !== undefined)
    await postgres.restart()
    await eventually(() => {
      const { spillRows, queued, lostForMs } = records.report()
      return spillRows + queued === 0 && lostForMs === undefined
        ? undefined
        : `${spillRows} wait, lost for ${lostForMs}`
    }, WITHIN)
    await records.close()
    const { dropped } = records.report()
    assert.equal(dropped.queueFull + dropped.spillFull + dropped.invalid, 0)
  },
)
