// Speech workers in this process, with the recogniser whose speech tests write themselves: real links over real sockets, and not a process each.
import type { TestContext } from 'node:test'
import type { WorkerAddress } from '@parley/fleet'
import { systemClock } from '@parley/kernel'
import { silentLogger } from '@parley/telemetry'
import { createWorker, type Worker } from '../../../../worker/src/compose.ts'
import type { TlsCredentials } from '../../../../worker/src/listener.ts'
import { SpellingRecogniser } from '../../../../worker/src/testing/spelling-recogniser.ts'
import { TEST_SECRET } from './worker-process.ts'

export interface LocalWorkerOptions {
  readonly slots?: number
  readonly workerId?: string
  readonly fleetSecret?: string
  readonly tls?: TlsCredentials
  /** 127.0.0.1 unless told. */
  readonly host?: string
  /** 0 (the default) = a free port. */
  readonly port?: number
}

export interface LocalWorker {
  readonly address: WorkerAddress
  readonly worker: Worker
}

/** Closed when the test ends, if not before. */
export async function startLocalWorker(context: TestContext, options: LocalWorkerOptions = {}): Promise<LocalWorker> {
  const { slots = 4, fleetSecret = TEST_SECRET, ...rest } = options
  const clock = systemClock
  const recogniser = new SpellingRecogniser(clock, { slots })
  const worker = createWorker({ clock, logger: silentLogger, recogniser, fleetSecret, ...rest })
  const url = await worker.start()
  context.after(() => worker.close())
  return { address: { workerId: worker.workerId, url }, worker }
}
