// Records that one pod kept in a file go into the PostgreSQL that several pods share, once. The file stays, under another name.
import { access, rename, rm } from 'node:fs/promises'
import path from 'node:path'
import {
  exportRecords,
  openRecordStore,
  type RecordStore,
  recordFolders,
  restoreRecords,
  type StorePlace,
} from '@parley/store'
import { silentLogger } from '@parley/telemetry'
import type { CliContext } from '../context.ts'

/** Does nothing where there is no file. What goes wrong is said, and tried again at the next start: the platform serves meanwhile. */
export async function moveIntoPostgres(context: CliContext, dataDir: string, url: string): Promise<void> {
  const { databaseFile } = recordFolders(dataDir)
  const isThere = await access(databaseFile).then(
    () => true,
    () => false,
  )
  if (!isThere) return
  const { output, clock } = context
  const folder = path.join(path.dirname(databaseFile), '.partial-moving')
  output.progress.update('moving records into PostgreSQL')
  try {
    await rm(folder, { recursive: true, force: true })
    const rows = await opened(context, { kind: 'sqlite', file: databaseFile }, async (store) => {
      const done = await exportRecords(store, { folder, clock })
      if (!done.ok) throw new Error(done.error.message)
      return done.value.rows
    })
    await opened(context, { kind: 'postgres', url, statementTimeoutMs: 60_000 }, async (store) => {
      const done = await restoreRecords(store, { folder })
      if (!done.ok) throw new Error(done.error.message)
    })
    const kept = `${databaseFile}.moved-${new Date(clock.wallMs()).toISOString().replaceAll(':', '').slice(0, 17)}`
    await rename(databaseFile, kept)
    for (const part of ['-wal', '-shm']) await rm(`${databaseFile}${part}`, { force: true })
    output.note(`${rows} records moved into PostgreSQL; their file is kept as ${kept}`)
  } catch (error) {
    output.warn(`records of ${databaseFile} could not be moved into PostgreSQL yet: ${(error as Error).message}`)
  } finally {
    output.progress.clear()
    await rm(folder, { recursive: true, force: true })
  }
}

async function opened<T>(
  { clock }: CliContext,
  place: StorePlace,
  work: (store: RecordStore) => Promise<T>,
): Promise<T> {
  const store = await openRecordStore(place, { clock, logger: silentLogger })
  if (!store.ok) throw new Error(store.error.message)
  try {
    return await work(store.value)
  } finally {
    await store.value.close()
  }
}
