/** Durable records: sessions, finals, usage and acts in SQLite or PostgreSQL; writing, archive, forgetting, backup. */
export type { RecordDatabase } from './database.ts'
export { type Migrated, MIGRATIONS, type Migration } from './migrations.ts'
export { POOL_SIZE, placeOf, type PostgresOptions } from './postgres/postgres-database.ts'
export { findPostgres, type PostgresServer, type PostgresServerOptions, startPostgres } from './postgres/postgres-server.ts'
export { type QueryFigures, SLOW_QUERY_MS } from './query-stats.ts'
export { type Forgotten, openRecordStore, RecordStore, type StoreOptions, type StorePlace } from './record-store.ts'
export {
  type AuditRecord,
  type FinalRecord,
  type SessionRecord,
  type StoredRecord,
  TABLE_NAMES,
  type TableName,
  type UsageRecord,
  utcDayOf,
} from './records.ts'
export { type DayOfUsage, MAX_PAGE, type SessionsWanted } from './repositories.ts'
export { STORE_ERRORS, type StoreError, type StoreErrorCode } from './store-error.ts'
export type { WriteReport } from './write-batch.ts'
