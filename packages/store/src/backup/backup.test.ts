import assert from 'node:assert/strict'
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import test, { type TestContext } from 'node:test'
import { systemClock } from '@parley/kernel'
import { silentLogger } from '@parley/telemetry'
import { recordFolders } from '../layout.ts'
import { openRecordStore } from '../record-store.ts'
import { session } from '../testing/samples.ts'
import { type BackupOptions, backUp, restoreBackup } from './backup.ts'

function value<T>(result: { ok: true; value: T } | { ok: false; error: { message: string } }): T {
  assert.ok(result.ok, result.ok ? '' : result.error.message)
  return result.value
}

async function dataDirectory(t: TestContext) {
  const root = await mkdtemp(path.join(os.tmpdir(), 'parley-backup-'))
  t.after(() => rm(root, { recursive: true, force: true }))
  const dataDir = path.join(root, 'data')
  const { databaseFile, archiveFolder } = recordFolders(dataDir)
  await mkdir(path.join(dataDir, 'run'), { recursive: true })
  await mkdir(path.join(dataDir, 'records/postgres/pg'), { recursive: true })
  await mkdir(archiveFolder, { recursive: true })
  await writeFile(path.join(dataDir, 'apiKey'), 'secret', { mode: 0o600 })
  await writeFile(path.join(dataDir, 'run/current.json'), '{}')
  await writeFile(path.join(dataDir, 'records/postgres/pg/PG_VERSION'), '15')
  await writeFile(path.join(archiveFolder, 'x.ndjson.gz'), 'x')
  const store = value(
    await openRecordStore({ kind: 'sqlite', file: databaseFile }, { clock: systemClock, logger: silentLogger }),
  )
  t.after(() => store.close())
  const folder = path.join(root, 'backup')
  const options: BackupOptions = { dataDir, folder, clock: systemClock, version: '0.1.0' }
  return { root, dataDir, store, folder, options }
}

test('[BKP1, BKP2] a backup made while records are written is whole, and comes back in the place of what was there', async (t) => {
  const { dataDir, store, folder, options } = await dataDirectory(t)
  let isDone = false
  const writing = (async () => {
    for (let index = 0; !isDone; index++) value(await store.write([session({ sessionId: `ses_${index}` })]))
  })()
  const manifest = value(await backUp(options))
  isDone = true
  await writing
  assert.deepEqual(manifest.files.map((file) => file.name).sort(), [
    'apiKey',
    'records/archive/x.ndjson.gz',
    'records/records.db',
  ])
  value(await store.write([session({ sessionId: 'ses_later' })]))
  await writeFile(path.join(dataDir, 'apiKey'), 'changed')
  await store.close()
  const { previous } = value(await restoreBackup({ dataDir, folder, clock: systemClock }))
  assert.equal(await readFile(path.join(dataDir, 'apiKey'), 'utf8'), 'secret')
  assert.equal((await stat(path.join(dataDir, 'apiKey'))).mode & 0o777, 0o600)
  assert.equal(await readFile(path.join(previous as string, 'apiKey'), 'utf8'), 'changed')
  const { databaseFile } = recordFolders(dataDir)
  const restored = value(
    await openRecordStore({ kind: 'sqlite', file: databaseFile }, { clock: systemClock, logger: silentLogger }),
  )
  t.after(() => restored.close())
  assert.equal(value(await restored.sessions.get('default', 'ses_later')), undefined)
  assert.notEqual(value(await restored.sessions.get('default', 'ses_0')), undefined)
})

test('[BKP2] a damaged or interrupted backup changes nothing', async (t) => {
  const { root, dataDir, folder, options } = await dataDirectory(t)
  value(await backUp(options))
  await writeFile(path.join(folder, 'data/apiKey'), 'tampered')
  const before = (await readdir(root)).sort()
  const damaged = await restoreBackup({ dataDir, folder, clock: systemClock })
  assert.ok(!damaged.ok && damaged.error.code === 'DAMAGED')
  await rm(path.join(folder, 'parley-backup.json'))
  const interrupted = await restoreBackup({ dataDir, folder, clock: systemClock })
  assert.ok(!interrupted.ok && interrupted.error.code === 'REFUSED')
  assert.deepEqual((await readdir(root)).sort(), before)
  assert.equal(await readFile(path.join(dataDir, 'apiKey'), 'utf8'), 'secret')
})

test('[BKP2] a manifest that leads out of its folder is refused', async (t) => {
  const { dataDir, folder, options } = await dataDirectory(t)
  const manifest = value(await backUp(options))
  const [first] = manifest.files
  const evil = { ...manifest, files: [{ ...first, name: '../../evil' }] }
  await writeFile(path.join(folder, 'parley-backup.json'), JSON.stringify(evil))
  const result = await restoreBackup({ dataDir, folder, clock: systemClock })
  assert.ok(!result.ok && result.error.code === 'DAMAGED')
})

test('[BKP3] where a backup cannot go is refused: a folder that is not empty, one within the data, while records are archived', async (t) => {
  const { root, dataDir, store, folder, options } = await dataDirectory(t)
  for (const bad of [root, path.join(dataDir, 'backup')]) {
    const result = await backUp({ ...options, folder: bad })
    assert.ok(!result.ok && result.error.code === 'REFUSED', bad)
  }
  const { promise, resolve } = Promise.withResolvers<void>()
  const begun = Promise.withResolvers<void>()
  const archiving = store.database.exclusively('archive', () => {
    begun.resolve()
    return promise
  })
  await begun.promise
  const busy = await backUp(options)
  assert.ok(!busy.ok && busy.error.code === 'BUSY')
  resolve()
  await archiving
  await chmod(folder, 0o700)
  const missing = await backUp({ ...options, dataDir: path.join(root, 'none') })
  assert.ok(!missing.ok && missing.error.code === 'REFUSED')
})
