// How many streams one worker on this machine really carries: more and more people speaking at once, all at true pace, through the whole
// platform. Lag is counted from the instant each utterance's last speech frame was due; CPU and memory are the worker's own.
import { readFile } from 'node:fs/promises'
import { availableParallelism } from 'node:os'
import { SENTENCES, VOICES } from '@parley/audio/testing'
import { createSession } from '@parley/client'
import { sleep, systemClock } from '@parley/kernel'
import { PocketSphinxRecogniser } from '@parley/speech'
import { type Platform, startPlatform } from '../../tests/lib/platform.ts'
import { type Heard, type Recording, record, speak } from '../../tests/lib/speaker.ts'
import type { BenchContext, Benchmark, BenchReport } from '../lib/benchmark.ts'
import { quantile, round } from '../lib/stats.ts'

const STEPS = [1, 2, 4, 6, 8, 10, 12, 16]
const QUICK_STEPS = [1, 2]
/** People do not begin in the same instant. */
const STAGGER_MS = 370
/** Lag up to which captions are worth having; DESIGN's bound for the embedded engine. */
const HOLD_LAG_P95_MS = 600
/** Linux counts CPU time in these, and memory in pages. */
const TICK_MS = 10
const PAGE_BYTES = 4096
const DECODERS = 4
const WAIT_DECODERS_MS = 60_000

interface ProcessUsage {
  readonly cpuMs: number
  readonly rssBytes: number
}

/** Of a process on this machine, its threads included. */
async function usageOf(pid: number): Promise<ProcessUsage> {
  const [stat, memory] = await Promise.all([
    readFile(`/proc/${pid}/stat`, 'utf8'),
    readFile(`/proc/${pid}/statm`, 'utf8'),
  ])
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return {
    cpuMs: (Number(fields[11]) + Number(fields[12])) * TICK_MS,
    rssBytes: Number(memory.split(' ')[1]) * PAGE_BYTES,
  }
}

interface Point {
  readonly streams: number
  readonly finals: number
  readonly sentencesMissed: number
  readonly lagMsP50: number
  readonly lagMsP95: number
  readonly workerCoresUsed: number
  readonly workerRssMb: number
}

async function say(platform: Platform, recording: Recording, delayMs: number): Promise<Heard> {
  await sleep(systemClock, delayMs)
  const session = await createSession({ url: platform.url, apiKey: platform.apiKey, user: 'bench' })
  await session.connect()
  try {
    return await speak(session, recording.samples)
  } finally {
    await session.close()
  }
}

const missed = (recording: Recording, heard: Heard): number =>
  recording.sentences.filter(
    (sentence) =>
      !heard.finals.some((final) => final.startMs < sentence.endMs + 200 && final.endMs > sentence.startMs - 200),
  ).length

async function measure(platform: Platform, recordings: readonly Recording[], streams: number): Promise<Point> {
  const pid = platform.workerPids[0] as number
  const [before, startMs] = [await usageOf(pid), systemClock.nowMs()]
  const speakers = Array.from({ length: streams }, (_, at) => recordings[at % recordings.length] as Recording)
  const heard = await Promise.all(speakers.map((recording, at) => say(platform, recording, at * STAGGER_MS)))
  const [after, tookMs] = [await usageOf(pid), systemClock.nowMs() - startMs]
  const lags = heard.flatMap(({ finals }) => finals.map(({ lagMs }) => lagMs))
  return {
    streams,
    finals: lags.length,
    sentencesMissed: heard.reduce((sum, each, at) => sum + missed(speakers[at] as Recording, each), 0),
    lagMsP50: round(quantile(lags, 0.5), 0),
    lagMsP95: round(quantile(lags, 0.95), 0),
    workerCoresUsed: round((after.cpuMs - before.cpuMs) / tookMs, 2),
    workerRssMb: round(after.rssBytes / 1e6, 0),
  }
}

/** What each further decoder adds to this process, and when the first and the last of them are ready. */
async function decoderCost() {
  const rssBefore = process.memoryUsage.rss()
  const startMs = systemClock.nowMs()
  const recogniser = new PocketSphinxRecogniser({ clock: systemClock, slots: DECODERS })
  try {
    const starting = recogniser.start()
    let firstMs = 0
    while (recogniser.status().decodersWarm < DECODERS && systemClock.nowMs() - startMs < WAIT_DECODERS_MS) {
      if (firstMs === 0 && recogniser.status().decodersWarm > 0) firstMs = systemClock.nowMs() - startMs
      await sleep(systemClock, 5)
    }
    await starting
    return {
      decoders: DECODERS,
      firstReadyMs: round(firstMs, 0),
      allReadyMs: round(systemClock.nowMs() - startMs, 0),
      mbPerDecoder: round((process.memoryUsage.rss() - rssBefore) / DECODERS / 1e6, 0),
    }
  } finally {
    await recogniser.close()
  }
}

const line = (each: Point): string =>
  `${String(each.streams).padStart(3)} streams: lag p50 ${each.lagMsP50} p95 ${each.lagMsP95} ms, worker ${each.workerCoresUsed} cores ` +
  `and ${each.workerRssMb} MB, ${each.finals} finals, ${each.sentencesMissed} sentences missed`

async function run(context: BenchContext): Promise<BenchReport> {
  context.progress('loading decoders')
  const decoders = await decoderCost()
  const sentences = SENTENCES.slice(0, context.quick ? 3 : 8)
  const recordings: Recording[] = []
  for (const voice of VOICES) recordings.push(await record(voice, sentences))
  const steps = context.quick ? QUICK_STEPS : STEPS
  const slots = Math.max(...steps)
  const platform = await startPlatform(['--workers', '1', '--set', `speech.slotsPerWorker=${slots}`])
  const points: Point[] = []
  try {
    for (const streams of steps) {
      const point = await measure(platform, recordings, streams)
      points.push(point)
      context.progress(line(point))
    }
  } finally {
    await platform.stop()
  }
  const carried = points.filter(({ lagMsP95 }) => lagMsP95 <= HOLD_LAG_P95_MS).at(-1)?.streams ?? 0
  return {
    lines: [
      ...points.map(line),
      `a decoder: ${decoders.mbPerDecoder} MB; the first of ${decoders.decoders} ready after ${decoders.firstReadyMs} ms, the last after ${decoders.allReadyMs} ms`,
      `${availableParallelism()} cores here, shared with the speakers: final captions within ${HOLD_LAG_P95_MS} ms (p95) up to ${carried} streams at once, everybody speaking all the time`,
    ],
    data: { cores: availableParallelism(), decoders, points, carriedStreams: carried },
    held: carried >= 1,
  }
}

export const benchmark: Benchmark = {
  summary: 'lag, CPU and memory as more and more people speak to one worker at once; memory and start of a decoder',
  run,
}
