// The PostgreSQL of a platform with several pods that was given none: in the data directory, on a socket that nobody else can reach, so that it needs
// no password. It is started again when it dies; pods keep their records on disk meanwhile.
import type { Clock, Scope } from '@parley/kernel'
import { ensureDatabase, type PostgresServer, startPostgres } from '@parley/store/postgres-server'
import { CliError, EXIT } from '../exit-codes.ts'
import { makePostgresPlace, type PostgresPlace } from '../platform/postgres-place.ts'
import { nextTryWords, StartAgain } from './start-again.ts'

export interface OwnPostgresOptions {
  readonly clock: Clock
  /** Closing it ends the server, after what was written is on disk. */
  readonly scope: Scope
  readonly dataDir: string
  /** Connections that members may take in all. */
  readonly connections: number
  readonly onReport: (level: 'info' | 'warn', message: string) => void
}

const DATABASE = 'records'
/** For the command line, archives, and whoever looks. */
const SPARE_CONNECTIONS = 20
const LEAST_CONNECTIONS = 60
const MISSING =
  'the records of several pods are kept in a PostgreSQL, and there is none: install it with\n' +
  '  apt-get install --no-install-recommends postgresql-15\n' +
  '(Debian starts one on port 5432 unless told not to), or name yours with --database postgres://user@host/records'

export class OwnPostgres {
  readonly #options: OwnPostgresOptions
  readonly #place: PostgresPlace
  readonly #again: StartAgain
  #server: PostgresServer | undefined
  #url = ''

  /** Resolves when it takes connections and has the database. Throws a CliError that says what is missing or wrong. */
  static async start(options: OwnPostgresOptions): Promise<OwnPostgres> {
    const postgres = new OwnPostgres(options, await makePostgresPlace(options.dataDir))
    options.scope.own(() => postgres.#stop())
    await postgres.#start()
    return postgres
  }

  private constructor(options: OwnPostgresOptions, place: PostgresPlace) {
    this.#options = options
    this.#place = place
    this.#again = new StartAgain(options.clock)
  }

  get url(): string {
    return this.#url
  }
  get folder(): string {
    return this.#place.folder
  }
  /** Undefined while it is not there. */
  get pid(): number | undefined {
    return this.#server?.pid
  }

  async #start(): Promise<void> {
    const { clock, scope, connections } = this.#options
    const most = Math.max(LEAST_CONNECTIONS, connections + SPARE_CONNECTIONS)
    const settings = [`max_connections=${most}`, 'shared_buffers=32MB']
    const started = await startPostgres({ clock, ...this.#place, settings })
    if (!started.ok) throw failed(started.error.message)
    const server = started.value
    const made = await ensureDatabase(server, DATABASE)
    if (!made.ok || scope.isClosed) await server.stop()
    if (!made.ok) throw failed(made.error.message)
    if (scope.isClosed) return
    this.#server = server
    this.#again.started()
    this.#url = server.urlOf(DATABASE)
    void server.ended.then(() => this.#onEnd(server))
  }

  #onEnd(server: PostgresServer): void {
    const { scope, onReport } = this.#options
    if (this.#server !== server || scope.isClosed) return
    this.#server = undefined
    const waitMs = this.#again.endedMs()
    onReport('warn', `PostgreSQL ended; sessions go on, records wait on disk; ${nextTryWords(waitMs)}`)
    this.#startAfter(waitMs)
  }

  #startAfter(waitMs: number): void {
    const { scope, onReport } = this.#options
    scope.after(waitMs, () => {
      this.#start().then(
        () => onReport('info', `PostgreSQL is back (process ${this.#server?.pid})`),
        (error: Error) => {
          const nextMs = this.#again.failedMs()
          onReport('warn', `${error.message}; ${nextTryWords(nextMs)}`)
          this.#startAfter(nextMs)
        },
      )
    })
  }

  async #stop(): Promise<void> {
    const server = this.#server
    this.#server = undefined
    await server?.stop()
  }
}

function failed(message: string): CliError {
  return message.includes('is not installed') ? new CliError(MISSING, EXIT.missing) : new CliError(message, EXIT.failed)
}
