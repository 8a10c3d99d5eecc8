import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import test from 'node:test'
import { systemClock } from '@parley/kernel'
import { silentLogger } from '@parley/telemetry'
import { CompiledQuery, createQueryId, type KyselyPlugin, type RootOperationNode } from 'kysely'
import { countOlder, readPage } from './pages.ts'
import { openRecordStore, RecordStore } from './record-store.ts'
import { TABLE_NAMES } from './records.ts'
import { final, SAMPLE_MS, session } from './testing/samples.ts'

test('[STR13] no query of readers, retention or forgetting reads a whole table of records', async (t) => {
  const folder = await mkdtemp(path.join(os.tmpdir(), 'parley-plans-'))
  const options = { clock: systemClock, logger: silentLogger }
  const opened = await openRecordStore({ kind: 'sqlite', file: path.join(folder, 'records.db') }, options)
  assert.ok(opened.ok)
  const { database } = opened.value
  t.after(async () => {
    await opened.value.close()
    await rm(folder, { recursive: true, force: true })
  })
  const asked: RootOperationNode[] = []
  const listening: KyselyPlugin = {
    transformQuery({ node }) {
      asked.push(node)
      return node
    },
    transformResult: async ({ result }) => result,
  }
  const queries = database.queries.withPlugin(listening)
  const store = new RecordStore({ ...database, queries }, options)
  await store.retention.set('default', 30)
  const [newest] = [session()].filter((record) => record.table === 'sessions').map((record) => record.row)
  const [said] = [final()].filter((record) => record.table === 'finals').map((record) => record.row)
  assert.ok(newest && said)
  await store.sessions.get('default', 'ses_1')
  await store.sessions.list({ tenant: 'default', before: newest, limit: 10 })
  await store.sessions.list({ tenant: 'default', userId: 'ada', limit: 10 })
  await store.finals.ofSession('default', 'ses_1', 10, said)
  await store.usage.perDay({ tenant: 'default', fromDay: '2026-01-01', toDay: '2026-12-31' })
  await store.usage.perDay({ fromDay: '2026-01-01', toDay: '2026-12-31' })
  await store.audit.list({ tenant: 'default', before: { atMs: SAMPLE_MS, auditId: 'x' }, limit: 10 })
  await store.retention.set('other', 0)
  await opened.value.write([final()])
  await store.retention.purge(SAMPLE_MS + 90 * 86_400_000)
  await store.forget('default', 'ada')
  for (const table of TABLE_NAMES) {
    await readPage(queries, table, { olderThanMs: SAMPLE_MS, limit: 10 })
    await countOlder(queries, table, SAMPLE_MS)
  }
  assert.ok(asked.length > 15)
  for (const node of asked) {
    const { sql, parameters } = database.queries.getExecutor().compileQuery(node, createQueryId())
    if (!/^(select|delete|update)/.test(sql)) continue
    const plan = await database.queries.executeQuery<{ detail: string }>(
      CompiledQuery.raw(`explain query plan ${sql}`, [...parameters]),
    )
    for (const { detail } of plan.rows) {
      assert.doesNotMatch(detail, /SCAN (sessions|finals|usage|audit)/, `${sql}\n${detail}`)
    }
  }
})
