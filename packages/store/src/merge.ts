// Several records with one key within a batch become one: PostgreSQL refuses a statement that touches a row twice. The
// outcome is what writing them one after the other would leave. Pure; the SQL of write-batch.ts says the same.
import { keyOf, type SessionRecord, type StoredRecord, type UsageRecord } from './records.ts'

const isFencedOff = (held: SessionRecord, coming: SessionRecord): boolean =>
  coming.fenceEpoch < held.fenceEpoch ||
  (coming.fenceEpoch === held.fenceEpoch && coming.fenceCounter < held.fenceCounter)

/** A later record of the same or a newer owner wins; an end that was known stays known; the earliest start counts. */
export function mergeSessions(held: SessionRecord, coming: SessionRecord): SessionRecord {
  if (isFencedOff(held, coming)) return held
  return {
    ...coming,
    tenant: held.tenant,
    userId: held.userId,
    startedAtMs: Math.min(held.startedAtMs, coming.startedAtMs),
    endedAtMs: coming.endedAtMs ?? held.endedAtMs,
    endReason: coming.endReason ?? held.endReason,
  }
}

/** Counters only grow. */
export const mergeUsage = (held: UsageRecord, coming: UsageRecord): UsageRecord => ({
  ...held,
  speechMs: Math.max(held.speechMs, coming.speechMs),
  translatedCharacters: Math.max(held.translatedCharacters, coming.translatedCharacters),
  providerTokens: Math.max(held.providerTokens, coming.providerTokens),
})

function mergeTwo(held: StoredRecord, coming: StoredRecord): StoredRecord {
  if (held.table === 'sessions' && coming.table === 'sessions') {
    return { table: 'sessions', row: mergeSessions(held.row, coming.row) }
  }
  if (held.table === 'usage' && coming.table === 'usage') {
    return { table: 'usage', row: mergeUsage(held.row, coming.row) }
  }
  return held // finals and acts never change: the first is the one
}

/** One record per key, in the order of keys: two writers that touch the same rows do so in the same order. */
export function mergeBatch(records: readonly StoredRecord[]): StoredRecord[] {
  const byKey = new Map<string, StoredRecord>()
  for (const record of records) {
    const key = keyOf(record)
    const held = byKey.get(key)
    byKey.set(key, held === undefined ? record : mergeTwo(held, record))
  }
  return [...byKey].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, record]) => record)
}
