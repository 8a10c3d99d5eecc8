// Where the PostgreSQL of a data directory lies: in it, where the user that PostgreSQL runs as can get there; elsewhere where it cannot.
import { createHash } from 'node:crypto'
import { access, chmod, chown, mkdir, rename, stat } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import { MAX_SOCKET_FOLDER_BYTES, userOfPostgres } from '@parley/store/postgres-server'
import { CliError, EXIT } from '../exit-codes.ts'

export interface PostgresPlace {
  /** Holds the data. */
  readonly folder: string
  /** Holds the socket; the same unless its path would be too long. */
  readonly socketFolder: string
}

export interface UserIds {
  readonly uid: number
  readonly gid: number
}

/** For data directories that only root can enter, such as those below /root. */
const SYSTEM_FOLDER = '/var/lib/parley'
/** The owner does everything, the group of PostgreSQL's user only passes through. */
const PASSABLE_MODE = 0o710

const nameOf = (dataDir: string): string =>
  createHash('sha256').update(path.resolve(dataDir)).digest('hex').slice(0, 16)

/** May `ids` pass through a folder with this mode and these owners? Pure. */
export function mayPass(folder: { mode: number; uid: number; gid: number }, ids: UserIds): boolean {
  if (folder.uid === ids.uid) return (folder.mode & 0o100) !== 0
  if (folder.gid === ids.gid) return (folder.mode & 0o010) !== 0
  return (folder.mode & 0o001) !== 0
}

/** Whether every folder above `folder` lets `ids` pass. */
async function isReachable(folder: string, ids: UserIds): Promise<boolean> {
  const above = path.dirname(folder)
  if (above === folder) return true
  return mayPass(await stat(above), ids) && (await isReachable(above, ids))
}

/** Where it is or would be; nothing is made. */
export async function postgresPlaceOf(dataDir: string): Promise<PostgresPlace> {
  const ids = await userOfPostgres()
  const isWithin = ids === undefined || (await isReachable(path.resolve(dataDir), ids).catch(() => false))
  const folder = isWithin
    ? path.join(path.resolve(dataDir), 'postgres')
    : path.join(SYSTEM_FOLDER, `postgres-${nameOf(dataDir)}`)
  const isShort = Buffer.byteLength(folder) <= MAX_SOCKET_FOLDER_BYTES
  return { folder, socketFolder: isShort ? folder : path.join(os.tmpdir(), `parley-pg-${nameOf(dataDir)}`) }
}

/** Whether the records of the data directory are in a PostgreSQL of its own. */
export async function hasOwnPostgres(dataDir: string): Promise<boolean> {
  const { folder } = await postgresPlaceOf(dataDir)
  return access(path.join(folder, 'pg/PG_VERSION')).then(
    () => true,
    () => false,
  )
}

/** What a PostgreSQL that lies outside the data directory holds gets another name: nothing may run on it. */
export async function setAsidePostgres(dataDir: string, wallMs: number): Promise<void> {
  const { folder } = await postgresPlaceOf(dataDir)
  if (path.dirname(folder) === path.resolve(dataDir)) return
  const stamp = new Date(wallMs).toISOString().replaceAll(':', '').slice(0, 17)
  await rename(folder, `${folder}.before-${stamp}`).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOENT') throw error
  })
}

/** Makes the way there, for nobody but the user that PostgreSQL runs as. Throws a CliError. */
export async function makePostgresPlace(dataDir: string): Promise<PostgresPlace> {
  const ids = await userOfPostgres()
  const place = await postgresPlaceOf(dataDir)
  try {
    if (ids && path.dirname(place.folder) === path.resolve(dataDir)) {
      await chown(dataDir, process.getuid?.() ?? 0, ids.gid)
      await chmod(dataDir, PASSABLE_MODE)
    } else await mkdir(path.dirname(place.folder), { recursive: true, mode: 0o755 })
    if (place.socketFolder !== place.folder) await makeSocketFolder(place.socketFolder, ids)
    return place
  } catch (error) {
    if (error instanceof CliError) throw error
    const { code, message } = error as NodeJS.ErrnoException
    const isForbidden = code === 'EACCES' || code === 'EPERM' || code === 'EROFS'
    throw new CliError(
      `PostgreSQL cannot have its folder ${place.folder}: ${message}; name another data directory with --data-dir, or a database with --database`,
      isForbidden ? EXIT.permission : EXIT.usage,
    )
  }
}

/** In a folder that everybody may write to: one that is there already must be ours. */
async function makeSocketFolder(folder: string, ids: UserIds | undefined): Promise<void> {
  const uid = ids?.uid ?? process.getuid?.() ?? 0
  await mkdir(folder, { mode: 0o700 }).then(
    () => (ids ? chown(folder, ids.uid, ids.gid) : undefined),
    async (error: NodeJS.ErrnoException) => {
      if (error.code !== 'EEXIST') throw error
      const found = await stat(folder)
      if (found.uid === uid && (found.mode & 0o077) === 0) return
      throw new CliError(
        `${folder} is to hold the socket of PostgreSQL and belongs to somebody else; remove it`,
        EXIT.permission,
      )
    },
  )
}
