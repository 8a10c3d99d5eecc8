// Old rows move to files: copied, read back, compared, and only then deleted. Whatever moment it ends at, no row is lost, and the
// next run goes on where it stopped.
import { mkdir, readdir, rename, rm } from 'node:fs/promises'
import path from 'node:path'
import { type Clock, ok, type Result, randomToken } from '@parley/kernel'
import type { Queries } from '../database.ts'
import { countOlder, deleteSame } from '../pages.ts'
import type { RecordStore } from '../record-store.ts'
import { type StoredRecord, TABLE_NAMES, type TableName } from '../records.ts'
import { caught, failure, type StoreError } from '../store-error.ts'
import { copyRows, type OnProgress } from './copy.ts'
import { checkFile, type Manifest, readManifest, readRecords, syncFolder, writeManifest } from './record-files.ts'
import { dropExpired } from './rewrite.ts'

export interface ArchiveOptions {
  /** Holds one folder per run. */
  readonly folder: string
  readonly clock: Clock
  /** Rows younger than this stay, days; 90 unless told. */
  readonly olderThanDays?: number
  /** Only counts. */
  readonly dryRun?: boolean
  readonly onProgress?: OnProgress
  /** Rows of one file; for tests. */
  readonly rowsPerFile?: number
}

export interface ArchiveReport {
  /** Folder of this run's files; undefined when nothing was old enough. */
  readonly folder: string | undefined
  readonly copied: Readonly<Record<TableName, number>>
  /** Rows gone from the database, those of an earlier run that was interrupted included. */
  readonly deleted: number
  /** Rows that changed between copy and deletion: they stay, and go with a later run. */
  readonly changed: number
  /** Finals whose tenant keeps them no longer, from the database and from archives. */
  readonly expired: number
}

export const ARCHIVE_LOCK = 'archive'
export const ARCHIVE_AFTER_DAYS = 90
const PARTIAL = '.partial-'
const DAY_MS = 86_400_000
const DELETED_AT_ONCE = 250

const NOTHING: ArchiveReport = {
  folder: undefined,
  copied: { sessions: 0, finals: 0, usage: 0, audit: 0 },
  deleted: 0,
  changed: 0,
  expired: 0,
}

/** Folders of finished copies below `folder`, the oldest first. */
export async function archivesIn(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { withFileTypes: true }).catch(() => [])
  const names = entries.filter((entry) => entry.isDirectory() && !entry.name.startsWith('.')).map((entry) => entry.name)
  return names.sort().map((name) => path.join(folder, name))
}

/** BUSY when another member is at it. */
export function archiveRecords(
  store: RecordStore,
  options: ArchiveOptions,
): Promise<Result<ArchiveReport, StoreError>> {
  return caught(async () => {
    if (options.dryRun) return ok({ ...NOTHING, copied: await count(store.database.queries, options) })
    await mkdir(options.folder, { recursive: true, mode: 0o700 })
    const done = await store.database.exclusively(ARCHIVE_LOCK, (queries) => archiveAlone(store, queries, options))
    if (done) return done.value
    return failure('BUSY', 'records are being archived by another process; wait until it is done')
  })
}

const cutoffMs = ({ clock, olderThanDays }: ArchiveOptions) =>
  clock.wallMs() - (olderThanDays ?? ARCHIVE_AFTER_DAYS) * DAY_MS

async function count(queries: Queries, options: ArchiveOptions) {
  const counts = { ...NOTHING.copied } as Record<TableName, number>
  for (const table of TABLE_NAMES) counts[table] = await countOlder(queries, table, cutoffMs(options))
  return counts as ArchiveReport['copied']
}

async function archiveAlone(
  store: RecordStore,
  queries: Queries,
  options: ArchiveOptions,
): Promise<Result<ArchiveReport, StoreError>> {
  const { folder, clock } = options
  for (const name of await readdir(folder)) {
    if (name.startsWith(PARTIAL)) await rm(path.join(folder, name), { recursive: true, force: true })
  }
  const purged = await store.retention.purge(clock.wallMs())
  if (!purged.ok) return purged
  const retention = await store.retention.all()
  if (!retention.ok) return retention
  const expired = await dropExpired(await archivesIn(folder), retention.value, clock.wallMs())
  let [deleted, changed] = [0, 0]
  const remove = async (where: string) => {
    const removed = await deleteArchived(store, queries, where, options.onProgress)
    deleted += removed.deleted
    changed += removed.changed
  }
  for (const earlier of await archivesIn(folder)) {
    if ((await readManifest(earlier)).state === 'copied') await remove(earlier)
  }
  const counts = await count(queries, options)
  const totalRows = Object.values(counts).reduce((sum, rows) => sum + rows, 0)
  const report = { ...NOTHING, expired: purged.value + expired }
  if (totalRows === 0) return ok({ ...report, deleted, changed })
  const made = await copyOld(queries, options, totalRows)
  await remove(made)
  const copied = { ...NOTHING.copied } as Record<TableName, number>
  for (const file of (await readManifest(made)).files) copied[file.table] += file.rows
  return ok({ ...report, folder: made, copied: copied as ArchiveReport['copied'], deleted, changed })
}

async function copyOld(queries: Queries, options: ArchiveOptions, totalRows: number): Promise<string> {
  const { folder, clock, onProgress, rowsPerFile } = options
  const createdAtMs = clock.wallMs()
  const id = `${new Date(createdAtMs).toISOString().replaceAll(':', '').slice(0, 17)}-${randomToken(4)}`
  const partial = path.join(folder, `${PARTIAL}${id}`)
  await mkdir(partial, { mode: 0o700 })
  const files = await copyRows({
    queries,
    folder: partial,
    olderThanMs: cutoffMs(options),
    totalRows,
    ...(onProgress ? { onProgress } : {}),
    ...(rowsPerFile === undefined ? {} : { rowsPerFile }),
  })
  await writeManifest(partial, { format: 1, kind: 'archive', createdAtMs, state: 'copied', rewrites: 0, files })
  const made = path.join(folder, id)
  await rename(partial, made)
  await syncFolder(folder)
  return made
}

/** Reads the copy back, and deletes what the database still holds exactly as the copy has it. */
async function deleteArchived(store: RecordStore, queries: Queries, folder: string, onProgress?: OnProgress) {
  const manifest: Manifest = await readManifest(folder)
  const totalRows = manifest.files.reduce((sum, file) => sum + file.rows, 0)
  let [doneRows, deleted] = [0, 0]
  for (const file of manifest.files) await checkFile(folder, file)
  for (const file of manifest.files) {
    for await (const records of readRecords(folder, file, DELETED_AT_ONCE)) {
      deleted += await deleteSame(store.database, queries, file.table, records as StoredRecord[])
      doneRows += records.length
      onProgress?.({ step: 'deleting', doneRows, totalRows })
    }
  }
  await writeManifest(folder, { ...manifest, state: 'done' })
  return { deleted, changed: totalRows - deleted }
}
