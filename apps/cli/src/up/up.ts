// Starts a platform and stays with it until it ends: the shell around the supervisor. What is said is banner.ts's, what is
// made ready beforehand prepare.ts's.
import { rmSync } from 'node:fs'
import { appendFile, stat, truncate } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import type { Loaded, ResolvedConfig } from '@parley/config'
import { POD_NODE_OPTIONS, workerEnvironment } from '@parley/fleet'
import { Scope } from '@parley/kernel'
import { type CliContext, ROOT } from '../context.ts'
import { CliError, EXIT } from '../exit-codes.ts'
import { pageUrlOf } from '../link/command.ts'
import { fleetSecretOf } from '../platform/fleet-secret.ts'
import { type RunRecord, removeRun, runDirOf, writeRun } from '../platform/run-file.ts'
import { captionLine, localUrl, networkUrl, speechLines } from './banner.ts'
import type { MemberSpec } from './member-process.ts'
import { buildPage, type PageBuild } from './page-build.ts'
import { checkPort } from './port-check.ts'
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

class Platform {
  readonly #context: CliContext
  readonly #options: UpOptions
  readonly #loaded: Loaded
  readonly #prepared: Prepared
  readonly #scope: Scope
  readonly #supervisor: Supervisor
  readonly #fleetSecret: string
  #run: RunRecord | undefined
  #port: number
  #saidSpeech = ''
  #pageUrl = ''
  #isAnnounced = false

  constructor(context: CliContext, options: UpOptions, loaded: Loaded, prepared: Prepared, fleetSecret: string) {
    this.#context = context
    this.#fleetSecret = fleetSecret
    this.#options = options
    this.#loaded = loaded
    this.#prepared = prepared
    this.#port = prepared.config.server.port
    this.#scope = new Scope(context.clock)
    this.#supervisor = new Supervisor({
      clock: context.clock,
      workerCount: workerCountOf(prepared.config.speech.workers),
      specOf: (name, role) => this.#specOf(name, role),
      onReport: (level, message) => (level === 'info' ? context.output.note(message) : context.output.warn(message)),
      onPodReady: (ready, podPid) =>
        void this.#onPodReady(ready, podPid).catch((error: unknown) => this.#onFailure(error)),
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
    rmSync(folder === runDirOf(config.data.dir) ? ownSocket : folder, { recursive: true, force: true })
  }

  #specOf(name: MemberName, role: MemberRole): MemberSpec {
    const { config, ownSocket } = this.#prepared
    // A killed pod leaves its socket behind, and the next could not bind it.
    if (role === 'pod' && ownSocket !== undefined) rmSync(ownSocket, { force: true })
    // A pod that comes back keeps the port it was given, so that its address stays what people have open.
    const given: ResolvedConfig = {
      ...config,
      server: { ...config.server, port: this.#port },
      worker: { ...config.worker, port: workerPort(config.worker.port, name) },
    }
    const machineShare = 1 / workerCountOf(config.speech.workers)
    return {
      modulePath: (this.#options.modules ?? MODULES)[role],
      env: memberEnvironment(this.#context.env, role, decoderSlots(config)),
      nodeOptions: role === 'pod' ? POD_NODE_OPTIONS : [],
      start: { type: 'start', config: given, fleetSecret: this.#fleetSecret, machineShare },
    }
  }

  async #onPodReady(ready: PodReady, podPid: number): Promise<void> {
    const { config, certificate } = this.#prepared
    this.#port = Number(new URL(ready.url).port) || (ready.url.startsWith('https:') ? 443 : 80)
    const url = localUrl(config, this.#port)
    const { clock } = this.#context
    this.#run = {
      url,
      pid: process.pid,
      adminUrl: ready.adminUrl,
      podPid,
      startedAtMs: this.#run?.startedAtMs ?? clock.wallMs(),
      ...(certificate ? { caFile: certificate.certFile } : {}),
    }
    await writeRun(config.data.dir, this.#run)
    if (this.#isAnnounced) return
    this.#isAnnounced = true
    this.#pageUrl = pageUrlOf(url, await this.#supervisor.mintPageCode())
    if (this.#options.json) this.#scope.after(SPEECH_WAIT_MS, () => this.#announceJson())
    else await this.#announce(url)
    this.#onSpeechChanged()
  }

  async #announce(url: string): Promise<void> {
    const { config, certificate, logFile } = this.#prepared
    const { output, cwd, env } = this.#context
    const atRoot = cwd === ROOT
    const network = networkUrl(config, this.#port, os.networkInterfaces())
    const isFound = (this.#loaded.origins.get('data.dir')?.kind ?? 'default') === 'default' || env.PARLEY_DATA_DIR
    const paste = captionLine({
      launcher: atRoot ? './parley' : path.join(ROOT, 'parley'),
      sample: atRoot ? 'samples/hello.wav' : path.join(ROOT, 'samples/hello.wav'),
      url,
      dataDir: isFound ? undefined : config.data.dir,
    })
    const { bold, dim, cyan } = output.out
    output.line(`${bold('Parley is up.')} ${dim('Ctrl-C ends it.')}`)
    output.line(`  page        ${cyan(this.#pageUrl)}`)
    if (network) output.line(`  on the LAN  ${cyan(pageUrlOf(network, await this.#supervisor.mintPageCode()))}`)
    if (certificate) output.line(`  certificate SHA-256 ${certificate.fingerprint}${certificate.isNew ? ' (new)' : ''}`)
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
  const { secret } = await fleetSecretOf(context.env, prepared.config.data.dir)
  return new Platform(context, options, loaded, prepared, secret).run()
}
