// A whole pod as the platform runs it (compose.ts: HTTP, identity, sessions, UDP thread, worker links, metrics), linked to one worker.
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { resolveConfig } from '@parley/config'
import type { WorkerAddress } from '@parley/fleet'
import { newId, systemClock } from '@parley/kernel'
import { silentLogger } from '@parley/telemetry'
import { composePod } from '../../apps/pod/src/compose.ts'
import { openDataDirectory, readOrCreateApiKey } from '../../apps/pod/src/identity/data-directory.ts'
import type { Pod } from '../../apps/pod/src/pod.ts'
import { serveBench } from '../lib/child.ts'

export const BENCH_SETTINGS = {
  PARLEY_SERVER_PORT: '0',
  PARLEY_SESSIONS_SEATS: '10000',
  PARLEY_LIMITS_CONNECTIONS: '100000',
  PARLEY_LIMITS_CONNECTIONS_PER_ADDRESS: '100000',
  PARLEY_LIMITS_REQUESTS_PER_MINUTE: '10000000',
}

let pod: Pod | undefined
let dataDir = ''

serveBench({
  listen: async ({ worker, secret }: { worker: WorkerAddress; secret: string }) => {
    dataDir = await mkdtemp(path.join(tmpdir(), 'parley-bench-'))
    const env = { ...BENCH_SETTINGS, PARLEY_DATA_DIR: dataDir }
    const resolved = resolveConfig({ env, cwd: dataDir, homeDir: dataDir })
    if (!resolved.ok) throw new Error(JSON.stringify(resolved.error))
    pod = await composePod({
      clock: systemClock,
      config: resolved.value.config,
      podId: newId('pod'),
      fleetSecret: secret,
      logger: silentLogger,
      pageFolder: path.join(dataDir, 'no-page'),
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
  health: () => pod?.health(),
  stop: async () => {
    await pod?.stop()
    await rm(dataDir, { recursive: true, force: true })
  },
})
