// Links over real sockets to worker ends that a test drives, on a clock that stands still.
import assert from 'node:assert/strict'
import type { TestContext } from 'node:test'
import { eventually, ManualClock } from '@parley/kernel/testing'
import type { WorkerToPod } from '@parley/protocol'
import { silentLogger } from '@parley/telemetry'
import { createSpeechLinks, type SpeechLinks, type SpeechLinksOptions } from '../../speech/speech-links.ts'
import { ManualWorker, type ManualWorkerOptions } from './manual-worker.ts'
import { SpeechProbe } from './speech-probe.ts'
import { TEST_SECRET } from './worker-process.ts'

export const until = (what: string, condition: () => boolean) => eventually(() => (condition() ? undefined : what))

export interface LinksRig {
  readonly clock: ManualClock
  readonly speech: SpeechLinks
  readonly workers: readonly ManualWorker[]
  /** The first of `workers`. */
  readonly worker: ManualWorker
  /** Lets `ms` pass in steps of 20, with time for the sockets in between. */
  pass(ms: number): Promise<void>
  /** Opens the stream of a session. */
  probe(sessionId?: string): SpeechProbe
}

/** Resolves when every worker that can prove itself is up. Everything is closed, and checked, when the test ends. */
export function linksRig(context: TestContext, ...workerOptions: ManualWorkerOptions[]): Promise<LinksRig> {
  return linksRigWith(context, {}, ...workerOptions)
}

/** The same with settings of its own. */
export async function linksRigWith(
  context: TestContext,
  settings: Partial<SpeechLinksOptions['config']['speech']> & Pick<SpeechLinksOptions, 'fenceOf' | 'onFenced'>,
  ...workerOptions: ManualWorkerOptions[]
): Promise<LinksRig> {
  const clock = new ManualClock()
  const { fenceOf, onFenced, ...configured } = settings
  const speech = createSpeechLinks({
    clock,
    ...(fenceOf && { fenceOf }),
    ...(onFenced && { onFenced }),
    config: { speech: { workerWaitMs: 30_000, ...configured } },
    podId: 'pod_test',
    fleetSecret: TEST_SECRET,
    logger: silentLogger,
  })
  const all = workerOptions.length === 0 ? [{}] : workerOptions
  const workers = await Promise.all(all.map((options, n) => ManualWorker.start({ workerId: `wrk_${n}`, ...options })))
  context.after(async () => {
    await speech.close()
    assert.equal(clock.pendingTimers, 0, 'no timer is left')
    await Promise.all(workers.map((worker) => worker.end()))
  })
  const honest = all.filter((options) => !options.secret && !options.claims && !options.version)
  speech.setWorkers(workers.map((worker) => worker.address))
  await until('links', () => speech.status().workers === honest.length)
  return {
    clock,
    speech,
    workers,
    worker: workers[0] as ManualWorker,
    async pass(ms) {
      for (let left = ms; left > 0; left -= 20) await clock.advanceAsync(Math.min(20, left))
    },
    probe: (sessionId = 'ses_a') => new SpeechProbe(() => clock.wallMs()).open(speech, sessionId),
  }
}

type Message<Type extends WorkerToPod['type']> = Extract<WorkerToPod, { type: Type }>

export function finalOf(stream: number, index: number, settledMs: number, text = `u${index}`): Message<'final'> {
  return { type: 'final', stream, index, text, startMs: 0, endMs: settledMs, settledMs, decideMs: 7 }
}

export function partialOf(stream: number, index: number, endMs: number, text = 'so'): Message<'partial'> {
  return { type: 'partial', stream, index, text, stable: 0, startMs: 0, endMs }
}
