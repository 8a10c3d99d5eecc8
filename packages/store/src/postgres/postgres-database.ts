// PostgreSQL behind the query builder: a pool whose connections are thrown away as soon as they are in doubt.
import {
  CamelCasePlugin,
  type CompiledQuery,
  type DatabaseConnection,
  type Driver,
  Kysely,
  PostgresAdapter,
  PostgresIntrospector,
  PostgresQueryCompiler,
  type QueryResult,
  sql,
} from 'kysely'
import pg from 'pg'
import type { Queries, RecordDatabase, Writes } from '../database.ts'
import type { Tables } from '../schema.ts'
import { StoreFailure } from '../store-error.ts'
import { postgresFailure } from './postgres-failure.ts'

export interface PostgresOptions {
  /** `postgres://user:password@host:5432/name`; a socket's folder as `?host=/run/postgresql`. */
  readonly url: string
  /** Greatest number of connections, 10 to 50; 10 unless told. */
  readonly poolSize?: number
  /** How long a connection may be waited for; 5,000 ms unless told. */
  readonly connectTimeoutMs?: number
  /** How long a statement may take, told to the server; 10,000 ms unless told. */
  readonly statementTimeoutMs?: number
}

export const POOL_SIZE = { min: 10, max: 50 } as const

/** First of the two numbers of our advisory locks; the second is the name's. */
const LOCK_SPACE = 0x7061726c
const WRITES_LOCK = 1

/** 64-bit integers and sums arrive as texts; all of ours fit a double. */
const types: pg.CustomTypesConfig = {
  getTypeParser: ((oid: number, format?: 'text' | 'binary') =>
    oid === pg.types.builtins.INT8 || oid === pg.types.builtins.NUMERIC
      ? Number
      : pg.types.getTypeParser(oid, format as 'text')) as pg.CustomTypesConfig['getTypeParser'],
}

class PostgresConnection implements DatabaseConnection {
  readonly #client: pg.PoolClient
  readonly #place: string
  #isLost = false

  constructor(client: pg.PoolClient, place: string) {
    this.#client = client
    this.#place = place
  }

  async query(text: string, values: unknown[] = []): Promise<pg.QueryResult> {
    if (this.#isLost) throw new StoreFailure('UNAVAILABLE', `PostgreSQL ${this.#place}: the connection broke`)
    try {
      return await this.#client.query(text, values)
    } catch (error) {
      const { failure, isConnectionLost } = postgresFailure(error, this.#place)
      this.#isLost ||= isConnectionLost
      throw failure
    }
  }

  async executeQuery<R>(query: CompiledQuery): Promise<QueryResult<R>> {
    const { rows, rowCount, command } = await this.query(query.sql, [...query.parameters])
    const isChange = command === 'INSERT' || command === 'UPDATE' || command === 'DELETE'
    return { rows: rows as R[], ...(isChange ? { numAffectedRows: BigInt(rowCount ?? 0) } : {}) }
  }

  // biome-ignore lint/correctness/useYield: the interface wants a generator, and records are read in pages
  async *streamQuery<R>(): AsyncIterableIterator<QueryResult<R>> {
    throw new Error('records are read in pages')
  }

  /** A connection that did not answer in time may still be busy with the old question: nobody gets it again. */
  release(): void {
    this.#client.release(this.#isLost)
  }
}

class PostgresDriver implements Driver {
  readonly #pool: pg.Pool
  readonly #place: string

  constructor(pool: pg.Pool, place: string) {
    this.#pool = pool
    this.#place = place
  }

  async init(): Promise<void> {}

  async acquireConnection(): Promise<PostgresConnection> {
    try {
      return new PostgresConnection(await this.#pool.connect(), this.#place)
    } catch (error) {
      throw postgresFailure(error, this.#place).failure
    }
  }

  async beginTransaction(connection: PostgresConnection): Promise<void> {
    await connection.query('BEGIN')
  }

  async commitTransaction(connection: PostgresConnection): Promise<void> {
    const { command } = await connection.query('COMMIT')
    if (command !== 'COMMIT') {
      throw new StoreFailure('FAILED', `PostgreSQL ${this.#place}: the transaction was rolled back`)
    }
  }

  async rollbackTransaction(connection: PostgresConnection): Promise<void> {
    await connection.query('ROLLBACK').catch(() => {}) // a lost connection has rolled back
  }

  async releaseConnection(connection: PostgresConnection): Promise<void> {
    connection.release()
  }

  async destroy(): Promise<void> {
    await this.#pool.end()
  }
}

/** Host and name of the database, without user and password. */
export function placeOf(url: string): string {
  const parsed = URL.parse(url)
  if (!parsed) return 'at an address that cannot be read'
  const host = parsed.searchParams.get('host') ?? parsed.host
  return `${decodeURIComponent(parsed.pathname.slice(1)) || 'of its user'} at ${host || 'this machine'}`
}

function lockNumber(name: string): number {
  let hash = 2166136261
  for (let index = 0; index < name.length; index++) hash = Math.imul(hash ^ name.charCodeAt(index), 16777619)
  return hash | 0
}

/** An advisory lock of the connection: whoever loses the connection loses the lock, and can no longer ask anything through it. */
async function exclusively<T>(queries: Queries, name: string, work: (queries: Queries) => Promise<T>) {
  return queries.connection().execute(async (pinned) => {
    const key = lockNumber(name)
    const { rows } = await sql<{ held: boolean }>`
      select pg_try_advisory_lock(${LOCK_SPACE}::int, ${key}::int) as held`.execute(pinned)
    if (rows[0]?.held !== true) return undefined
    try {
      return { value: await work(pinned) }
    } finally {
      await sql`select pg_advisory_unlock(${LOCK_SPACE}::int, ${key}::int)`.execute(pinned).catch(() => {})
    }
  })
}

/** Nothing is asked of the server yet: a database that is away is found out by the first query. */
export function openPostgres(options: PostgresOptions): RecordDatabase {
  const place = placeOf(options.url)
  const statementTimeoutMs = options.statementTimeoutMs ?? 10_000
  const pool = new pg.Pool({
    connectionString: options.url,
    max: Math.min(POOL_SIZE.max, Math.max(POOL_SIZE.min, options.poolSize ?? POOL_SIZE.min)),
    connectionTimeoutMillis: options.connectTimeoutMs ?? 5_000,
    idleTimeoutMillis: 30_000,
    statement_timeout: statementTimeoutMs,
    // For a server that stands still, or a network that swallows: the server's own limit never comes then.
    query_timeout: statementTimeoutMs + 2_000,
    lock_timeout: Math.min(5_000, statementTimeoutMs),
    idle_in_transaction_session_timeout: 60_000,
    keepAlive: true,
    keepAliveInitialDelayMillis: 10_000,
    application_name: 'parley',
    types,
  })
  pool.on('error', () => {}) // an idle connection broke; the pool has dropped it already
  pool.on('connect', (client) => client.on('error', () => {})) // one in use: its query fails and says so
  const queries = new Kysely<Tables>({
    dialect: {
      createAdapter: () => new PostgresAdapter(),
      createDriver: () => new PostgresDriver(pool, place) as unknown as Driver,
      createIntrospector: (db) => new PostgresIntrospector(db),
      createQueryCompiler: () => new PostgresQueryCompiler(),
    },
    plugins: [new CamelCasePlugin()],
  })
  const lockWrites = async (writes: Writes, how: 'pg_advisory_xact_lock' | 'pg_advisory_xact_lock_shared') => {
    await sql`select ${sql.raw(how)}(${LOCK_SPACE}::int, ${WRITES_LOCK}::int)`.execute(writes)
  }
  return {
    kind: 'postgres',
    place,
    queries,
    locksRows: true,
    shareWrites: (writes) => lockWrites(writes, 'pg_advisory_xact_lock_shared'),
    ownWrites: (writes) => lockWrites(writes, 'pg_advisory_xact_lock'),
    exclusively: (name, work) => exclusively(queries, name, work),
    async scrub() {
      return 'PostgreSQL overwrites deleted rows when it vacuums; its write-ahead log and its own backups keep them for as long as they are kept'
    },
    load: () => ({ open: pool.totalCount, inUse: pool.totalCount - pool.idleCount, waiting: pool.waitingCount }),
    close: () => queries.destroy(),
  }
}
