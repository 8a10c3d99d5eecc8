// The pod's process: where its configuration comes from, signals, the supervisor's channel, exit codes. Everything else is pod.ts.
import { homedir } from 'node:os'
import { formatMistake, loadConfig, type ResolvedConfig } from '@parley/config'
import type { MemberToSupervisor, PodPlace, SupervisedMember, SupervisorToMember, WorkerAddress } from '@parley/fleet'
import { newId, randomToken, systemClock } from '@parley/kernel'
import type { PodId } from '@parley/protocol'
import { createLogger, type ProcessLogger } from '@parley/telemetry'
import { composePod } from './compose.ts'
import { asStartFailure, EXIT_CODES, StartFailure } from './exit-codes.ts'
import { type OpenPlace, openPlace } from './fleet/pod-place.ts'
import { openDataDirectory } from './identity/data-directory.ts'
import type { Pod } from './pod.ts'

type StartMessage = Extract<SupervisorToMember<ResolvedConfig>, { type: 'start' }>

/** From the fork to the supervisor's first message. */
const START_MESSAGE_LIMIT_MS = 10_000
/** A stop that takes longer is ended by force: nobody waits three seconds for a process they want gone. */
const STOP_LIMIT_MS = 2_800
/** Other pods get the sessions of one that is ended within this; orchestrators wait for 30 s. */
const HAND_OVER_LIMIT_MS = 20_000

const clock = systemClock
/** A new one until it is known which place this pod has. */
let podId: PodId = newId('pod')
const hasSupervisor = process.send !== undefined

let logger: ProcessLogger | undefined
let pod: Pod | undefined
let place: OpenPlace | undefined
/** The set of workers last told, also before the pod is there to hear it. */
let workers: readonly WorkerAddress[] = []
let members: readonly SupervisedMember[] = []
let isStopping = false
const startMessage = Promise.withResolvers<StartMessage>()

// A pod that ends may empty itself: that is no order, and its successor serves.
process.once('SIGTERM', () => place?.freeze())
process.on('uncaughtException', (error) => crash(error, 'uncaught exception'))
process.on('unhandledRejection', (reason) => crash(reason, 'unhandled rejection'))
// Once each: a terminal's Ctrl-C and the supervisor's SIGTERM may both arrive and mean the same; a repeated one means "now".
for (const signal of ['SIGTERM', 'SIGINT'] as const) {
  process.once(signal, () => {
    process.once(signal, () => exitNow(EXIT_CODES.interrupted))
    if (signal === 'SIGTERM') void leave()
    else stop(signal)
  })
}
if (hasSupervisor) {
  process.on('message', (message) => hear(message as SupervisorToMember<ResolvedConfig>))
  // The supervisor is gone, however it went: nothing of the platform may be left running.
  process.once('disconnect', () => stop('the supervisor is gone'))
}
await run()

async function run(): Promise<void> {
  try {
    const start = hasSupervisor ? await startFromSupervisor() : await startAlone()
    const { config, fleetSecret } = start
    place = await takePlace(config, start.place)
    podId = place?.podId ?? podId
    logger = openLog(config)
    const log = logger
    const started = await composePod({
      clock,
      config,
      podId,
      ...(place ? { place } : {}),
      fleetSecret,
      logger: log,
      droppedLogLines: () => log.dropped,
      onDrainWorker: (workerId, withinMs) =>
        tell({ type: 'drainWorker', workerId, ...(withinMs === undefined ? {} : { withinMs }) }),
      ...(hasSupervisor ? { onRestartMember: (name: string) => tell({ type: 'restartMember', name }) } : {}),
    })
    if (isStopping) {
      await started.stop()
      exitNow(EXIT_CODES.ok)
    }
    pod = started
    announce(started)
  } catch (error) {
    await failStart(asStartFailure(error))
  }
}

function announce(started: Pod): void {
  tell({ type: 'ready', member: 'pod', podId, url: started.url, port: started.port, adminUrl: started.adminUrl })
  const tellEngines = () => {
    const { engines, slots } = started.speech.status()
    tell({ type: 'engines', engines, slots })
  }
  started.speech.onChange(tellEngines)
  started.setWorkers(workers)
  started.setMembers(members)
  if (!hasSupervisor) process.stderr.write(`${podId} listens on ${started.url}\n`)
}

function hear(message: SupervisorToMember<ResolvedConfig>): void {
  switch (message.type) {
    case 'start':
      startMessage.resolve(message)
      return
    case 'workers':
      workers = message.workers
      pod?.setWorkers(workers)
      return
    case 'members':
      members = message.members
      pod?.setMembers(members)
      return
    case 'mintPageCode':
      if (pod) tell({ type: 'pageCode', requestId: message.requestId, code: pod.mintPageCode().code })
      return
    case 'stop':
      stop('the supervisor asked')
      return
    default:
      // A newer supervisor may say more; what we do not know does not concern us.
      return
  }
}

async function startFromSupervisor(): Promise<StartMessage> {
  const timer = clock.after(START_MESSAGE_LIMIT_MS, () => {
    const message = `the supervisor sent no configuration within ${START_MESSAGE_LIMIT_MS} ms`
    startMessage.reject(new StartFailure('internal', 'NO_CONFIGURATION', message))
  })
  try {
    return await startMessage.promise
  } finally {
    timer.cancel()
  }
}

/**
 * Without a supervisor: the configuration of this environment, and the speech workers it names (speech.workerUrls), which know this pod by
 * PARLEY_FLEET_SECRET; without one nobody does.
 */
async function startAlone(): Promise<Omit<StartMessage, 'type'>> {
  const loaded = await loadConfig({ env: process.env, cwd: process.cwd(), homeDir: homedir() })
  if (loaded.ok) return { config: loaded.value.config, fleetSecret: process.env.PARLEY_FLEET_SECRET || randomToken(32) }
  throw new StartFailure('usage', 'CONFIG_INVALID', loaded.error.map(formatMistake).join('\n'))
}

async function takePlace(config: ResolvedConfig, given: PodPlace | undefined): Promise<OpenPlace | undefined> {
  if (!given) return undefined
  // Made, and said in one clear line when it cannot be.
  const { path } = await openDataDirectory(config.data.dir)
  return openPlace(clock, path, given, config.sessions.seats)
}

function openLog(config: ResolvedConfig): ProcessLogger {
  try {
    return createLogger({ level: config.log.level, file: config.log.file, fields: { podId } })
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    const kind = code === 'EACCES' || code === 'EPERM' ? 'noPermission' : 'usage'
    throw new StartFailure(
      kind,
      'LOG_UNUSABLE',
      `cannot write the log ${config.log.file} (${code}); set log.file`,
      error,
    )
  }
}

/** Whoever ends this pod alone, and not the platform, wants its sessions to go on elsewhere. */
async function leave(): Promise<void> {
  if (pod && !isStopping) await pod.handOver(HAND_OVER_LIMIT_MS)
  stop('SIGTERM')
}

function stop(why: string): void {
  if (isStopping) return
  isStopping = true
  logger?.info({ why }, 'stopping')
  clock.after(STOP_LIMIT_MS, () => {
    logger?.warn({}, 'stopped by force: something did not close in time')
    exitNow(EXIT_CODES.ok)
  })
  // Still waiting for its configuration: there is nothing to close.
  if (!logger) exitNow(EXIT_CODES.ok)
  // A pod that is still being made is stopped by `run` when it is there.
  void pod?.stop().finally(() => exitNow(EXIT_CODES.ok))
}

async function failStart(failure: StartFailure): Promise<void> {
  logger?.error({ err: failure, code: failure.code }, 'the pod cannot start')
  const { code, message, exitCode } = failure
  if (hasSupervisor) await told({ type: 'failed', code, message, exitCode })
  else process.stderr.write(`${message}\n`)
  exitNow(exitCode)
}

function crash(reason: unknown, what: string): void {
  if (logger) logger.error({ err: reason }, what)
  else process.stderr.write(`${what}: ${reason instanceof Error ? reason.stack : String(reason)}\n`)
  exitNow(EXIT_CODES.internal)
}

function tell(message: MemberToSupervisor): void {
  void told(message)
}

/** Resolves when the message is out, or cannot go out any more: a supervisor that is gone is noticed by `disconnect`. */
function told(message: MemberToSupervisor): Promise<void> {
  return new Promise((resolve) => {
    if (!process.connected || !process.send) return resolve()
    process.send(message, undefined, {}, () => resolve())
  })
}

function exitNow(code: number): never {
  logger?.flush()
  process.exit(code)
}
