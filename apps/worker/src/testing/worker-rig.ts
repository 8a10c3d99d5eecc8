// A worker in this process, pods on real sockets.
import assert from 'node:assert/strict'
import type { TestContext } from 'node:test'
import { systemClock } from '@parley/kernel'
import { eventually, type ManualClock } from '@parley/kernel/testing'
import type { Synthesiser } from '@parley/speech'
import { collectingLogger } from '@parley/telemetry/testing'
import { createWorker, type Worker } from '../compose.ts'
import type { MountEndpoints } from '../endpoints-port.ts'
import type { TlsCredentials } from '../listener.ts'
import type { TextParts } from '../text-host.ts'
import { ManualPod, TEST_SECRET } from './manual-pod.ts'
import { SpellingRecogniser } from './spelling-recogniser.ts'

export const until = (what: string, condition: () => boolean) => eventually(() => (condition() ? undefined : what))

export interface RigOptions {
  readonly slots?: number
  readonly openMs?: number
  readonly clock?: ManualClock
  readonly endpoints?: MountEndpoints
  readonly synthesiser?: Synthesiser
  /** None unless told. */
  readonly texts?: TextParts
  /** A spelling one unless told. */
  readonly recogniser?: SpellingRecogniser
  readonly tls?: TlsCredentials
  readonly adminToken?: string
}

/** A worker in this process whose recogniser spells and whose synthesiser follows its script; everything is checked to be free at the end. */
export async function workerRig(context: TestContext, options: RigOptions = {}) {
  const { slots = 4, openMs = 0, endpoints, synthesiser, texts, tls, adminToken = '' } = options
  const clock = options.clock ?? systemClock
  const recogniser = options.recogniser ?? new SpellingRecogniser(systemClock, { slots, openMs })
  const logger = collectingLogger()
  const parts = { recogniser, synthesiser, texts, endpoints, tls, adminToken }
  const worker: Worker = createWorker({ clock, logger, fleetSecret: TEST_SECRET, ...parts })
  const url = await worker.start()
  const address = { workerId: worker.workerId, url }
  const pods: ManualPod[] = []
  context.after(async () => {
    for (const pod of pods) pod.end()
    await worker.close()
    assert.deepEqual(worker.usage(), { links: 0, streams: 0, texts: 0 })
    assert.equal(recogniser.status().slotsUsed, 0)
    assert.equal(synthesiser?.status().slotsUsed ?? 0, 0)
  })
  const connect = async (...args: [podId?: string]) => {
    const pod = await ManualPod.connect(address, args[0] ? { podId: args[0] } : {})
    pods.push(pod)
    return pod
  }
  return { worker, recogniser, address, connect, pods, logger }
}
