// A whole pod as the platform runs it, and the raw counters of its loop: what the model has to explain.
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { resolveConfig } from '@parley/config'
import type { WorkerAddress } from '@parley/fleet'
import { newId, systemClock } from '@parley/kernel'
import { processLoopSource, StageClock, silentLogger } from '@parley/telemetry'
import { composePod } from '../../apps/pod/src/compose.ts'
import { openDataDirectory, readOrCreateApiKey } from '../../apps/pod/src/identity/data-directory.ts'
import type { Pod } from '../../apps/pod/src/pod.ts'
import { serveBench } from '../lib/child.ts'

const SETTINGS = {
  PARLEY_SERVER_PORT: '0',
  PARLEY_SESSIONS_SEATS: '10000',
  PARLEY_LIMITS_CONNECTIONS: '100000',
  PARLEY_LIMITS_CONNECTIONS_PER_ADDRESS: '100000',
  PARLEY_LIMITS_REQUESTS_PER_MINUTE: '10000000',
}

const stages = new StageClock()
const source = processLoopSource()
let gcMs = 0
let pod: Pod | undefined
let dataDir = ''

/** Since start; a window is the difference of two. */
function counters() {
  const { selfMs, entered, items } = stages.totals()
  return { ...source.read(), gcMs, selfMs, entered, items, sessions: pod?.health().sessions.active ?? 0 }
}

export type PodCounters = ReturnType<typeof counters>

serveBench({
  listen: async ({ worker, secret }: { worker: WorkerAddress; secret: string }) => {
    dataDir = await mkdtemp(path.join(tmpdir(), 'parley-bench-'))
    const env = { ...SETTINGS, PARLEY_DATA_DIR: dataDir }
    const resolved = resolveConfig({ env, cwd: dataDir, homeDir: dataDir })
    if (!resolved.ok) throw new Error(JSON.stringify(resolved.error))
    pod = await composePod({
      clock: systemClock,
      config: resolved.value.config,
      podId: newId('pod'),
      fleetSecret: secret,
      logger: silentLogger,
      pageFolder: path.join(dataDir, 'no-page'),
      stages,
    })
    source.onGarbageCollected((startMs, durationMs) => {
      gcMs += durationMs
      stages.onGarbageCollected(startMs, durationMs)
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
    await rm(dataDir, { recursive: true, force: true })
  },
})
