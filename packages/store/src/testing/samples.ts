// Records for tests: whole ones, of which a test says only what matters to it.
import type { AuditRecord, FinalRecord, SessionRecord, StoredRecord, UsageRecord } from '../records.ts'

/** 2026-11-27T10:00:00Z. */
export const SAMPLE_MS = 1_795_773_600_000

export const session = (fields: Partial<SessionRecord> = {}): StoredRecord => ({
  table: 'sessions',
  row: {
    sessionId: 'ses_1',
    tenant: 'default',
    userId: 'ada',
    pod: 'pod_1',
    language: 'en-US',
    startedAtMs: SAMPLE_MS,
    endedAtMs: null,
    endReason: null,
    fenceEpoch: 1,
    fenceCounter: 1,
    ...fields,
  },
})

export const final = (fields: Partial<FinalRecord> = {}): StoredRecord => ({
  table: 'finals',
  row: {
    sessionId: 'ses_1',
    utteranceEpoch: 1,
    utteranceIndex: 0,
    revision: 1,
    kind: 'final',
    language: 'en-US',
    tenant: 'default',
    userId: 'ada',
    text: 'good morning',
    startMs: 0,
    endMs: 900,
    recordedAtMs: SAMPLE_MS,
    ...fields,
  },
})

export const usage = (fields: Partial<UsageRecord> = {}): StoredRecord => ({
  table: 'usage',
  row: {
    tenant: 'default',
    day: '2026-11-27',
    source: 'pod_1',
    speechMs: 1_000,
    translatedCharacters: 10,
    providerTokens: 5,
    ...fields,
  },
})

export const act = (fields: Partial<AuditRecord> = {}): StoredRecord => ({
  table: 'audit',
  row: {
    auditId: 'aud_1',
    atMs: SAMPLE_MS,
    tenant: 'default',
    actor: 'ada',
    action: 'fleet.drain',
    target: 'pod_1',
    result: 'ok',
    ...fields,
  },
})
