// From calls to rows: a bounded queue, one transaction per quarter of a second or 500 records, and the disk when the
// database is lost. Nothing here ever makes a session wait.
import {
  BoundedQueue,
  backoffMs,
  type Clock,
  DeadlineError,
  ok,
  type Random,
  type Result,
  type Scope,
  withDeadline,
} from '@parley/kernel'
import type { Logger } from '@parley/telemetry'
import type { RecordStore } from '../record-store.ts'
import { readRecord, type StoredRecord } from '../records.ts'
import { failure, STORE_ERRORS, type StoreError } from '../store-error.ts'
import type { Spill } from './spill.ts'

export interface RecordWriterOptions {
  readonly store: RecordStore
  readonly spill: Spill
  readonly clock: Clock
  readonly scope: Scope
  readonly logger: Logger
  readonly random: Random
  /** Longest a record waits before it is written; 250 unless told. */
  readonly flushMs?: number
  /** Records of one transaction; 500 unless told. */
  readonly batchRows?: number
  /** Bound of the queue in memory, bytes (an estimate: texts and 256 per record); 16 MiB unless told. Full: the oldest goes. */
  readonly maxQueuedBytes?: number
}

/** Why records were lost, or left out on purpose. */
export const DROP_REASONS = ['queueFull', 'spillFull', 'unreadable', 'invalid', 'notKept', 'forgotten'] as const
export type DropReason = (typeof DROP_REASONS)[number]

export interface WriterFigures {
  readonly queued: number
  readonly written: number
  readonly spilled: number
  readonly dropped: Readonly<Record<DropReason, number>>
  readonly spillRows: number
  readonly spillBytes: number
  /** Since when the database has been lost, on the monotonic clock; undefined while it answers. */
  readonly lostSinceMs: number | undefined
}

interface Queued {
  readonly seq: number
  readonly record: StoredRecord
}

const RETRY = { firstMs: 500, maxMs: 30_000 }
const RETENTION_REFRESH_MS = 60_000

export class RecordWriter {
  readonly #options: RecordWriterOptions
  readonly #queue: BoundedQueue<Queued>
  readonly #batchRows: number
  readonly #dropped = Object.fromEntries(DROP_REASONS.map((reason) => [reason, 0])) as Record<DropReason, number>
  #seq = 0
  #written = 0
  #spilled = 0
  #keeping: ReadonlySet<string> | undefined
  #isMigrated = false
  #lostSinceMs: number | undefined
  /** Told once, until it takes records again. */
  #isSpillLost = false
  #attempt = 0
  #isRetryArmed = false
  #working: Promise<void> | undefined
  #draining: Promise<void> | undefined

  constructor(options: RecordWriterOptions) {
    this.#options = options
    this.#batchRows = options.batchRows ?? 500
    this.#queue = new BoundedQueue<Queued>({
      capacity: options.maxQueuedBytes ?? 16_777_216,
      overflow: 'drop-oldest',
      sizeOf: ({ record }) => 256 + (record.table === 'finals' ? record.row.text.length * 2 : 0),
    })
  }

  get figures(): WriterFigures {
    return {
      queued: this.#queue.length,
      written: this.#written,
      spilled: this.#spilled,
      dropped: { ...this.#dropped, queueFull: this.#queue.dropped },
      spillRows: this.#options.spill.rows,
      spillBytes: this.#options.spill.bytes,
      lostSinceMs: this.#lostSinceMs,
    }
  }

  /** Looks at what an earlier run left on disk and begins to write; the database may be away. */
  async start(): Promise<Result<void, StoreError>> {
    const { spill, scope, flushMs } = this.#options
    const opened = await spill.open()
    if (!opened.ok) return opened
    const owned = await spill.own()
    if (!owned.ok) return owned
    if (!owned.value) return failure('BUSY', 'the spill belongs to another process that runs; give each its own file')
    const keeping = await spill.keeping()
    if (keeping.ok && keeping.value.length > 0) this.#keeping = new Set(keeping.value)
    scope.every(flushMs ?? 250, () => this.#work())
    scope.every(RETENTION_REFRESH_MS, () => void this.#refresh())
    await this.#prepare()
    if (spill.rows > 0) this.#drain()
    return ok(undefined)
  }

  /** Whether finals of `tenant` are wanted; without opt-in no text is even queued. */
  keepsFinals(tenant: string): boolean {
    return this.#keeping?.has(tenant) ?? false
  }

  /** Takes a record; never waits. What cannot be kept is counted (`figures.dropped`). */
  record(record: StoredRecord): void {
    const read = readRecord(record)
    if (!read.ok) {
      this.#dropped.invalid++
      this.#options.logger.warn({ problem: read.error }, 'a record could not be kept')
      return
    }
    if (read.value.table === 'finals' && !this.keepsFinals(read.value.row.tenant)) {
      this.#dropped.notKept++
      return
    }
    this.#queue.push({ seq: this.#seq++, record: read.value })
    if (this.#queue.length >= this.#batchRows) this.#work()
  }

  /** Writes, or spills, all that was recorded before the call. */
  async flush(): Promise<void> {
    const untilSeq = this.#seq
    for (;;) {
      const oldest = this.#queue.peek()
      if (oldest === undefined || oldest.seq >= untilSeq) return
      const before = oldest.seq
      this.#work()
      await this.#working
      if (this.#queue.peek()?.seq === before) return // neither database nor disk takes it
    }
  }

  /**
   * The end: what is queued is written or spilled. Whatever the database has not taken within `patienceMs` goes to the spill; for ever
   * unless told. The spill and the store are closed by whoever opened them.
   */
  async close(patienceMs?: number): Promise<void> {
    const done = this.flush().then(() => this.#draining)
    if (patienceMs === undefined) return done
    try {
      await withDeadline(this.#options.clock, patienceMs, 'writing the last records', done)
    } catch (error) {
      if (!(error instanceof DeadlineError)) throw error
      await this.#spillQueue()
    }
  }

  /** What the database may have taken meanwhile is written again by the next run, which changes nothing. */
  async #spillQueue(): Promise<void> {
    const records = [...this.#queue].map((queued) => queued.record)
    for (let at = 0; at < records.length; at += this.#batchRows) {
      if (!(await this.#spill(records.slice(at, at + this.#batchRows)))) return
    }
  }

  #work(): void {
    if (this.#working || this.#queue.length === 0) return
    this.#working = this.#writeQueue().finally(() => {
      this.#working = undefined
    })
  }

  get #isSpilling(): boolean {
    return this.#lostSinceMs !== undefined || this.#options.spill.rows > 0
  }

  async #writeQueue(): Promise<void> {
    while (this.#queue.length > 0) {
      const batch: Queued[] = []
      for (const queued of this.#queue) {
        batch.push(queued)
        if (batch.length >= this.#batchRows) break
      }
      const records = batch.map((queued) => queued.record)
      const left = this.#isSpilling ? records : await this.#write(records)
      if (left.length > 0 && !(await this.#spill(left))) return
      const lastSeq = batch.at(-1)?.seq ?? -1
      while ((this.#queue.peek()?.seq ?? Number.POSITIVE_INFINITY) <= lastSeq) this.#queue.shift()
      if (batch.length < this.#batchRows) return
    }
  }

  async #spill(records: readonly StoredRecord[]): Promise<boolean> {
    const added = await this.#options.spill.append(records)
    if (!added.ok) {
      const { code, message } = added.error
      if (!this.#isSpillLost) this.#options.logger.error({ code, problem: message }, 'records cannot be spilled')
      this.#isSpillLost = true
      return false
    }
    this.#isSpillLost = false
    this.#spilled += records.length
    this.#dropped.spillFull += added.value.dropped
    this.#armRetry()
    return true
  }

  /** Writes what can be written; returns what has to wait because the database is lost. */
  async #write(records: readonly StoredRecord[]): Promise<readonly StoredRecord[]> {
    if (!this.#isMigrated && !(await this.#prepare())) return records
    const result = await this.#options.store.write(records)
    if (result.ok) {
      this.#written += records.length - result.value.forgotten - result.value.notKept
      this.#dropped.forgotten += result.value.forgotten
      this.#dropped.notKept += result.value.notKept
      return []
    }
    if (result.error.code !== 'INVALID') {
      this.#lost(result.error)
      return records
    }
    if (records.length === 1) {
      this.#dropped.invalid++
      this.#options.logger.warn({ problem: result.error.message }, 'a record could not be kept')
      return []
    }
    // One of them cannot be kept: the others are, whatever their number.
    const half = records.length >> 1
    const left = await this.#write(records.slice(0, half))
    return [...left, ...(left.length > 0 ? records.slice(half) : await this.#write(records.slice(half)))]
  }

  async #prepare(): Promise<boolean> {
    if (!this.#isMigrated) {
      const migrated = await this.#options.store.migrate()
      if (!migrated.ok) {
        this.#lost(migrated.error)
        return false
      }
      this.#isMigrated = true
    }
    await this.#refresh()
    return true
  }

  async #refresh(): Promise<void> {
    if (!this.#isMigrated || this.#lostSinceMs !== undefined) return
    const all = await this.#options.store.retention.all()
    if (!all.ok) return
    const tenants = [...all.value].filter(([, days]) => days > 0).map(([tenant]) => tenant)
    const isSame = this.#keeping?.size === tenants.length && tenants.every((tenant) => this.#keeping?.has(tenant))
    this.#keeping = new Set(tenants)
    if (!isSame) await this.#options.spill.rememberKeeping(tenants)
  }

  #lost(error: StoreError): void {
    const { clock, logger } = this.#options
    if (this.#lostSinceMs === undefined) {
      this.#lostSinceMs = clock.nowMs()
      logger.error(
        { code: error.code, problem: error.message, fix: STORE_ERRORS[error.code].fix },
        'the database of records is lost: records wait on disk',
      )
    }
    this.#armRetry()
  }

  #armRetry(): void {
    if (this.#isRetryArmed || this.#draining) return
    this.#isRetryArmed = true
    const { scope, random } = this.#options
    scope.after(backoffMs(this.#attempt++, RETRY, random), () => {
      this.#isRetryArmed = false
      this.#drain()
    })
  }

  #drain(): void {
    if (this.#draining) return
    this.#draining = this.#drainSpill().finally(() => {
      this.#draining = undefined
      if (this.#isSpilling) this.#armRetry()
    })
  }

  async #drainSpill(): Promise<void> {
    const { spill, scope } = this.#options
    const wasLostSinceMs = this.#lostSinceMs
    while (!scope.isClosed) {
      const page = await spill.read(this.#batchRows)
      if (!page.ok) return
      const left = await this.#write(page.value.records.map(({ record }) => record))
      if (left.length > 0) return
      this.#dropped.unreadable += page.value.unreadable
      if (page.value.throughId > 0 && !(await spill.remove(page.value.throughId)).ok) return
      this.#attempt = 0
      if (spill.rows > 0) continue
      this.#found(wasLostSinceMs)
      return
    }
  }

  #found(lostSinceMs: number | undefined): void {
    this.#lostSinceMs = undefined
    if (lostSinceMs === undefined) return
    const { clock, logger } = this.#options
    logger.info(
      { lostMs: Math.round(clock.nowMs() - lostSinceMs) },
      'the database of records is back: all that waited is in it',
    )
    void this.#refresh()
  }
}
