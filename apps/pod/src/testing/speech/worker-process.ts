// Real worker processes for tests of the pod's side: forked as the supervisor does it, killed and stopped at will.
import { type ChildProcess, fork } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { resolveConfig } from '@parley/config'
import { type MemberToSupervisor, type WorkerAddress, workerEnvironment } from '@parley/fleet'

export const TEST_SECRET = 'a-fleet-secret-for-tests-0123456789'

const WORKER_SOURCE = '../../../../worker/src/'

export interface WorkerProcessOptions {
  /** `spelling` (default) hears what tests write sample by sample; `real` is the worker as it is shipped. */
  readonly recogniser?: 'spelling' | 'real'
  readonly slots?: number
  readonly fleetSecret?: string
  readonly logFile?: string
}

export interface WorkerProcess {
  readonly address: WorkerAddress
  readonly ready: Extract<MemberToSupervisor, { type: 'ready'; member: 'worker' }>
  readonly process: ChildProcess
  kill(signal: NodeJS.Signals): void
  /** Kills the process, stopped or not, and waits for its end. Idempotent. */
  end(): Promise<void>
}

export async function startWorkerProcess(options: WorkerProcessOptions = {}): Promise<WorkerProcess> {
  const { recogniser = 'spelling', slots = 4, fleetSecret = TEST_SECRET, logFile = '/dev/null' } = options
  const main = recogniser === 'real' ? 'main.ts' : 'testing/spelling-worker-main.ts'
  const child = fork(fileURLToPath(new URL(WORKER_SOURCE + main, import.meta.url)), [], {
    env: { ...process.env, ...workerEnvironment(slots) },
    execArgv: [],
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  })
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()))
  const ready = new Promise<WorkerProcess['ready']>((resolve, reject) => {
    child.on('message', (message: MemberToSupervisor) => {
      if (message.type === 'ready' && message.member === 'worker') resolve(message)
      else if (message.type === 'failed') reject(new Error(message.message))
    })
    child.once('exit', (code, signal) => reject(new Error(`the worker ended with ${code ?? signal}`)))
  })
  child.send({ type: 'start', config: testConfig(slots, logFile), fleetSecret })
  const { workerId, url } = await ready
  return {
    address: { workerId, url },
    ready: await ready,
    process: child,
    kill: (signal) => void child.kill(signal),
    async end() {
      child.kill('SIGKILL')
      await ended
    },
  }
}

function testConfig(slots: number, logFile: string) {
  const flags = [
    { key: 'speech.slotsPerWorker', value: String(slots), flag: '--slots' },
    { key: 'log.file', value: logFile, flag: '--log-file' },
  ]
  const resolved = resolveConfig({ env: {}, flags, cwd: '/', homeDir: '/' })
  if (!resolved.ok) throw new Error(resolved.error.map((mistake) => mistake.message).join('; '))
  return resolved.value.config
}
