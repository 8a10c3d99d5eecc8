// A real nginx from a configuration that `parley emit nginx` would write: in a folder of its own, without root, never the system's.
import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { chmod, chown, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { type AddressInfo, connect, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { eventually } from '@parley/kernel/testing'
import { nginxConfig } from '../../apps/cli/src/emit/nginx/nginx-config.ts'
import type { Balanced, NginxPlan } from '../../apps/cli/src/emit/nginx/nginx-plan.ts'

const PROGRAM = ['/usr/sbin/nginx', '/usr/bin/nginx', '/usr/local/sbin/nginx'].find((file) => existsSync(file))
/** For `test(..., { skip })`: false, or why there is no balancer to try. */
export const SKIP_NGINX = PROGRAM ? false : 'nginx is not installed: apt-get install --no-install-recommends nginx'
const NOBODY = 65_534

/** Ports that were free a moment ago. */
export async function freePorts(count: number): Promise<number[]> {
  const servers = await Promise.all(
    Array.from(
      { length: count },
      () =>
        new Promise<ReturnType<typeof createServer>>((resolve) => {
          const server = createServer()
          server.listen(0, '127.0.0.1', () => resolve(server))
        }),
    ),
  )
  const ports = servers.map((server) => (server.address() as AddressInfo).port)
  await Promise.all(servers.map((server) => new Promise<void>((resolve) => void server.close(() => resolve()))))
  return ports
}

export interface NginxOptions {
  readonly role?: Balanced['role']
  readonly memberPorts?: readonly number[]
  /** Pods behind one host name, by id: the port of each. */
  readonly pods?: readonly (readonly [id: string, port: number])[]
  readonly plan?: Partial<NginxPlan>
}

export class RunningNginx {
  readonly port: number
  readonly statusPort: number
  readonly folder: string
  readonly #child: ChildProcess
  readonly #exited: Promise<void>

  private constructor(port: number, statusPort: number, folder: string, child: ChildProcess) {
    this.port = port
    this.statusPort = statusPort
    this.folder = folder
    this.#child = child
    this.#exited = new Promise((resolve) => child.once('close', () => resolve()))
  }

  static async start({ role = 'recognise', memberPorts = [], pods, plan = {} }: NginxOptions): Promise<RunningNginx> {
    const folder = await mkdtemp(path.join(tmpdir(), 'parley-nginx-'))
    const [port = 0, statusPort = 0] = await freePorts(2)
    const host = '127.0.0.1'
    const text = nginxConfig({
      balanced: pods
        ? []
        : [{ role, listen: { host, port }, members: memberPorts.map((member) => ({ host, port: member })) }],
      fleet: pods && {
        listen: { host, port },
        hostName: undefined,
        pods: pods.map(([id, podPort]) => ({ id, address: { host, port: podPort } })),
        memberName: 'localhost',
        connectionsPerPod: 100,
      },
      isSticky: false,
      connectionsPerMember: 50,
      idleTimeoutMs: 600_000,
      maxFails: 3,
      failTimeoutMs: 30_000,
      status: { host, port: statusPort },
      prefix: folder,
      tls: undefined,
      memberCaFile: undefined,
      madeBy: 'a test',
      ...plan,
    })
    await writeFile(path.join(folder, 'nginx.conf'), text)
    for (const name of ['logs', 'tmp']) await mkdir(path.join(folder, name))
    // Where the tests run as root nginx does not.
    const isRoot = process.getuid?.() === 0
    if (isRoot) {
      for (const name of ['', 'logs', 'tmp']) await chown(path.join(folder, name), NOBODY, NOBODY)
      await chmod(folder, 0o755)
    }
    const args = ['-p', folder, '-e', 'stderr', '-c', path.join(folder, 'nginx.conf'), '-g', 'daemon off;']
    const who = isRoot ? { uid: NOBODY, gid: NOBODY } : {}
    const child = spawn(PROGRAM as string, args, { stdio: ['ignore', 'ignore', 'pipe'], ...who })
    let stderr = ''
    child.stderr?.on('data', (data: Buffer) => {
      stderr += data.toString()
    })
    const nginx = new RunningNginx(port, statusPort, folder, child)
    await eventually(async () => {
      if (child.exitCode !== null) throw new Error(`nginx ended with ${child.exitCode}: ${stderr}`)
      return (await answers(port)) ? undefined : `nginx does not listen: ${stderr}`
    })
    return nginx
  }

  get url(): string {
    return `ws://127.0.0.1:${this.port}`
  }

  /** What the access log says so far, a line each. */
  async accessLog(): Promise<string[]> {
    const text = await readFile(path.join(this.folder, 'logs/access.log'), 'utf8')
    return text.split('\n').filter((line) => line !== '')
  }

  /** Ports of the members that took connections, from the access log, oldest first. */
  async memberPorts(): Promise<number[]> {
    const lines = await this.accessLog()
    return lines.flatMap((line) => {
      const upstream = /upstream=(\S+(?:, \S+)*)/.exec(line)?.[1]
      return line.includes('/v1/stream/') && upstream ? [Number(upstream.split(':').at(-1))] : []
    })
  }

  async stop(): Promise<void> {
    this.#child.kill('SIGTERM')
    await this.#exited
    await rm(this.folder, { recursive: true, force: true })
  }
}

function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1')
    socket.once('connect', () => {
      socket.destroy()
      resolve(true)
    })
    socket.once('error', () => resolve(false))
  })
}
