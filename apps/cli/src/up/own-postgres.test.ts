import assert from 'node:assert/strict'
import { mkdir, readFile, stat, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { PassThrough } from 'node:stream'
import test, { type TestContext } from 'node:test'
import { Scope, systemClock } from '@parley/kernel'
import { eventually, temporaryFolder } from '@parley/kernel/testing'
import { findPostgres, openRecordStore, recordFolders, type StorePlace } from '@parley/store'
import { final, session } from '@parley/store/testing'
import { silentLogger } from '@parley/telemetry'
import type { CliContext } from '../context.ts'
import { Output } from '../output/index.ts'
import { hasOwnPostgres, makePostgresPlace, mayPass, postgresPlaceOf } from '../platform/postgres-place.ts'
import { isAlive } from '../platform/run-file.ts'
import { runCli } from '../program.ts'
import { moveIntoPostgres } from './move-records.ts'
import { OwnPostgres } from './own-postgres.ts'

const skip = (await findPostgres()) === undefined ? 'PostgreSQL is not installed' : false

function contextOf(): CliContext & { said(): string } {
  const [stdout, stderr] = [new PassThrough(), new PassThrough()]
  const output = new Output({ stdout, stderr }, {})
  const said = () => `${stdout.read() ?? ''}${stderr.read() ?? ''}`
  return { env: {}, cwd: '/', homeDir: '/nonexistent', clock: systemClock, output, said }
}

async function start(t: TestContext, dataDir: string) {
  const scope = new Scope(systemClock)
  const said: string[] = []
  t.after(() => scope.close())
  const onReport = (_level: string, message: string) => said.push(message)
  const postgres = await OwnPostgres.start({ clock: systemClock, scope, dataDir, connections: 20, onReport })
  return { postgres, scope, said }
}

async function sessionsOf(place: StorePlace): Promise<number> {
  const opened = await openRecordStore(place, { clock: systemClock, logger: silentLogger })
  assert.ok(opened.ok, opened.ok ? '' : opened.error.message)
  const rows = await opened.value.sessions.list({ tenant: 'default', limit: 10 })
  await opened.value.close()
  assert.ok(rows.ok)
  return rows.value.length
}

test('[UP16, RCM7] it has no port, is not root, comes back when it dies, and its records are there without it, too', {
  skip,
}, async (t) => {
  const dataDir = temporaryFolder('own-postgres')
  // What one pod has kept in a file so far.
  const { databaseFile } = recordFolders(dataDir)
  const file = { kind: 'sqlite', file: databaseFile } as const
  const before = await openRecordStore(file, { clock: systemClock, logger: silentLogger })
  assert.ok(before.ok)
  assert.ok((await before.value.write([session(), final()])).ok)
  await before.value.close()

  const { postgres, scope, said } = await start(t, dataDir)
  const pid = postgres.pid ?? 0
  assert.doesNotMatch(await readFile(`/proc/${pid}/status`, 'utf8'), /^Uid:\t0\t/m)
  assert.match(await readFile(`/proc/${pid}/cmdline`, 'utf8'), /listen_addresses=\0/)
  assert.equal(URL.parse(postgres.url)?.password, '')
  assert.equal((await stat(postgres.folder)).mode & 0o077, 0)
  const context = contextOf()
  await moveIntoPostgres(context, dataDir, postgres.url)
  assert.match(context.said(), /records moved into PostgreSQL; their file is kept as .*records\.db\.moved-/)
  const place = { kind: 'postgres', url: postgres.url } as const
  assert.equal(await sessionsOf(place), 1)
  await moveIntoPostgres(context, dataDir, postgres.url)
  assert.equal(context.said(), '', 'once')

  process.kill(pid, 'SIGKILL')
  await eventually(() => (postgres.pid !== undefined && postgres.pid !== pid ? undefined : said.join('\n')), {
    withinMs: 30_000,
  })
  assert.equal(await sessionsOf(place), 1)
  assert.match(said.join('\n'), /PostgreSQL ended; sessions go on, records wait on disk; starting it again\n/)
  const last = postgres.pid ?? 0
  await scope.close()
  assert.equal(isAlive(last), false)

  // Nobody runs: the command starts it for as long as it needs it.
  assert.ok(await hasOwnPostgres(dataDir))
  const cli = contextOf()
  const exitCode = await runCli(['records', 'export', path.join(dataDir, 'export'), '--data-dir', dataDir], cli)
  process.exitCode = 0
  assert.equal(exitCode, 0)
  assert.match(cli.said(), /exported 1 record to /)
})

test('[UP16] where there is no PostgreSQL that is said with the command that installs it', async (t) => {
  const dataDir = temporaryFolder('own-postgres')
  await writeFile(path.join(dataDir, 'postgres'), 'in the way')
  await assert.rejects(start(t, dataDir), (error: { exitCode?: number; message: string }) => {
    return error.exitCode !== 0 && /apt-get install|cannot be set up/.test(error.message)
  })
})

test('[UP16] it lies in the data directory where its user gets there, and the way is open to nobody else', async () => {
  const ids = { uid: 100, gid: 200 }
  assert.equal(mayPass({ mode: 0o710, uid: 0, gid: 200 }, ids), true)
  assert.equal(mayPass({ mode: 0o701, uid: 0, gid: 200 }, ids), false)
  assert.equal(mayPass({ mode: 0o701, uid: 0, gid: 0 }, ids), true)
  assert.equal(mayPass({ mode: 0o700, uid: 100, gid: 0 }, ids), true)
  const folder = temporaryFolder('own-postgres')
  await mkdir(path.join(folder, 'data'), { mode: 0o700 })
  if (process.getuid?.() === 0) {
    const hidden = await postgresPlaceOf(path.join(folder, 'data'))
    assert.match(hidden.folder, /^\/var\/lib\/parley\/postgres-[0-9a-f]{16}$/)
    assert.notEqual(hidden.folder, (await postgresPlaceOf(path.join(folder, 'other'))).folder)
  }
  const place = await makePostgresPlace(folder)
  assert.equal(place.folder, path.join(folder, 'postgres'))
  assert.equal((await stat(folder)).mode & 0o067, 0)
  const deep = path.join(folder, 'd'.repeat(90))
  const { socketFolder } = await postgresPlaceOf(deep)
  if (process.getuid?.() !== 0) assert.match(socketFolder, /parley-pg-[0-9a-f]{16}$/)
})
