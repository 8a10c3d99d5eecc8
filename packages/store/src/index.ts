/** Durable records: sessions, finals, usage and acts in SQLite or PostgreSQL; writing, archive, forgetting, backup. */

export { type ArchiveOptions, type ArchiveReport, archiveRecords } from './archive/archiver.ts'
export type { OnProgress, RowProgress } from './archive/copy.ts'
export { type ForgetOptions, type ForgetReport, forgetUser } from './archive/forget-user.ts'
export { type DailyArchiveOptions, isArchiveDue, startDailyArchive } from './archive/schedule.ts'
export {
  type ExportOptions,
  type ExportReport,
  exportRecords,
  type RestoreReport,
  restoreRecords,
} from './archive/transfer.ts'
export {
  BACKUP_EXPORT,
  type BackupManifest,
  type BackupOptions,
  backUp,
  type RestoredBackup,
  readBackup,
  restoreBackup,
} from './backup/backup.ts'
export type { RecordDatabase } from './database.ts'
export { type RecordFolders, recordFolders } from './layout.ts'
export { MIGRATIONS, type Migrated, type Migration } from './migrations.ts'
export { POOL_SIZE, type PostgresOptions, placeOf } from './postgres/postgres-database.ts'
export {
  ensureDatabase,
  findPostgres,
  MAX_SOCKET_FOLDER_BYTES,
  type PostgresServer,
  type PostgresServerOptions,
  startPostgres,
  userOfPostgres,
} from './postgres/postgres-server.ts'
export { type QueryFigures, SLOW_QUERY_MS } from './query-stats.ts'
export {
  createRecordStore,
  type Forgotten,
  type ForgottenUsers,
  NOBODY_YET,
  openRecordStore,
  RecordStore,
  type StoreOptions,
  type StorePlace,
} from './record-store.ts'
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
export { type UsageAmounts, UsageMeter } from './usage-meter.ts'
export type { WriteReport } from './write-batch.ts'
export { type Adopted, adoptSpills } from './writer/adopt-spills.ts'
export {
  DROP_REASONS,
  type DropReason,
  RecordWriter,
  type RecordWriterOptions,
  type WriterFigures,
} from './writer/record-writer.ts'
export { Spill, type SpillOptions } from './writer/spill.ts'
