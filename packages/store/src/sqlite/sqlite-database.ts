// SQLite behind the query builder: one connection, which a transaction has to itself.
import { mkdir } from 'node:fs/promises'
import path from 'node:path'
import type { Clock } from '@parley/kernel'
import {
  CamelCasePlugin,
  type CompiledQuery,
  type DatabaseConnection,
  type Driver,
  Kysely,
  type QueryResult,
  SqliteAdapter,
  SqliteIntrospector,
  SqliteQueryCompiler,
} from 'kysely'
import type { RecordDatabase } from '../database.ts'
import type { Tables } from '../schema.ts'
import { StoreFailure } from '../store-error.ts'
import type { SqliteValue } from './sqlite-messages.ts'
import { SqliteThread } from './sqlite-thread.ts'

/** Who wants the connection and does not have it; one more is refused. */
const MAX_WAITING = 1_000

class SqliteConnection implements DatabaseConnection {
  readonly #thread: SqliteThread
  #generation: number | undefined

  constructor(thread: SqliteThread) {
    this.#thread = thread
  }

  async begin(): Promise<void> {
    await this.#thread.run('BEGIN IMMEDIATE')
    this.#generation = this.#thread.generation
  }

  /** After it statements stand for themselves again. */
  async end(how: 'COMMIT' | 'ROLLBACK'): Promise<void> {
    const generation = this.#generation
    if (how === 'ROLLBACK') this.#generation = undefined
    if (generation === this.#thread.generation) await this.#thread.run(how)
    this.#generation = undefined
    if (how === 'COMMIT' && generation !== this.#thread.generation) throw this.#torn()
  }

  #torn(): StoreFailure {
    return new StoreFailure('UNAVAILABLE', `the thread of ${this.#thread.file} ended within a transaction`)
  }

  async executeQuery<R>(query: CompiledQuery): Promise<QueryResult<R>> {
    // A thread that was started anew knows nothing of the transaction: its statements would stand for themselves.
    if (this.#generation !== undefined && this.#generation !== this.#thread.generation) throw this.#torn()
    const { rows, changes } = await this.#thread.run(query.sql, query.parameters as SqliteValue[])
    return { rows: rows as R[], numAffectedRows: BigInt(changes) }
  }

  // biome-ignore lint/correctness/useYield: the interface wants a generator, and records are read in pages
  async *streamQuery<R>(): AsyncIterableIterator<QueryResult<R>> {
    throw new Error('records are read in pages')
  }
}

class SqliteDriver implements Driver {
  readonly #thread: SqliteThread
  readonly #connection: SqliteConnection
  #isTaken = false
  readonly #waiting: (() => void)[] = []

  constructor(thread: SqliteThread) {
    this.#thread = thread
    this.#connection = new SqliteConnection(thread)
  }

  get load() {
    return { open: 1, inUse: this.#isTaken ? 1 : 0, waiting: this.#waiting.length }
  }

  async init(): Promise<void> {}

  async acquireConnection(): Promise<DatabaseConnection> {
    if (this.#isTaken) {
      if (this.#waiting.length >= MAX_WAITING) {
        throw new StoreFailure('UNAVAILABLE', `${this.#waiting.length} wait for ${this.#thread.file}`)
      }
      // Whoever has the connection has deadlines for all it asks, and gives it back in the end.
      await new Promise<void>((resolve) => {
        this.#waiting.push(resolve)
      })
    }
    this.#isTaken = true
    return this.#connection
  }

  async beginTransaction(): Promise<void> {
    await this.#connection.begin()
  }

  async commitTransaction(): Promise<void> {
    await this.#connection.end('COMMIT')
  }

  async rollbackTransaction(): Promise<void> {
    // Some failures (a full disk) have rolled back already.
    await this.#connection.end('ROLLBACK').catch(() => {})
  }

  async releaseConnection(): Promise<void> {
    const next = this.#waiting.shift()
    if (next) next()
    else this.#isTaken = false
  }

  async destroy(): Promise<void> {
    await this.#thread.close()
  }
}

/** Opens (and makes) the database in `file`; the folder is made with access for this user only. */
export async function openSqlite(file: string, clock: Clock): Promise<RecordDatabase> {
  // A folder that cannot be made is found out by the first query, like any other database that is away.
  await mkdir(path.dirname(file), { recursive: true, mode: 0o700 }).catch(() => {})
  const thread = new SqliteThread({ file, clock })
  const driver = new SqliteDriver(thread)
  const queries = new Kysely<Tables>({
    dialect: {
      createAdapter: () => new SqliteAdapter(),
      createDriver: () => driver,
      createIntrospector: (db) => new SqliteIntrospector(db),
      createQueryCompiler: () => new SqliteQueryCompiler(),
    },
    plugins: [new CamelCasePlugin()],
  })
  return {
    kind: 'sqlite',
    place: file,
    queries,
    locksRows: false,
    // A transaction that writes is the only one from its first statement on.
    async shareWrites() {},
    async ownWrites() {},
    async exclusively(name, work) {
      if (!(await thread.lock(name))) return undefined
      try {
        return { value: await work(queries) }
      } finally {
        await thread.unlock(name)
      }
    },
    async scrub() {
      const { rows } = await thread.run('PRAGMA wal_checkpoint(TRUNCATE)')
      const [{ busy } = { busy: 1 }] = rows as { busy: number }[]
      return busy === 0
        ? undefined
        : `a reader kept ${file}-wal from being emptied; it is overwritten as writing goes on`
    },
    backup: (target) => thread.backup(target),
    load: () => driver.load,
    async close() {
      await queries.destroy()
      await thread.close()
    },
  }
}
