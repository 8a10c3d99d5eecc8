// A PostgreSQL of our own: initialised in a folder, listening on a socket in it only, owned by this process and ended with
// it. For fleets on one machine that bring no database, and for tests.
import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { access, chown, mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { promisify } from 'node:util'
import { type Clock, ok, type Result, sleep } from '@parley/kernel'
import { failure, type StoreError } from '../store-error.ts'

export interface PostgresServerOptions {
  readonly clock: Clock
  /** Holds the data (`pg/`). */
  readonly folder: string
  /** Holds the socket: `folder` unless told; at most 90 characters, because the system bounds the paths of sockets. */
  readonly socketFolder?: string
  /** Extra settings, `name=value`. */
  readonly settings?: readonly string[]
  /** User and group to run as when this process is root, which PostgreSQL refuses: those of `postgres` unless told. */
  readonly runAs?: { readonly uid: number; readonly gid: number }
}

export interface PostgresServer {
  /** Address of a database of this server. */
  urlOf(database: string): string
  readonly pid: number
  /** Resolves when the process has ended, for whatever reason. */
  readonly ended: Promise<void>
  kill(signal: NodeJS.Signals): void
  /** Fast shutdown: transactions are rolled back, data is written; after 20 s it is killed. */
  stop(): Promise<void>
}

const USER = 'parley'
/** A socket's path may have 107 bytes; its name takes 14 of them. */
export const MAX_SOCKET_FOLDER_BYTES = 90
const STOP_MS = 20_000
/** Holds the process that started the server last. */
const OWNER_FILE = 'owner.pid'
const SETPRIV = '/usr/bin/setpriv'
const run = promisify(execFile)
const exists = (file: string) =>
  access(file).then(
    () => true,
    () => false,
  )

/** The newest installed PostgreSQL from 15 on; undefined when there is none. */
export async function findPostgres(folders: readonly string[] = ['/usr/lib/postgresql']): Promise<string | undefined> {
  for (const folder of folders) {
    const versions = (await readdir(folder).catch(() => []))
      .map(Number)
      .filter((version) => version >= 15)
      .sort((a, b) => b - a)
    for (const version of versions) {
      const bin = path.join(folder, String(version), 'bin')
      if (await exists(path.join(bin, 'initdb'))) return bin
    }
  }
  return undefined
}

/** User and group that PostgreSQL is run as; undefined: those of this process, which is not root. */
export async function userOfPostgres(): Promise<{ uid: number; gid: number } | undefined> {
  if (process.getuid?.() !== 0) return undefined
  for (const name of ['postgres', 'nobody']) {
    const ids = await Promise.all([run('id', ['-u', name]), run('id', ['-g', name])]).catch(() => undefined)
    if (ids) return { uid: Number(ids[0].stdout), gid: Number(ids[1].stdout) }
  }
  return undefined
}

/** Ready when a connection can be made: the server writes this line to its log. */
async function untilReady(clock: Clock, child: ChildProcess, limitMs: number): Promise<string | undefined> {
  let log = ''
  child.stderr?.setEncoding('utf8')
  child.stderr?.on('data', (text: string) => {
    log = `${log}${text}`.slice(-8_192)
  })
  const startMs = clock.nowMs()
  while (!log.includes('database system is ready to accept connections')) {
    if (child.exitCode !== null || child.signalCode !== null) return `it ended: ${log.trim().split('\n').at(-1)}`
    if (clock.nowMs() - startMs > limitMs) return `it was not ready within ${limitMs} ms`
    await sleep(clock, 20)
  }
  return undefined
}

async function initialise(bin: string, folder: string, ids: { uid: number; gid: number } | undefined): Promise<void> {
  await mkdir(folder, { recursive: true, mode: 0o700 })
  if (ids) await chown(folder, ids.uid, ids.gid)
  const data = path.join(folder, 'pg')
  if (await exists(path.join(data, 'PG_VERSION'))) return
  // C collation: the same order on every machine, whatever its locales are.
  const options = ['-D', data, '-U', USER, '-A', 'trust', '-E', 'UTF8', '--locale=C', '--no-instructions']
  await run(path.join(bin, 'initdb'), options, { ...ids, cwd: folder, timeout: 60_000 })
}

async function parentOf(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => '')
  return Number(/^PPid:\t(\d+)$/m.exec(status)?.[1] ?? 0)
}

/**
 * A server of an earlier owner that was killed still runs and holds the data: it is stopped as its owner would have. One
 * whose owner lives is left alone; then this returns the owner.
 */
async function endOrphan(clock: Clock, folder: string): Promise<number | undefined> {
  const data = path.join(folder, 'pg')
  const numberIn = async (file: string) => Number((await readFile(file, 'utf8').catch(() => '0')).split('\n')[0])
  const pid = await numberIn(path.join(data, 'postmaster.pid'))
  const isOurs = async () => (await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')).includes(data)
  if (!(pid > 1) || !(await isOurs())) return undefined
  const owner = await numberIn(path.join(folder, OWNER_FILE))
  if (owner === (await parentOf(pid))) return owner
  process.kill(pid, 'SIGINT')
  const startMs = clock.nowMs()
  while (await isOurs()) {
    if (clock.nowMs() - startMs > STOP_MS) process.kill(pid, 'SIGKILL')
    await sleep(clock, 20)
  }
  return undefined
}

function spawnServer(
  bin: string,
  { folder, settings = [] }: PostgresServerOptions,
  socketFolder: string,
  ids: { uid: number; gid: number } | undefined,
): ChildProcess {
  const all = ['listen_addresses=', `unix_socket_directories=${socketFolder}`, ...settings]
  const server = [
    path.join(bin, 'postgres'),
    '-D',
    path.join(folder, 'pg'),
    ...all.flatMap((setting) => ['-c', setting]),
  ]
  // The kernel tells it to end with its owner, however that went.
  const [program = '', ...args] = existsSync(SETPRIV) ? [SETPRIV, '--pdeathsig', 'INT', ...server] : server
  // A session of its own: the terminal's Ctrl-C is its owner's, which ends it when nobody writes any more.
  return spawn(program, args, { ...ids, cwd: folder, stdio: ['ignore', 'ignore', 'pipe'], detached: true })
}

/** Makes the database `name` when it is not there. UNAVAILABLE when the server cannot be asked. `name`: letters only. */
export async function ensureDatabase(server: PostgresServer, name: string): Promise<Result<void, StoreError>> {
  // Only here, and dear to load for who only wants to know where a server is.
  const { default: pg } = await import('pg')
  const client = new pg.Client({ connectionString: server.urlOf('postgres'), connectionTimeoutMillis: 5_000 })
  client.on('error', () => {})
  try {
    await client.connect()
    const found = await client.query('select 1 from pg_database where datname = $1', [name])
    if (found.rowCount === 0) await client.query(`create database ${client.escapeIdentifier(name)}`)
    return ok(undefined)
  } catch (error) {
    return failure('UNAVAILABLE', `the database ${name} cannot be made: ${(error as Error).message}`)
  } finally {
    await client.end().catch(() => {})
  }
}

/** Starts it, initialising the folder at the first time; UNAVAILABLE with the reason when that is not possible. */
export async function startPostgres(options: PostgresServerOptions): Promise<Result<PostgresServer, StoreError>> {
  const { clock, folder } = options
  const socketFolder = options.socketFolder ?? folder
  if (Buffer.byteLength(socketFolder) > MAX_SOCKET_FOLDER_BYTES) {
    return failure(
      'REFUSED',
      `${socketFolder} is too long for the path of a socket; name a folder of at most ${MAX_SOCKET_FOLDER_BYTES} characters`,
    )
  }
  const bin = await findPostgres()
  if (!bin) {
    return failure(
      'UNAVAILABLE',
      'PostgreSQL 15 or later is not installed; as root, run: apt-get install -y --no-install-recommends postgresql-15',
    )
  }
  const ids = options.runAs ?? (await userOfPostgres())
  try {
    await initialise(bin, folder, ids)
    const owner = await endOrphan(clock, folder)
    if (owner !== undefined) {
      return failure(
        'REFUSED',
        `the PostgreSQL in ${folder} belongs to process ${owner}, which runs; use another folder`,
      )
    }
    await writeFile(path.join(folder, OWNER_FILE), `${process.pid}\n`)
  } catch (error) {
    const { stderr, message } = error as Error & { stderr?: string }
    return failure('UNAVAILABLE', `PostgreSQL cannot be set up in ${folder}: ${(stderr || message).trim()}`)
  }
  const child = spawnServer(bin, options, socketFolder, ids)
  const ended = once(child, 'exit').then(
    () => {},
    () => {},
  )
  const trouble = await untilReady(clock, child, 30_000)
  if (trouble !== undefined) {
    child.kill('SIGQUIT')
    return failure('UNAVAILABLE', `PostgreSQL in ${folder}: ${trouble}`)
  }
  return ok({
    urlOf: (database) => `postgres://${USER}@localhost/${database}?host=${encodeURIComponent(socketFolder)}`,
    pid: child.pid as number,
    ended,
    kill: (signal) => void child.kill(signal),
    async stop() {
      if (child.exitCode !== null || child.signalCode !== null) return
      const kill = clock.after(STOP_MS, () => child.kill('SIGKILL'))
      child.kill('SIGINT')
      await ended
      kill.cancel()
    },
  })
}
