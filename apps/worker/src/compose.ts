// Puts a speech worker together from its parts. The only place that knows all of them.
import { type Clock, newId, withDeadline } from '@parley/kernel'
import type { WorkerId } from '@parley/protocol'
import type { Recogniser, Synthesiser } from '@parley/speech'
import type { Logger } from '@parley/telemetry'
import type { LocalAccess, MountEndpoints } from './endpoints-port.ts'
import { newCounters, type StreamCounters } from './host-context.ts'
import { LinkServer } from './link-server.ts'
import { refuseUpgrade, type TlsCredentials, WorkerListener } from './listener.ts'
import { LoadMeter, type LoadReport } from './load-meter.ts'

/** The process ends within two seconds of being told to: what is still being decoded then ends with it. */
const ENGINES_CLOSE_DEADLINE_MS = 1_000
const LINK_PATHS: readonly string[] = ['/', '/link']

export interface WorkerOptions {
  readonly clock: Clock
  readonly logger: Logger
  /** Undefined: this worker does not recognise. */
  readonly recogniser?: Recogniser | undefined
  /** Undefined: this worker does not speak. */
  readonly synthesiser?: Synthesiser | undefined
  readonly fleetSecret: string
  /** Address the listener binds; loopback unless told. */
  readonly host?: string
  /** 0 (the default) = a free port. */
  readonly port?: number
  /** Plain unless told. */
  readonly tls?: TlsCredentials | undefined
  readonly workerId?: string
  /** Stream endpoints on the same listener; none unless told. */
  readonly endpoints?: MountEndpoints | undefined
}

export interface Worker {
  readonly workerId: string
  readonly counters: Readonly<StreamCounters>
  /** Engines, for streams that do not come over a link. */
  readonly access: LocalAccess
  /**
   * Binds, then starts the engines; resolves with the address pods connect to as soon as one of them takes streams (or each has said
   * why it does not).
   */
  start(): Promise<string>
  /** What pods are told. */
  load(): LoadReport
  /** Ends every link (pods put their streams on other workers), then the engines. Within 2 s. Idempotent. */
  close(): Promise<void>
  /** Links and streams there are; leak tests assert on it. */
  usage(): { readonly links: number; readonly streams: number }
}

export function createWorker(options: WorkerOptions): Worker {
  const { clock, recogniser, synthesiser, fleetSecret, host = '127.0.0.1', port = 0 } = options
  const workerId = options.workerId ?? newId<'wrk'>('wrk')
  const logger = options.logger.child({ workerId })
  const counters = newCounters()
  const meter = new LoadMeter({ clock, recogniser, synthesiser })
  const streams = { clock, logger, recogniser, synthesiser, counters, refusal: meter.refusal.bind(meter) }
  const links = new LinkServer({ clock, logger, fleetSecret, workerId, streams, meter })
  const access: LocalAccess = {
    clock,
    logger,
    workerId,
    recogniser,
    synthesiser,
    refusal: (role) => meter.refusal(role),
    onSlotsChanged: () => links.reportSoon(),
  }
  const endpoints = options.endpoints?.(access)
  const listener = new WorkerListener({
    host,
    port,
    tls: options.tls,
    logger,
    onRequest: (path, request, response) => {
      if (endpoints?.request?.(path, request, response)) return
      response.writeHead(426, { connection: 'close' }).end()
    },
    onUpgrade: (path, request, socket, head) => {
      if (LINK_PATHS.includes(path)) void links.upgrade(request, socket, head)
      else if (!endpoints?.upgrade(path, request, socket, head)) refuseUpgrade(socket, '404 Not Found')
    },
  })
  const onLoaded = () => {
    meter.onLoaded()
    links.reportSoon()
  }
  let closing: Promise<void> | undefined
  const close = async () => {
    listener.stopAccepting()
    const ended = Promise.all([links.close(), endpoints?.close()])
      .then(() => listener.close())
      .then(() => Promise.all([recogniser?.close(), synthesiser?.close()]))
    await withDeadline(clock, ENGINES_CLOSE_DEADLINE_MS, 'closing speech', ended)
  }
  return {
    workerId: workerId satisfies string as WorkerId,
    counters,
    access,
    async start() {
      const url = await listener.start()
      await firstReady([recogniser, synthesiser])
      onLoaded()
      return url
    },
    load: () => meter.read(),
    close() {
      closing ??= close().catch((error: unknown) => logger.error({ err: error }, 'the worker did not close cleanly'))
      return closing
    },
    usage: () => ({ links: links.linkCount, streams: links.streamCount }),
  }
}

/** Starts all engines; resolves when one of them is ready, or when each has come to its end. */
async function firstReady(engines: readonly (Recogniser | Synthesiser | undefined)[]): Promise<void> {
  const starting = engines.flatMap((engine) => (engine ? [{ engine, started: engine.start() }] : []))
  const anyReady = Promise.withResolvers<void>()
  for (const { engine, started } of starting) {
    void started.then(() => {
      if (engine.status().ready) anyReady.resolve()
    })
  }
  await Promise.race([anyReady.promise, Promise.all(starting.map(({ started }) => started))])
}
