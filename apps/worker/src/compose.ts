// Puts a speech worker together from its parts. The only place that knows all of them.
import { type Clock, newId, withDeadline } from '@parley/kernel'
import type { WorkerId } from '@parley/protocol'
import type { Recogniser } from '@parley/speech'
import type { Logger } from '@parley/telemetry'
import type { StreamCounters } from './hosted-stream.ts'
import { LinkServer } from './link-server.ts'
import { LoadMeter } from './load-meter.ts'

/** The process ends within two seconds of being told to: what is still being decoded then ends with it. */
const RECOGNISER_CLOSE_DEADLINE_MS = 1_000

export interface WorkerOptions {
  readonly clock: Clock
  readonly logger: Logger
  readonly recogniser: Recogniser
  readonly fleetSecret: string
  /** Address the link listener binds; loopback unless told. */
  readonly host?: string
  /** 0 (the default) = a free port. */
  readonly port?: number
  readonly workerId?: string
}

export interface Worker {
  readonly workerId: string
  readonly counters: Readonly<StreamCounters>
  /** Starts the recogniser, then binds; resolves with the address pods connect to. */
  start(): Promise<string>
  /** Ends every link (pods put their streams on other workers), then the recogniser. Within 2 s. Idempotent. */
  close(): Promise<void>
  /** Links and streams there are; leak tests assert on it. */
  usage(): { readonly links: number; readonly streams: number }
}

export function createWorker(options: WorkerOptions): Worker {
  const { clock, recogniser, fleetSecret, host = '127.0.0.1', port = 0 } = options
  const workerId = options.workerId ?? newId<'wrk'>('wrk')
  const logger = options.logger.child({ workerId })
  const counters: StreamCounters = {
    framesTotal: 0,
    framesCorruptTotal: 0,
    gapsRepeatedMsTotal: 0,
    gapsSilentMsTotal: 0,
    framesLateTotal: 0,
    framesStrayTotal: 0,
    streamsOpenedTotal: 0,
    streamsRefusedTotal: 0,
    streamsFailedTotal: 0,
  }
  const streams = { clock, logger, recogniser, counters }
  const meter = new LoadMeter(clock, recogniser)
  const server = new LinkServer({ clock, logger, fleetSecret, workerId, host, port, streams, meter })
  let closing: Promise<void> | undefined

  const close = async () => {
    await withDeadline(
      clock,
      RECOGNISER_CLOSE_DEADLINE_MS,
      'closing speech',
      server.close().then(() => recogniser.close()),
    )
  }
  return {
    workerId: workerId satisfies string as WorkerId,
    counters,
    async start() {
      await recogniser.start()
      return server.start()
    },
    close() {
      closing ??= close().catch((error: unknown) => logger.error({ err: error }, 'the worker did not close cleanly'))
      return closing
    },
    usage: () => ({ links: server.linkCount, streams: server.streamCount }),
  }
}
