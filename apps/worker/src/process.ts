// The life of a worker process: where its configuration comes from, when it stops, which exit code it ends with.
import { homedir } from 'node:os'
import { formatMistake, loadConfig, type ResolvedConfig } from '@parley/config'
import { openSupervisorChannel, type SupervisorChannel, threadPoolProblem } from '@parley/fleet'
import { systemClock, withDeadline } from '@parley/kernel'
import type { Recogniser, Synthesiser } from '@parley/speech'
import { createLogger, type Logger, type ProcessLogger } from '@parley/telemetry'
import { createWorker, type Worker } from './compose.ts'
import type { MountEndpoints } from './endpoints-port.ts'

export const EXIT_CODES = { ok: 0, usage: 2, internal: 70 } as const

/** A second SIGTERM or a close that hangs ends the process all the same. */
const CLOSE_DEADLINE_MS = 1_900

/** What a worker is made of; what is not there it does not do. */
export interface WorkerParts {
  readonly recogniser?: Recogniser | undefined
  readonly synthesiser?: Synthesiser | undefined
  readonly endpoints?: MountEndpoints | undefined
}

export type CreateParts = (config: ResolvedConfig, logger: Logger) => WorkerParts | Promise<WorkerParts>

class StartFailure extends Error {
  readonly code: string
  readonly exitCode: number
  constructor(code: string, message: string, exitCode: number) {
    super(message)
    this.code = code
    this.exitCode = exitCode
  }
}

interface Settings {
  readonly config: ResolvedConfig
  readonly fleetSecret: string
}

/** Runs a worker until its supervisor or a signal stops it; resolves with the exit code. */
export async function runWorker(createParts: CreateParts): Promise<number> {
  const channel = openSupervisorChannel<ResolvedConfig>(process, systemClock)
  const stop = whenToStop(channel)
  let logger: ProcessLogger | undefined
  try {
    const settings = channel ? await channel.start : await ownSettings()
    logger = createLogger({ ...settings.config.log, fields: { member: 'worker' } })
    const starting = start(settings, createParts, logger, channel)
    const worker = await Promise.race([starting, stop])
    if (typeof worker === 'string') return EXIT_CODES.ok // told to stop before it was ready: there is nothing to close
    logger.info({ reason: await stop }, 'stopping')
    await withDeadline(systemClock, CLOSE_DEADLINE_MS, 'closing', worker.close())
    return EXIT_CODES.ok
  } catch (error) {
    return await failed(error, channel, logger)
  } finally {
    logger?.flush()
    channel?.close()
  }
}

async function start(
  { config, fleetSecret }: Settings,
  createParts: CreateParts,
  logger: Logger,
  channel: SupervisorChannel<ResolvedConfig> | undefined,
): Promise<Worker> {
  const parts = await createParts(config, logger)
  const worker = createWorker({ clock: systemClock, logger, fleetSecret, ...parts })
  const url = await worker.start()
  const { slots, engines } = worker.load()
  const problem = threadPoolProblem(process.env.UV_THREADPOOL_SIZE, slots)
  if (problem) logger.warn({ slots }, problem)
  const { workerId } = worker
  logger.info({ workerId, url, slots }, 'speech worker is ready')
  if (channel) await channel.send({ type: 'ready', member: 'worker', workerId, url, engines, slots })
  else process.stdout.write(`${JSON.stringify({ ready: true, workerId, url, slots })}\n`)
  return worker
}

/** Resolves with why the process is to stop: a signal, the supervisor's word, or its end. */
function whenToStop(channel: SupervisorChannel<ResolvedConfig> | undefined): Promise<string> {
  return new Promise((resolve) => {
    let signals = 0
    const onSignal = (signal: NodeJS.Signals) => {
      if (++signals > 1) process.exit(130)
      resolve(signal)
    }
    process.on('SIGTERM', onSignal)
    process.on('SIGINT', onSignal)
    channel?.onMessage((message) => message.type === 'stop' && resolve('the supervisor said so'))
    channel?.onGone(() => resolve('the supervisor is gone'))
  })
}

/** Of a worker started by hand: the configuration every command reads, the secret from the environment. */
async function ownSettings(): Promise<Settings> {
  const loaded = await loadConfig({ env: process.env, cwd: process.cwd(), homeDir: homedir() })
  if (!loaded.ok) {
    throw new StartFailure('CONFIG_INVALID', loaded.error.map(formatMistake).join('\n'), EXIT_CODES.usage)
  }
  const fleetSecret = process.env.PARLEY_FLEET_SECRET ?? ''
  if (fleetSecret.length < 32) {
    const message = 'set PARLEY_FLEET_SECRET (32 characters or more) to the secret of the pods this worker serves'
    throw new StartFailure('FLEET_SECRET_MISSING', message, EXIT_CODES.usage)
  }
  return { config: loaded.value.config, fleetSecret }
}

async function failed(
  error: unknown,
  channel: SupervisorChannel<ResolvedConfig> | undefined,
  logger: Logger | undefined,
): Promise<number> {
  const isExpected = error instanceof StartFailure
  const exitCode = isExpected ? error.exitCode : EXIT_CODES.internal
  const message = error instanceof Error ? error.message : String(error)
  logger?.error({ err: error }, 'the worker cannot go on')
  if (channel) await channel.send({ type: 'failed', code: isExpected ? error.code : 'INTERNAL', message, exitCode })
  else process.stderr.write(`parley worker: ${message}\n`)
  return exitCode
}
