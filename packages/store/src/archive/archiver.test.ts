import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import { after, describe, type TestContext, test } from 'node:test'
import { Scope, seededRandom, systemClock } from '@parley/kernel'
import { eventually, ManualClock } from '@parley/kernel/testing'
import { collectingLogger } from '@parley/telemetry/testing'
import { readPage } from '../pages.ts'
import { openRecordStore, type RecordStore, type StorePlace } from '../record-store.ts'
import { lineOf, type StoredRecord, TABLE_NAMES } from '../records.ts'
import { act, final, SAMPLE_MS, session, usage } from '../testing/samples.ts'
import { temporaryPostgres } from '../testing/temporary-postgres.ts'
import { Spill } from '../writer/spill.ts'
import { type ArchiveOptions, archiveRecords, archivesIn } from './archiver.ts'
import { forgetUser } from './forget-user.ts'
import { MANIFEST, readManifest, writeManifest } from './record-files.ts'
import { isArchiveDue, localDayOf, startDailyArchive } from './schedule.ts'
import { exportRecords, restoreRecords } from './transfer.ts'

const DAY_MS = 86_400_000
const LATER_MS = SAMPLE_MS + 91 * DAY_MS

const postgres = await temporaryPostgres()
after(async () => {
  if (typeof postgres !== 'string') await postgres.end()
})

function value<T>(result: { ok: true; value: T } | { ok: false; error: { message: string } }): T {
  assert.ok(result.ok, result.ok ? '' : result.error.message)
  return result.value
}

async function folderOf(t: TestContext): Promise<string> {
  const folder = await mkdtemp(path.join(os.tmpdir(), 'parley-archive-'))
  t.after(() => rm(folder, { recursive: true, force: true }))
  return folder
}

async function all(store: RecordStore): Promise<StoredRecord[]> {
  const rows = []
  for (const table of TABLE_NAMES) rows.push(...(await readPage(store.database.queries, table, { limit: 1_000_000 })))
  return rows
}
const linesOf = async (store: RecordStore) => (await all(store)).map(lineOf).sort()

/** Some records of each kind, of two users, and some that are too young. */
const some = (): StoredRecord[] => [
  ...Array.from({ length: 20 }, (_, index) =>
    session({ sessionId: `ses_${index}`, userId: index % 2 ? 'ada' : 'bob' }),
  ),
  ...Array.from({ length: 20 }, (_, index) =>
    final({ utteranceIndex: index, userId: index % 2 ? 'ada' : 'bob', text: `text ${index} \u0000 \ud83d\ude00\n"` }),
  ),
  usage(),
  act(),
  session({ sessionId: 'ses_young', endedAtMs: LATER_MS - DAY_MS, endReason: 'closed' }),
]
const YOUNG = 1
/** More than one file of an archive holds; what one database shows at scale the other shows at a third of it. */
const MANY = { SQLite: 60_000, PostgreSQL: 20_000 } as const

for (const kind of ['SQLite', 'PostgreSQL'] as const) {
  const skip = kind === 'PostgreSQL' && typeof postgres === 'string' ? { skip: postgres } : {}
  describe(`archives of ${kind}`, skip, () => {
    let count = 0
    async function opened(t: TestContext, given?: StorePlace): Promise<{ store: RecordStore; place: StorePlace }> {
      let place = given
      if (!place) {
        const file = path.join(await folderOf(t), `${++count}.db`)
        if (kind === 'SQLite') place = { kind: 'sqlite', file }
        else if (typeof postgres !== 'string') place = { kind: 'postgres', url: await postgres.newDatabase() }
      }
      assert.ok(place)
      const store = value(await openRecordStore(place, { clock: systemClock, logger: collectingLogger() }))
      t.after(() => store.close())
      return { store, place }
    }
    async function filled(t: TestContext, records = some()): Promise<{ store: RecordStore; place: StorePlace }> {
      const made = await opened(t)
      value(await made.store.retention.set('default', 400))
      for (let from = 0; from < records.length; from += 1_000) {
        value(await made.store.write(records.slice(from, from + 1_000)))
      }
      return made
    }
    const options = async (t: TestContext, given: Partial<ArchiveOptions> = {}): Promise<ArchiveOptions> => ({
      folder: path.join(await folderOf(t), 'archive'),
      clock: new ManualClock(LATER_MS),
      ...given,
    })

    test('[ARC1, ARC2] old rows move to files and back, byte for byte; restoring twice changes nothing', async (t) => {
      const { store } = await filled(t)
      const before = await linesOf(store)
      const given = await options(t, { rowsPerFile: 7 })
      assert.equal(value(await archiveRecords(store, { ...given, dryRun: true })).copied.sessions, 20)
      assert.equal((await linesOf(store)).length, before.length)
      const report = value(await archiveRecords(store, given))
      assert.deepEqual(report.copied, { sessions: 20, finals: 20, usage: 1, audit: 1 })
      assert.equal(report.deleted, 42)
      assert.equal((await all(store)).length, YOUNG)
      const { files, state } = await readManifest(report.folder as string)
      assert.equal(state, 'done')
      for (const file of files) {
        const [sum] = execFileSync('sha256sum', [path.join(report.folder as string, file.name)], {
          encoding: 'utf8',
        }).split(' ')
        assert.equal(sum, file.sha256)
        const text = execFileSync('zcat', [path.join(report.folder as string, file.name)], { encoding: 'utf8' })
        assert.equal(text.trimEnd().split('\n').length, file.rows)
      }
      assert.equal(value(await archiveRecords(store, given)).folder, undefined)
      const first = value(await restoreRecords(store, { folder: given.folder }))
      assert.deepEqual([first.rows, first.restored, first.alreadyThere], [42, 42, 0])
      assert.deepEqual(await linesOf(store), before)
      const second = value(await restoreRecords(store, { folder: report.folder as string }))
      assert.deepEqual([second.restored, second.alreadyThere], [0, 42])
    })

    test('[ARC3] a row that changed after the copy stays; a run that stopped between copy and deletion is finished by the next', async (t) => {
      const { store } = await filled(t)
      const given = await options(t)
      const report = value(await archiveRecords(store, given))
      value(await restoreRecords(store, { folder: given.folder }))
      const folder = report.folder as string
      await writeManifest(folder, { ...(await readManifest(folder)), state: 'copied' })
      const moved = session({ sessionId: 'ses_3', userId: 'ada', pod: 'pod_9', fenceCounter: 2 })
      value(await store.write([moved]))
      await mkdir(path.join(given.folder, '.partial-left'))
      const next = value(await archiveRecords(store, given))
      assert.deepEqual([next.deleted, next.changed], [42, 1])
      assert.equal(next.copied.sessions, 1)
      assert.equal((await all(store)).length, YOUNG)
      assert.deepEqual(
        (await readdir(given.folder)).filter((name) => name.startsWith('.')),
        [],
      )
    })

    test('[ARC3] a copy that is not what was written deletes nothing', async (t) => {
      const { store } = await filled(t)
      const given = await options(t)
      const report = value(await archiveRecords(store, given))
      const folder = report.folder as string
      value(await restoreRecords(store, { folder }))
      const manifest = await readManifest(folder)
      await writeManifest(folder, { ...manifest, state: 'copied' })
      const file = path.join(folder, manifest.files[0]?.name as string)
      const bytes = await readFile(file)
      bytes[bytes.length - 9] = (bytes.at(-9) ?? 0) ^ 1
      await writeFile(file, bytes)
      const before = await linesOf(store)
      for (const result of [await archiveRecords(store, given), await restoreRecords(store, { folder })]) {
        assert.ok(!result.ok)
        assert.equal(result.error.code, 'DAMAGED')
        assert.match(result.error.message, /its manifest says/)
      }
      assert.deepEqual(await linesOf(store), before)
    })

    test('[ARC4] of two archivers at once one works, the other is told', async (t) => {
      const { store, place } = await filled(t)
      const { store: other } = await opened(t, place)
      const given = await options(t)
      const results = await Promise.all([archiveRecords(store, given), archiveRecords(other, given)])
      const done = results.filter((result) => result.ok && result.value.folder !== undefined)
      assert.equal(done.length, 1)
      for (const result of results) assert.ok(result.ok || result.error.code === 'BUSY')
      const rows = (await readManifest((await archivesIn(given.folder))[0] as string)).files
      assert.equal((await archivesIn(given.folder)).length, 1)
      assert.equal(
        rows.reduce((sum, file) => sum + file.rows, 0),
        42,
      )
    })

    test('[ARC5] finals whose tenant keeps them no longer leave database and archives', async (t) => {
      const { store } = await filled(t)
      const given = await options(t)
      const { folder } = value(await archiveRecords(store, given))
      value(await store.retention.set('default', 1))
      value(await store.write([final({ sessionId: 'ses_young', recordedAtMs: SAMPLE_MS })]))
      assert.equal(value(await archiveRecords(store, given)).expired, 21)
      const { files } = await readManifest(folder as string)
      assert.deepEqual(files.map((file) => file.table).sort(), ['audit', 'sessions', 'usage'])
      assert.equal((await readdir(folder as string)).length, 4)
    })

    test('[ARC3] an archive that is cut off while it deletes loses no row, and is finished later', async (t) => {
      const { store, place } = await filled(t)
      const { store: other } = await opened(t, place)
      const before = await linesOf(store)
      const given = await options(t, { rowsPerFile: 5 })
      let isCut = false
      const onProgress: ArchiveOptions['onProgress'] = ({ step }) => {
        if (step !== 'deleting' || isCut) return
        isCut = true
        if (kind === 'SQLite') void store.close()
        else if (typeof postgres !== 'string') postgres.crash()
      }
      const cut = await archiveRecords(store, { ...given, onProgress })
      assert.ok(!cut.ok)
      assert.equal(cut.error.code, 'UNAVAILABLE')
      if (kind === 'PostgreSQL' && typeof postgres !== 'string') await postgres.restart()
      const [made] = await archivesIn(given.folder)
      assert.equal((await readManifest(made as string)).state, 'copied')
      const left = await linesOf(other)
      assert.ok(left.length > YOUNG && left.length < before.length, `${left.length} rows are left`)
      assert.equal(value(await archiveRecords(other, given)).deleted, left.length - YOUNG)
      assert.equal((await all(other)).length, YOUNG)
      value(await restoreRecords(other, { folder: given.folder }))
      assert.deepEqual(await linesOf(other), before)
    })

    test('[FGT1, FGT4] forgetting reaches rows, spill, archives and named exports, and leaves others alone', async (t) => {
      const { store } = await filled(t)
      const folder = await folderOf(t)
      const given = await options(t)
      const exported = path.join(folder, 'export')
      value(await exportRecords(store, { folder: exported, clock: systemClock }))
      value(await archiveRecords(store, given))
      const late = [session({ sessionId: 'ses_late', userId: 'ada' }), act({ auditId: 'aud_9', target: 'ada' })]
      value(await store.write(late))
      const spillFile = path.join(folder, 'spill.db')
      const spill = new Spill({ file: spillFile, clock: systemClock })
      t.after(() => spill.close())
      value(await spill.open())
      value(await spill.append([final({ userId: 'ada' }), final({ userId: 'bob' })]))
      const wanted = {
        tenant: 'default',
        userId: 'ada',
        clock: systemClock,
        spillFiles: [spillFile, path.join(folder, 'none.db')],
        archiveFolder: given.folder,
        exports: [exported],
        actor: 'cli:root',
      }
      const dry = value(await forgetUser(store, { ...wanted, dryRun: true }))
      const report = value(await forgetUser(store, wanted))
      assert.deepEqual({ ...dry, remarks: [] }, { ...report, remarks: [] })
      assert.deepEqual(report.rows, { sessions: 2, finals: 0, audit: 1 })
      assert.equal(report.spilled, 1)
      assert.deepEqual(report.archived, { records: 21, files: 3 })
      assert.deepEqual(report.exported, { records: 22, files: 3 })
      const texts = [(await linesOf(store)).join('\n')]
      for (const where of [...(await archivesIn(given.folder)), exported]) {
        for (const name of (await readdir(where)).filter((each) => each !== MANIFEST)) {
          texts.push(execFileSync('zcat', [path.join(where, name)], { encoding: 'utf8' }))
        }
      }
      assert.doesNotMatch(texts.join('\n'), /ada/)
      assert.match(texts.join('\n'), /bob/)
      assert.equal(spill.rows, 2)
      const again = value(await forgetUser(store, wanted))
      assert.deepEqual([again.rows.sessions, again.spilled, again.archived.records], [0, 0, 0])
      const restored = value(await restoreRecords(store, { folder: given.folder }))
      assert.equal(restored.forgotten, 0)
    })

    test('[FGT2, ARC6] an export brings retention and the forgotten into a new database; an old export does not bring a user back', async (t) => {
      const { store } = await filled(t)
      const folder = await folderOf(t)
      const [old, fresh] = [path.join(folder, 'old'), path.join(folder, 'fresh')]
      value(await exportRecords(store, { folder: old, clock: systemClock }))
      const refused = await exportRecords(store, { folder: old, clock: systemClock })
      assert.ok(!refused.ok && refused.error.code === 'REFUSED')
      value(await store.forget('default', 'ada'))
      value(await exportRecords(store, { folder: fresh, clock: systemClock }))
      const { store: next } = await opened(t)
      const first = value(await restoreRecords(next, { folder: fresh }))
      assert.equal(first.notKept, 0)
      assert.deepEqual(await linesOf(next), await linesOf(store))
      assert.equal(value(await next.retention.all()).get('default'), 400)
      const second = value(await restoreRecords(next, { folder: old }))
      assert.equal(second.forgotten, 21)
      assert.deepEqual(
        (await linesOf(next)).filter((line) => line.includes('"userId":"ada"')),
        [],
      )
    })

    test('[ARC6] an export of one tenant holds nothing of another', async (t) => {
      const { store } = await filled(t, [...some(), session({ sessionId: 'ses_x', tenant: 'other' })])
      const folder = path.join(await folderOf(t), 'one')
      const report = value(await exportRecords(store, { folder, clock: systemClock, tenant: 'other' }))
      assert.deepEqual([report.rows, report.files], [1, 1])
      const { files, forgotten, retention } = await readManifest(folder)
      assert.deepEqual(files[0]?.tenants, { other: 1 })
      assert.deepEqual([forgotten, retention], [undefined, {}])
      const nowhere = await restoreRecords(store, { folder: await folderOf(t) })
      assert.ok(!nowhere.ok && nowhere.error.code === 'REFUSED')
    })

    test('[ARC1, ARC2] many rows go to the archive and come back', async (t) => {
      const rows = Array.from({ length: MANY[kind] }, (_, index) => session({ sessionId: `ses_${index}` }))
      const { store } = await filled(t, rows)
      const given = await options(t)
      let seen = 0
      const onProgress = () => {
        seen++
      }
      const report = value(await archiveRecords(store, { ...given, onProgress }))
      assert.equal(report.deleted, MANY[kind])
      assert.equal((await readManifest(report.folder as string)).files.length, Math.ceil(MANY[kind] / 50_000))
      assert.deepEqual(await all(store), [])
      assert.equal(value(await restoreRecords(store, { folder: given.folder })).restored, MANY[kind])
      assert.ok(seen > 50)
    })
  })
}

test('[ARC7] the archive is due once a day from its hour on, whatever the clock does', () => {
  const at = (text: string) => new Date(text).getTime()
  const yesterday = localDayOf(at('2026-03-28T12:00:00'))
  assert.equal(isArchiveDue(at('2026-03-29T01:59:59'), yesterday), false)
  assert.equal(isArchiveDue(at('2026-03-29T02:00:00'), yesterday), true)
  assert.equal(isArchiveDue(at('2026-03-29T17:00:00'), undefined), true)
  assert.equal(isArchiveDue(at('2026-03-29T17:00:00'), '2026-03-29'), false)
  assert.equal(isArchiveDue(at('2026-03-29T17:00:00'), '2031-01-01'), true, 'a clock that was set back')
  assert.equal(isArchiveDue(at('2026-03-29T03:00:00'), yesterday, 4), false)
})

test('[ARC7] of several members one archives, once a day, also when the clock jumps', async (t) => {
  const folder = await folderOf(t)
  const file = path.join(folder, 'records.db')
  const clock = new ManualClock(new Date('2026-11-27T01:30:00').getTime())
  const scope = new Scope(clock)
  const logger = collectingLogger()
  const stores: RecordStore[] = []
  for (let member = 0; member < 2; member++) {
    const store = value(await openRecordStore({ kind: 'sqlite', file }, { clock: systemClock, logger }))
    stores.push(store)
    const options = { folder: path.join(folder, 'archive'), clock, scope, logger, random: seededRandom(member) }
    startDailyArchive(store, options)
  }
  t.after(async () => {
    await scope.close()
    for (const store of stores) await store.close()
  })
  const done = () => logger.lines.filter((line) => line.message === 'records were archived').length
  clock.advance(20 * 60_000)
  value(await (stores[0] as RecordStore).setting('x'))
  assert.equal(done(), 0)
  clock.advance(15 * 60_000)
  const store = stores[0] as RecordStore
  await eventually(async () => {
    clock.advance(60_000)
    return value(await store.setting('archive.lastDay')) === localDayOf(clock.wallMs()) ? undefined : 'not yet archived'
  })
  const afterFirst = done()
  assert.ok(afterFirst >= 1 && afterFirst <= 2)
  clock.advance(5 * 60 * 60_000)
  value(await store.setting('x'))
  assert.ok(done() <= 2)
  clock.advance(30 * DAY_MS)
  await eventually(async () => {
    clock.advance(60_000)
    return value(await store.setting('archive.lastDay')) === localDayOf(clock.wallMs()) ? undefined : 'not yet archived'
  })
})
