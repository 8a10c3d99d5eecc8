// The tables as the query builder sees them. Column names in the databases are snake_case (CamelCasePlugin).
import type { AuditRecord, FinalRecord, SessionRecord, UsageRecord } from './records.ts'

export interface RetentionRow {
  tenant: string
  /** How long finals are kept; 0 = none are. */
  finalsDays: number
}

export interface ForgottenRow {
  /** Keyed hash of tenant and user: the list of who asked to be forgotten names nobody. */
  userKey: string
  forgottenAtMs: number
}

export interface SettingRow {
  name: string
  value: string
}

export interface SchemaRow {
  version: number
  name: string
  /** The oldest version of the schema's reader that may work with this one. */
  compatibleFrom: number
  appliedAtMs: number
}

type Writable<Row> = { -readonly [Name in keyof Row]: Row[Name] }

export interface Tables {
  sessions: Writable<SessionRecord>
  finals: Writable<FinalRecord>
  usage: Writable<UsageRecord>
  audit: Writable<AuditRecord>
  retention: RetentionRow
  forgottenUsers: ForgottenRow
  settings: SettingRow
  parleySchema: SchemaRow
}
