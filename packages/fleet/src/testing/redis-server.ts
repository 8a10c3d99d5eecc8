// A real redis-server for tests and benchmarks: a process of its own on a free port of loopback, with nothing on disk.
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { systemClock, withDeadline } from '@parley/kernel'

export interface RedisServerOptions {
  readonly password?: string
  /** Further addresses it listens on; Redis wants a password then. */
  readonly hosts?: readonly string[]
  /** `noeviction` unless told. */
  readonly evictionPolicy?: string
  /** Files of a certificate and its key: the port speaks TLS. */
  readonly tls?: { readonly certFile: string; readonly keyFile: string }
  /** Free unless told. */
  readonly port?: number
}

const START_DEADLINE_MS = 10_000
/** A free port may be taken by somebody else before the server has it. */
const START_TRIES = 5

export class RedisServer {
  readonly port: number
  readonly url: string
  readonly #options: RedisServerOptions
  readonly #folder = mkdtempSync(path.join(tmpdir(), 'parley-redis-'))
  #process: ChildProcess | undefined

  /** Rejects with a sentence when there is no redis-server, or it does not start. */
  static async start(options: RedisServerOptions = {}): Promise<RedisServer> {
    for (let tries = 1; ; tries++) {
      const server = new RedisServer(options, options.port ?? (await freePort()))
      try {
        await server.start()
        return server
      } catch (error) {
        await server.stop()
        if (tries >= START_TRIES || options.port !== undefined) throw error
      }
    }
  }

  private constructor(options: RedisServerOptions, port: number) {
    this.#options = options
    this.port = port
    const user = options.password === undefined ? '' : `:${options.password}@`
    this.url = `${options.tls ? 'rediss' : 'redis'}://${user}127.0.0.1:${port}`
  }

  /** Starts it on its port, empty; it must not be running. */
  async start(): Promise<void> {
    const child = spawn('redis-server', this.#arguments(), { stdio: ['ignore', 'pipe', 'pipe'] })
    this.#process = child
    await withDeadline(systemClock, START_DEADLINE_MS, 'starting redis-server', becomesReady(child))
  }

  /** Kills it; what it held is lost. */
  async kill(): Promise<void> {
    const child = this.#process
    this.#process = undefined
    if (!child?.pid || child.exitCode !== null || child.signalCode !== null) return
    const gone = once(child, 'exit')
    child.kill('SIGKILL')
    await gone
  }

  async restart(): Promise<void> {
    await this.kill()
    await this.start()
  }

  /** It stands still, its connections stay. */
  pause(): void {
    this.#process?.kill('SIGSTOP')
  }

  unpause(): void {
    this.#process?.kill('SIGCONT')
  }

  /** CPU seconds it has used since it was started. */
  async cpuS(): Promise<number> {
    const stat = await readFile(`/proc/${this.#process?.pid}/stat`, 'utf8')
    // After the name in parentheses, which may hold anything: state is field 3, utime 14, stime 15, in ticks of 10 ms.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    return (Number(fields[11]) + Number(fields[12])) / 100
  }

  async stop(): Promise<void> {
    await this.kill()
    rmSync(this.#folder, { recursive: true, force: true })
  }

  #arguments(): string[] {
    const { password, hosts = [], evictionPolicy = 'noeviction', tls } = this.#options
    const port = String(this.port)
    return [
      ...(tls
        ? ['--port', '0', '--tls-port', port, '--tls-cert-file', tls.certFile, '--tls-key-file', tls.keyFile]
        : ['--port', port]),
      ...(tls ? ['--tls-auth-clients', 'no'] : []),
      ...['--bind', ['127.0.0.1', ...hosts].join(' '), '--save', '', '--appendonly', 'no', '--dir', this.#folder],
      ...['--maxmemory-policy', evictionPolicy],
      ...(password === undefined ? [] : ['--requirepass', password]),
    ]
  }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as { port: number }
  server.close()
  await once(server, 'close')
  return port
}

function becomesReady(child: ChildProcess): Promise<void> {
  return new Promise((resolve, reject) => {
    let said = ''
    const listen = (chunk: Buffer): void => {
      said += chunk
      if (said.includes('Ready to accept connections')) resolve()
    }
    child.stdout?.on('data', listen)
    child.stderr?.on('data', listen)
    child.on('error', (error) =>
      reject(new Error(`redis-server cannot be started (${error.message}); install the Debian package redis-server`)),
    )
    child.on('exit', () => reject(new Error(`redis-server ended: ${said.slice(-500)}`)))
  })
}
