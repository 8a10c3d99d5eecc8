// Starts a platform and stays with it until it ends: the shell around the supervisor. What is said is banner.ts's, what is
// made ready beforehand prepare.ts's.
import { rmSync } from 'node:fs'
import { appendFile, stat, truncate } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import type { Loaded, ResolvedConfig } from '@parley/config'
import { POD_NODE_OPTIONS, type PodPlace, workerEnvironment } from '@parley/fleet'
import { Scope } from '@parley/kernel'
import { type CliContext, ROOT } from '../context.ts'
import { CliError, EXIT } from '../exit-codes.ts'
import { pageUrlOf } from '../link/command.ts'
import { fleetSecretOf } from '../platform/fleet-secret.ts'
import { type RunRecord, type RunningPod as RunRecordPod, removeRun, runDirOf, writeRun } from '../platform/run-file.ts'
import { captionLine, directUrl, localUrl, networkUrl, speechLines } from './banner.ts'
import type { MemberSpec } from './member-process.ts'
import type { OwnPostgres } from './own-postgres.ts'
import type { OwnRedis } from './own-redis.ts'
import { type OwnServers, startOwnServers } from './own-servers.ts'
import { buildPage, type PageBuild } from './page-build.ts'
import { type PodPlan, planPods } from './pod-plan.ts'
import { checkPort, portsAfter } from './port-check.ts'
import { type Prepared, prepare, workerCountOf } from './prepare.ts'
import { type PodReady, Supervisor } from './supervisor.ts'
import type { MemberName, MemberRole } from './supervisor-state.ts'

/** How long `--json` waits for the first word about engines before it reports the platform without it. */
const SPEECH_WAIT_MS = 20_000
const CRASH_LOG_BYTES = 1 << 20

export interface UpOptions {
  readonly json: boolean
  /** Modules of the members; the project's own unless a test says otherwise. */
  readonly modules?: Readonly<Record<MemberRole, string>>
  /** Builds the page; the project's own unless a test says otherwise. */
  readonly buildPage?: () => Promise<PageBuild>
}

const MODULES: Readonly<Record<MemberRole, string>> = {
  pod: path.join(ROOT, 'apps/pod/src/main.ts'),
  worker: path.join(ROOT, 'apps/worker/src/main.ts'),
}

/** Members get their configuration by message; secrets of this process's environment are not passed on. */
export function memberEnvironment(env: NodeJS.ProcessEnv, role: MemberRole, slots: number): NodeJS.ProcessEnv {
  const kept = Object.fromEntries(Object.entries(env).filter(([name]) => !name.startsWith('PARLEY_')))
  return role === 'worker' ? { ...kept, ...workerEnvironment(slots) } : kept
}

/** Decoders of one worker, for its threads; 0 = the worker finds out how many. */
export function decoderSlots({ worker, speech }: ResolvedConfig): number {
  if (worker.recogniseSlots !== 0) return Math.max(1, worker.recogniseSlots)
  return speech.slotsPerWorker
}

/** Several workers cannot have one port: the second listens on the next, and so on. */
export function workerPort(port: number, name: MemberName): number {
  const number = Number(/\d+$/.exec(name)?.[0] ?? 1)
  return port === 0 ? 0 : port + number - 1
}

interface RunningPod extends RunRecordPod {
  readonly port: number
}

interface PlatformParts {
  readonly fleetSecret: string
  readonly pods: readonly PodPlan[]
  readonly servers: OwnServers
  /** The platform's own from now on. */
  readonly scope: Scope
}

class Platform {
  readonly #context: CliContext
  readonly #options: UpOptions
  readonly #loaded: Loaded
  readonly #prepared: Prepared
  readonly #scope: Scope
  readonly #supervisor: Supervisor
  readonly #fleetSecret: string
  #run: RunRecord | undefined
  readonly #pods: readonly PodPlan[]
  /** Of pods that have been ready, in the order of their names. */
  readonly #running = new Map<MemberName, RunningPod>()
  readonly #redis: OwnRedis | undefined
  readonly #postgres: OwnPostgres | undefined
  #saidSpeech = ''
  #pageUrl = ''
  #isAnnounced = false

  constructor(context: CliContext, options: UpOptions, loaded: Loaded, prepared: Prepared, parts: PlatformParts) {
    this.#context = context
    this.#fleetSecret = parts.fleetSecret
    this.#pods = parts.pods
    this.#redis = parts.servers.redis
    this.#postgres = parts.servers.postgres
    this.#scope = parts.scope
    this.#options = options
    this.#loaded = loaded
    this.#prepared = prepared
    this.#supervisor = new Supervisor({
      clock: context.clock,
      workerCount: workerCountOf(prepared.config.speech.workers),
      podCount: parts.pods.length,
      specOf: (name, role) => this.#specOf(name, role),
      onReport: (level, message) => (level === 'info' ? context.output.note(message) : context.output.warn(message)),
      onPodReady: (name, ready, podPid) =>
        void this.#onPodReady(name, ready, podPid).catch((error: unknown) => this.#onFailure(error)),
      onSpeechChanged: () => this.#onSpeechChanged(),
      onCrashOutput: (name, tail) => void keepOutput(prepared.logFile, name, tail, context.clock.wallMs()),
    })
  }

  /** Resolves with the exit code when every process is gone. */
  async run(): Promise<number> {
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
      const onSignal = () => this.#supervisor.stop()
      process.on(signal, onSignal)
      this.#scope.own(() => void process.off(signal, onSignal))
    }
    this.#supervisor.start()
    const gaveUp = await this.#supervisor.ended
    await removeRun(this.#prepared.config.data.dir, process.pid)
    this.#removeSocket()
    await this.#scope.close()
    if (gaveUp) throw new CliError(gaveUp.message, gaveUp.exitCode)
    if (!this.#options.json) this.#context.output.note('stopped')
    return EXIT.ok
  }

  #removeSocket(): void {
    const { ownSocket, config } = this.#prepared
    if (ownSocket === undefined) return
    const folder = path.dirname(ownSocket)
    // The stand-in folder of a deep data directory holds nothing else.
    if (folder !== runDirOf(config.data.dir)) rmSync(folder, { recursive: true, force: true })
    else for (const pod of this.#pods) rmSync(pod.config.admin.socket, { force: true })
  }

  #specOf(name: MemberName, role: MemberRole): MemberSpec {
    const { config, ownSocket } = this.#prepared
    const plan = this.#pods.find((pod) => pod.name === name)
    // A killed pod leaves its socket behind, and the next could not bind it.
    if (plan && ownSocket !== undefined) rmSync(plan.config.admin.socket, { force: true })
    // A pod that comes back keeps the port it was given, so that its address stays what people have open.
    const port = this.#running.get(name)?.port
    const given: ResolvedConfig = plan
      ? { ...plan.config, server: { ...plan.config.server, port: port ?? plan.config.server.port } }
      : { ...config, worker: { ...config.worker, port: workerPort(config.worker.port, name) } }
    const machineShare = 1 / workerCountOf(config.speech.workers)
    return {
      modulePath: (this.#options.modules ?? MODULES)[role],
      env: memberEnvironment(this.#context.env, role, decoderSlots(config)),
      nodeOptions: role === 'pod' ? POD_NODE_OPTIONS : [],
      start: {
        type: 'start',
        config: given,
        fleetSecret: this.#fleetSecret,
        machineShare,
        ...(plan ? this.#placeOf(name) : {}),
      },
    }
  }

  /** Beside another platform of the same data directory a pod has no place of its own there. */
  #placeOf(name: MemberName): { place?: PodPlace } {
    if (this.#prepared.isBeside) return {}
    return { place: { name: name.replaceAll(' ', '-'), isNext: this.#running.has(name) } }
  }

  async #onPodReady(name: MemberName, ready: PodReady, podPid: number): Promise<void> {
    const { config, certificate } = this.#prepared
    const port = ready.port ?? (Number(new URL(ready.url).port) || (ready.url.startsWith('https:') ? 443 : 80))
    this.#running.set(name, { name, url: directUrl(config, port), adminUrl: ready.adminUrl, pid: podPid, port })
    // Until every pod has been ready once the platform is not.
    const [first] = this.#runningPods()
    if (!first || this.#running.size < this.#pods.length) return
    const { clock } = this.#context
    this.#run = {
      url: localUrl(config, first.port),
      pid: process.pid,
      adminUrl: first.adminUrl,
      podPid: first.pid,
      startedAtMs: this.#run?.startedAtMs ?? clock.wallMs(),
      ...(certificate ? { caFile: certificate.certFile } : {}),
      ...(this.#postgres ? { databaseUrl: this.#postgres.url } : {}),
      ...(this.#pods.length > 1 ? { pods: this.#runningPods().map(({ port: _port, ...pod }) => pod) } : {}),
    }
    await writeRun(config.data.dir, this.#run)
    if (this.#isAnnounced) return
    this.#isAnnounced = true
    this.#pageUrl = pageUrlOf(this.#run.url, await this.#supervisor.mintPageCode())
    if (this.#options.json) this.#scope.after(SPEECH_WAIT_MS, () => this.#announceJson())
    else await this.#announce(first)
    this.#onSpeechChanged()
  }

  #runningPods(): RunningPod[] {
    return this.#pods.flatMap(({ name }) => this.#running.get(name) ?? [])
  }

  async #announce({ port }: RunningPod): Promise<void> {
    const { config, certificate, logFile } = this.#prepared
    const { output, cwd, env } = this.#context
    const atRoot = cwd === ROOT
    const network = networkUrl(config, port, os.networkInterfaces())
    const isFound = (this.#loaded.origins.get('data.dir')?.kind ?? 'default') === 'default' || env.PARLEY_DATA_DIR
    const paste = captionLine({
      launcher: atRoot ? './parley' : path.join(ROOT, 'parley'),
      sample: atRoot ? 'samples/hello.wav' : path.join(ROOT, 'samples/hello.wav'),
      url: localUrl(config, port),
      dataDir: isFound ? undefined : config.data.dir,
    })
    const { bold, dim, cyan } = output.out
    output.line(`${bold('Parley is up.')} ${dim('Ctrl-C ends it.')}`)
    output.line(`  page        ${cyan(this.#pageUrl)}`)
    if (network) output.line(`  on the LAN  ${cyan(pageUrlOf(network, await this.#supervisor.mintPageCode()))}`)
    if (certificate) output.line(`  certificate SHA-256 ${certificate.fingerprint}${certificate.isNew ? ' (new)' : ''}`)
    if (this.#pods.length > 1) {
      const urls = this.#runningPods().map((pod) => pod.url)
      output.line(`  pods        ${urls.join('  ')}`)
      output.line(
        `  redis       ${this.#redis ? `its own, port ${this.#redis.port} of this machine` : 'as configured'}`,
      )
    }
    if (this.#postgres) output.line(`  records     a PostgreSQL of its own, in ${this.#postgres.folder}`)
    output.line(`  captions    ${paste}`)
    output.line(`  log         ${logFile}`)
    output.line(dim('  The page address opens once, within ten minutes; for another: parley link'))
  }

  #announceJson(): void {
    const run = this.#run
    if (!run || this.#saidSpeech === 'json') return
    this.#saidSpeech = 'json'
    const speech = this.#supervisor.podSpeech
    this.#context.output.json({
      ready: true,
      url: run.url,
      pid: run.pid,
      pageUrl: this.#pageUrl,
      adminUrl: run.adminUrl,
      podPid: run.podPid,
      ...(run.pods ? { pods: run.pods } : {}),
      ...(this.#redis ? { redis: { pid: this.#redis.pid, port: this.#redis.port } } : {}),
      ...(this.#postgres ? { postgres: { pid: this.#postgres.pid, folder: this.#postgres.folder } } : {}),
      workerPids: this.#supervisor.pidsOf('worker'),
      logFile: this.#prepared.logFile,
      ...(run.caFile === undefined ? {} : { caFile: run.caFile }),
      speechReady: speech !== undefined && speechLines(speech).isReady,
      engines: speech?.engines ?? [],
    })
  }

  #onSpeechChanged(): void {
    const speech = this.#supervisor.podSpeech
    if (!speech || speech.engines.length === 0 || this.#pageUrl === '') return
    const { isReady, lines } = speechLines(speech)
    const isKnown = isReady || speech.engines.every((engine) => engine.ready || engine.problem !== undefined)
    if (!isKnown) return
    if (this.#options.json) this.#announceJson()
    else this.#saySpeech(isReady, lines)
  }

  #saySpeech(isReady: boolean, lines: readonly string[]): void {
    const said = lines.join('\n')
    if (said === this.#saidSpeech) return
    this.#saidSpeech = said
    const { output } = this.#context
    for (const line of lines) output.line(`  speech      ${isReady ? line : output.out.yellow(line)}`)
  }

  #onFailure(error: unknown): void {
    this.#context.output.warn(error instanceof Error ? error.message : String(error))
    this.#supervisor.stop()
  }
}

/** The whole last output of something that failed, for whoever looks into why: crashes.log beside the log; bounded. */
async function keepOutput(logFile: string, name: string, text: string, wallMs: number): Promise<void> {
  const file = path.join(path.dirname(logFile), 'crashes.log')
  const size = await stat(file).then(
    (found) => found.size,
    () => 0,
  )
  try {
    if (size > CRASH_LOG_BYTES) await truncate(file)
    await appendFile(file, `== ${new Date(wallMs).toISOString()} ${name}\n${text}\n`)
  } catch {
    // A full disk must not end a platform that still serves.
  }
}

async function preparePage(context: CliContext, options: UpOptions, logFile: string): Promise<void> {
  const { output, clock } = context
  output.progress.update('looking whether the page is up to date')
  const startMs = clock.nowMs()
  const page = await (options.buildPage ?? (() => buildPage(ROOT, context.env)))()
  output.progress.clear()
  if (page.kind === 'built') output.note(`page built in ${((clock.nowMs() - startMs) / 1000).toFixed(1)} s`)
  if (page.kind !== 'failed') return
  output.warn(`the page could not be built, the rest starts: ${page.reason}`)
  if (page.detail !== undefined) await keepOutput(logFile, 'page build', page.detail, clock.wallMs())
}

/** Starts a platform with the resolved configuration; resolves with the exit code when it has ended. */
export async function runUp(context: CliContext, options: UpOptions, loaded: Loaded): Promise<number> {
  const { host, port } = loaded.config.server
  const prepared = await prepare(loaded, context.clock.wallMs())
  await checkPort(host, port)
  await preparePage(context, options, prepared.logFile)
  const { secret: fleetSecret } = await fleetSecretOf(context.env, prepared.config.data.dir)
  const scope = new Scope(context.clock)
  try {
    const servers = await startOwnServers(context, prepared, scope)
    const ports = [port, ...(await portsAfter(host, port, prepared.config.fleet.pods - 1))]
    const pods = planPods(prepared.config, ports, servers.shared)
    return await new Platform(context, options, loaded, prepared, { fleetSecret, pods, servers, scope }).run()
  } finally {
    await scope.close()
  }
}
