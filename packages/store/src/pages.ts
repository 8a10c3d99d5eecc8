// All rows of a table in pages, oldest first, and their removal once they are safe elsewhere. Tables, columns and order come from
// records.ts; values are always parameters.
import { type RawBuilder, sql } from 'kysely'
import type { Queries, RecordDatabase } from './database.ts'
import { keyOf, lineOf, type StoredRecord, TABLES, type TableName, utcDayOf } from './records.ts'

export interface PageRequest {
  /** Only rows whose age counts from before this wall instant. */
  readonly olderThanMs?: number
  readonly tenant?: string
  /** The last record of the page before. */
  readonly after?: StoredRecord
  readonly limit: number
}

const AGE: { readonly [Name in TableName]: RawBuilder<unknown> } = {
  sessions: sql`coalesce(ended_at_ms, started_at_ms)`,
  finals: sql`recorded_at_ms`,
  usage: sql`day`,
  audit: sql`at_ms`,
}

function ageValue(record: StoredRecord): string | number {
  if (record.table === 'sessions') return record.row.endedAtMs ?? record.row.startedAtMs
  if (record.table === 'finals') return record.row.recordedAtMs
  return record.table === 'usage' ? record.row.day : record.row.atMs
}

const columnsOf = (table: TableName) => Object.keys(TABLES[table].columns)
const cellOf = (record: StoredRecord, column: string) =>
  (record.row as unknown as Record<string, string | number | null>)[column] as string | number | null

/** Rows in the order of their age, then of their key. */
export async function readPage(queries: Queries, table: TableName, request: PageRequest): Promise<StoredRecord[]> {
  const order = sql.join([AGE[table], ...TABLES[table].key.map((name) => sql.ref(name))])
  const wanted: RawBuilder<unknown>[] = [sql`1 = 1`]
  if (request.olderThanMs !== undefined) {
    wanted.push(sql`${AGE[table]} < ${boundOf(table, request.olderThanMs)}`)
  }
  if (request.tenant !== undefined) wanted.push(sql`tenant = ${request.tenant}`)
  const { after } = request
  if (after) {
    const values = [ageValue(after), ...TABLES[table].key.map((name) => cellOf(after, name))]
    wanted.push(sql`(${order}) > (${sql.join(values)})`)
  }
  const columns = sql.join(columnsOf(table).map((name) => sql.ref(name)))
  const { rows } = await sql`select ${columns} from ${sql.table(table)} where ${sql.join(wanted, sql` and `)}
    order by ${order} limit ${request.limit}`.execute(queries)
  return rows.map((row) => ({ table, row }) as StoredRecord)
}

/** The last day SQL can be asked about as a text. */
const LAST_WALL_MS = Date.parse('9999-12-31')

const boundOf = (table: TableName, wallMs: number) =>
  table === 'usage' ? utcDayOf(Math.min(LAST_WALL_MS, wallMs)) : wallMs

/** How many rows are older. */
export async function countOlder(
  queries: Queries,
  table: TableName,
  olderThanMs: number,
  tenant?: string,
): Promise<number> {
  const ofTenant = tenant === undefined ? sql`` : sql` and tenant = ${tenant}`
  const { rows } = await sql<{ count: number }>`select count(*) as count from ${sql.table(table)}
    where ${AGE[table]} < ${boundOf(table, olderThanMs)}${ofTenant}`.execute(queries)
  return rows[0]?.count ?? 0
}

function whereKeys(table: TableName, records: readonly StoredRecord[]): RawBuilder<unknown> {
  const { key } = TABLES[table]
  const [only] = key
  if (key.length === 1 && only !== undefined) {
    return sql`${sql.ref(only)} in (${sql.join(records.map((record) => cellOf(record, only)))})`
  }
  // Cast: PostgreSQL takes a bare parameter of VALUES for a text. Joined rather than a chain of ORs, which it plans for longer
  // than it runs.
  const typeOf = (name: string) => sql.raw(TABLES[table].columns[name]?.type === 'integer' ? 'bigint' : 'text')
  const rows = records.map(
    (record) => sql`(${sql.join(key.map((name) => sql`cast(${cellOf(record, name)} as ${typeOf(name)})`))})`,
  )
  return sql`(${sql.join(key.map((name) => sql.ref(name)))}) in (values ${sql.join(rows)})`
}

/** The row as the line it is written as: equal rows have equal lines, because columns have one order. */
function lineOfRow(table: TableName, row: Record<string, unknown>): string {
  const ordered = Object.fromEntries(columnsOf(table).map((name) => [name, row[name] ?? null]))
  return lineOf({ table, row: ordered } as unknown as StoredRecord)
}

/**
 * Deletes those of `records` (one table, at most a few hundred) that the database still holds exactly as given, in one
 * transaction; a row that has changed since stays. Returns how many are gone.
 */
export async function deleteSame(
  database: RecordDatabase,
  queries: Queries,
  table: TableName,
  records: readonly StoredRecord[],
): Promise<number> {
  if (records.length === 0) return 0
  return queries.transaction().execute(async (writes) => {
    const forUpdate = database.locksRows ? sql` for update` : sql``
    const columns = sql.join(columnsOf(table).map((name) => sql.ref(name)))
    const { rows } = await sql<Record<string, unknown>>`
      select ${columns} from ${sql.table(table)} where ${whereKeys(table, records)}${forUpdate}`.execute(writes)
    const held = new Map(
      rows.map((row) => [keyOf({ table, row } as unknown as StoredRecord), lineOfRow(table, row)] as const),
    )
    const same = records.filter((record) => held.get(keyOf(record)) === lineOf(record))
    if (same.length > 0) await sql`delete from ${sql.table(table)} where ${whereKeys(table, same)}`.execute(writes)
    return same.length
  })
}
