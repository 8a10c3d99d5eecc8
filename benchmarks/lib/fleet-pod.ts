// One pod of a fleet as a process of its own, to be killed or drained under load.
import { rm } from 'node:fs/promises'
import type { WorkerAddress } from '@parley/fleet'
import { newId, systemClock } from '@parley/kernel'
import { silentLogger } from '@parley/telemetry'
import { composePod } from '../../apps/pod/src/compose.ts'
import type { Pod } from '../../apps/pod/src/pod.ts'
import { serveBench } from './child.ts'
import { benchConfig } from './pod-config.ts'

export interface FleetPodOptions {
  readonly workers: readonly WorkerAddress[]
  readonly secret: string
  readonly redisUrl: string
  readonly apiKey: string
  /** Sessions it is rated for. */
  readonly seats: number
}

export interface FleetPodAddress {
  readonly podId: string
  readonly url: string
  readonly adminUrl: string
}

let pod: Pod | undefined
let remove = async (): Promise<void> => {}

serveBench({
  listen: async ({ workers, secret, redisUrl, apiKey, seats }: FleetPodOptions): Promise<FleetPodAddress> => {
    const { config, dataDir, pageFolder } = await benchConfig({
      PARLEY_FLEET_REDIS_URL: redisUrl,
      PARLEY_AUTH_API_KEY: apiKey,
      PARLEY_SESSIONS_SEATS: String(seats),
      PARLEY_UDP_ENABLED: 'false',
      PARLEY_LIMITS_SESSIONS_PER_USER: '100000',
    })
    remove = () => rm(dataDir, { recursive: true, force: true })
    const podId = newId('pod')
    pod = await composePod({ clock: systemClock, config, podId, fleetSecret: secret, logger: silentLogger, pageFolder })
    pod.setWorkers(workers)
    const ready = Promise.withResolvers<void>()
    const stop = pod.speech.onChange(() => {
      if (pod?.speech.status().ready) ready.resolve()
    })
    if (pod.speech.status().ready) ready.resolve()
    await ready.promise
    stop()
    return { podId, url: pod.url, adminUrl: pod.adminUrl }
  },
  sessions: () => {
    const { active = 0, suspended = 0 } = pod?.health().sessions ?? {}
    return active + suspended
  },
  stop: async () => {
    await pod?.stop()
    await remove()
  },
})
