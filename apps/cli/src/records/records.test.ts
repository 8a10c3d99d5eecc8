import assert from 'node:assert/strict'
import { mkdir, mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import { PassThrough } from 'node:stream'
import test, { after, type TestContext } from 'node:test'
import { systemClock } from '@parley/kernel'
import { openRecordStore, type RecordStore, recordFolders, type StorePlace } from '@parley/store'
import { act, final, SAMPLE_MS, session, temporaryPostgres, usage } from '@parley/store/testing'
import { silentLogger } from '@parley/telemetry'
import type { CliContext } from '../context.ts'
import { Output } from '../output/index.ts'
import { writeRun } from '../platform/run-file.ts'
import { runCli } from '../program.ts'
import { bytesText, countText, rowsText } from './words.ts'

const postgres = await temporaryPostgres()
after(async () => {
  if (typeof postgres !== 'string') await postgres.end()
})

/** The clock of the commands: the samples are 91 days old. */
const clock = { ...systemClock, wallMs: () => SAMPLE_MS + 91 * 86_400_000 }

async function folderOf(t: TestContext): Promise<string> {
  const folder = await mkdtemp(path.join(os.tmpdir(), 'parley-records-'))
  t.after(() => rm(folder, { recursive: true, force: true }))
  return folder
}

async function fill(place: StorePlace): Promise<void> {
  await withStore(place, async (store) => {
    assert.ok((await store.retention.set('default', 400)).ok)
    const mine = [session(), final(), act({ actor: 'ada' })]
    assert.ok((await store.write([...mine, session({ sessionId: 'ses_2', userId: 'bob' }), usage()])).ok)
  })
}

async function withStore<T>(place: StorePlace, work: (store: RecordStore) => Promise<T>): Promise<T> {
  const opened = await openRecordStore(place, { clock: systemClock, logger: silentLogger })
  assert.ok(opened.ok)
  return work(opened.value).finally(() => opened.value.close())
}

async function run(dataDir: string, args: string[], env: NodeJS.ProcessEnv = {}) {
  const [stdout, stderr] = [new PassThrough(), new PassThrough()]
  const output = new Output({ stdout, stderr }, {})
  const context: CliContext = { env, cwd: '/', homeDir: '/nonexistent', clock, output }
  const before = process.exitCode
  const exitCode = await runCli([...args, '--data-dir', dataDir], context)
  process.exitCode = before ?? 0
  return { exitCode, out: String(stdout.read() ?? ''), err: String(stderr.read() ?? '') }
}

test('[RCM1, RCM4] export, archive and restore say what they do, in words and as JSON; acts are noted', async (t) => {
  const dataDir = await folderOf(t)
  const place = { kind: 'sqlite', file: recordFolders(dataDir).databaseFile } as const
  await fill(place)
  const target = path.join(dataDir, 'export')
  const dry = await run(dataDir, ['records', 'export', target, '--dry-run'])
  assert.deepEqual([dry.exitCode, dry.out], [0, `would export 5 records to ${target}\n`])
  const exported = await run(dataDir, ['records', 'export', target, '--json'])
  const { rows, files } = JSON.parse(exported.out) as { rows: number; files: number }
  assert.deepEqual([rows, files, exported.err], [5, 4, ''])
  const wanted = await run(dataDir, ['records', 'archive', '--dry-run'])
  assert.equal(wanted.out, 'would archive 2 sessions, 1 final, 1 rows of usage, 1 act\n')
  const archived = await run(dataDir, ['records', 'archive'])
  assert.match(archived.out, /^archived 2 sessions, 1 final, 1 rows of usage, 1 act to .*\/records\/archive\/2027-/)
  assert.match(archived.out, /5 rows deleted/)
  assert.match((await run(dataDir, ['records', 'archive'])).out, /^nothing is older than 90 days/)
  const checked = await run(dataDir, ['records', 'restore', target, '--dry-run'])
  assert.match(checked.out, /is whole: 5 records in 4 files/)
  const restored = await run(dataDir, ['records', 'restore', recordFolders(dataDir).archiveFolder, '--json'])
  assert.equal((JSON.parse(restored.out) as { restored: number }).restored, 5)
  assert.match(
    (await run(dataDir, ['records', 'restore', target])).out,
    /restored 0 records of 5 .*\n5 were there already/,
  )
  const listed = await run(dataDir, ['records', 'list', '--user', 'bob'])
  assert.match(listed.out, /^session +user +pod .*\nses_2 +bob +/)
  const { sessions } = JSON.parse((await run(dataDir, ['records', 'list', '--json'])).out) as { sessions: object[] }
  assert.equal(sessions.length, 2)
  assert.equal((await run(dataDir, ['records', 'list', '--tenant', 'nobody'])).out, 'no sessions of nobody\n')
  assert.equal((await run(dataDir, ['records', 'list', '--limit', '0'])).exitCode, 2)
  const days = await run(dataDir, ['records', 'usage', '--days', '100'])
  assert.match(days.out, /default +2026-11-27 +1\.0 +10 +5/)
  const acts = await withStore(place, (store) => store.audit.list({ tenant: '*', limit: 10 }))
  assert.ok(acts.ok)
  const actions = acts.value.map((row) => row.action).sort()
  assert.deepEqual(
    actions,
    ['archive', 'archive', 'export', 'restore', 'restore'].map((name) => `records.${name}`),
  )
  assert.match(acts.value[0]?.actor ?? '', /^cli:/)
})

test('[RCM2] forgetting only counts until it is told to', async (t) => {
  const dataDir = await folderOf(t)
  const place = { kind: 'sqlite', file: recordFolders(dataDir).databaseFile } as const
  await fill(place)
  const asked = await run(dataDir, ['records', 'forget-user', 'ada'])
  assert.equal(asked.exitCode, 2)
  assert.match(asked.out, /1 session, 1 final would be deleted/)
  assert.match(asked.err, /add --yes/)
  assert.equal((await run(dataDir, ['records', 'forget-user', 'ada', '--dry-run'])).exitCode, 0)
  const done = await run(dataDir, ['records', 'forget-user', 'ada', '--yes'])
  assert.equal(done.exitCode, 0)
  assert.match(done.out, /1 session, 1 final deleted\naudit log: 1 act kept under another name/)
  assert.match(done.err, /backups and exports made before still hold the user/)
  const rows = await withStore(place, (store) => store.sessions.list({ tenant: 'default', limit: 10 }))
  assert.ok(rows.ok)
  assert.deepEqual(
    rows.value.map((row) => row.userId),
    ['bob'],
  )
  const again = await run(dataDir, ['records', 'forget-user', 'ada', '--yes', '--json'])
  const { rows: counts } = JSON.parse(again.out) as { rows: object }
  assert.deepEqual(counts, { sessions: 0, finals: 0, audit: 0 })
})

test('[RCM3] retention is shown and set', async (t) => {
  const dataDir = await folderOf(t)
  assert.equal((await run(dataDir, ['records', 'retention', '--tenant', 'x'])).exitCode, 2)
  assert.equal((await run(dataDir, ['records', 'retention', '--tenant', 'x', '--days', '-1'])).exitCode, 2)
  const set = await run(dataDir, ['records', 'retention', '--tenant', 'x', '--days', '30'])
  assert.equal(set.out, 'x: finals are kept 30 days\n')
  await run(dataDir, ['records', 'retention', '--tenant', 'x', '--days', '0'])
  assert.equal((await run(dataDir, ['records', 'retention'])).out, 'x: keeps no finals\n')
  assert.equal((await run(dataDir, ['records', 'retention', '--json'])).out, '{"x":0}\n')
})

test('[RCM5] exit codes tell missing, refused and damaged apart, and no message holds a password', async (t) => {
  const dataDir = await folderOf(t)
  const none = await run(dataDir, ['records', 'export', path.join(dataDir, 'x')])
  assert.equal(none.exitCode, 5)
  assert.deepEqual(await readdir(dataDir), [])
  const env = { PARLEY_RECORDS_DATABASE_URL: 'postgres://ada:geheim@127.0.0.1:9/records' }
  const away = await run(dataDir, ['records', 'usage'], env)
  assert.equal(away.exitCode, 5)
  assert.match(away.err, /PostgreSQL records at 127\.0\.0\.1:9 cannot be reached: ECONNREFUSED/)
  assert.doesNotMatch(away.err, /geheim/)
  await fill({ kind: 'sqlite', file: recordFolders(dataDir).databaseFile })
  assert.equal((await run(dataDir, ['records', 'restore', dataDir])).exitCode, 2)
  const target = path.join(dataDir, 'export')
  await run(dataDir, ['records', 'export', target])
  await writeFile(path.join(target, 'usage-0001.ndjson.gz'), 'x')
  assert.equal((await run(dataDir, ['records', 'restore', target])).exitCode, 1)
})

test('[RCM6] a backup comes back with one command, and not under a running platform', async (t) => {
  const root = await folderOf(t)
  const dataDir = path.join(root, 'data')
  const place = { kind: 'sqlite', file: recordFolders(dataDir).databaseFile } as const
  await fill(place)
  const folder = path.join(root, 'backup')
  const made = await run(dataDir, ['backup', folder])
  assert.match(made.out, /1 file, \d+\.\d kB/)
  await mkdir(path.join(dataDir, 'run'))
  await writeRun(dataDir, {
    url: 'http://127.0.0.1:1',
    pid: process.pid,
    adminUrl: 'unix:x',
    podPid: 1,
    startedAtMs: 1,
  })
  const refused = await run(dataDir, ['restore', folder])
  assert.equal(refused.exitCode, 1)
  assert.match(refused.err, /a platform runs on .*; stop it, then restore/)
  await rm(path.join(dataDir, 'run'), { recursive: true })
  assert.match((await run(dataDir, ['restore', folder, '--dry-run'])).out, /is whole: 1 file/)
  await rm(dataDir, { recursive: true })
  const restored = await run(dataDir, ['restore', folder, '--json'])
  assert.equal((JSON.parse(restored.out) as { previous: null }).previous, null)
  assert.ok((await stat(place.file)).isFile())
})

test(
  '[RCM6] a backup holds the records of a PostgreSQL, and restoring brings them back',
  typeof postgres === 'string' ? { skip: postgres } : {},
  async (t) => {
    assert.ok(typeof postgres !== 'string')
    const root = await folderOf(t)
    const dataDir = path.join(root, 'data')
    await mkdir(dataDir)
    await writeFile(path.join(dataDir, 'apiKey'), 'secret')
    const [first, second] = [await postgres.newDatabase(), await postgres.newDatabase()]
    await fill({ kind: 'postgres', url: first })
    const folder = path.join(root, 'backup')
    const made = await run(dataDir, ['backup', folder, '--database', first])
    assert.match(made.out, /the records of its database are in .*records-export/)
    const restored = await run(dataDir, ['restore', folder], { PARLEY_RECORDS_DATABASE_URL: second })
    assert.match(restored.out, /5 records of 5 restored to the database/)
  },
)

test('[RCM1] counts and sizes are said as people read them', () => {
  assert.equal(countText(1, 'file'), '1 file')
  assert.equal(countText(2_000, 'record'), '2,000 records')
  assert.equal(rowsText({ sessions: 0, finals: 0 }), '')
  assert.deepEqual([812, 1_500, 2_000_000].map(bytesText), ['812 B', '1.5 kB', '2.0 MB'])
})
