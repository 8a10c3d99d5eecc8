// What a stream on a worker costs the pod: 50 frames a second out over the link, five results a second back, with all that is kept for
// failover; beside a bare WebSocket that carries the same bytes. CPU time of the pod's process, the two in turn, medians.
import { fileURLToPath } from 'node:url'
import { POD_NODE_OPTIONS } from '@parley/fleet'
import { randomToken } from '@parley/kernel'
import type { BenchContext, Benchmark, BenchReport } from '../lib/benchmark.ts'
import { BenchChild, type Usage } from '../lib/child.ts'
import { median, round } from '../lib/stats.ts'
import type { Setup } from './pod-side.ts'

/** A frame of Opus at 24 kbit/s. */
const PAYLOAD_BYTES = 60
const WORKERS = 5
const STREAMS = 100 * WORKERS
const WARM_UP_MS = 1_500
const AIM_US = 150

const file = (name: string) => fileURLToPath(new URL(name, import.meta.url))
const wait = (ms: number) =>
  new Promise<void>((resolve) => {
    setTimeout(resolve, ms)
  })

interface Counts {
  readonly frames: number
  readonly messages: number
  readonly results: number
}

interface Run {
  readonly usPerStreamSecond: number
  readonly framesPerSecond: number
  readonly messagesPerSecond: number
  readonly resultsPerSecond: number
}

async function measure(kind: Setup['kind'], streams: number, windowMs: number): Promise<Run> {
  const secret = randomToken(32)
  const worker = new BenchChild(file('./worker-side.ts'))
  const pod = new BenchChild(file('./pod-side.ts'), POD_NODE_OPTIONS)
  try {
    const slots = streams / WORKERS
    const workers = await worker.ask<Setup['workers']>('listen', { workers: WORKERS, slots, secret })
    const setup: Setup = { kind, streams, payloadBytes: PAYLOAD_BYTES, workers, secret }
    await pod.ask('start', setup)
    await wait(WARM_UP_MS)
    const [before, counted] = [await pod.ask<Usage>('usage', false), await pod.ask<Counts>('counts')]
    await wait(windowMs)
    const [after, counts] = [await pod.ask<Usage>('usage', false), await pod.ask<Counts>('counts')]
    const seconds = (after.wallMs - before.wallMs) / 1000
    const perSecond = (value: keyof Counts) => (counts[value] - counted[value]) / seconds
    return {
      usPerStreamSecond: (after.cpuUs - before.cpuUs) / streams / seconds,
      framesPerSecond: perSecond('frames') / streams,
      messagesPerSecond: perSecond('messages'),
      resultsPerSecond: perSecond('results') / streams,
    }
  } finally {
    await pod.stop()
    await worker.stop()
  }
}

const medianOf = (runs: readonly Run[], value: keyof Run): number => median(runs.map((run) => run[value]))

function summary(runs: readonly Run[]) {
  return {
    usPerStreamSecond: round(medianOf(runs, 'usPerStreamSecond')),
    framesPerStreamSecond: round(medianOf(runs, 'framesPerSecond')),
    resultsPerStreamSecond: round(medianOf(runs, 'resultsPerSecond'), 2),
    messagesPerSecond: round(medianOf(runs, 'messagesPerSecond')),
  }
}

const KINDS = ['pace', 'bare', 'link'] as const satisfies Setup['kind'][]

async function run(context: BenchContext): Promise<BenchReport> {
  const [rounds, windowMs] = context.quick ? [1, 2_000] : [5, 2_500]
  const runs: Record<Setup['kind'], Run[]> = { pace: [], bare: [], link: [] }
  for (let round = 0; round < rounds; round++) {
    for (const kind of KINDS) {
      const one = await measure(kind, STREAMS, windowMs)
      runs[kind].push(one)
      context.progress(`${kind}: ${one.usPerStreamSecond.toFixed(0)} us per stream-second`)
    }
  }
  const [pace, bare, link] = [summary(runs.pace), summary(runs.bare), summary(runs.link)]
  const net = (of: typeof link) => round(of.usPerStreamSecond - pace.usPerStreamSecond)
  const ratio = round(net(link) / net(bare), 2)
  const row = (name: string, of: typeof link) =>
    `${name}: ${net(of)} us per stream-second (${of.framesPerStreamSecond} frames and ${of.resultsPerStreamSecond} results per stream-second, ${of.messagesPerSecond} messages/s out)`
  const lines = [
    `${STREAMS} streams on ${WORKERS} workers, frames of ${PAYLOAD_BYTES} bytes; CPU of the pod's process, medians of ${rounds}`,
    row('links of the pod', link),
    row('bare WebSocket  ', bare),
    `the pace of the frames alone, taken off both: ${pace.usPerStreamSecond} us`,
    `ratio ${ratio}; aim: ${AIM_US} us per stream-second`,
  ]
  const data = {
    streams: STREAMS,
    workers: WORKERS,
    payloadBytes: PAYLOAD_BYTES,
    linkUsPerStreamSecond: net(link),
    bareUsPerStreamSecond: net(bare),
    ratio,
    aimUsPerStreamSecond: AIM_US,
    runs: { pace, bare, link },
  }
  return { lines, data, held: net(link) <= AIM_US }
}

export const benchmark: Benchmark = {
  summary: 'cost of a stream on a worker link, beside a bare WebSocket that carries the same',
  run,
}
