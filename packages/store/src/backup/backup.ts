// The data directory into another folder and back, each in one go. Databases are copied by SQLite itself, so that a copy made while
// everything runs is whole; the manifest comes last and names every file with its checksum.
import { createHash } from 'node:crypto'
import { createReadStream, type Dirent } from 'node:fs'
import { chmod, copyFile, mkdir, readdir, readFile, realpath, rename, rm, stat, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { type Clock, ok, type Result, randomToken } from '@parley/kernel'
import { ARCHIVE_LOCK } from '../archive/archiver.ts'
import { syncFolder } from '../archive/record-files.ts'
import { recordFolders } from '../layout.ts'
import { SqliteThread } from '../sqlite/sqlite-thread.ts'
import { caught, failure, type StoreError, StoreFailure } from '../store-error.ts'

export const BACKUP_MANIFEST = 'parley-backup.json'
/** Folder of a backup that holds an export of the records of a PostgreSQL. */
export const BACKUP_EXPORT = 'records-export'
const CONTENT = 'data'

export interface BackupFile {
  /** Relative to the data directory. */
  readonly name: string
  readonly bytes: number
  readonly sha256: string
  readonly mode: number
}

export interface BackupManifest {
  readonly format: 1
  readonly createdAtMs: number
  readonly version: string
  readonly files: readonly BackupFile[]
}

export interface BackupOptions {
  readonly dataDir: string
  /** Made when it is not there; must be empty. */
  readonly folder: string
  readonly clock: Clock
  /** Version of Parley, for whoever restores. */
  readonly version: string
  readonly onFile?: (name: string) => void
  /** Adds to the folder before the manifest is written, such as an export of a PostgreSQL. */
  readonly addMore?: (folder: string) => Promise<Result<unknown, StoreError>>
}

/** What belongs to running processes, and what is made anew. */
const SKIPPED = /^(run|log|owner\.pid)$|\.(lock|tmp|new)$|-(wal|shm|journal)$|^\.partial-|\.lock-(wal|shm|journal)$/

async function digest(file: string): Promise<{ sha256: string; bytes: number }> {
  const hash = createHash('sha256')
  let bytes = 0
  for await (const piece of createReadStream(file)) {
    hash.update(piece as Buffer)
    bytes += (piece as Buffer).length
  }
  return { sha256: hash.digest('hex'), bytes }
}

const isInside = (inner: string, outer: string) => inner === outer || inner.startsWith(`${outer}${path.sep}`)

async function* filesBelow(root: string, folder = ''): AsyncGenerator<string> {
  const entries: Dirent[] = await readdir(path.join(root, folder), { withFileTypes: true })
  // The files of a PostgreSQL cannot be copied while it runs: its records are exported.
  if (entries.some((entry) => entry.name === 'PG_VERSION')) return
  for (const entry of entries.sort((a, b) => (a.name < b.name ? -1 : 1))) {
    if (SKIPPED.test(entry.name)) continue
    const name = path.join(folder, entry.name)
    if (entry.isDirectory()) yield* filesBelow(root, name)
    else if (entry.isFile()) yield name
  }
}

async function copyOne(from: string, to: string, clock: Clock): Promise<void> {
  await mkdir(path.dirname(to), { recursive: true, mode: 0o700 })
  if (!from.endsWith('.db')) return copyFile(from, to)
  const thread = new SqliteThread({ file: from, clock })
  await thread.backup(to).finally(() => thread.close())
}

async function emptyFolder(folder: string, dataDir: string): Promise<StoreError | undefined> {
  await mkdir(folder, { recursive: true, mode: 0o700 })
  if ((await readdir(folder)).length > 0) {
    return { code: 'REFUSED', message: `${folder} is not empty; name a folder that is not there yet` }
  }
  if (!isInside(await realpath(folder), await realpath(dataDir))) return undefined
  return { code: 'REFUSED', message: `${folder} is within the data directory ${dataDir}; name one elsewhere` }
}

/** Copies everything but what belongs to running processes. BUSY while records are being archived. */
export function backUp(options: BackupOptions): Promise<Result<BackupManifest, StoreError>> {
  return caught(async () => {
    const { dataDir, folder } = options
    if (!(await stat(dataDir).catch(() => undefined))?.isDirectory()) {
      return failure('REFUSED', `there is no data directory ${dataDir}; name it with --data-dir`)
    }
    const refused = await emptyFolder(folder, dataDir)
    if (refused) return failure(refused.code, refused.message)
    const { databaseFile } = recordFolders(dataDir)
    if (!(await stat(databaseFile).catch(() => undefined))) return copyAll(options)
    // Archives and the rows they are made of are to be of one moment.
    const holder = new SqliteThread({ file: databaseFile, clock: options.clock })
    try {
      if (await holder.lock(ARCHIVE_LOCK)) return await copyAll(options)
      return failure('BUSY', 'records are being archived; make the backup when that is done')
    } finally {
      await holder.close()
    }
  })
}

async function copyAll(options: BackupOptions): Promise<Result<BackupManifest, StoreError>> {
  const { dataDir, folder, clock, version } = options
  const createdAtMs = clock.wallMs()
  const files: BackupFile[] = []
  for await (const name of filesBelow(dataDir)) {
    const [from, to] = [path.join(dataDir, name), path.join(folder, CONTENT, name)]
    const { mode } = await stat(from)
    await copyOne(from, to, clock)
    await chmod(to, mode & 0o777)
    files.push({ name, mode: mode & 0o777, ...(await digest(to)) })
    options.onFile?.(name)
  }
  const more = await options.addMore?.(folder)
  if (more && !more.ok) return more
  const manifest: BackupManifest = { format: 1, createdAtMs, version, files }
  const temporary = path.join(folder, `${BACKUP_MANIFEST}.new`)
  await writeFile(temporary, `${JSON.stringify(manifest, null, 2)}\n`, { mode: 0o600, flush: true })
  await rename(temporary, path.join(folder, BACKUP_MANIFEST))
  await syncFolder(folder)
  return ok(manifest)
}

/** Throws a StoreFailure when the folder is no backup. */
export async function readBackup(folder: string): Promise<BackupManifest> {
  const file = path.join(folder, BACKUP_MANIFEST)
  const text = await readFile(file, 'utf8').catch(() => {
    throw new StoreFailure(
      'REFUSED',
      `${folder} has no ${BACKUP_MANIFEST}: it is no backup, or one that was interrupted`,
    )
  })
  try {
    const manifest = JSON.parse(text) as BackupManifest
    const isSafe = ({ name }: BackupFile) => typeof name === 'string' && isInside(path.resolve('/x', name), '/x')
    if (manifest.format === 1 && manifest.files.every(isSafe)) return manifest
  } catch {
    // said below
  }
  throw new StoreFailure('DAMAGED', `${file} is not a manifest of format 1; take another backup`)
}

export interface RestoreBackupOptions {
  readonly dataDir: string
  readonly folder: string
  readonly clock: Clock
  /** Only checks the backup. */
  readonly dryRun?: boolean
  readonly onFile?: (name: string) => void
}

export interface RestoredBackup {
  readonly manifest: BackupManifest
  /** Where the data directory that was there is now; undefined when there was none. */
  readonly previous: string | undefined
}

/**
 * Puts the backup in the place of the data directory, which is kept beside it under another name. Everything is checked and
 * copied first, so that a damaged backup or a full disk changes nothing. Nothing may run on the directory.
 */
export function restoreBackup(options: RestoreBackupOptions): Promise<Result<RestoredBackup, StoreError>> {
  return caught(async () => {
    const { folder, dataDir, clock } = options
    const manifest = await readBackup(folder)
    const staged = `${dataDir}.restoring-${randomToken(4)}`
    try {
      for (const file of manifest.files) {
        const from = path.join(folder, CONTENT, file.name)
        const found = await digest(from).catch(() => undefined)
        if (found?.sha256 !== file.sha256) {
          return failure('DAMAGED', `${from} is missing or not as it was written; take another backup`)
        }
        if (options.dryRun) continue
        const to = path.join(staged, file.name)
        await mkdir(path.dirname(to), { recursive: true, mode: 0o700 })
        await copyFile(from, to)
        await chmod(to, file.mode)
        options.onFile?.(file.name)
      }
      if (options.dryRun) return ok({ manifest, previous: undefined })
      await mkdir(staged, { recursive: true, mode: 0o700 })
      return ok({ manifest, previous: await swap(staged, dataDir, clock) })
    } finally {
      await rm(staged, { recursive: true, force: true })
    }
  })
}

async function swap(staged: string, dataDir: string, clock: Clock): Promise<string | undefined> {
  await mkdir(path.dirname(dataDir), { recursive: true })
  const isThere = await stat(dataDir).then(
    () => true,
    () => false,
  )
  const stamp = new Date(clock.wallMs()).toISOString().replaceAll(':', '').slice(0, 17)
  const previous = isThere ? `${dataDir}.before-${stamp}-${randomToken(4)}` : undefined
  if (previous !== undefined) await rename(dataDir, previous)
  await rename(staged, dataDir)
  await syncFolder(path.dirname(dataDir))
  return previous
}
