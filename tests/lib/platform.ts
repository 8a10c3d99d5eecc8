// The whole platform as a user starts it: `./parley up --json` on a free port with a data directory of its own.
import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { systemClock } from '@parley/kernel'
import { callAdmin } from '../../apps/cli/src/platform/admin-client.ts'

export const ROOT = fileURLToPath(new URL('../../', import.meta.url))
const READY_WITHIN_MS = 180_000
const GONE_WITHIN_MS = 10_000

export interface Ready {
  readonly ready: true
  readonly url: string
  readonly pid: number
  readonly pageUrl: string
  readonly adminUrl: string
  readonly podPid: number
  /** Of several pods. */
  readonly pods?: readonly {
    readonly name: string
    readonly url: string
    readonly adminUrl: string
    readonly pid: number
  }[]
  /** Its own redis-server, if it started one. */
  readonly redis?: { readonly pid: number; readonly port: number }
  /** Its own PostgreSQL, the same. */
  readonly postgres?: { readonly pid: number; readonly folder: string }
  readonly workerPids: readonly number[]
}

export interface Finished {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

export interface Platform extends Ready {
  readonly dataDir: string
  readonly apiKey: string
  /** What it wrote to standard error so far. */
  stderr(): string
  /** SIGTERM, and how it ended. */
  stop(): Promise<{ readonly code: number | null; readonly tookMs: number }>
}

/** What the admin listener answers, as the commands of the command line ask it: for looking often, where a process each time would be dear. */
export async function adminGet<Body>({ adminUrl }: Platform, requestPath: string): Promise<Body> {
  const { status, body } = await callAdmin({ adminUrl }, 'GET', requestPath)
  if (status !== 200) throw new Error(`GET ${requestPath} answered ${status}: ${JSON.stringify(body)}`)
  return body as Body
}

/** Runs `./parley ARGS` to its end. */
export function parley(
  args: readonly string[],
  options: { env?: Record<string, string>; input?: Uint8Array } = {},
): Running {
  const child = spawn(path.join(ROOT, 'parley'), args, {
    cwd: ROOT,
    env: { ...process.env, ...options.env },
    stdio: ['pipe', 'pipe', 'pipe'],
  })
  return running(child, options.input)
}

export interface Running {
  readonly child: ChildProcess
  readonly finished: Promise<Finished>
  stdout(): string
  stderr(): string
}

function running(child: ChildProcess, input?: Uint8Array): Running {
  let stdout = ''
  let stderr = ''
  child.stdout?.on('data', (data: Buffer) => {
    stdout += data.toString()
  })
  child.stderr?.on('data', (data: Buffer) => {
    stderr += data.toString()
  })
  child.stdin?.on('error', () => {})
  child.stdin?.end(input)
  const finished = new Promise<Finished>((resolve) => {
    child.once('close', (code) => resolve({ code, stdout, stderr }))
  })
  return { child, finished, stdout: () => stdout, stderr: () => stderr }
}

/** Starts a platform and resolves when it says that it is ready. Always `stop()` it. */
export async function startPlatform(args: readonly string[] = []): Promise<Platform> {
  const dataDir = await mkdtemp(path.join(tmpdir(), 'parley-system-'))
  const up = parley(['up', '--json', '--yes', '--port', '0', '--data-dir', dataDir, ...args])
  const ready = await readiness(up)
  const apiKey = (await readFile(path.join(dataDir, 'apiKey'), 'utf8')).trim()
  const stop = async () => {
    const startMs = systemClock.nowMs()
    up.child.kill('SIGTERM')
    const guard = setTimeout(() => up.child.kill('SIGKILL'), GONE_WITHIN_MS)
    const { code } = await up.finished
    clearTimeout(guard)
    await rm(dataDir, { recursive: true, force: true })
    return { code, tookMs: systemClock.nowMs() - startMs }
  }
  return { ...ready, dataDir, apiKey, stderr: up.stderr, stop }
}

function readiness(up: Running): Promise<Ready> {
  return new Promise((resolve, reject) => {
    const guard = setTimeout(() => {
      up.child.kill('SIGKILL')
      reject(new Error(`not ready within ${READY_WITHIN_MS} ms:\n${up.stderr()}`))
    }, READY_WITHIN_MS)
    up.child.stdout?.on('data', () => {
      const line = up.stdout().split('\n', 1)[0] ?? ''
      if (!up.stdout().includes('\n')) return
      clearTimeout(guard)
      resolve(JSON.parse(line) as Ready)
    })
    void up.finished.then(({ code, stderr }) => {
      clearTimeout(guard)
      reject(new Error(`parley up ended with ${code}:\n${stderr}`))
    })
  })
}
