// What a caption session costs a pod altogether, worker link included, and how that goes on as sessions are added: the curve from 100 to
// 3,000 sessions with lag, loop utilisation, CPU and memory. Lag is the time in pod and links: from the moment a frame was due to its
// arrival at the worker, plus from the saying of a caption to its arrival at the client.
import { spawn } from 'node:child_process'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { POD_NODE_OPTIONS } from '@parley/fleet'
import { randomToken } from '@parley/kernel'
import type { HealthReport } from '../../apps/pod/src/admin/health-report.ts'
import type { BenchContext, Benchmark, BenchReport } from '../lib/benchmark.ts'
import { BenchChild, type Usage } from '../lib/child.ts'
import { type Compiled, compileC } from '../lib/compile.ts'
import type { LoadTarget } from '../lib/load-generator.ts'
import { round } from '../lib/stats.ts'

const CAPTIONS_PER_SECOND = 3
const PAYLOAD_BYTES = 60
const STEPS = [100, 500, 1000, 2000, 3000]
const QUICK_STEPS = [100, 300]
/** More than this a generator in Node cannot send beside the server it measures. */
const NODE_SENDER_SESSIONS = 1000
const WARM_UP_MS = 3_000
const MAX_LIVE_KIB = 40
const MIN_SESSIONS_FOR_MEMORY = 1000

const file = (name: string) => fileURLToPath(new URL(name, import.meta.url))
const wait = (ms: number) =>
  new Promise<void>((resolve) => {
    setTimeout(resolve, ms)
  })

interface Point {
  readonly sessions: number
  readonly cpuUsPerSessionSecond: number
  readonly loopUtilisationRatio: number
  readonly lagP50Ms: number
  readonly lagP95Ms: number
  readonly rssMb: number
  readonly liveKibPerSession: number
  readonly framesPerSecond: number
  readonly framesLost: number
  readonly open: number
}

interface Fixture {
  readonly pod: BenchChild
  readonly worker: BenchChild
  readonly generator: BenchChild
  readonly url: string
  readonly apiKey: string
}

async function startFixture(): Promise<Fixture> {
  const secret = randomToken(32)
  const worker = new BenchChild(file('./null-worker.ts'))
  const pod = new BenchChild(file('../lib/pod-server.ts'), POD_NODE_OPTIONS)
  const generator = new BenchChild(file('../lib/load-generator.ts'))
  const address = await worker.ask('listen', { secret, captionsPerSecond: CAPTIONS_PER_SECOND })
  const { url, apiKey } = await pod.ask<{ url: string; apiKey: string }>('listen', { worker: address, secret })
  return { pod, worker, generator, url, apiKey }
}

async function stopFixture({ pod, worker, generator }: Fixture): Promise<void> {
  await generator.stop()
  await pod.ask('stop').catch(() => {})
  await pod.stop()
  await worker.stop()
}

/** Starts the traffic; resolves when the first packet is due. Above NODE_SENDER_SESSIONS a C program sends what Node has sealed. */
async function startTraffic(fixture: Fixture, sessions: number, seconds: number, pacer?: Compiled): Promise<void> {
  if (sessions <= NODE_SENDER_SESSIONS || !pacer) {
    await fixture.generator.ask('start')
    return
  }
  const packets = path.join(pacer.folder, 'packets')
  const { startsInMs, udpPort } = await fixture.generator.ask<{ startsInMs: number; udpPort: number }>('prepare', {
    file: packets,
    seconds,
  })
  if (startsInMs < 0) throw new Error('sealing took longer than planned')
  spawn(pacer.binary, [packets, String(udpPort)], { stdio: 'ignore' })
  await wait(startsInMs)
}

async function measure(sessions: number, windowMs: number, pacer: Compiled | undefined): Promise<Point> {
  const fixture = await startFixture()
  const { pod, worker, generator, url, apiKey } = fixture
  try {
    const idle = await pod.ask<Usage>('usage', true)
    const target: LoadTarget = { kind: 'parley', url, apiKey, sessions, payloadBytes: PAYLOAD_BYTES, audio: 'udp' }
    await generator.ask('connect', target)
    await startTraffic(fixture, sessions, (WARM_UP_MS + windowMs) / 1000 + 3, pacer)
    await wait(WARM_UP_MS)
    await generator.ask('lag')
    const before = await pod.ask<Usage>('usage', false)
    const recordsBefore = (await worker.ask<{ records: number }>('counts')).records
    await wait(windowMs)
    const after = await pod.ask<Usage>('usage', false)
    const { records } = await worker.ask<{ records: number }>('counts')
    const lag = await generator.ask<{ p50Ms: number; p95Ms: number }>('lag')
    const health = await pod.ask<HealthReport>('health')
    const { open } = await generator.ask<{ open: number }>('counts')
    const full = await pod.ask<Usage>('usage', true)
    const seconds = (after.wallMs - before.wallMs) / 1000
    const framesPerSecond = (records - recordsBefore) / seconds
    return {
      sessions,
      cpuUsPerSessionSecond: round((after.cpuUs - before.cpuUs) / sessions / seconds),
      loopUtilisationRatio: round(health.loop.utilisationRatio, 3),
      lagP50Ms: round(lag.p50Ms),
      lagP95Ms: round(lag.p95Ms),
      rssMb: round(full.rssBytes / 2 ** 20, 0),
      liveKibPerSession: round((full.liveBytes - idle.liveBytes) / sessions / 1024),
      framesPerSecond: round(framesPerSecond, 0),
      framesLost: lostOf(health),
      open,
    }
  } finally {
    await stopFixture(fixture)
  }
}

/** Packets that arrived at this machine and not at the session, whatever the reason. */
function lostOf(health: HealthReport): number {
  const udp = (health as { udp?: { droppedTotal?: Record<string, number>; kernelDropsTotal?: number } }).udp
  const dropped = Object.values(udp?.droppedTotal ?? {}).reduce((sum, each) => sum + each, 0)
  return dropped + (udp?.kernelDropsTotal ?? 0)
}

/** With few sessions what the pod itself takes outweighs them. */
const isWithinMemory = ({ sessions, liveKibPerSession }: Point): boolean =>
  sessions < MIN_SESSIONS_FOR_MEMORY || liveKibPerSession <= MAX_LIVE_KIB

const row = (point: Point): string =>
  `${String(point.sessions).padStart(6)} sessions: ${point.cpuUsPerSessionSecond} us per session-second, loop ${point.loopUtilisationRatio}, ` +
  `lag p50 ${point.lagP50Ms} p95 ${point.lagP95Ms} ms, ${point.rssMb} MB resident, ${point.liveKibPerSession} KiB live per session, ` +
  `${point.framesPerSecond} frames/s, ${point.framesLost} lost`

async function run(context: BenchContext): Promise<BenchReport> {
  const windowMs = context.quick ? 3_000 : 8_000
  const pacer = compileC(file('../lib/udp-pacer.c'))
  const points: Point[] = []
  try {
    for (const sessions of context.quick ? QUICK_STEPS : STEPS) {
      if (sessions > NODE_SENDER_SESSIONS && !pacer) {
        context.progress(`${sessions} sessions: left out, there is no C compiler for the sender`)
        continue
      }
      const point = await measure(sessions, windowMs, pacer)
      if (point.open !== sessions) throw new Error(`only ${point.open} of ${sessions} sessions are open`)
      points.push(point)
      context.progress(row(point))
    }
  } finally {
    pacer?.remove()
  }
  const lines = [
    `a whole pod with its worker link: 50 sealed UDP packets/s of ${PAYLOAD_BYTES} bytes in, ${CAPTIONS_PER_SECOND} captions/s to client and watcher`,
    ...points.map(row),
  ]
  return { lines, data: { points }, held: points.every(isWithinMemory) }
}

export const benchmark: Benchmark = {
  summary: 'cost of a session with its worker link, and the curve from 100 to 3,000 sessions on one pod',
  run,
}
