// The redis-server of a platform with several pods that was given none: on a port of loopback, with a password of its own, nothing on disk but what
// it needs to run. It is started again when it dies; pods go on meanwhile, and heal.
import { type ChildProcess, spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { existsSync } from 'node:fs'
import path from 'node:path'
import { type Clock, type Scope, withDeadline } from '@parley/kernel'
import { CliError, EXIT } from '../exit-codes.ts'
import { makeFolder } from './prepare.ts'
import { nextTryWords, StartAgain } from './start-again.ts'

export interface OwnRedisOptions {
  readonly clock: Clock
  /** Closing it ends the server. */
  readonly scope: Scope
  /** Where it runs, below the data directory. */
  readonly folder: string
  readonly port: number
  readonly onReport: (level: 'info' | 'warn', message: string) => void
}

const START_LIMIT_MS = 10_000
const SETPRIV = '/usr/bin/setpriv'
const MISSING =
  'several pods find each other through Redis, and there is no redis-server: install it with\n' +
  '  apt-get install --no-install-recommends redis-server\n(Debian starts one on port 6379 unless told not to), or name yours with --redis redis://host:6379'

export class OwnRedis {
  readonly #options: OwnRedisOptions
  readonly #password = randomBytes(24).toString('hex')
  readonly #again: StartAgain
  #child: ChildProcess | undefined

  /** Resolves when it takes connections. Throws a CliError that says what is missing or wrong. */
  static async start(options: OwnRedisOptions): Promise<OwnRedis> {
    await makeFolder(options.folder, 'the folder of redis-server')
    const redis = new OwnRedis(options)
    options.scope.own(() => redis.#kill())
    await redis.#start()
    return redis
  }

  private constructor(options: OwnRedisOptions) {
    this.#options = options
    this.#again = new StartAgain(options.clock)
  }

  /** With its password: for the members' configuration, never for a command line or the log. */
  get url(): string {
    return `redis://:${this.#password}@127.0.0.1:${this.#options.port}`
  }
  get port(): number {
    return this.#options.port
  }
  /** Undefined while it is not there. */
  get pid(): number | undefined {
    return this.#child?.pid
  }

  async #start(): Promise<void> {
    const { clock } = this.#options
    // Its configuration comes by standard input: a password in its arguments could be read by every user of the machine.
    const server = ['redis-server', '-']
    // The kernel ends it with the supervisor, however that went.
    const [program = '', ...args] = existsSync(SETPRIV) ? [SETPRIV, '--pdeathsig', 'KILL', ...server] : server
    const child = spawn(program, args, { stdio: ['pipe', 'pipe', 'pipe'], detached: true })
    this.#child = child
    this.#again.started()
    child.stdin?.on('error', () => {})
    child.stdin?.end(this.#configuration())
    await withDeadline(clock, START_LIMIT_MS, 'starting redis-server', becomesReady(child)).catch((error: Error) => {
      this.#kill()
      throw error instanceof CliError
        ? error
        : new CliError(`redis-server does not start: ${error.message}`, EXIT.failed)
    })
    child.once('exit', (code, signal) => this.#onExit(child, signal ?? `exit code ${code}`))
  }

  #configuration(): string {
    const { folder, port } = this.#options
    const lines = [
      'bind 127.0.0.1',
      `port ${port}`,
      `requirepass ${this.#password}`,
      `dir "${path.resolve(folder)}"`,
      'save ""',
      'appendonly no',
      'maxmemory-policy noeviction',
      'daemonize no',
    ]
    return `${lines.join('\n')}\n`
  }

  #onExit(child: ChildProcess, how: string): void {
    const { scope, onReport } = this.#options
    if (this.#child !== child || scope.isClosed) return
    this.#child = undefined
    const waitMs = this.#again.endedMs()
    const next = nextTryWords(waitMs)
    onReport('warn', `redis ended (${how}); sessions go on, each pod admits within its own rating; ${next}`)
    this.#startAfter(waitMs)
  }

  #startAfter(waitMs: number): void {
    const { scope, onReport } = this.#options
    scope.after(waitMs, () => {
      this.#start().then(
        () => onReport('info', `redis is back (process ${this.#child?.pid})`),
        (error: Error) => {
          const nextMs = this.#again.failedMs()
          onReport('warn', `${error.message}; ${nextTryWords(nextMs)}`)
          this.#startAfter(nextMs)
        },
      )
    })
  }

  /** Nothing of it is to be kept. */
  #kill(): void {
    const child = this.#child
    this.#child = undefined
    child?.kill('SIGKILL')
  }
}

function becomesReady(child: ChildProcess): Promise<void> {
  return new Promise((resolve, reject) => {
    let said = ''
    const listen = (chunk: Buffer): void => {
      said = `${said}${chunk}`.slice(-4_096)
      if (said.includes('Ready to accept connections')) resolve()
    }
    child.stdout?.on('data', listen)
    child.stderr?.on('data', listen)
    child.once('error', () => reject(new CliError(MISSING, EXIT.missing)))
    child.once('exit', () => {
      const lacks = said.includes('failed to execute') && said.includes('No such file')
      reject(lacks ? new CliError(MISSING, EXIT.missing) : new Error(said.trim().split('\n').at(-1) ?? 'it ended'))
    })
  })
}
