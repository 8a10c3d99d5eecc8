// The owner's side of an SQLite thread: requests with a deadline and a bound on how many wait. A thread that dies is started
// again with the next request, unless it held a lock.
import { Worker } from 'node:worker_threads'
import { type Clock, DeadlineError, withDeadline } from '@parley/kernel'
import { StoreFailure } from '../store-error.ts'
import type { SqliteAnswer, SqliteOperation, SqliteRows, SqliteThreadData, SqliteValue } from './sqlite-messages.ts'

export interface SqliteThreadOptions {
  readonly file: string
  readonly clock: Clock
  /** How long a statement waits for another process; 5,000 ms unless told. */
  readonly busyTimeoutMs?: number
  /** How long a request may take, waiting included; 20,000 ms unless told. */
  readonly requestTimeoutMs?: number
  readonly isReadOnly?: boolean
  readonly maxPages?: number
}

/** Requests that wait for the thread; one more is refused. */
const MAX_WAITING = 1_000
const BACKUP_TIMEOUT_MS = 600_000

interface Waiting {
  readonly resolve: (value: SqliteAnswer['value']) => void
  readonly reject: (error: StoreFailure) => void
}

function failureOf(file: string, { errcode, words }: { errcode: number; words: string }): StoreFailure {
  const primary = errcode & 0xff
  const said = `SQLite says "${words}" (${errcode}) about ${file}`
  if (primary === 5 || primary === 6) return new StoreFailure('TIMEOUT', `${said}: another process holds it`)
  if (primary === 13) return new StoreFailure('UNAVAILABLE', `${said}: the disk or the bound of the file is full`)
  if (primary === 18 || primary === 19 || primary === 20) return new StoreFailure('INVALID', said)
  if (primary === 11 || primary === 26) return new StoreFailure('UNAVAILABLE', `${said}: restore it from a backup`)
  if ([8, 10, 14, 3].includes(primary)) return new StoreFailure('UNAVAILABLE', said)
  return new StoreFailure('FAILED', said)
}

export class SqliteThread {
  readonly #options: SqliteThreadOptions
  readonly #waiting = new Map<number, Waiting>()
  readonly #locks = new Set<string>()
  #thread: Worker | undefined
  #nextId = 1
  #generation = 0
  #isClosed = false

  constructor(options: SqliteThreadOptions) {
    this.#options = options
  }

  /** Rises with each start of the thread: what one had begun, the next knows nothing of. */
  get generation(): number {
    return this.#generation
  }

  get file(): string {
    return this.#options.file
  }

  async run(sql: string, parameters: readonly SqliteValue[] = []): Promise<SqliteRows> {
    return (await this.#ask({ op: 'run', sql, parameters })) as SqliteRows
  }

  /** Whether the lock was free and is held now. The system frees it when this process ends in whatever way. */
  async lock(name: string): Promise<boolean> {
    const isHeld = (await this.#ask({ op: 'lock', name })) === true
    if (isHeld) this.#locks.add(name)
    return isHeld
  }

  async unlock(name: string): Promise<void> {
    this.#locks.delete(name)
    await this.#ask({ op: 'unlock', name })
  }

  /** A consistent copy into `file`, while everything goes on. */
  async backup(file: string): Promise<void> {
    await this.#ask({ op: 'backup', file }, BACKUP_TIMEOUT_MS)
  }

  async close(): Promise<void> {
    if (this.#isClosed) return
    if (this.#thread) await this.#ask({ op: 'close' }).catch(() => {})
    this.#isClosed = true
    await this.#thread?.terminate()
  }

  async #ask(operation: SqliteOperation, timeoutMs?: number): Promise<SqliteAnswer['value']> {
    if (this.#isClosed) throw new StoreFailure('UNAVAILABLE', `${this.file} was closed`)
    if (this.#waiting.size >= MAX_WAITING) {
      throw new StoreFailure('UNAVAILABLE', `${this.#waiting.size} requests wait for ${this.file}`)
    }
    const limitMs = timeoutMs ?? this.#options.requestTimeoutMs ?? 20_000
    const id = this.#nextId++
    const { promise, resolve, reject } = Promise.withResolvers<SqliteAnswer['value']>()
    this.#waiting.set(id, { resolve, reject })
    this.#started().postMessage({ ...operation, id })
    try {
      return await withDeadline(this.#options.clock, limitMs, 'the database', promise)
    } catch (error) {
      if (!(error instanceof DeadlineError)) throw error
      throw new StoreFailure('TIMEOUT', `${this.file} did not answer within ${limitMs} ms`)
    } finally {
      this.#waiting.delete(id)
    }
  }

  #started(): Worker {
    if (this.#thread) return this.#thread
    if (this.#locks.size > 0) throw new StoreFailure('UNAVAILABLE', `the thread of ${this.file} died with a lock`)
    const { file, busyTimeoutMs, isReadOnly, maxPages } = this.#options
    const workerData: SqliteThreadData = {
      file,
      busyTimeoutMs: busyTimeoutMs ?? 5_000,
      isReadOnly: isReadOnly ?? false,
      ...(maxPages === undefined ? {} : { maxPages }),
    }
    const execArgv = ['--disable-warning=ExperimentalWarning']
    const thread = new Worker(new URL('./sqlite-thread-entry.ts', import.meta.url), { workerData, execArgv })
    thread.on('message', (answer: SqliteAnswer) => this.#answered(answer))
    thread.on('error', () => {}) // 'exit' follows and says the same to everyone who waits
    thread.on('exit', () => {
      if (this.#thread === thread) this.#thread = undefined
      for (const { reject } of this.#waiting.values()) {
        reject(new StoreFailure('UNAVAILABLE', `the thread of ${file} ended`))
      }
    })
    this.#thread = thread
    this.#generation++
    return thread
  }

  #answered({ id, value, failed }: SqliteAnswer): void {
    const waiting = this.#waiting.get(id)
    if (failed) waiting?.reject(failureOf(this.file, failed))
    else waiting?.resolve(value)
  }
}
