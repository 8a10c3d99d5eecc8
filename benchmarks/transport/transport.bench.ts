// What a caption session costs a pod in moving bytes: sessions with 50 sealed UDP packets/s in and 3 captions/s out to the client and one
// watcher, against a bare `ws` + coalesced `dgram` server doing only that, in alternating pairs of the same run. CPU time of the
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

interface Sample {
  readonly cpuUsPerSessionSecond: number
  readonly liveBytesPerSession: number
  readonly rssBytesPerSession: number
  readonly framesPerSecond: number
  readonly captionsPerSecond: number
  readonly generatorCpuRatio: number
}

type Kind = 'bare' | 'parley'

async function measure(kind: Kind, sessions: number, windowMs: number): Promise<Sample> {
  const server = new BenchChild(
    file(kind === 'bare' ? './reference-server.ts' : './parley-server.ts'),
    POD_NODE_OPTIONS,
  )
  const generator = new BenchChild(file('../lib/load-generator.ts'))
  try {
    const address = await server.ask<{ url: string; apiKey: string; udpPort?: number }>('listen', {
      captionsPerSecond: CAPTIONS_PER_SECOND,
    })
    const idle = await server.ask<Usage>('usage', true)
    const target: LoadTarget = { kind, ...address, sessions, payloadBytes: PAYLOAD_BYTES, audio: 'udp' }
    await generator.ask('connect', target)
    await generator.ask('start')
    await wait(3_000)
    const [before, countsBefore, generatorBefore] = await Promise.all([
      server.ask<Usage>('usage', false),
      generator.ask<Counts>('counts'),
      generator.ask<Usage>('usage', false),
    ])
    await wait(windowMs)
    const [after, countsAfter, generatorAfter] = await Promise.all([
      server.ask<Usage>('usage', false),
      generator.ask<Counts>('counts'),
      generator.ask<Usage>('usage', false),
    ])
    if (countsAfter.open !== sessions)
      throw new Error(`${kind}: only ${countsAfter.open} of ${sessions} sessions are open`)
    await generator.ask('stop')
    await wait(500)
    const full = await server.ask<Usage>('usage', true)
    const seconds = (after.wallMs - before.wallMs) / 1000
    return {
      cpuUsPerSessionSecond: (after.cpuUs - before.cpuUs) / sessions / seconds,
      liveBytesPerSession: (full.liveBytes - idle.liveBytes) / sessions,
      rssBytesPerSession: (full.rssBytes - idle.rssBytes) / sessions,
      framesPerSecond: (countsAfter.frames - countsBefore.frames) / seconds,
      captionsPerSecond:
        (countsAfter.captions - countsBefore.captions + countsAfter.watched - countsBefore.watched) / seconds,
      generatorCpuRatio: (generatorAfter.cpuUs - generatorBefore.cpuUs) / 1e6 / seconds,
    }
  } finally {
    await generator.stop()
    await server.ask('stop').catch(() => {})
    await server.stop()
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

const column = (samples: readonly Sample[], key: keyof Sample): number => median(samples.map((sample) => sample[key]))

async function run(context: BenchContext): Promise<BenchReport> {
  const sessions = context.quick ? 200 : 1000
  const pairs = context.quick ? 1 : 5
  const windowMs = context.quick ? 3_000 : 8_000
  const samples: Record<Kind, Sample[]> = { bare: [], parley: [] }
  for (let pair = 0; pair < pairs; pair++) {
    // The order turns round each time, so that a machine that warms up or tires favours neither.
    for (const kind of pair % 2 === 0 ? (['bare', 'parley'] as const) : (['parley', 'bare'] as const)) {
      const sample = await measure(kind, sessions, windowMs)
      samples[kind].push(sample)
      context.progress(
        `pair ${pair + 1}/${pairs} ${kind.padEnd(6)} ${round(sample.cpuUsPerSessionSecond)} us per session-second, ` +
          `${round(sample.liveBytesPerSession / 1024)} KiB live per session, ${round(sample.framesPerSecond, 0)} frames/s, ` +
          `${round(sample.captionsPerSecond, 0)} captions/s, generator at ${round(sample.generatorCpuRatio, 2)} cores`,
      )
    }
  }
  const ratios = samples.parley.map(
    (sample, index) => sample.cpuUsPerSessionSecond / (samples.bare[index] as Sample).cpuUsPerSessionSecond,
  )
  const rawCpuUs = await measureRaw(sessions, windowMs)
  const data = {
    sessions,
    pairs,
    ratio: round(median(ratios), 3),
    ratios: ratios.map((ratio) => round(ratio, 3)),
    parleyCpuUsPerSessionSecond: round(column(samples.parley, 'cpuUsPerSessionSecond')),
    bareCpuUsPerSessionSecond: round(column(samples.bare, 'cpuUsPerSessionSecond')),
    ...(rawCpuUs === undefined ? {} : { rawCpuUsPerSessionSecond: round(rawCpuUs) }),
    parleyLiveBytesPerSession: round(column(samples.parley, 'liveBytesPerSession'), 0),
    parleyRssBytesPerSession: round(column(samples.parley, 'rssBytesPerSession'), 0),
    bareRssBytesPerSession: round(column(samples.bare, 'rssBytesPerSession'), 0),
    bareLiveBytesPerSession: round(column(samples.bare, 'liveBytesPerSession'), 0),
    framesPerSecond: round(column(samples.parley, 'framesPerSecond'), 0),
    captionsPerSecond: round(column(samples.parley, 'captionsPerSecond'), 0),
  }
  const lines = [
    `${sessions} sessions, 50 sealed UDP packets/s of ${PAYLOAD_BYTES} bytes in, 3 captions/s to client and watcher, null worker link, ${pairs} alternating pairs`,
    `parley ${data.parleyCpuUsPerSessionSecond} us, bare ws + dgram ${data.bareCpuUsPerSessionSecond} us per session-second; ` +
      `median ratio ${data.ratio} (${data.ratios.join(', ')}); to hold: <= ${MAX_RATIO}`,
    rawCpuUs === undefined ? 'no C compiler: the raw figure was not taken' : `the same in C: ${round(rawCpuUs)} us`,
    `memory per session with its watcher: ${round(data.parleyLiveBytesPerSession / 1024)} KiB live ` +
      `(bare ${round(data.bareLiveBytesPerSession / 1024)}), resident ${round(data.parleyRssBytesPerSession / 1024)} KiB (bare ${round(data.bareRssBytesPerSession / 1024)}); to hold: <= 40 KiB live`,
  ]
  return { lines, data, held: data.ratio <= MAX_RATIO && data.parleyLiveBytesPerSession <= MAX_SESSION_BYTES }
}

export const benchmark: Benchmark = {
  summary: 'CPU and memory of a caption session on a pod without its worker link, against a bare ws + dgram server',
  run,
}
