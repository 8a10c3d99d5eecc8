// The schema, version by version; forward only. A migration that the version before can live with says so (compatibleFrom),
// so that members of both versions may share a database while they are replaced one by one.
import { ok, type Result } from '@parley/kernel'
import { type CreateTableBuilder, sql } from 'kysely'
import type { Queries, RecordDatabase, Writes } from './database.ts'
import { failure, type StoreError } from './store-error.ts'

export interface Migration {
  readonly version: number
  /** A word for messages: what the schema learned. */
  readonly name: string
  /** The oldest version of the reader that may work with the schema as this migration leaves it. */
  readonly compatibleFrom: number
  run(writes: Writes): Promise<void>
}

const table = (writes: Writes, name: string): CreateTableBuilder<string> => writes.schema.createTable(name)

async function createRecords(writes: Writes): Promise<void> {
  await table(writes, 'sessions')
    .addColumn('sessionId', 'text', (column) => column.primaryKey())
    .addColumn('tenant', 'text', (column) => column.notNull())
    .addColumn('userId', 'text', (column) => column.notNull())
    .addColumn('pod', 'text', (column) => column.notNull())
    .addColumn('language', 'text', (column) => column.notNull())
    .addColumn('startedAtMs', 'bigint', (column) => column.notNull())
    .addColumn('endedAtMs', 'bigint')
    .addColumn('endReason', 'text')
    .addColumn('fenceEpoch', 'bigint', (column) => column.notNull())
    .addColumn('fenceCounter', 'bigint', (column) => column.notNull())
    .execute()
  await table(writes, 'finals')
    .addColumn('sessionId', 'text', (column) => column.notNull())
    .addColumn('utteranceEpoch', 'bigint', (column) => column.notNull())
    .addColumn('utteranceIndex', 'bigint', (column) => column.notNull())
    .addColumn('revision', 'bigint', (column) => column.notNull())
    .addColumn('kind', 'text', (column) => column.notNull())
    .addColumn('language', 'text', (column) => column.notNull())
    .addColumn('tenant', 'text', (column) => column.notNull())
    .addColumn('userId', 'text', (column) => column.notNull())
    .addColumn('text', 'text', (column) => column.notNull())
    .addColumn('startMs', 'bigint', (column) => column.notNull())
    .addColumn('endMs', 'bigint', (column) => column.notNull())
    .addColumn('recordedAtMs', 'bigint', (column) => column.notNull())
    // Reading a session's text in order walks this key: no index of its own is needed.
    .addPrimaryKeyConstraint('finals_key', [
      'sessionId',
      'utteranceEpoch',
      'utteranceIndex',
      'revision',
      'kind',
      'language',
    ])
    .execute()
}

async function createCounts(writes: Writes): Promise<void> {
  await table(writes, 'usage')
    .addColumn('tenant', 'text', (column) => column.notNull())
    .addColumn('day', 'text', (column) => column.notNull())
    .addColumn('source', 'text', (column) => column.notNull())
    .addColumn('speechMs', 'bigint', (column) => column.notNull())
    .addColumn('translatedCharacters', 'bigint', (column) => column.notNull())
    .addColumn('providerTokens', 'bigint', (column) => column.notNull())
    // A tenant's days in order: the key serves the bill.
    .addPrimaryKeyConstraint('usage_key', ['tenant', 'day', 'source'])
    .execute()
  await table(writes, 'audit')
    .addColumn('auditId', 'text', (column) => column.primaryKey())
    .addColumn('atMs', 'bigint', (column) => column.notNull())
    .addColumn('tenant', 'text', (column) => column.notNull())
    .addColumn('actor', 'text', (column) => column.notNull())
    .addColumn('action', 'text', (column) => column.notNull())
    .addColumn('target', 'text', (column) => column.notNull())
    .addColumn('result', 'text', (column) => column.notNull())
    .execute()
}

async function createSettings(writes: Writes): Promise<void> {
  await table(writes, 'retention')
    .addColumn('tenant', 'text', (column) => column.primaryKey())
    .addColumn('finalsDays', 'bigint', (column) => column.notNull())
    .execute()
  await table(writes, 'forgottenUsers')
    .addColumn('userKey', 'text', (column) => column.primaryKey())
    .addColumn('forgottenAtMs', 'bigint', (column) => column.notNull())
    .execute()
  await table(writes, 'settings')
    .addColumn('name', 'text', (column) => column.primaryKey())
    .addColumn('value', 'text', (column) => column.notNull())
    .execute()
}

/** Each index, and the query that would read the whole table without it. */
async function createIndexes(writes: Writes): Promise<void> {
  const index = (name: string, on: string, columns: string[]) =>
    writes.schema.createIndex(name).on(on).columns(columns).execute()
  // A tenant's sessions, newest first, page by page (sessions.list); of one user, and forgetting one.
  await index('sessions_of_tenant', 'sessions', ['tenant', 'startedAtMs', 'sessionId'])
  await index('sessions_of_user', 'sessions', ['tenant', 'userId', 'startedAtMs'])
  // What is old enough for the archive. An expression: a session that never ended ages from its start.
  await sql`create index sessions_by_age on sessions ((coalesce(ended_at_ms, started_at_ms)), session_id)`.execute(
    writes,
  )
  // Archive; a tenant's finals that are past their time; forgetting one user.
  await index('finals_by_age', 'finals', ['recordedAtMs'])
  await index('finals_of_tenant', 'finals', ['tenant', 'recordedAtMs'])
  await index('finals_of_user', 'finals', ['tenant', 'userId'])
  // Archive, and a day of all tenants.
  await index('usage_by_day', 'usage', ['day'])
  // A tenant's acts, newest first, page by page (audit.list); archive.
  await index('audit_of_tenant', 'audit', ['tenant', 'atMs', 'auditId'])
  await index('audit_by_age', 'audit', ['atMs'])
}

export const MIGRATIONS: readonly Migration[] = [
  {
    version: 1,
    name: 'records',
    compatibleFrom: 1,
    async run(writes) {
      await createRecords(writes)
      await createCounts(writes)
      await createSettings(writes)
      await createIndexes(writes)
    },
  },
]

export interface Migrated {
  /** Names of the migrations that were run now. */
  readonly ran: readonly string[]
  readonly version: number
}

interface Found {
  readonly version: number
  readonly name: string
  readonly compatibleFrom: number
}

async function newest(queries: Queries | Writes): Promise<Found | undefined> {
  const rows = await queries
    .selectFrom('parleySchema')
    .select(['version', 'name', 'compatibleFrom'])
    .orderBy('version', 'desc')
    .limit(1)
    .execute()
  return rows[0]
}

/**
 * Brings the schema up to the last of `migrations`, all in one transaction and one member at a time. A schema that is
 * newer is worked with when it says that this version may, and otherwise refused by its name and left untouched.
 */
export async function migrate(
  database: RecordDatabase,
  nowMs: number,
  migrations: readonly Migration[] = MIGRATIONS,
): Promise<Result<Migrated, StoreError>> {
  const known = migrations.at(-1)?.version ?? 0
  return database.queries.transaction().execute(async (writes) => {
    await database.ownWrites(writes)
    await sql`create table if not exists parley_schema (
      version bigint primary key, name text not null, compatible_from bigint not null, applied_at_ms bigint not null)`.execute(
      writes,
    )
    const found = await newest(writes)
    if (found && found.version > known) {
      if (found.compatibleFrom <= known) return ok({ ran: [], version: found.version })
      return failure(
        'SCHEMA_NEWER',
        `the records in ${database.place} have schema ${found.version} ("${found.name}"), which needs a Parley that knows schema ${found.compatibleFrom} or later; this one knows ${known}: run the newer version, or restore a backup from before it`,
      )
    }
    const due = migrations.filter((migration) => migration.version > (found?.version ?? 0))
    for (const migration of due) {
      await migration.run(writes)
      const { version, name, compatibleFrom } = migration
      await writes.insertInto('parleySchema').values({ version, name, compatibleFrom, appliedAtMs: nowMs }).execute()
    }
    return ok({ ran: due.map((migration) => migration.name), version: known })
  })
}
