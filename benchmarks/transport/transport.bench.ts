// What a caption session costs a pod in moving bytes: sessions with 50 sealed UDP packets/s in and 3 captions/s out to the client and one
// watcher, against a bare `ws` + coalesced `dgram` server doing only that, turn by turn in the same run. CPU time of the
// server process, all threads; beside it, for orientation, the same in C.
import { fileURLToPath } from 'node:url'
import { POD_NODE_OPTIONS } from '@parley/fleet'
import type { BenchContext, Benchmark, BenchReport } from '../lib/benchmark.ts'
import { BenchChild, type Usage } from '../lib/child.ts'
import type { LoadTarget } from '../lib/load-generator.ts'
import { median, round } from '../lib/stats.ts'
import { startRawServer } from './raw-server.ts'

const CAPTIONS_PER_SECOND = 3
const PAYLOAD_BYTES = 60
const MAX_RATIO = 1.25
const MAX_SESSION_BYTES = 40_960
const WARM_UP_MS = 1_500

const file = (name: string) => fileURLToPath(new URL(name, import.meta.url))
const wait = (ms: number) =>
  new Promise<void>((resolve) => {
    setTimeout(resolve, ms)
  })

interface Counts {
  readonly frames: number
  readonly captions: number
  readonly watched: number
  readonly open: number
}

interface Window {
  readonly cpuUsPerSessionSecond: number
  readonly framesPerSecond: number
  readonly captionsPerSecond: number
  readonly generatorCpuRatio: number
}

type Kind = 'bare' | 'parley'

/** A server and the generator that loads it. Both servers live through the whole run, and take turns at being loaded. */
interface Side {
  readonly kind: Kind
  readonly server: BenchChild
  readonly generator: BenchChild
  readonly idle: Usage
  readonly windows: Window[]
}

async function startSide(kind: Kind, sessions: number): Promise<Side> {
  const server = new BenchChild(
    file(kind === 'bare' ? './reference-server.ts' : './parley-server.ts'),
    POD_NODE_OPTIONS,
  )
  const generator = new BenchChild(file('../lib/load-generator.ts'))
  const address = await server.ask<{ url: string; apiKey: string; udpPort?: number }>('listen', {
    captionsPerSecond: CAPTIONS_PER_SECOND,
  })
  const idle = await server.ask<Usage>('usage', true)
  const target: LoadTarget = { kind, ...address, sessions, payloadBytes: PAYLOAD_BYTES, audio: 'udp' }
  await generator.ask('connect', target)
  return { kind, server, generator, idle, windows: [] }
}

async function stopSide({ server, generator }: Side): Promise<void> {
  await generator.stop()
  await server.ask('stop').catch(() => {})
  await server.stop()
}

async function measure(side: Side, sessions: number, windowMs: number): Promise<Window> {
  const { kind, server, generator } = side
  const look = () =>
    Promise.all([
      server.ask<Usage>('usage', false),
      generator.ask<Counts>('counts'),
      generator.ask<Usage>('usage', false),
    ])
  await generator.ask('start')
  await wait(WARM_UP_MS)
  const [before, countsBefore, generatorBefore] = await look()
  await wait(windowMs)
  const [after, countsAfter, generatorAfter] = await look()
  await generator.ask('stop')
  if (countsAfter.open !== sessions)
    throw new Error(`${kind}: only ${countsAfter.open} of ${sessions} sessions are open`)
  const seconds = (after.wallMs - before.wallMs) / 1000
  const heard = countsAfter.captions - countsBefore.captions + countsAfter.watched - countsBefore.watched
  const window = {
    cpuUsPerSessionSecond: (after.cpuUs - before.cpuUs) / sessions / seconds,
    framesPerSecond: (countsAfter.frames - countsBefore.frames) / seconds,
    captionsPerSecond: heard / seconds,
    generatorCpuRatio: (generatorAfter.cpuUs - generatorBefore.cpuUs) / 1e6 / seconds,
  }
  side.windows.push(window)
  return window
}

async function memoryOf({ server, idle }: Side, sessions: number) {
  const full = await server.ask<Usage>('usage', true)
  return {
    liveBytesPerSession: round((full.liveBytes - idle.liveBytes) / sessions, 0),
    rssBytesPerSession: round((full.rssBytes - idle.rssBytes) / sessions, 0),
  }
}

/** The same traffic into raw.c, once: CPU microseconds per session-second. Undefined without a C compiler. */
async function measureRaw(sessions: number, windowMs: number): Promise<number | undefined> {
  const server = await startRawServer(CAPTIONS_PER_SECOND)
  if (!server) return undefined
  const generator = new BenchChild(file('../lib/load-generator.ts'))
  try {
    const { url, udpPort } = server
    const target: LoadTarget = {
      kind: 'bare',
      url,
      udpPort,
      apiKey: '',
      sessions,
      payloadBytes: PAYLOAD_BYTES,
      audio: 'udp',
    }
    await generator.ask('connect', target)
    await generator.ask('start')
    await wait(2_000)
    const before = server.cpuUs()
    const startMs = performance.now()
    await wait(windowMs)
    return ((server.cpuUs() - before) / sessions / (performance.now() - startMs)) * 1000
  } finally {
    await generator.stop()
    server.stop()
  }
}

const column = (side: Side, key: keyof Window): number => median(side.windows.map((window) => window[key]))

async function run(context: BenchContext): Promise<BenchReport> {
  const sessions = context.quick ? 200 : 1000
  const turns = context.quick ? 2 : 12
  const windowMs = context.quick ? 2_000 : 4_000
  const sides: Side[] = []
  try {
    for (const kind of ['bare', 'parley'] as const) sides.push(await startSide(kind, sessions))
    for (let turn = 0; turn < turns; turn++) {
      // The order turns round each time, so that a machine that warms up or tires favours neither.
      for (const side of turn % 2 === 0 ? sides : sides.toReversed()) {
        const window = await measure(side, sessions, windowMs)
        context.progress(
          `turn ${turn + 1}/${turns} ${side.kind.padEnd(6)} ${round(window.cpuUsPerSessionSecond)} us per session-second, ` +
            `${round(window.framesPerSecond, 0)} frames/s, ${round(window.captionsPerSecond, 0)} captions/s, ` +
            `generator at ${round(window.generatorCpuRatio, 2)} cores`,
        )
      }
    }
    const [bare, parley] = sides as [Side, Side]
    const memory = { bare: await memoryOf(bare, sessions), parley: await memoryOf(parley, sessions) }
    return reportOf(bare, parley, memory, sessions, await measureRaw(sessions, windowMs))
  } finally {
    for (const side of sides) await stopSide(side)
  }
}

function reportOf(
  bare: Side,
  parley: Side,
  memory: Record<Kind, Awaited<ReturnType<typeof memoryOf>>>,
  sessions: number,
  rawCpuUs: number | undefined,
): BenchReport {
  const ratios = parley.windows.map(
    (window, turn) => window.cpuUsPerSessionSecond / (bare.windows[turn] as Window).cpuUsPerSessionSecond,
  )
  const data = {
    sessions,
    turns: ratios.length,
    ratio: round(median(ratios), 3),
    ratios: ratios.map((ratio) => round(ratio, 2)),
    parleyCpuUsPerSessionSecond: round(column(parley, 'cpuUsPerSessionSecond')),
    bareCpuUsPerSessionSecond: round(column(bare, 'cpuUsPerSessionSecond')),
    ...(rawCpuUs === undefined ? {} : { rawCpuUsPerSessionSecond: round(rawCpuUs) }),
    parleyLiveBytesPerSession: memory.parley.liveBytesPerSession,
    parleyRssBytesPerSession: memory.parley.rssBytesPerSession,
    bareLiveBytesPerSession: memory.bare.liveBytesPerSession,
    bareRssBytesPerSession: memory.bare.rssBytesPerSession,
    framesPerSecond: round(column(parley, 'framesPerSecond'), 0),
    captionsPerSecond: round(column(parley, 'captionsPerSecond'), 0),
  }
  const kib = (bytes: number) => round(bytes / 1024)
  const lines = [
    `${sessions} sessions, 50 sealed UDP packets/s of ${PAYLOAD_BYTES} bytes in, 3 captions/s to client and watcher, null worker link, ` +
      `${ratios.length} turns each`,
    `parley ${data.parleyCpuUsPerSessionSecond} us, bare ws + dgram ${data.bareCpuUsPerSessionSecond} us per session-second; ` +
      `median ratio ${data.ratio} (${data.ratios.join(', ')}); to hold: <= ${MAX_RATIO}`,
    rawCpuUs === undefined ? 'no C compiler: the raw figure was not taken' : `the same in C: ${round(rawCpuUs)} us`,
    `memory per session with its watcher: ${kib(data.parleyLiveBytesPerSession)} KiB live ` +
      `(bare ${kib(data.bareLiveBytesPerSession)}), resident ${kib(data.parleyRssBytesPerSession)} KiB (bare ${kib(data.bareRssBytesPerSession)}); to hold: <= 40 KiB live`,
  ]
  return { lines, data, held: data.ratio <= MAX_RATIO && data.parleyLiveBytesPerSession <= MAX_SESSION_BYTES }
}

export const benchmark: Benchmark = {
  summary: 'CPU and memory of a caption session on a pod without its worker link, against a bare ws + dgram server',
  run,
}
