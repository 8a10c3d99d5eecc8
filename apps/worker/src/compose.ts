// Puts a speech worker together from its parts. The only place that knows all of them.
import { type Clock, newId, Scope, withDeadline } from '@parley/kernel'
import type { Recogniser, Synthesiser } from '@parley/speech'
import {
  collectProcessMetrics,
  createMetrics,
  type Logger,
  readProcessStats,
  startLoopMonitor,
} from '@parley/telemetry'
import type { LocalAccess, MountEndpoints, MountedEndpoints } from './endpoints-port.ts'
import { type HealthFigures, type HealthReport, healthReport } from './health-report.ts'
import { newCounters, type StreamCounters } from './host-context.ts'
import { LinkRefusals } from './link-refusals.ts'
import { LinkServer } from './link-server.ts'
import { refuseUpgrade, type TlsCredentials, WorkerListener } from './listener.ts'
import { LoadMeter, type LoadReport } from './load-meter.ts'
import { TextHost, type TextParts } from './text-host.ts'
import { VERSION } from './version.ts'
import { WaitGauge } from './wait-gauge.ts'
import { WorkerHttp } from './worker-http.ts'
import { collectWorkerMetrics } from './worker-metrics.ts'

/** The process ends within two seconds of being told to: what is still being decoded then ends with it. */
const ENGINES_CLOSE_DEADLINE_MS = 1_000
/** How often the worker looks at its own load. */
const SAMPLE_PERIOD_MS = 250
const LINK_PATHS: readonly string[] = ['/', '/link']

export interface WorkerOptions {
  readonly clock: Clock
  readonly logger: Logger
  /** Undefined: this worker does not recognise. */
  readonly recogniser?: Recogniser | undefined
  /** Undefined: this worker does not speak. */
  readonly synthesiser?: Synthesiser | undefined
  /** Engines for texts; this worker neither translates nor polishes unless told. */
  readonly texts?: TextParts | undefined
  readonly fleetSecret: string
  /** Address the listener binds; loopback unless told. */
  readonly host?: string
  /** 0 (the default) = a free port. */
  readonly port?: number
  /** Plain unless told. */
  readonly tls?: TlsCredentials | undefined
  readonly workerId?: string | undefined
  /** Opens health details and metrics to who is not on this machine; none unless told. */
  readonly adminToken?: string
  /** Stream endpoints on the same listener; none unless told. */
  readonly endpoints?: MountEndpoints | undefined
}

export interface Worker {
  readonly workerId: string
  readonly counters: Readonly<StreamCounters>
  /** Address of the listener once it is bound, which is before the engines are loaded. */
  readonly url: string | undefined
  /** Engines, for streams that do not come over a link. */
  readonly access: LocalAccess
  /**
   * Binds, then starts the engines; resolves with the address pods connect to as soon as the recogniser takes streams: with its first decoder.
   * A worker that does not recognise is ready when it speaks.
   */
  start(): Promise<string>
  /** What pods are told. */
  load(): LoadReport
  /** What the operator is told. */
  health(): HealthReport
  /** New streams are refused, those there are go on until they end; pods are told. Idempotent. */
  drain(): void
  /** Takes `drain` back. */
  undrain(): void
  /** Ends every link (pods put their streams on other workers), then the engines. Within 2 s. Idempotent. */
  close(): Promise<void>
  /** What the worker does with texts, as the operator is told. */
  textStatus(): HealthFigures['texts']
  /** Links and streams there are; leak tests assert on it. */
  usage(): { readonly links: number; readonly streams: number; readonly texts: number }
}

export function createWorker(options: WorkerOptions): Worker {
  const { clock, recogniser, synthesiser, fleetSecret } = options
  const workerId = options.workerId ?? newId<'wrk'>('wrk')
  const logger = options.logger.child({ workerId })
  const scope = new Scope(clock)
  const counters = newCounters()
  const speechWaits = new WaitGauge()
  const meter = new LoadMeter({ clock, recogniser, synthesiser, texts: () => texts, speechWaits })
  const refusal = meter.refusal.bind(meter)
  const texts: TextHost = new TextHost({
    ...(options.texts ?? { engines: [], slots: {} }),
    clock,
    refusal,
    onSlotsChanged: () => onSlotsChanged(),
  })
  const streams = { clock, logger, recogniser, synthesiser, texts, counters, speechWaits, refusal }
  const refusals = new LinkRefusals(clock, logger)
  const links = new LinkServer({ clock, logger, fleetSecret, workerId, streams, meter, refusals })
  const onSlotsChanged = () => links.reportSoon()
  texts.onChange(() => links.textEnginesChanged())
  const access: LocalAccess = { clock, logger, workerId, recogniser, synthesiser, refusal, onSlotsChanged }
  const endpoints = options.endpoints?.(access)
  const figures = figuresOf({
    clock,
    scope,
    workerId,
    meter,
    links,
    refusals,
    speechWaits,
    texts,
    counters,
    options,
    endpoints,
  })
  const http = createHttp({ options, logger, workerId, meter, figures })
  const listener = createListener({ options, logger, http, links, endpoints })
  scope.every(SAMPLE_PERIOD_MS, () => {
    if (meter.sample()) onStateChanged()
  })
  const onStateChanged = () => {
    logger.info({ state: meter.state, ...meter.waits() }, 'the state of the worker has changed')
    onSlotsChanged()
  }
  const setDraining = (isDraining: boolean) => {
    if (isDraining === (meter.state === 'draining')) return
    meter.setDraining(isDraining)
    onStateChanged()
  }
  let url: string | undefined
  let closing: Promise<void> | undefined
  const close = async () => {
    listener.stopAccepting()
    const ended = Promise.all([links.close(), endpoints?.close(), scope.close()])
      .then(() => listener.close())
      .then(() => Promise.all([recogniser?.close(), synthesiser?.close(), texts.close()]))
    await withDeadline(clock, ENGINES_CLOSE_DEADLINE_MS, 'closing speech', ended)
  }
  return {
    workerId,
    counters,
    access,
    get url() {
      return url
    },
    async start() {
      url = await listener.start()
      await firstReady(recogniser, synthesiser, texts, onSlotsChanged)
      meter.onLoaded()
      onStateChanged()
      return url
    },
    load: () => meter.read(),
    health: () => healthReport(figures()),
    textStatus: () => figures().texts,
    drain: () => setDraining(true),
    undrain: () => setDraining(false),
    close() {
      closing ??= close().catch((error: unknown) => logger.error({ err: error }, 'the worker did not close cleanly'))
      return closing
    },
    usage: () => ({ links: links.linkCount, streams: links.streamCount, texts: texts.size }),
  }
}

interface ListenerParts {
  readonly options: WorkerOptions
  readonly logger: Logger
  readonly http: WorkerHttp
  readonly links: LinkServer
  readonly endpoints: MountedEndpoints | undefined
}

/** Who answers what, by path. */
function createListener({ options, logger, http, links, endpoints }: ListenerParts): WorkerListener {
  return new WorkerListener({
    host: options.host ?? '127.0.0.1',
    port: options.port ?? 0,
    tls: options.tls,
    logger,
    onRequest: (path, request, response) => {
      if (http.handle(path, request, response) || endpoints?.request?.(path, request, response)) return
      response.writeHead(LINK_PATHS.includes(path) ? 426 : 404, { connection: 'close' }).end()
    },
    onUpgrade: (path, request, socket, head) => {
      if (LINK_PATHS.includes(path)) void links.upgrade(request, socket, head)
      else if (!endpoints?.upgrade(path, request, socket, head)) refuseUpgrade(socket, '404 Not Found')
    },
  })
}

interface FigureSources {
  readonly clock: Clock
  readonly scope: Scope
  readonly workerId: string
  readonly meter: LoadMeter
  readonly links: LinkServer
  readonly refusals: LinkRefusals
  readonly speechWaits: WaitGauge
  readonly texts: TextHost
  readonly counters: StreamCounters
  readonly options: WorkerOptions
  readonly endpoints: MountedEndpoints | undefined
}

function figuresOf(sources: FigureSources): () => HealthFigures {
  const { clock, workerId, meter, links, refusals, speechWaits, texts, counters, options, endpoints } = sources
  const loop = startLoopMonitor(sources.scope)
  const startedAtMs = clock.nowMs()
  return () => ({
    state: meter.state,
    workerId,
    version: VERSION,
    uptimeMs: clock.nowMs() - startedAtMs,
    links: links.linkCount,
    linkStreams: links.streamCount,
    linksRefused: refusals.totals,
    connections: endpoints?.connections ?? 0,
    endpoints: endpoints?.report?.(),
    recognition: options.recogniser?.status(),
    synthesis: options.synthesiser?.status(),
    texts: { translate: texts.status('translate'), polish: texts.status('polish') },
    speechesWaiting: speechWaits.count,
    speechWaitMs: meter.waits().synthesiseMs,
    counters,
    loop: loop.read(),
    process: readProcessStats(),
  })
}

interface HttpSources {
  readonly options: WorkerOptions
  readonly logger: Logger
  readonly workerId: string
  readonly meter: LoadMeter
  readonly figures: () => HealthFigures
}

function createHttp({ options, logger, workerId, meter, figures }: HttpSources): WorkerHttp {
  const { clock, fleetSecret, adminToken = '' } = options
  const metrics = createMetrics()
  const loop = { read: () => figures().loop }
  collectProcessMetrics(metrics, { version: VERSION, member: 'worker', startedAtWallMs: clock.wallMs(), loop })
  collectWorkerMetrics(metrics, figures)
  return new WorkerHttp({
    clock,
    logger,
    fleetSecret,
    workerId,
    adminToken,
    metrics,
    state: () => meter.state,
    health: () => healthReport(figures()),
  })
}

/**
 * Starts every engine; resolves when the recogniser takes streams. Where there is none, or it cannot, when the synthesiser does or cannot
 * either; a worker that only works on texts is ready with its engines for those.
 */
async function firstReady(
  recogniser: Recogniser | undefined,
  synthesiser: Synthesiser | undefined,
  texts: TextHost,
  onStarted: () => void,
): Promise<void> {
  const speaking = synthesiser?.start().then(onStarted)
  await recogniser?.start()
  // After the decoders: what harper loads for seconds would keep captions waiting.
  const reading = texts.start().then(onStarted)
  if (recogniser?.status().ready !== true) await speaking
  if (!recogniser && !synthesiser) await reading
}
