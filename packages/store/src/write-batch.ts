// Records into the tables, one statement a table, in one transaction. Written twice they change nothing; merge.ts says the same
// in code.
import type { RecordDatabase, Writes } from './database.ts'
import { withoutForgotten } from './forgotten.ts'
import { mergeBatch } from './merge.ts'
import { type FinalRecord, type RowTypes, type StoredRecord, TABLE_NAMES, type TableName } from './records.ts'

export interface WriteReport {
  /** Rows that are new or have changed. */
  readonly changed: number
  /** Records of users who were forgotten. */
  readonly forgotten: number
  /** Finals of tenants that keep none. */
  readonly notKept: number
}

/** Rows a statement; PostgreSQL takes 65,535 parameters, SQLite 32,766. */
export const MAX_ROWS_PER_STATEMENT = 1_000

type Rows<Name extends TableName> = { -readonly [Column in keyof RowTypes[Name]]: RowTypes[Name][Column] }[]

async function writeSessions(writes: Writes, rows: Rows<'sessions'>): Promise<bigint> {
  const written = await writes
    .insertInto('sessions')
    .values(rows)
    .onConflict((conflict) =>
      conflict
        .column('sessionId')
        .doUpdateSet((eb) => ({
          pod: eb.ref('excluded.pod'),
          language: eb.ref('excluded.language'),
          startedAtMs: eb
            .case()
            .when('excluded.startedAtMs', '<', eb.ref('sessions.startedAtMs'))
            .then(eb.ref('excluded.startedAtMs'))
            .else(eb.ref('sessions.startedAtMs'))
            .end(),
          endedAtMs: eb.fn.coalesce('excluded.endedAtMs', 'sessions.endedAtMs'),
          endReason: eb.fn.coalesce('excluded.endReason', 'sessions.endReason'),
          fenceEpoch: eb.ref('excluded.fenceEpoch'),
          fenceCounter: eb.ref('excluded.fenceCounter'),
        }))
        .where((eb) =>
          eb.and([
            eb.or([
              eb('excluded.fenceEpoch', '>', eb.ref('sessions.fenceEpoch')),
              eb.and([
                eb('excluded.fenceEpoch', '=', eb.ref('sessions.fenceEpoch')),
                eb('excluded.fenceCounter', '>=', eb.ref('sessions.fenceCounter')),
              ]),
            ]),
            eb.or([
              eb('excluded.pod', '<>', eb.ref('sessions.pod')),
              eb('excluded.language', '<>', eb.ref('sessions.language')),
              eb('excluded.startedAtMs', '<', eb.ref('sessions.startedAtMs')),
              eb('excluded.fenceEpoch', '<>', eb.ref('sessions.fenceEpoch')),
              eb('excluded.fenceCounter', '<>', eb.ref('sessions.fenceCounter')),
              eb(
                eb.fn.coalesce('excluded.endedAtMs', 'sessions.endedAtMs'),
                'is distinct from',
                eb.ref('sessions.endedAtMs'),
              ),
              eb(
                eb.fn.coalesce('excluded.endReason', 'sessions.endReason'),
                'is distinct from',
                eb.ref('sessions.endReason'),
              ),
            ]),
          ]),
        ),
    )
    .executeTakeFirst()
  return written.numInsertedOrUpdatedRows ?? 0n
}

async function writeUsage(writes: Writes, rows: Rows<'usage'>): Promise<bigint> {
  const written = await writes
    .insertInto('usage')
    .values(rows)
    .onConflict((conflict) =>
      conflict
        .columns(['tenant', 'day', 'source'])
        .doUpdateSet((eb) => {
          const greater = (column: 'speechMs' | 'translatedCharacters' | 'providerTokens') =>
            eb
              .case()
              .when(`excluded.${column}`, '>', eb.ref(`usage.${column}`))
              .then(eb.ref(`excluded.${column}`))
              .else(eb.ref(`usage.${column}`))
              .end()
          return {
            speechMs: greater('speechMs'),
            translatedCharacters: greater('translatedCharacters'),
            providerTokens: greater('providerTokens'),
          }
        })
        .where((eb) =>
          eb.or([
            eb('excluded.speechMs', '>', eb.ref('usage.speechMs')),
            eb('excluded.translatedCharacters', '>', eb.ref('usage.translatedCharacters')),
            eb('excluded.providerTokens', '>', eb.ref('usage.providerTokens')),
          ]),
        ),
    )
    .executeTakeFirst()
  return written.numInsertedOrUpdatedRows ?? 0n
}

async function writeOnce(writes: Writes, table: 'finals' | 'audit', rows: Rows<'finals'> | Rows<'audit'>) {
  const written = await writes
    .insertInto(table)
    .values(rows as Rows<'finals'>)
    .onConflict((conflict) => conflict.doNothing())
    .executeTakeFirst()
  return written.numInsertedOrUpdatedRows ?? 0n
}

function write(writes: Writes, table: TableName, rows: unknown[]): Promise<bigint> {
  if (table === 'sessions') return writeSessions(writes, rows as Rows<'sessions'>)
  if (table === 'usage') return writeUsage(writes, rows as Rows<'usage'>)
  return writeOnce(writes, table, rows as Rows<'finals'>)
}

async function withoutUnkept(writes: Writes, records: readonly StoredRecord[]): Promise<StoredRecord[]> {
  const finals = records.filter((record) => record.table === 'finals').map((record) => record.row as FinalRecord)
  if (finals.length === 0) return [...records]
  const rows = await writes
    .selectFrom('retention')
    .select('tenant')
    .where('tenant', 'in', [...new Set(finals.map((row) => row.tenant))])
    .where('finalsDays', '>', 0)
    .execute()
  const keeping = new Set(rows.map((row) => row.tenant))
  return records.filter((record) => record.table !== 'finals' || keeping.has(record.row.tenant))
}

/** One transaction for all of `records`; throws a StoreFailure, and then nothing of them is written. */
export async function writeBatch(database: RecordDatabase, records: readonly StoredRecord[]): Promise<WriteReport> {
  return database.queries.transaction().execute(async (writes) => {
    await database.shareWrites(writes)
    const merged = mergeBatch(records)
    const known = await withoutForgotten(writes, merged)
    const kept = await withoutUnkept(writes, known)
    let changed = 0n
    for (const table of TABLE_NAMES) {
      const rows = kept.filter((record) => record.table === table).map((record) => record.row)
      for (let from = 0; from < rows.length; from += MAX_ROWS_PER_STATEMENT) {
        changed += await write(writes, table, rows.slice(from, from + MAX_ROWS_PER_STATEMENT))
      }
    }
    return { changed: Number(changed), forgotten: merged.length - known.length, notKept: known.length - kept.length }
  })
}
