// The records of a platform over one of the two databases: opening, writing, reading, forgetting.
import { type Clock, ok, type Result } from '@parley/kernel'
import type { Logger } from '@parley/telemetry'
import type { RecordDatabase } from './database.ts'
import {
  FORGOTTEN_NAME,
  forgottenSince,
  LAST_FORGOTTEN,
  rememberForgotten,
  SALT,
  saltOf,
  userKeyOf,
} from './forgotten.ts'
import { type Migrated, type Migration, migrate } from './migrations.ts'
import { openPostgres, type PostgresOptions } from './postgres/postgres-database.ts'
import { QueryStats } from './query-stats.ts'
import { readRecord, type StoredRecord } from './records.ts'
import { Audit, Finals, Retention, Sessions, Usage } from './repositories.ts'
import { openSqlite } from './sqlite/sqlite-database.ts'
import { failure, type StoreError } from './store-error.ts'
import { type WriteReport, writeBatch } from './write-batch.ts'

export interface StoreOptions {
  readonly clock: Clock
  readonly logger: Logger
  /** For tests of upgrades. */
  readonly migrations?: readonly Migration[]
}

export interface Forgotten {
  readonly sessions: number
  readonly finals: number
  /** Acts of or about the user, kept under another name. */
  readonly audit: number
}

/** Users who were forgotten, known by what makes their keys. */
export interface ForgottenUsers {
  /** For the next question. */
  readonly last: string
  /** When the user was; undefined: not lately. */
  forgottenAtMs(tenant: string, userId: string): number | undefined
}

/** The answer before the first one. */
export const NOBODY_YET = '0'
/** Clocks of those who forget users may be this far apart; what is seen twice is harmless. */
const CLOCK_GAP_MS = 120_000

export class RecordStore {
  readonly database: RecordDatabase
  readonly stats: QueryStats
  readonly sessions: Sessions
  readonly finals: Finals
  readonly usage: Usage
  readonly audit: Audit
  readonly retention: Retention
  readonly #options: StoreOptions

  constructor(database: RecordDatabase, options: StoreOptions) {
    this.database = database
    this.#options = options
    this.stats = new QueryStats(options.clock, options.logger)
    const context = { database, stats: this.stats }
    this.sessions = new Sessions(context)
    this.finals = new Finals(context)
    this.usage = new Usage(context)
    this.audit = new Audit(context)
    this.retention = new Retention(context)
  }

  /** Brings the schema up to date; SCHEMA_NEWER when this version may not work with it. Call it before anything else. */
  migrate(): Promise<Result<Migrated, StoreError>> {
    const { clock, migrations } = this.#options
    return this.stats.measuredResult('migrate', () => migrate(this.database, clock.wallMs(), migrations))
  }

  /**
   * Writes all of `records` in one transaction, or nothing of it. Writing the same again changes nothing; records of users
   * who were forgotten since, and finals of tenants that keep none, are left out and counted.
   */
  write(records: readonly StoredRecord[]): Promise<Result<WriteReport, StoreError>> {
    const clean: StoredRecord[] = []
    for (const record of records) {
      const read = readRecord(record)
      if (!read.ok) return Promise.resolve(failure('INVALID', read.error))
      clean.push(read.value)
    }
    return this.stats.measured('write', async () => writeBatch(this.database, clean))
  }

  /** Key of the hashes of users who were forgotten; throws a StoreFailure. */
  salt(): Promise<string> {
    return saltOf(this.database.queries)
  }

  /** Takes over the key of another database's list of the forgotten; false when this one has a list of its own. */
  async adoptSalt(salt: string): Promise<boolean> {
    const { queries } = this.database
    if ((await this.salt()) === salt) return true
    const any = await queries.selectFrom('forgottenUsers').select('userKey').limit(1).executeTakeFirst()
    if (any !== undefined) return false
    await queries.updateTable('settings').set({ value: salt }).where('name', '=', SALT).execute()
    return true
  }

  /**
   * Deletes everything of the user, and keeps what still lies elsewhere (queues, spills) from coming back. Acts stay, under
   * another name. With `dryRun` nothing is changed and the counts are what would be.
   */
  forget(tenant: string, userId: string, dryRun = false): Promise<Result<Forgotten, StoreError>> {
    if (userId === '') return Promise.resolve(failure('INVALID', 'the user is empty; name one'))
    return this.stats.measured('forget', async () => {
      const key = userKeyOf(await this.salt(), tenant, userId)
      return this.database.queries.transaction().execute(async (writes) => {
        await this.database.ownWrites(writes)
        const counts = await this.#countOf(writes, tenant, userId)
        if (dryRun) return counts
        await rememberForgotten(writes, key, this.#options.clock.wallMs())
        for (const table of ['finals', 'sessions'] as const) {
          await writes.deleteFrom(table).where('tenant', '=', tenant).where('userId', '=', userId).execute()
        }
        for (const column of ['actor', 'target'] as const) {
          await writes
            .updateTable('audit')
            .set({ [column]: FORGOTTEN_NAME })
            .where('tenant', '=', tenant)
            .where(column, '=', userId)
            .execute()
        }
        return counts
      })
    })
  }

  /** Deletes what sessions of a forgotten user have recorded after that, until they ended. */
  forgetSessions(sessionIds: readonly string[]): Promise<Result<void, StoreError>> {
    return this.stats.measured('forgetSessions', async () => {
      await this.database.queries.transaction().execute(async (writes) => {
        for (const table of ['finals', 'sessions'] as const) {
          await writes.deleteFrom(table).where('sessionId', 'in', sessionIds).execute()
        }
      })
    })
  }

  /**
   * Who was forgotten since the answer `last` was given (at first NOBODY_YET): undefined when nobody was. One row is read unless somebody was.
   */
  forgottenAfter(last: string): Promise<Result<ForgottenUsers | undefined, StoreError>> {
    return this.stats.measured('forgottenAfter', async () => {
      const { queries } = this.database
      const row = await queries
        .selectFrom('settings')
        .select('value')
        .where('name', '=', LAST_FORGOTTEN)
        .executeTakeFirst()
      const now = row?.value ?? NOBODY_YET
      if (now === last) return undefined
      const [salt, users] = [await this.salt(), await forgottenSince(queries, Number(last) - CLOCK_GAP_MS)]
      return { last: now, forgottenAtMs: (tenant, userId) => users.get(userKeyOf(salt, tenant, userId)) }
    })
  }

  async #countOf(writes: RecordDatabase['queries'], tenant: string, userId: string): Promise<Forgotten> {
    const count = async (table: 'sessions' | 'finals') => {
      const query = writes.selectFrom(table).select((eb) => eb.fn.countAll<number>().as('count'))
      return (await query.where('tenant', '=', tenant).where('userId', '=', userId).executeTakeFirst())?.count ?? 0
    }
    const acts = await writes
      .selectFrom('audit')
      .select((eb) => eb.fn.countAll<number>().as('count'))
      .where('tenant', '=', tenant)
      .where((eb) => eb.or([eb('actor', '=', userId), eb('target', '=', userId)]))
      .executeTakeFirst()
    return { sessions: await count('sessions'), finals: await count('finals'), audit: acts?.count ?? 0 }
  }

  /** A value of the store itself, such as the day of the last archive. */
  setting(name: string): Promise<Result<string | undefined, StoreError>> {
    return this.stats.measured('setting', async () => {
      const row = await this.database.queries
        .selectFrom('settings')
        .select('value')
        .where('name', '=', name)
        .executeTakeFirst()
      return row?.value
    })
  }

  set(name: string, value: string): Promise<Result<void, StoreError>> {
    return this.stats.measured('set', async () => {
      await this.database.queries
        .insertInto('settings')
        .values({ name, value })
        .onConflict((conflict) => conflict.column('name').doUpdateSet({ value }))
        .execute()
    })
  }

  async close(): Promise<void> {
    await this.database.close()
  }
}

/** Where records are kept: in a file (one member only) or in a PostgreSQL 15 or later (any number). */
export type StorePlace =
  | { readonly kind: 'sqlite'; readonly file: string }
  | ({ readonly kind: 'postgres' } & PostgresOptions)

/** The store without a question asked of the database yet: for whoever has to begin while it is away. `migrate` comes first. */
export async function createRecordStore(place: StorePlace, options: StoreOptions): Promise<RecordStore> {
  const database = place.kind === 'sqlite' ? await openSqlite(place.file, options.clock) : openPostgres(place)
  return new RecordStore(database, options)
}

/** Opens and migrates. The store is closed again when that fails. */
export async function openRecordStore(
  place: StorePlace,
  options: StoreOptions,
): Promise<Result<RecordStore, StoreError>> {
  const store = await createRecordStore(place, options)
  const migrated = await store.migrate()
  if (migrated.ok) return ok(store)
  await store.close()
  return migrated
}
