// Runs one speech worker as a process of its own and stays with it until it ends: its threads must be decided before it starts.
import path from 'node:path'
import process from 'node:process'
import type { ResolvedConfig } from '@parley/config'
import type { MemberToSupervisor } from '@parley/fleet'
import { Scope } from '@parley/kernel'
import { type CliContext, ROOT } from '../context.ts'
import { CliError, EXIT } from '../exit-codes.ts'
import { fleetSecretOf } from '../platform/fleet-secret.ts'
import { MemberProcess, tellingLine } from '../up/member-process.ts'
import { makeFolder, prepareLog } from '../up/prepare.ts'
import { decoderSlots, memberEnvironment } from '../up/up.ts'
import { type ReadyWords, readyJson, readyLines, roleLine, type WorkerReady } from './words.ts'

const MODULE = path.join(ROOT, 'apps/worker/src/main.ts')
/** A worker that does not end by itself in this time is killed. */
const KILL_AFTER_MS = 1_950

export interface WorkerRunOptions {
  readonly json: boolean
  readonly config: ResolvedConfig
  readonly memberId: string | undefined
  /** Part of the machine, (0..1]; undefined: shared with the workers there are. */
  readonly machineShare: number | undefined
  /** The worker's program; the project's own unless a test says otherwise. */
  readonly modulePath?: string
}

/** Resolves with the exit code when the worker has ended. Throws a CliError when it could not start, or ended unasked. */
export async function runWorkerProcess(context: CliContext, options: WorkerRunOptions): Promise<number> {
  const { config, memberId, machineShare } = options
  await makeFolder(config.data.dir, 'the data directory')
  const logFile = await prepareLog(config, 'worker.log')
  const { secret, from } = await fleetSecretOf(context.env, config.data.dir)
  const ended = Promise.withResolvers<string | undefined>()
  const scope = new Scope(context.clock)
  let failure: Extract<MemberToSupervisor, { type: 'failed' }> | undefined
  let isStopping = false
  const start = {
    type: 'start',
    config: { ...config, log: { ...config.log, file: logFile } },
    fleetSecret: secret,
    ...(machineShare === undefined ? {} : { machineShare }),
    ...(memberId === undefined ? {} : { memberId }),
  } as const
  const spec = {
    modulePath: options.modulePath ?? MODULE,
    env: memberEnvironment(context.env, 'worker', decoderSlots(config)),
    nodeOptions: [],
    start,
    onOutput: (text: string) => void process.stderr.write(text),
  }
  const child: MemberProcess = new MemberProcess(spec, {
    onMessage(message) {
      if (message.type === 'failed') failure = message
      else if (message.type === 'ready' && message.member === 'worker') {
        say(context, options.json, { ready: message, pid: child.pid, secretFrom: from, logFile })
      } else if (message.type === 'resized') sayResized(context, options.json, message)
    },
    onExit: (code, signal, tail) => {
      ended.resolve(isStopping || code === 0 ? undefined : (tellingLine(tail) ?? `it ended with ${signal ?? code}`))
    },
  })
  const stop = () => {
    if (isStopping) child.kill('SIGKILL')
    isStopping = true
    child.send({ type: 'stop' })
    scope.after(KILL_AFTER_MS, () => child.kill('SIGKILL'))
  }
  listen(scope, stop, () => child.kill('SIGUSR2'))
  const why = await ended.promise
  await scope.close()
  if (failure) throw new CliError(failure.message, exitCodeOf(failure.exitCode))
  if (why !== undefined) throw new CliError(`the worker ended unasked: ${why}; see ${logFile}`)
  if (!options.json) context.output.note('stopped')
  return EXIT.ok
}

function listen(scope: Scope, onStop: () => void, onDrain: () => void): void {
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.on(signal, onStop)
    scope.own(() => void process.off(signal, onStop))
  }
  process.on('SIGUSR2', onDrain)
  scope.own(() => void process.off('SIGUSR2', onDrain))
}

function say({ output }: CliContext, json: boolean, words: ReadyWords): void {
  if (json) output.json(readyJson(words))
  else for (const line of readyLines(words, output.out)) output.line(line)
}

type Resized = Extract<MemberToSupervisor, { type: 'resized' }>

function sayResized({ output }: CliContext, json: boolean, { role, slots, how }: Resized): void {
  if (json) output.json({ resized: role, slots, how })
  else output.line(roleLine(role, { slots, how }, output.out))
}

/** What a worker says it ends with, in the words of the command line. */
function exitCodeOf(code: number): number {
  return code === EXIT.usage || code === EXIT.port || code === EXIT.permission ? code : EXIT.failed
}

export type { WorkerReady }
