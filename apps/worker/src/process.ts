// The life of a worker process: where its configuration comes from, when it drains and stops, which exit code it ends with.
import { homedir } from 'node:os'
import { formatMistake, loadConfig, type ResolvedConfig } from '@parley/config'
import { openSupervisorChannel, type RoleSlots, type SupervisorChannel, threadPoolProblem } from '@parley/fleet'
import { systemClock, withDeadline } from '@parley/kernel'
import type { WorkerRole } from '@parley/protocol'
import type { Recogniser, Synthesiser } from '@parley/speech'
import { createLogger, type Logger, type ProcessLogger } from '@parley/telemetry'
import { createWorker, type Worker } from './compose.ts'
import type { MountEndpoints } from './endpoints-port.ts'
import type { SelfSizing } from './self-sizing.ts'
import type { TextParts, TextStatus } from './text-host.ts'
import { readTlsFiles } from './tls-files.ts'

export const EXIT_CODES = { ok: 0, usage: 2, port: 3, permission: 4, internal: 70 } as const

/** A second SIGTERM or a close that hangs ends the process all the same. */
const CLOSE_DEADLINE_MS = 1_900
const MIN_SECRET_CHARS = 32

/** What a worker is made of; what is not there it does not do. */
export interface WorkerParts {
  readonly recogniser?: Recogniser | undefined
  readonly synthesiser?: Synthesiser | undefined
  readonly texts?: TextParts | undefined
  readonly endpoints?: MountEndpoints | undefined
  /** How the slots were found; as configured unless told. */
  readonly slots?: Readonly<Partial<Record<WorkerRole, RoleSlots>>>
  readonly sizing?: SelfSizing
}

export interface PartsContext {
  readonly config: ResolvedConfig
  readonly logger: Logger
  /** Part of the machine that is this worker's, (0..1]; undefined: nobody has told. */
  readonly machineShare: number | undefined
}

export type CreateParts = (context: PartsContext) => WorkerParts | Promise<WorkerParts>

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
  readonly machineShare?: number
  readonly memberId?: string
}

type Channel = SupervisorChannel<ResolvedConfig>

/** What the supervisor or a signal wants of a worker, whether or not it is there yet. */
interface Orders {
  /** Resolves with why the process is to stop. */
  readonly stop: Promise<string>
  /** From now on, and once now if it was ordered before, `worker` drains and takes streams again as it is told. */
  obey(worker: Worker): void
}

interface Running {
  readonly worker: Worker
  readonly sizing: SelfSizing | undefined
}

/** Runs a worker until its supervisor or a signal stops it; resolves with the exit code. */
export async function runWorker(createParts: CreateParts): Promise<number> {
  const channel = openSupervisorChannel<ResolvedConfig>(process, systemClock)
  const orders = takeOrders(channel)
  let logger: ProcessLogger | undefined
  try {
    const settings = channel ? await channel.start : await ownSettings()
    logger = createLogger({ ...settings.config.log, fields: { member: 'worker' } })
    const starting = start(settings, createParts, logger, channel)
    const running = await Promise.race([starting, orders.stop])
    if (typeof running === 'string') return EXIT_CODES.ok // told to stop before it was ready: there is nothing to close
    orders.obey(running.worker)
    logger.info({ reason: await orders.stop }, 'stopping')
    await running.sizing?.close()
    await withDeadline(systemClock, CLOSE_DEADLINE_MS, 'closing', running.worker.close())
    return EXIT_CODES.ok
  } catch (error) {
    return await failed(error, channel, logger)
  } finally {
    logger?.flush()
    channel?.close()
  }
}

async function start(
  settings: Settings,
  createParts: CreateParts,
  logger: Logger,
  channel: Channel | undefined,
): Promise<Running> {
  const { config, fleetSecret, machineShare, memberId } = settings
  const { host, port, tlsCertFile, tlsKeyFile } = config.worker
  const tls = await readTlsFiles({ tlsCertFile, tlsKeyFile })
  if (!tls.ok) throw new StartFailure('TLS_INVALID', tls.error, EXIT_CODES.usage)
  const { sizing, slots: planned, ...parts } = await createParts({ config, logger, machineShare })
  const worker = createWorker({
    clock: systemClock,
    logger,
    fleetSecret,
    host,
    port,
    tls: tls.value,
    workerId: memberId,
    adminToken: config.admin.token,
    ...parts,
  })
  const url = await worker.start().catch((error: unknown) => {
    throw listenFailure(error, host, port)
  })
  const roles = rolesOf(worker, planned)
  await announce(worker, url, roles, logger, channel)
  sizing?.start((role, found) => {
    logger.info({ role, ...found }, 'the slots of a role have changed')
    worker.access.onSlotsChanged()
    if (channel) void channel.send({ type: 'resized', role, ...found })
    else process.stdout.write(`${JSON.stringify({ resized: role, ...found })}\n`)
  })
  return { worker, sizing }
}

type Roles = Readonly<Partial<Record<WorkerRole, RoleSlots>>>

/** What the engines take, with how it was found where that is known, and what is wrong with them. */
function rolesOf(worker: Worker, planned: Roles = {}): Roles {
  const { recogniser, synthesiser } = worker.access
  const { translate, polish } = worker.textStatus()
  const role = (name: WorkerRole, { slots, problem }: { readonly slots: number; readonly problem?: string }) => ({
    [name]: {
      ...(planned[name] ?? { slots, how: 'as configured' }),
      ...(problem === undefined ? {} : { problem }),
    },
  })
  return {
    ...(recogniser ? role('recognise', recogniser.status()) : {}),
    ...(synthesiser ? role('synthesise', synthesiser.status()) : {}),
    ...(translate ? role('translate', textRole(translate)) : {}),
    ...(polish ? role('polish', textRole(polish)) : {}),
  }
}

function textRole({ slots, engines }: TextStatus): { readonly slots: number; readonly problem?: string } {
  const problem = engines.find((engine) => engine.problem !== undefined)?.problem
  return { slots, ...(problem === undefined ? {} : { problem }) }
}

async function announce(
  worker: Worker,
  url: string,
  roles: Roles,
  logger: Logger,
  channel: Channel | undefined,
): Promise<void> {
  const { workerId } = worker
  const { slots, engines } = worker.load()
  const problem = threadPoolProblem(process.env.UV_THREADPOOL_SIZE, slots)
  if (problem) logger.warn({ slots }, problem)
  logger.info({ workerId, url, roles }, 'speech worker is ready')
  if (channel) await channel.send({ type: 'ready', member: 'worker', workerId, url, engines, slots, roles })
  else process.stdout.write(`${JSON.stringify({ ready: true, workerId, url, slots, roles })}\n`)
}

function takeOrders(channel: Channel | undefined): Orders {
  let isDraining = false
  let worker: Worker | undefined
  const setDraining = (next: boolean) => {
    isDraining = next
    if (next) worker?.drain()
    else worker?.undrain()
  }
  const stop = new Promise<string>((resolve) => {
    let signals = 0
    const onSignal = (signal: NodeJS.Signals) => {
      if (++signals > 1) process.exit(130)
      resolve(signal)
    }
    process.on('SIGTERM', onSignal)
    process.on('SIGINT', onSignal)
    process.on('SIGUSR2', () => setDraining(!isDraining))
    channel?.onMessage((message) => {
      if (message.type === 'stop') resolve('the supervisor said so')
      else if (message.type === 'drain' || message.type === 'undrain') setDraining(message.type === 'drain')
    })
    channel?.onGone(() => resolve('the supervisor is gone'))
  })
  const obey = (ready: Worker) => {
    worker = ready
    if (isDraining) ready.drain()
  }
  return { stop, obey }
}

/** Of a worker started by hand: the configuration every command reads, the secret from the environment. */
async function ownSettings(): Promise<Settings> {
  const loaded = await loadConfig({ env: process.env, cwd: process.cwd(), homeDir: homedir() })
  if (!loaded.ok) {
    throw new StartFailure('CONFIG_INVALID', loaded.error.map(formatMistake).join('\n'), EXIT_CODES.usage)
  }
  const fleetSecret = process.env.PARLEY_FLEET_SECRET ?? ''
  if (fleetSecret.length < MIN_SECRET_CHARS) {
    const message = 'set PARLEY_FLEET_SECRET (32 characters or more) to the secret of the pods this worker serves'
    throw new StartFailure('FLEET_SECRET_MISSING', message, EXIT_CODES.usage)
  }
  return { config: loaded.value.config, fleetSecret }
}

function listenFailure(error: unknown, host: string, port: number): unknown {
  const { code } = error as NodeJS.ErrnoException
  const where = `port ${port} of ${host}`
  switch (code) {
    case 'EADDRINUSE': {
      const message = `${where} is taken by another process; set worker.port (--port) to another`
      return new StartFailure('PORT_IN_USE', message, EXIT_CODES.port)
    }
    case 'EACCES':
    case 'EPERM': {
      const message = `this user may not listen on ${where}; set worker.port (--port) to another`
      return new StartFailure('PORT_PERMISSION', message, EXIT_CODES.permission)
    }
    case 'EADDRNOTAVAIL':
    case 'ENOTFOUND':
    case 'EAI_AGAIN': {
      const message = `this machine has no address ${host} (${code}); set worker.host (--host)`
      return new StartFailure('ADDRESS_UNKNOWN', message, EXIT_CODES.usage)
    }
    default:
      return error
  }
}

async function failed(error: unknown, channel: Channel | undefined, logger: Logger | undefined): Promise<number> {
  const isExpected = error instanceof StartFailure
  const exitCode = isExpected ? error.exitCode : EXIT_CODES.internal
  const message = error instanceof Error ? error.message : String(error)
  logger?.error({ err: error }, 'the worker cannot go on')
  if (channel) await channel.send({ type: 'failed', code: isExpected ? error.code : 'INTERNAL', message, exitCode })
  else process.stderr.write(`parley worker: ${message}\n`)
  return exitCode
}
