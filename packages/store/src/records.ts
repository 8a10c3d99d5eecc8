// What is kept: four kinds of record, each with its columns, bounds, key and the instant its age is counted from. Pure.
// Everything that crosses a border (queue, spill, archive, another process) goes through `readRecord`.
import { err, ok, type Result } from '@parley/kernel'

/** One session, from its start; the end follows as a second record with the same key. */
export interface SessionRecord {
  readonly sessionId: string
  readonly tenant: string
  /** Empty when the session belongs to nobody in particular. */
  readonly userId: string
  readonly pod: string
  readonly language: string
  readonly startedAtMs: number
  readonly endedAtMs: number | null
  readonly endReason: string | null
  /** Fencing token of the owner that wrote it: a lower one never overwrites a higher one. */
  readonly fenceEpoch: number
  readonly fenceCounter: number
}

/** A final or a refinement of one; only for tenants that opted in. */
export interface FinalRecord {
  readonly sessionId: string
  readonly utteranceEpoch: number
  readonly utteranceIndex: number
  readonly revision: number
  readonly kind: string
  readonly language: string
  readonly tenant: string
  readonly userId: string
  readonly text: string
  /** Media time of the session. */
  readonly startMs: number
  readonly endMs: number
  readonly recordedAtMs: number
}

/**
 * What one source (a pod's run, say) has counted for one tenant on one UTC day so far. Values only grow, so that sending
 * a record twice, or an old one late, counts nothing twice.
 */
export interface UsageRecord {
  readonly tenant: string
  /** UTC, `2026-11-27`. */
  readonly day: string
  readonly source: string
  readonly speechMs: number
  readonly translatedCharacters: number
  readonly providerTokens: number
}

/** An administrative act: who did what to whom, and how it ended. */
export interface AuditRecord {
  readonly auditId: string
  readonly atMs: number
  readonly tenant: string
  readonly actor: string
  readonly action: string
  readonly target: string
  readonly result: string
}

export interface RowTypes {
  readonly sessions: SessionRecord
  readonly finals: FinalRecord
  readonly usage: UsageRecord
  readonly audit: AuditRecord
}
export type TableName = keyof RowTypes
export type StoredRecord = { [Name in TableName]: { readonly table: Name; readonly row: RowTypes[Name] } }[TableName]

/** A column: text with its longest length in UTF-16 units, a whole number from 0, or a UTC day. */
export type Column =
  | {
      readonly type: 'text'
      readonly maxChars: number
      readonly mayBeCut?: true
      readonly isNullable?: true
      readonly isFilled?: true
    }
  | { readonly type: 'integer'; readonly isNullable?: true }
  | { readonly type: 'day' }

export interface TableShape {
  readonly key: readonly string[]
  readonly columns: Readonly<Record<string, Column>>
}

const id: Column = { type: 'text', maxChars: 256 }
const name: Column = { ...id, isFilled: true }
const integer: Column = { type: 'integer' }
/** A final of 20 s has about 400 characters; a translation may be longer. */
export const MAX_TEXT_CHARS = 16_384

/** A column that is added later needs a default in `readRecord`: archives of before do not have it. */
export const TABLES: { readonly [Name in TableName]: TableShape } = {
  sessions: {
    key: ['sessionId'],
    columns: {
      sessionId: name,
      tenant: name,
      userId: id,
      pod: id,
      language: id,
      startedAtMs: integer,
      endedAtMs: { type: 'integer', isNullable: true },
      endReason: { type: 'text', maxChars: 256, isNullable: true },
      fenceEpoch: integer,
      fenceCounter: integer,
    },
  },
  finals: {
    key: ['sessionId', 'utteranceEpoch', 'utteranceIndex', 'revision', 'kind', 'language'],
    columns: {
      sessionId: name,
      utteranceEpoch: integer,
      utteranceIndex: integer,
      revision: integer,
      kind: id,
      language: id,
      tenant: name,
      userId: id,
      text: { type: 'text', maxChars: MAX_TEXT_CHARS, mayBeCut: true },
      startMs: integer,
      endMs: integer,
      recordedAtMs: integer,
    },
  },
  usage: {
    key: ['tenant', 'day', 'source'],
    columns: {
      tenant: name,
      day: { type: 'day' },
      source: name,
      speechMs: integer,
      translatedCharacters: integer,
      providerTokens: integer,
    },
  },
  audit: {
    key: ['auditId'],
    columns: { auditId: name, atMs: integer, tenant: name, actor: id, action: id, target: id, result: id },
  },
}

/** In the order rows are written: sessions before what belongs to them. */
export const TABLE_NAMES: readonly TableName[] = ['sessions', 'finals', 'usage', 'audit']

/**
 * Text as every database can hold it: NUL, which PostgreSQL refuses, and halves of surrogate pairs, which have no UTF-8,
 * become U+FFFD.
 */
export const cleanText = (text: string): string => text.toWellFormed().replaceAll('\u0000', '\ufffd')

function readText(name: string, value: unknown, column: Extract<Column, { type: 'text' }>): Result<string, string> {
  if (typeof value !== 'string') return err(`${name} must be a text, got ${typeof value}`)
  if (column.isFilled && value === '') return err(`${name} must not be empty`)
  if (value.length <= column.maxChars) return ok(cleanText(value))
  if (column.mayBeCut) return ok(cleanText(value.slice(0, column.maxChars)))
  return err(`${name} has ${value.length} characters; at most ${column.maxChars} are kept`)
}

function readColumn(name: string, value: unknown, column: Column): Result<string | number | null, string> {
  if (value === null && 'isNullable' in column && column.isNullable) return ok(null)
  if (column.type === 'text') return readText(name, value, column)
  if (column.type === 'integer') {
    const isCount = Number.isSafeInteger(value) && (value as number) >= 0
    return isCount ? ok(value as number) : err(`${name} must be a whole number from 0 on`)
  }
  const isDay = typeof value === 'string' && /^\d{4}-\d{2}-\d{2}$/.test(value) && !Number.isNaN(Date.parse(value))
  return isDay ? ok(value as string) : err(`${name} must be a day such as 2026-11-27`)
}

/**
 * The record with exactly its columns, texts cleaned and cut to their bounds; an error names the field, never its value
 * (values may be speech).
 */
export function readRecord(value: unknown): Result<StoredRecord, string> {
  const { table, row } = (value ?? {}) as { table?: unknown; row?: unknown }
  if (typeof table !== 'string' || !Object.hasOwn(TABLES, table)) {
    return err(`table must be one of ${TABLE_NAMES.join(', ')}`)
  }
  if (typeof row !== 'object' || row === null) return err(`row of ${table} must be an object`)
  const clean: Record<string, string | number | null> = {}
  for (const [name, column] of Object.entries(TABLES[table as TableName].columns)) {
    const read = readColumn(`${table}.${name}`, (row as Record<string, unknown>)[name] ?? null, column)
    if (!read.ok) return read
    clean[name] = read.value
  }
  return ok({ table, row: clean } as unknown as StoredRecord)
}

/** What tells the record from every other of its table. */
export function keyOf(record: StoredRecord): string {
  const row = record.row as unknown as Record<string, unknown>
  return JSON.stringify([record.table, ...TABLES[record.table].key.map((name) => row[name])])
}

/** Whose record it is; undefined for those of no user (usage, audit). */
export function userOf(record: StoredRecord): { tenant: string; userId: string; atMs: number } | undefined {
  if (record.table === 'sessions') {
    return { tenant: record.row.tenant, userId: record.row.userId, atMs: record.row.startedAtMs }
  }
  if (record.table === 'finals') {
    return { tenant: record.row.tenant, userId: record.row.userId, atMs: record.row.recordedAtMs }
  }
  return undefined
}

const DAY_MS = 86_400_000

/** The instant (wall, ms) from which the age of the record counts; a usage record counts from the end of its day. */
export function ageFromMs(record: StoredRecord): number {
  switch (record.table) {
    case 'sessions':
      return record.row.endedAtMs ?? record.row.startedAtMs
    case 'finals':
      return record.row.recordedAtMs
    case 'usage':
      return Date.parse(`${record.row.day}T00:00:00Z`) + DAY_MS - 1
    case 'audit':
      return record.row.atMs
  }
}

/** The UTC day of a wall instant, `2026-11-27`. */
export const utcDayOf = (wallMs: number): string => new Date(wallMs).toISOString().slice(0, 10)

/** One line of the spill, an export or an archive. */
export const lineOf = (record: StoredRecord): string => JSON.stringify({ table: record.table, row: record.row })

/** Reads what `lineOf` wrote. */
export function parseLine(line: string): Result<StoredRecord, string> {
  try {
    return readRecord(JSON.parse(line))
  } catch {
    return err('the line is not JSON')
  }
}
