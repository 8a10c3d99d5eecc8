// The records of one pod: opens the store and all that goes with it, and closes them in order. Nothing here makes a start, a session or a stop
// wait for the database; whoever has something to note hands it over and goes on.
import type { ResolvedConfig } from '@parley/config'
import {
  backoffMs,
  type Clock,
  DeadlineError,
  err,
  ok,
  type Result,
  randomToken,
  Scope,
  withDeadline,
} from '@parley/kernel'
import { ParleyError } from '@parley/protocol'
import type { SessionWitness } from '@parley/sessions'
import {
  adoptSpills,
  createRecordStore,
  type ForgetReport,
  forgetUser,
  type RecordFolders,
  type RecordStore,
  RecordWriter,
  recordFolders,
  Spill,
  type StoreError,
  type StorePlace,
  startDailyArchive,
  UsageMeter,
} from '@parley/store'
import type { Logger } from '@parley/telemetry'
import { ActsToRecords } from '../bridges/acts-to-records.ts'
import { SessionsToRecords, type SessionsToRecordsOptions } from '../bridges/sessions-to-records.ts'
import { textsToRecords } from '../bridges/texts-to-records.ts'
import type { TextsUsed } from '../text/text-runner.ts'
import { watchForgotten } from './forgotten-watch.ts'
import { keyChanges, rememberedKeys } from './key-changes.ts'
import { type RecordsReport, recordsReport } from './records-report.ts'

/** Usage is written this often: as much of it is lost with a pod that is killed. */
export const USAGE_EVERY_MS = 5_000
/** Spills of pods that are gone are looked for this often. */
export const ADOPT_EVERY_MS = 60_000
/** What the database has not taken by then at the end goes to disk. */
const LAST_WRITE_MS = 400
/** For each thing that is closed. */
const CLOSE_MS = 150
/** Forgetting goes on after it; whoever asked is told to ask again. */
const FORGET_MS = 20_000
/** Which keys there were at the last start of a pod. */
const KEYS_SETTING = 'pods.apiKeys'
const RETRY = { firstMs: 1_000, maxMs: 60_000 }

export interface PodRecordsOptions {
  readonly clock: Clock
  readonly config: Pick<ResolvedConfig, 'records' | 'data' | 'auth'>
  readonly podId: string
  /** The token a session is held with in the fleet. */
  readonly fenceOf?: SessionsToRecordsOptions['fenceOf']
  readonly logger: Logger
}

export interface PodRecords {
  /** Told by sessions. */
  readonly sessions: SessionWitness
  /** Told by the text service. */
  readonly texts: (tenant: string, used: TextsUsed) => void
  /** Told by both listeners. */
  readonly acts: ActsToRecords
  report(): RecordsReport
  /** `end` is called with each session whose user was forgotten after it began, by whichever pod or command. */
  onForgotten(end: (tenant: string, sessionId: string) => void): void
  /** Deletes everything of the user, here and in what waits on this machine's disk. RECORDS_UNAVAILABLE or RECORDS_BUSY: ask again. */
  forget(tenant: string, userId: string, actor: string): Promise<Result<ForgetReport, ParleyError>>
  /** Writes what is left, or leaves it on disk. Within a second, whatever the database does. Idempotent. */
  close(): Promise<void>
}

/** Asks nothing of the database: it may be away. */
export async function openPodRecords(options: PodRecordsOptions): Promise<PodRecords> {
  const { clock, config, podId, logger } = options
  const folders = recordFolders(config.data.dir)
  const log = logger.child({ part: 'records' })
  const store = await createRecordStore(placeOf(config.records, folders), { clock, logger: log })
  const spill = new Spill({ file: folders.spillFileOf(podId), clock, maxBytes: config.records.spillBytes })
  return new Records(options, { folders, store, spill, logger: log })
}

function placeOf({ databaseUrl, poolSize }: ResolvedConfig['records'], { databaseFile }: RecordFolders): StorePlace {
  if (databaseUrl === '') return { kind: 'sqlite', file: databaseFile }
  return { kind: 'postgres', url: databaseUrl, poolSize }
}

interface Parts {
  readonly folders: RecordFolders
  readonly store: RecordStore
  readonly spill: Spill
  readonly logger: Logger
}

class Records implements PodRecords {
  readonly sessions: SessionsToRecords
  readonly texts: (tenant: string, used: TextsUsed) => void
  readonly acts: ActsToRecords
  readonly #options: PodRecordsOptions
  readonly #parts: Parts
  readonly #meter: UsageMeter
  readonly #writer: RecordWriter
  readonly #scope: Scope
  /** Closing it would wait for an archive that is being written: nobody does. */
  readonly #archive: Scope
  #attempt = 0
  #isAdopting = false
  #closing: Promise<void> | undefined

  constructor(options: PodRecordsOptions, parts: Parts) {
    const { clock, podId, fenceOf } = options
    this.#options = options
    this.#parts = parts
    this.#scope = new Scope(clock)
    this.#archive = new Scope(clock)
    // New with each start: the pod's id is not.
    this.#meter = new UsageMeter(`${podId}.${randomToken(8)}`)
    const { store, spill, logger } = parts
    this.#writer = new RecordWriter({ store, spill, clock, scope: this.#scope, logger, random: Math.random })
    const record = this.#writer.record.bind(this.#writer)
    this.sessions = new SessionsToRecords({ clock, podId, fenceOf, meter: this.#meter, record })
    this.texts = textsToRecords(clock, this.#meter)
    this.acts = new ActsToRecords(clock, record)
    this.#scope.every(USAGE_EVERY_MS, () => this.#noteUsage())
    this.#scope.every(ADOPT_EVERY_MS, () => this.#adopt())
    this.#startArchive()
    this.#beside('starting', this.#start())
  }

  /** Whatever fails here that nobody thought of must not end the process, and all its sessions with it. */
  #beside(what: string, work: Promise<void>): void {
    void work.catch((error) => this.#parts.logger.error({ err: error }, `${what} of records broke`))
  }

  /** Until the spill can be opened records wait in memory. */
  async #start(): Promise<void> {
    const started = await this.#writer.start()
    if (this.#scope.isClosed) return
    if (started.ok) {
      this.#adopt()
      await this.#noteKeys()
      return
    }
    const { code, message } = started.error
    this.#parts.logger.error({ code, problem: message }, 'records cannot wait on disk: they wait in memory')
    this.#scope.after(backoffMs(this.#attempt++, RETRY), () => this.#beside('starting', this.#start()))
  }

  /** Keys come and go with the configuration, and so with a start. Without the database the next start notes it. */
  async #noteKeys(): Promise<void> {
    const { store } = this.#parts
    const { keys } = this.#options.config.auth
    const before = await store.setting(KEYS_SETTING)
    const now = rememberedKeys(keys)
    if (!before.ok || before.value === now || this.#scope.isClosed) return
    for (const { tenant, id, action } of keyChanges(before.value, keys)) this.acts.configured(tenant, action, id)
    await store.set(KEYS_SETTING, now)
  }

  #startArchive(): void {
    const { clock, config } = this.#options
    const { folders, store, logger } = this.#parts
    startDailyArchive(store, {
      folder: folders.archiveFolder,
      clock,
      scope: this.#archive,
      logger,
      random: Math.random,
      hour: config.records.archiveHour,
      olderThanDays: config.records.archiveAfterDays,
    })
  }

  #noteUsage(): void {
    this.sessions.measure()
    for (const row of this.#meter.take()) this.#writer.record({ table: 'usage', row })
  }

  /** What pods left that are gone for good, this one's earlier runs among them. */
  #adopt(): void {
    if (this.#writer.figures.lostSinceMs !== undefined) return
    if (this.#isAdopting) return
    this.#isAdopting = true
    const adopted = this.#adoptAll().finally(() => {
      this.#isAdopting = false
    })
    this.#beside('adopting', adopted)
  }

  async #adoptAll(): Promise<void> {
    const { folders, store, logger } = this.#parts
    const own = folders.spillFileOf(this.#options.podId)
    const others = (await folders.spillFiles()).filter((file) => file !== own)
    if (others.length === 0) return
    const adopted = await adoptSpills(store, others, this.#options.clock)
    if (!adopted.ok) {
      const { code, message } = adopted.error
      logger.warn({ code, problem: message }, 'records another pod left could not be written; tried again later')
    } else if (adopted.value.records > 0) logger.info({ ...adopted.value }, 'records another pod left were written')
  }

  report(): RecordsReport {
    const { store } = this.#parts
    return recordsReport({
      kind: store.database.kind,
      place: store.database.place,
      writer: this.#writer.figures,
      queries: store.stats.figures,
      connections: store.database.load(),
      nowMs: this.#options.clock.nowMs(),
    })
  }

  onForgotten(end: (tenant: string, sessionId: string) => void): void {
    const { store } = this.#parts
    watchForgotten({ scope: this.#scope, store, sessions: () => this.sessions.open(), end })
  }

  async forget(tenant: string, userId: string, actor: string): Promise<Result<ForgetReport, ParleyError>> {
    const { clock } = this.#options
    const { folders, store } = this.#parts
    const work = async () => {
      const spillFiles = await folders.spillFiles()
      return forgetUser(store, { tenant, userId, clock, spillFiles, archiveFolder: folders.archiveFolder, actor })
    }
    try {
      const done = await withDeadline(clock, FORGET_MS, 'forgetting a user', work())
      return done.ok ? ok(done.value) : err(asParleyError(done.error))
    } catch (error) {
      if (!(error instanceof DeadlineError)) throw error
      const message = `it takes longer than ${FORGET_MS / 1000} s and goes on; the same request says later what is left`
      return err(new ParleyError('RECORDS_BUSY', { message, retryAfterMs: 10_000 }))
    }
  }

  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async #close(): Promise<void> {
    const { store, spill } = this.#parts
    this.#beside('archiving', this.#archive.close())
    this.#noteUsage()
    await this.#scope.close()
    await this.#writer.close(LAST_WRITE_MS)
    await this.#closed('the spill', spill.close())
    await this.#closed('the database', store.close())
  }

  /** A thread or a connection that does not answer goes with the process. */
  async #closed(what: string, closing: Promise<void>): Promise<void> {
    try {
      await withDeadline(this.#options.clock, CLOSE_MS, `closing ${what} of records`, closing)
    } catch (error) {
      if (!(error instanceof DeadlineError)) throw error
      this.#parts.logger.warn({}, `${what} of records did not close in time`)
    }
  }
}

function asParleyError({ code, message }: StoreError): ParleyError {
  if (code === 'BUSY') return new ParleyError('RECORDS_BUSY', { message, retryAfterMs: 10_000 })
  if (code === 'INVALID') return new ParleyError('INVALID_FIELD', { field: 'user', message })
  return new ParleyError('RECORDS_UNAVAILABLE', { retryAfterMs: 10_000 })
}
