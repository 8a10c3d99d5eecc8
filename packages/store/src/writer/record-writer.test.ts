import assert from 'node:assert/strict'
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import { after, type TestContext, test } from 'node:test'
import { Scope, seededRandom, systemClock } from '@parley/kernel'
import { eventually, ManualClock } from '@parley/kernel/testing'
import { collectingLogger } from '@parley/telemetry/testing'
import { readPage } from '../pages.ts'
import { createRecordStore, type RecordStore, type StorePlace } from '../record-store.ts'
import { keyOf, type StoredRecord } from '../records.ts'
import { SqliteThread } from '../sqlite/sqlite-thread.ts'
import { act, final, session, usage } from '../testing/samples.ts'
import { temporaryPostgres } from '../testing/temporary-postgres.ts'
import { adoptSpills } from './adopt-spills.ts'
import { RecordWriter, type RecordWriterOptions } from './record-writer.ts'
import { Spill, type SpillOptions } from './spill.ts'

const postgres = await temporaryPostgres()
const needsPostgres = typeof postgres === 'string' ? { skip: postgres } : {}
after(async () => {
  if (typeof postgres !== 'string') await postgres.end()
})

const WITHIN = { withinMs: 20_000 }
const many = (count: number, from = 0): StoredRecord[] =>
  Array.from({ length: count }, (_, index) => session({ sessionId: `ses_${from + index}` }))

interface Given {
  readonly place?: StorePlace
  readonly folder?: string
  readonly spill?: Partial<SpillOptions>
  readonly writer?: Partial<RecordWriterOptions>
}

async function writing(t: TestContext, given: Given = {}) {
  const folder = given.folder ?? (await mkdtemp(path.join(os.tmpdir(), 'parley-writer-')))
  const clock = new ManualClock()
  const scope = new Scope(clock)
  const logger = collectingLogger()
  const place = given.place ?? { kind: 'sqlite' as const, file: path.join(folder, 'records.db') }
  const store = await createRecordStore(place, { clock: systemClock, logger })
  const spillFile = path.join(folder, 'spill.db')
  const spill = new Spill({ file: spillFile, clock: systemClock, ...given.spill })
  const options = { store, spill, clock, scope, logger, random: seededRandom(1), ...given.writer }
  const writer = new RecordWriter(options)
  const end = async () => {
    await scope.close()
    await writer.close()
    await Promise.all([store.close(), spill.close()])
  }
  t.after(async () => {
    await end()
    await rm(folder, { recursive: true, force: true })
  })
  const started = await writer.start()
  assert.ok(started.ok)
  /** Moves time until the writer has nothing left to do. */
  const settle = () =>
    eventually(() => {
      clock.advance(30_000)
      const { queued, spillRows, lostSinceMs } = writer.figures
      return queued + spillRows === 0 && lostSinceMs === undefined ? undefined : JSON.stringify(writer.figures)
    }, WITHIN)
  return { folder, clock, scope, logger, store, spill, spillFile, writer, settle, end }
}

async function sessionsIn(store: RecordStore): Promise<string[]> {
  const rows = await readPage(store.database.queries, 'sessions', { limit: 100_000 })
  return rows.map(keyOf)
}

test('[WRI1] records are written in one transaction a quarter of a second after the first, or at once when they are 500', async (t) => {
  const { writer, clock, store, settle } = await writing(t)
  const writes = () => store.stats.figures.get('write')?.durationsMs.count ?? 0
  for (const record of [...many(3), usage(), act()]) writer.record(record)
  clock.advance(249)
  assert.equal(writer.figures.queued, 5)
  clock.advance(1)
  await settle()
  assert.equal(writes(), 1)
  assert.equal(writer.figures.written, 5)
  for (const record of many(500, 100)) writer.record(record)
  await writer.flush()
  assert.equal(writes(), 2)
  assert.equal((await sessionsIn(store)).length, 503)
})

test('[WRI2] finals of tenants that did not opt in are not even queued; the opt-in is known at a start without the database', async (t) => {
  const first = await writing(t)
  first.writer.record(final())
  assert.equal(first.writer.figures.dropped.notKept, 1)
  assert.ok((await first.store.retention.set('default', 30)).ok)
  await eventually(() => {
    first.clock.advance(60_000)
    return first.writer.keepsFinals('default') ? undefined : 'the opt-in is not known yet'
  })
  await first.end()
  const nowhere = { kind: 'postgres' as const, url: 'postgres://parley@localhost/none?host=/nonexistent' }
  const second = await writing(t, { folder: first.folder, place: nowhere })
  second.writer.record(final())
  second.writer.record(final({ tenant: 'other' }))
  await second.writer.flush()
  assert.equal(second.writer.figures.spillRows, 1)
  assert.equal(second.writer.figures.dropped.notKept, 1)
})

test(
  '[WRI3, WRI4] PostgreSQL killed in the middle of writing and started again: every record is there once',
  needsPostgres,
  async (t) => {
    assert.ok(typeof postgres !== 'string')
    const url = await postgres.newDatabase()
    const { writer, clock, store, logger, settle } = await writing(t, { place: { kind: 'postgres', url } })
    let count = 0
    const add = (rows: number) => {
      for (const record of many(rows, count)) writer.record(record)
      count += rows
    }
    add(3_000)
    await eventually(() => (writer.figures.written > 0 ? undefined : 'nothing is written yet'))
    postgres.server.kill('SIGKILL')
    for (let round = 0; round < 4; round++) {
      add(700)
      await writer.flush()
    }
    assert.notEqual(writer.figures.lostSinceMs, undefined)
    assert.ok(writer.figures.spillRows > 0)
    await postgres.restart()
    add(100)
    await settle()
    clock.advance(250)
    await writer.flush()
    const keys = await sessionsIn(store)
    assert.equal(keys.length, count)
    assert.equal(new Set(keys).size, count)
    assert.deepEqual(Object.values(writer.figures.dropped), [0, 0, 0, 0, 0, 0])
    const said = logger.lines.map((line) => line.message).filter((line) => line.startsWith('the database'))
    assert.equal(said.length, 2)
  },
)

test('[WRI3] a PostgreSQL that stands still costs nothing but time', needsPostgres, async (t) => {
  assert.ok(typeof postgres !== 'string')
  const url = await postgres.newDatabase()
  const { writer, store, settle } = await writing(t, { place: { kind: 'postgres', url, statementTimeoutMs: 200 } })
  writer.record(session())
  await writer.flush()
  const pids = await backendsOf(store)
  for (const pid of pids) process.kill(pid, 'SIGSTOP')
  writer.record(session({ sessionId: 'ses_2' }))
  await writer.flush()
  assert.equal(writer.figures.spillRows, 1)
  for (const pid of pids) process.kill(pid, 'SIGCONT')
  await settle()
  assert.equal((await sessionsIn(store)).length, 2)
})

async function backendsOf(store: RecordStore): Promise<number[]> {
  const rows = await store.database.queries
    .selectFrom('pg_stat_activity' as never)
    .select('pid' as never)
    .where('application_name' as never, '=', 'parley' as never)
    .execute()
  return rows.map((row) => (row as { pid: number }).pid)
}

test('[WRI5] a spill at its bound drops its oldest and counts them; a full disk does the same', async (t) => {
  const nowhere = { kind: 'postgres' as const, url: 'postgres://parley@localhost/none?host=/nonexistent' }
  for (const bound of [{ maxBytes: 40_000 }, { maxPages: 24 }]) {
    const { writer, spill } = await writing(t, { place: nowhere, spill: bound })
    for (let round = 0; round < 10; round++) {
      for (const record of many(100, round * 100)) writer.record(record)
      await writer.flush()
    }
    const { queued, spillRows, spilled, dropped } = writer.figures
    assert.equal(queued, 0)
    assert.equal(spilled, 1_000)
    assert.ok(spillRows > 50, `${spillRows} rows with ${JSON.stringify(bound)}`)
    assert.equal(spillRows + dropped.spillFull, 1_000)
    const page = await spill.read(1)
    assert.ok(page.ok)
    const [oldest] = page.value.records
    assert.equal(oldest && keyOf(oldest.record), `["sessions","ses_${1_000 - spillRows}"]`)
  }
})

test('[WRI6] the queue in memory is bounded: neither database nor disk, and the oldest goes', async (t) => {
  const nowhere = { kind: 'postgres' as const, url: 'postgres://parley@localhost/none?host=/nonexistent' }
  const given = { place: nowhere, spill: { maxPages: 8 }, writer: { maxQueuedBytes: 256 * 100 } }
  const { writer } = await writing(t, given)
  for (const record of many(400)) writer.record(record)
  assert.equal(writer.figures.queued, 100)
  assert.equal(writer.figures.dropped.queueFull, 300)
})

test('[WRI4] what an earlier run left on disk is written first, a line that cannot be read is counted and goes', async (t) => {
  const folder = await mkdtemp(path.join(os.tmpdir(), 'parley-writer-'))
  const file = path.join(folder, 'spill.db')
  const left = new Spill({ file, clock: systemClock })
  assert.ok((await left.open()).ok)
  assert.ok((await left.append(many(3))).ok)
  await left.close()
  const raw = new SqliteThread({ file, clock: systemClock })
  await raw.run("update spill set line = '{' where id = 2")
  await raw.close()
  const { writer, store, settle } = await writing(t, { folder })
  await settle()
  assert.equal((await sessionsIn(store)).length, 2)
  assert.equal(writer.figures.dropped.unreadable, 1)
  assert.equal(writer.figures.spillRows, 0)
})

test('[WRI8] a spill has one owner; one whose owner is gone is written by another member, and goes', async (t) => {
  const { writer, spillFile, store, folder } = await writing(t)
  writer.record(session({ sessionId: 'ses_own' }))
  await writer.flush()
  const second = new Spill({ file: spillFile, clock: systemClock })
  t.after(() => second.close())
  assert.deepEqual(await second.own(), { ok: true, value: false })
  const orphanFile = path.join(folder, 'orphan.db')
  const orphan = new Spill({ file: orphanFile, clock: systemClock })
  assert.ok((await orphan.open()).ok)
  assert.ok((await orphan.own()).ok)
  assert.ok((await orphan.append(many(700))).ok)
  const files = [spillFile, orphanFile, path.join(folder, 'none.db')]
  assert.deepEqual(await adoptSpills(store, files, systemClock), { ok: true, value: { files: 0, records: 0 } })
  await orphan.close()
  assert.deepEqual(await adoptSpills(store, files, systemClock), { ok: true, value: { files: 1, records: 700 } })
  assert.equal((await sessionsIn(store)).length, 701)
  assert.deepEqual(
    (await readdir(folder)).filter((name) => name.startsWith('orphan')),
    [],
  )
})

test('[WRI7] a record the database refuses is left out and counted; those beside it are written', async (t) => {
  const { writer, store, logger } = await writing(t)
  const { sql } = await import('kysely')
  await sql`create trigger refuse before insert on sessions when new.session_id = 'ses_7'
    begin select raise(abort, 'ses_7 is not wanted'); end`.execute(store.database.queries)
  for (const record of many(20)) writer.record(record)
  writer.record(session({ sessionId: 'x'.repeat(300) }))
  await writer.flush()
  assert.equal((await sessionsIn(store)).length, 19)
  assert.equal(writer.figures.dropped.invalid, 2)
  assert.equal(writer.figures.lostSinceMs, undefined)
  assert.doesNotMatch(JSON.stringify(logger.lines), /ses_7|xxxx/)
})

test('[FGT3] a user is deleted from the spill of another process, and its file no longer holds the name', async (t) => {
  const nowhere = { kind: 'postgres' as const, url: 'postgres://parley@localhost/none?host=/nonexistent' }
  const { writer, spillFile } = await writing(t, { place: nowhere })
  const mine = [session({ userId: 'quentin' }), act({ actor: 'quentin' })]
  for (const record of [...mine, session({ sessionId: 'ses_2' })]) writer.record(record)
  await writer.flush()
  const other = new Spill({ file: spillFile, clock: systemClock })
  t.after(() => other.close())
  assert.ok((await other.open(false)).ok)
  assert.deepEqual(await other.forget('default', 'quentin', true), { ok: true, value: 2 })
  assert.deepEqual(await other.forget('default', 'quentin'), { ok: true, value: 2 })
  const { readFile } = await import('node:fs/promises')
  for (const name of [spillFile, `${spillFile}-wal`]) {
    const bytes = await readFile(name).catch(() => Buffer.alloc(0))
    assert.equal(bytes.includes('quentin'), false, name)
  }
})

test('[WRI9] at the end what the database has not taken in time is on disk, and comes once', async (t) => {
  const folder = await mkdtemp(path.join(os.tmpdir(), 'parley-writer-'))
  const { writer, clock, spill, end } = await writing(t, { folder })
  const other = new SqliteThread({ file: path.join(folder, 'records.db'), clock: systemClock })
  t.after(() => other.close())
  await other.run('BEGIN EXCLUSIVE')
  for (const record of many(3)) writer.record(record)
  let isClosed = false
  const closing = writer.close(400).then(() => {
    isClosed = true
  })
  await clock.advanceAsync(399)
  assert.equal(isClosed, false)
  await clock.advanceAsync(1)
  await closing
  assert.equal(spill.rows, 3)
  await other.run('ROLLBACK')
  await other.close()
  await end()
  const next = await writing(t, { folder })
  await next.settle()
  assert.equal((await sessionsIn(next.store)).length, 3)
})
