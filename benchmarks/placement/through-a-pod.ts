// How many sessions one pod opens in a second with the directory in Redis: real calls of its API, a seat claimed in Redis and a signed ticket for each.
// Pod, worker and Redis are processes of their own beside this one, which asks.
import http from 'node:http'
import { fileURLToPath } from 'node:url'
import { POD_NODE_OPTIONS } from '@parley/fleet'
import type { RedisServer } from '@parley/fleet/testing'
import { randomToken } from '@parley/kernel'
import { BenchChild, type Usage } from '../lib/child.ts'
import { quantile, round } from '../lib/stats.ts'

const IN_FLIGHT = 32
const WARM_UP_MS = 1_000
const SEATS = 100_000

const file = (name: string) => fileURLToPath(new URL(name, import.meta.url))

export interface ThroughAPod {
  readonly sessionsPerSecond: number
  readonly podCpuUs: number
  readonly redisCpuUs: number
  readonly p50Ms: number
  readonly p95Ms: number
}

interface Target {
  readonly url: string
  readonly apiKey: string
  readonly agent: http.Agent
}

/** Status of the answer. */
function ask({ url, apiKey, agent }: Target, user: string): Promise<number> {
  const body = JSON.stringify({ user })
  const headers = {
    authorization: `Bearer ${apiKey}`,
    'content-type': 'application/json',
    'content-length': body.length,
  }
  return new Promise((resolve, reject) => {
    const request = http.request(`${url}/v1/sessions`, { method: 'POST', agent, headers }, (response) => {
      response.resume()
      response.once('end', () => resolve(response.statusCode ?? 0))
    })
    request.once('error', reject)
    request.end(body)
  })
}

/** As fast as it goes with 32 under way; how long each took, ms. */
async function load(target: Target, forMs: number): Promise<number[]> {
  const endMs = performance.now() + forMs
  const tookMs: number[] = []
  const lane = async (): Promise<void> => {
    while (performance.now() < endMs) {
      const startMs = performance.now()
      const status = await ask(target, randomToken(12))
      if (status !== 201) throw new Error(`POST /v1/sessions answered ${status}`)
      tookMs.push(performance.now() - startMs)
    }
  }
  await Promise.all(Array.from({ length: IN_FLIGHT }, lane))
  return tookMs
}

export async function throughAPod(server: RedisServer, forMs: number): Promise<ThroughAPod> {
  const secret = randomToken(32)
  const worker = new BenchChild(file('../session/null-worker.ts'))
  const pod = new BenchChild(file('../lib/pod-server.ts'), POD_NODE_OPTIONS)
  const agent = new http.Agent({ keepAlive: true, maxSockets: IN_FLIGHT })
  try {
    const settings = {
      PARLEY_FLEET_REDIS_URL: server.url,
      PARLEY_FLEET_NAME: 'through-a-pod',
      PARLEY_SESSIONS_SEATS: String(SEATS),
      PARLEY_UDP_ENABLED: 'false',
    }
    const address = await worker.ask('listen', { secret, captionsPerSecond: 1 })
    const found = await pod.ask<{ url: string; apiKey: string }>('listen', { worker: address, secret, settings })
    const target = { ...found, agent }
    await load(target, WARM_UP_MS)
    const [before, redisBeforeS, startMs] = [await pod.ask<Usage>('usage'), await server.cpuS(), performance.now()]
    const tookMs = await load(target, forMs)
    const wallMs = performance.now() - startMs
    const after = await pod.ask<Usage>('usage')
    const redisCpuS = (await server.cpuS()) - redisBeforeS
    const count = tookMs.length
    return {
      sessionsPerSecond: round((count / wallMs) * 1_000, 0),
      podCpuUs: round((after.cpuUs - before.cpuUs) / count, 0),
      redisCpuUs: round((redisCpuS * 1e6) / count, 0),
      p50Ms: round(quantile(tookMs, 0.5), 1),
      p95Ms: round(quantile(tookMs, 0.95), 1),
    }
  } finally {
    agent.destroy()
    await pod.ask('stop').catch(() => {})
    await pod.stop()
    await worker.stop()
  }
}
