// The one connection of a member to Redis: opens it, keeps it, opens it again, and says at once when it is not there. Nothing waits in a queue for
// Redis to return: whoever asks meanwhile decides by itself.
import {
  backoffMs,
  type Clock,
  DeadlineError,
  Emitter,
  err,
  ok,
  type Random,
  type Result,
  type Scope,
  withDeadline,
} from '@parley/kernel'
import type { DirectoryRefusal, DirectoryState } from '../directory.ts'
import { refusals } from '../refusals.ts'
import { CHANGES_CHANNEL, keyPrefix, META_KEY, SCHEMA_VERSION } from './keys.ts'
import {
  CONNECT_TIMEOUT_MS,
  newConnection,
  type RedisAddress,
  type RedisConnection,
  whereOf,
} from './redis-connection.ts'
import { SCRIPTS, type Script } from './scripts.ts'
import { problemOf, type RedisProblem, readInfo, warningsOf } from './server-facts.ts'

export interface RedisLinkOptions {
  readonly clock: Clock
  readonly scope: Scope
  readonly address: RedisAddress
  /** Name of the fleet: fleets of different names share a Redis without seeing each other. `main` unless told. */
  readonly fleet?: string
  /** An answer that takes longer means that Redis is away. 5,000 unless told. */
  readonly commandTimeoutMs?: number
  readonly random?: Random
  /** Of the layout it works with; for tests of members of other versions. */
  readonly testSchemaVersion?: number
  /** Stands for the clock of Redis; for tests that move time. */
  readonly testTimeMs?: () => number
}

interface LinkEvents {
  state: DirectoryState
  /** A message on the channel of changes. */
  message: string
  /** Connected, for the first time or again: messages may have been missed. */
  opened: undefined
  /** A sentence that the operator should read. */
  warning: string
}

export const AWAY_RETRY_MS = 1_000
/** Beyond it, whoever asks is refused: a Redis that does not keep up must not fill the memory. */
const MAX_UNANSWERED = 4_096
const RECONNECT = { firstMs: 100, maxMs: 2_000 }

interface Opened {
  readonly connection: RedisConnection
  readonly runId: string
}

export class RedisLink {
  readonly #options: RedisLinkOptions
  readonly #events = new Emitter<LinkEvents>()
  readonly #where: string
  readonly #prefix: string
  #state: DirectoryState = { kind: 'away', problem: 'not connected yet', isMisconfigured: false }
  #warnings: readonly string[] = []
  #opened: Opened | undefined
  /** Being opened, or opened. */
  #connection: RedisConnection | undefined
  #failures = 0
  #unanswered = 0

  /** Connects from now on, until the scope closes. Throws a TypeError when address or name cannot be right. */
  constructor(options: RedisLinkOptions) {
    this.#options = options
    this.#where = whereOf(options.address.url)
    this.#prefix = keyPrefix(options.fleet ?? 'main')
    options.scope.own(() => this.#close())
    this.#connect()
  }

  get state(): DirectoryState {
    return this.#state
  }

  get warnings(): readonly string[] {
    return this.#warnings
  }

  on<Name extends keyof LinkEvents>(name: Name, listener: (event: LinkEvents[Name]) => void): () => void {
    return this.#events.on(name, listener)
  }

  get #schemaVersion(): number {
    return this.#options.testSchemaVersion ?? SCHEMA_VERSION
  }

  /**
   * The list that `script` answers with. `key`: what it is about, without the prefix. Refused with DIRECTORY_AWAY at once when there is no
   * connection, and when it is lost or silent meanwhile: then nobody knows whether the script has run. Rejects never.
   */
  async run(
    script: Script,
    key: string | undefined,
    args: readonly (string | number)[],
  ): Promise<Result<readonly string[], DirectoryRefusal>> {
    const opened = this.#opened
    if (!opened) return this.#away()
    if (this.#unanswered >= MAX_UNANSWERED) return err(refusals.away('too many calls wait for Redis', AWAY_RETRY_MS))
    this.#unanswered++
    try {
      const answer = await this.#within(script.name, this.#send(opened, script, key, args))
      return this.#read(opened, answer as readonly string[])
    } catch (error) {
      if (this.#opened === opened) this.#lost(problemOf(error, this.#where))
      return this.#away()
    } finally {
      this.#unanswered--
    }
  }

  async #send(
    { connection, runId }: Opened,
    script: Script,
    key: string | undefined,
    args: readonly (string | number)[],
  ): Promise<unknown> {
    const keys = key === undefined ? [META_KEY] : [META_KEY, key]
    const testTime = this.#options.testTimeMs?.()
    const tail = [
      String(keys.length),
      ...keys.map((each) => this.#prefix + each),
      this.#prefix,
      String(this.#schemaVersion),
      runId,
      testTime === undefined ? '' : String(testTime),
      ...args.map(String),
    ]
    try {
      return await connection.send(['EVALSHA', script.sha, ...tail])
    } catch (error) {
      if (!String((error as Error).message).startsWith('NOSCRIPT')) throw error
      return connection.send(['EVAL', script.text, ...tail])
    }
  }

  /** What concerns the connection rather than the question is dealt with here. */
  #read(opened: Opened, answer: readonly string[]): Result<readonly string[], DirectoryRefusal> {
    if (answer[0] === 'ok') return ok(answer)
    if (answer[1] !== 'OTHER_RUN' && answer[1] !== 'SCHEMA') return ok(answer)
    if (this.#opened === opened) this.#lost(this.#foreign(answer))
    return this.#away()
  }

  #foreign(answer: readonly string[]): RedisProblem {
    if (answer[1] === 'OTHER_RUN') {
      return { problem: `Redis at ${this.#where} is another one now`, isMisconfigured: false }
    }
    const problem = `the fleet's keys at ${this.#where} have schema ${answer[2]}, this version reads up to ${this.#schemaVersion + 1}: update it`
    return { problem, isMisconfigured: true }
  }

  #connect(): void {
    const { scope, address } = this.#options
    if (scope.isClosed) return
    const connection = newConnection(address, (error) => {
      if (this.#connection === connection) this.#lost(problemOf(error, this.#where))
    })
    this.#connection = connection
    this.#within('opening the connection', this.#open(connection)).then(
      (opened) => {
        if (this.#connection === connection) this.#onOpened(opened)
      },
      (error) => {
        if (this.#connection === connection)
          this.#lost(error instanceof Refused ? error.why : problemOf(error, this.#where))
      },
    )
  }

  async #open(connection: ReturnType<typeof newConnection>): Promise<Opened> {
    await connection.connect()
    const facts = readInfo(String(await connection.send(['INFO'])))
    if (!facts) throw new Refused({ problem: `what answers at ${this.#where} is no Redis`, isMisconfigured: true })
    this.#warn(warningsOf(facts, this.#where))
    const opened = { connection, runId: facts.runId }
    await connection.subscribe(this.#prefix + CHANGES_CHANNEL, (message) => this.#events.emit('message', message))
    const answer = (await this.#send(opened, SCRIPTS.open, undefined, [])) as readonly string[]
    if (answer[0] !== 'ok') throw new Refused(this.#foreign(answer))
    return opened
  }

  #onOpened(opened: Opened): void {
    this.#opened = opened
    this.#failures = 0
    this.#setState({ kind: 'ready' })
    this.#events.emit('opened', undefined)
  }

  #lost({ problem, isMisconfigured }: RedisProblem): void {
    this.#connection?.destroy()
    this.#connection = undefined
    this.#opened = undefined
    const { scope, random } = this.#options
    scope.after(backoffMs(this.#failures++, RECONNECT, random), () => this.#connect())
    this.#setState({ kind: 'away', problem, isMisconfigured })
  }

  #setState(state: DirectoryState): void {
    this.#state = state
    this.#events.emit('state', state)
  }

  #warn(warnings: readonly string[]): void {
    const fresh = warnings.filter((each) => !this.#warnings.includes(each))
    this.#warnings = warnings
    for (const each of fresh) this.#events.emit('warning', each)
  }

  #away(): { ok: false; error: DirectoryRefusal } {
    const problem = this.#state.kind === 'away' ? this.#state.problem : 'the connection was lost meanwhile'
    return err(refusals.away(problem, AWAY_RETRY_MS))
  }

  /** Rejects with a sentence when Redis does not answer in time. */
  async #within<T>(what: string, work: Promise<T>): Promise<T> {
    const limitMs = this.#options.commandTimeoutMs ?? CONNECT_TIMEOUT_MS
    try {
      return await withDeadline(this.#options.clock, limitMs, what, work)
    } catch (error) {
      if (!(error instanceof DeadlineError)) throw error
      const isTls = this.#options.address.url.startsWith('rediss:')
      const hint = isTls && !this.#opened ? '; is that its TLS port? if not, write redis:// instead of rediss://' : ''
      throw new Error(`no answer within ${limitMs} ms (${what})${hint}`)
    }
  }

  #close(): void {
    this.#connection?.destroy()
    this.#connection = undefined
    this.#opened = undefined
    this.#state = { kind: 'away', problem: 'closed', isMisconfigured: false }
    this.#events.removeAll()
  }
}

class Refused extends Error {
  readonly why: RedisProblem
  constructor(why: RedisProblem) {
    super(why.problem)
    this.why = why
  }
}
