// What the health report and the metrics say of records. Pure: figures in, a report out.
import type { QueryFigures, RecordDatabase, WriterFigures } from '@parley/store'

export interface RecordsFacts {
  readonly kind: RecordDatabase['kind']
  readonly place: string
  readonly writer: WriterFigures
  readonly queries: ReadonlyMap<string, QueryFigures>
  readonly connections: ReturnType<RecordDatabase['load']>
  readonly nowMs: number
}

export interface RecordsReport extends Omit<WriterFigures, 'lostSinceMs'> {
  readonly kind: RecordsFacts['kind']
  /** Where the database is; never a password. */
  readonly place: string
  /** For how long the database has been lost, ms; undefined while it answers. */
  readonly lostForMs: number | undefined
  readonly connections: RecordsFacts['connections']
  readonly queries: ReadonlyMap<string, QueryFigures>
}

export function recordsReport({ writer, nowMs, ...facts }: RecordsFacts): RecordsReport {
  const { lostSinceMs, ...figures } = writer
  return { ...facts, ...figures, lostForMs: lostSinceMs === undefined ? undefined : nowMs - lostSinceMs }
}

/** Reasons that mean a record is lost; the others were left out on purpose. */
const LOSSES = ['queueFull', 'spillFull', 'unreadable', 'invalid'] as const

/** The part of the health report. */
export function recordsHealth(report: RecordsReport | undefined) {
  if (!report) return { isEnabled: false } as const
  const { kind, place, lostForMs, queued, written, spilled, spillRows, spillBytes, dropped } = report
  const warning =
    lostForMs === undefined
      ? undefined
      : `the database of records (${place}) has been lost for ${Math.round(lostForMs / 1000)} s: records wait on disk, sessions go on`
  return {
    isEnabled: true as const,
    database: kind,
    ...(warning === undefined ? {} : { warning }),
    queued,
    writtenTotal: written,
    spilledTotal: spilled,
    waitingOnDisk: spillRows,
    waitingOnDiskBytes: spillBytes,
    lostTotal: LOSSES.reduce((sum, reason) => sum + dropped[reason], 0),
  }
}
