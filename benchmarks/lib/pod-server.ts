// A whole pod as the platform runs it (compose.ts: HTTP, identity, sessions, UDP thread, worker links, metrics), linked to one worker;
// and the raw counters of its loop.
import { rm } from 'node:fs/promises'
import type { WorkerAddress } from '@parley/fleet'
import { newId, systemClock } from '@parley/kernel'
import { processLoopSource, StageClock, silentLogger } from '@parley/telemetry'
import { composePod } from '../../apps/pod/src/compose.ts'
import { openDataDirectory, readOrCreateApiKey } from '../../apps/pod/src/identity/data-directory.ts'
import type { Pod } from '../../apps/pod/src/pod.ts'
import { serveBench } from './child.ts'
import { benchConfig } from './pod-config.ts'

const stages = new StageClock()
const source = processLoopSource()
let gcMs = 0
let pod: Pod | undefined
let remove = async (): Promise<void> => {}

/** Since start; a window is the difference of two. */
function counters() {
  const { selfMs, entered, items } = stages.totals()
  return { ...source.read(), gcMs, selfMs, entered, items, sessions: pod?.health().sessions.active ?? 0 }
}

export type PodCounters = ReturnType<typeof counters>

interface ListenOptions {
  readonly worker: WorkerAddress
  readonly secret: string
  /** Of the environment. */
  readonly settings?: Readonly<Record<string, string>>
}

serveBench({
  listen: async ({ worker, secret, settings }: ListenOptions) => {
    const { config, dataDir, pageFolder } = await benchConfig(settings)
    remove = () => rm(dataDir, { recursive: true, force: true })
    pod = await composePod({
      clock: systemClock,
      config,
      podId: newId('pod'),
      fleetSecret: secret,
      logger: silentLogger,
      pageFolder,
      stages,
    })
    // For the count only: the pod itself takes the collector's pauses from the spans.
    source.onGarbageCollected((_startMs, durationMs) => {
      gcMs += durationMs
    })
    pod.setWorkers([worker])
    const ready = Promise.withResolvers<void>()
    const stop = pod.speech.onChange(() => {
      if (pod?.speech.status().ready) ready.resolve()
    })
    if (pod.speech.status().ready) ready.resolve()
    await ready.promise
    stop()
    return { url: pod.url, apiKey: await readOrCreateApiKey(await openDataDirectory(dataDir)) }
  },
  counters,
  health: () => pod?.health(),
  stop: async () => {
    await pod?.stop()
    await remove()
  },
})
