import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdir, readFile } from 'node:fs/promises'
import path from 'node:path'
import test from 'node:test'
import { systemClock } from '@parley/kernel'
import { silentLogger } from '@parley/telemetry'
import { openRecordStore } from '../record-store.ts'
import { temporaryPostgres } from '../testing/temporary-postgres.ts'
import { findPostgres, startPostgres } from './postgres-server.ts'

test('[PGS1] a PostgreSQL of our own listens on its socket only, is not root, and its folder starts again', async (t) => {
  const postgres = await temporaryPostgres()
  if (typeof postgres === 'string') return t.skip(postgres)
  t.after(() => postgres.end())
  const status = await readFile(`/proc/${postgres.server.pid}/status`, 'utf8')
  assert.doesNotMatch(status, /^Uid:\t0\t/m)
  const sockets = (await readdir(postgres.folder)).filter((name) => name.startsWith('.s.PGSQL'))
  assert.ok(sockets.includes('.s.PGSQL.5432'))
  const settings = await readFile(path.join(postgres.folder, 'pg/postmaster.opts'), 'utf8')
  assert.match(settings, /"listen_addresses="/)
  const url = await postgres.newDatabase()
  const options = { clock: systemClock, logger: silentLogger }
  const first = await openRecordStore({ kind: 'postgres', url }, options)
  assert.ok(first.ok)
  await first.value.close()
  await postgres.server.stop()
  await postgres.restart()
  const again = await openRecordStore({ kind: 'postgres', url }, options)
  assert.ok(again.ok)
  await again.value.close()
})

/** Starts a server in `folder`, says its process id and waits to be killed. */
const OWNER = `
import { systemClock } from '@parley/kernel'
import { startPostgres } from ${JSON.stringify(new URL('./postgres-server.ts', import.meta.url).href)}
const started = await startPostgres({ clock: systemClock, folder: process.argv[1] })
console.log(started.ok ? started.value.pid : started.error.message)
setInterval(() => {}, 1000)`

test('[PGS2] one whose owner was killed is stopped before its folder is started again; one whose owner lives is left alone', async (t) => {
  const postgres = await temporaryPostgres()
  if (typeof postgres === 'string') return t.skip(postgres)
  t.after(() => postgres.end())
  const { folder } = postgres
  const refused = await startPostgres({ clock: systemClock, folder })
  assert.ok(!refused.ok && refused.error.code === 'REFUSED')
  await postgres.server.stop()
  const args = ['--input-type=module', '-e', OWNER, folder]
  const owner = spawn(process.execPath, args, { cwd: import.meta.dirname, stdio: ['ignore', 'pipe', 'inherit'] })
  const [said] = (await once(owner.stdout, 'data')) as [Buffer]
  const orphanPid = Number(said.toString())
  assert.ok(orphanPid > 1, said.toString())
  owner.kill('SIGKILL')
  await once(owner, 'exit')
  const again = await startPostgres({ clock: systemClock, folder })
  assert.ok(again.ok)
  assert.notEqual(again.value.pid, orphanPid)
  await again.value.stop()
  const long = await startPostgres({ clock: systemClock, folder: `/tmp/${'x'.repeat(90)}` })
  assert.ok(!long.ok && long.error.code === 'REFUSED')
})

test('[PGS1] where none can be started the reason says so', async () => {
  assert.equal(await findPostgres(['/nonexistent']), undefined)
  const started = await startPostgres({ clock: systemClock, folder: path.join(import.meta.filename, 'below') })
  assert.ok(!started.ok)
  assert.equal(started.error.code, 'UNAVAILABLE')
  assert.match(started.error.message, /below|not installed/)
})
