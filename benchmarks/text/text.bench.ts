// What translating, polishing and speaking add. Twenty sessions that are translated and polished all the time, by Apertium and harper, through
// the whole platform: their recogniser is scripted, because twenty real ones want more cores than texts do. Then a few real speakers who
// are heard in another language: how long after somebody has fallen silent the translation begins to be said.
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { SENTENCES, silence, VOICES } from '@parley/audio/testing'
import { type CaptionWish, createSession, LagTracker, type ParleySession } from '@parley/client'
import { sleep, systemClock } from '@parley/kernel'
import { callAdmin } from '../../apps/cli/src/platform/admin-client.ts'
import { type Platform, startPlatform } from '../../tests/lib/platform.ts'
import { type ScriptedEars, startScriptedEars } from '../../tests/lib/scripted-ears.ts'
import { record, speak } from '../../tests/lib/speaker.ts'
import type { BenchContext, Benchmark, BenchReport } from '../lib/benchmark.ts'
import { quantile, round } from '../lib/stats.ts'

const SESSIONS = 20
/** A session that was closed a moment ago still holds its slot. */
const SPARE_SLOTS = 4
const SPEAKERS = 2
const STAGGER_MS = 211
const LOAD_MS = 60_000
const QUICK_LOAD_MS = 12_000
/** Engines load, pipelines start, code is compiled: counted from here. */
const WARM_UP_MS = 8_000
const LOOK_EVERY_MS = 5_000
const WAIT_ABLE_MS = 60_000
const HOLD = { loopDelayP99Ms: 20, translationP95Ms: 60, polishP95Ms: 150, firstAudioP95Ms: 800 }

const OPENINGS = [
  'we needs to talk about',
  'they was waiting for',
  'he have never seen',
  'I think that',
  'tomorrow I will bring',
]
const SUBJECTS = [
  'the new timetable',
  'an house by the river',
  'the price of the tickets',
  'the report',
  'her older brother',
]
const ENDINGS = ['before the train leaves', 'because nobody told us', 'and then we go home', 'in the first week of May']

/** Other words each time, so that no cache has the answer: mistakes to mend in half of them. */
function sentenceOf(turn: number): string {
  const at = (list: readonly string[], step: number): string => list[Math.floor(turn / step) % list.length] as string
  const [opening, subject, ending] = [at(OPENINGS, 1), at(SUBJECTS, 5), at(ENDINGS, 25)]
  return `${opening} ${subject} number ${turn + 1} ${ending}`
}

interface Delays {
  readonly translationMs: number[]
  readonly polishMs: number[]
  finals: number
  translated: number
  failed: number
}

const newDelays = (): Delays => ({ translationMs: [], polishMs: [], finals: 0, translated: 0, failed: 0 })

/** What became of the finals of one session; counts nothing before `fromMs`. */
function follow(session: ParleySession, delays: Delays, fromMs: number): void {
  const finalAtMs = new Map<number, number>()
  session.on('caption', ({ kind, utterance, receivedAtMs }) => {
    if (kind !== 'final' || receivedAtMs < fromMs) return
    delays.finals++
    finalAtMs.set(utterance.index, receivedAtMs)
  })
  const since = (index: number, receivedAtMs: number, delaysMs: number[]): boolean => {
    const atMs = finalAtMs.get(index)
    if (atMs === undefined) return false
    delaysMs.push(receivedAtMs - atMs)
    return true
  }
  session.on('translation', ({ kind, utterance, receivedAtMs }) => {
    if (kind === 'final' && since(utterance.index, receivedAtMs, delays.translationMs)) delays.translated++
  })
  session.on('translationFailed', ({ utterance }) => {
    if (finalAtMs.has(utterance.index)) delays.failed++
  })
  // Partials are not polished here: finals only.
  session.on('polished', ({ utterance, receivedAtMs }) => {
    since(utterance.index, receivedAtMs, delays.polishMs)
  })
}

interface PodReading {
  readonly cpuMs: number
  readonly delayP99Ms: number
}

async function podReading(platform: Platform): Promise<PodReading> {
  const { body } = await callAdmin({ adminUrl: platform.adminUrl }, 'GET', '/health')
  const { loop, cpu } = body as {
    loop: { delayP99Ms: number }
    cpu: { userMs: number; systemMs: number }
  }
  return { cpuMs: cpu.userMs + cpu.systemMs, delayP99Ms: loop.delayP99Ms }
}

async function connected(platform: Platform, captions: CaptionWish): Promise<ParleySession> {
  const session = await createSession({ url: platform.url, apiKey: platform.apiKey, user: 'bench', captions })
  await session.connect()
  return session
}

/** Until everything wished for can be had. */
async function untilAble(platform: Platform, wish: CaptionWish): Promise<void> {
  const session = await connected(platform, wish)
  const untilMs = systemClock.nowMs() + WAIT_ABLE_MS
  try {
    while ((session.captionsInForce?.unavailable.length ?? 1) > 0) {
      if (systemClock.nowMs() > untilMs) {
        const why = session.captionsInForce?.unavailable.map(({ message }) => message).join('; ')
        throw new Error(`texts cannot be had here: ${why ?? 'no answer'}. Run ./parley doctor.`)
      }
      await sleep(systemClock, 100)
    }
  } finally {
    await session.close()
  }
}

interface Load {
  readonly delays: Delays
  readonly podCpuUsPerSessionSecond: number
  readonly loopDelayP99Ms: number
}

/** Everybody talks for `loadMs` and is counted behind the warm-up. */
async function load(platform: Platform, wish: CaptionWish, loadMs: number): Promise<Load> {
  const delays = newDelays()
  const sessions = await Promise.all(Array.from({ length: SESSIONS }, () => connected(platform, wish)))
  const fromMs = systemClock.nowMs() + WARM_UP_MS
  for (const session of sessions) follow(session, delays, fromMs)
  const samples = silence(WARM_UP_MS + loadMs)
  const talking = sessions.map(async (session, at) => {
    await sleep(systemClock, at * STAGGER_MS)
    await speak(session, samples)
    await session.close()
  })
  await sleep(systemClock, WARM_UP_MS)
  const before = await podReading(platform)
  const p99s: number[] = []
  const untilMs = systemClock.nowMs() + loadMs
  while (systemClock.nowMs() < untilMs) {
    await sleep(systemClock, Math.min(LOOK_EVERY_MS, Math.max(0, untilMs - systemClock.nowMs())))
    p99s.push((await podReading(platform)).delayP99Ms)
  }
  const cpuMs = (await podReading(platform)).cpuMs - before.cpuMs
  await Promise.all(talking)
  return {
    delays,
    podCpuUsPerSessionSecond: round((cpuMs * 1e6) / loadMs / SESSIONS, 0),
    // The first window began before the warm-up was over.
    loopDelayP99Ms: round(Math.max(...p99s.slice(1)), 1),
  }
}

/** Ms from the last audible sample to the first samples of the translation, of each final that was said. */
async function hear(platform: Platform, at: number, sentences: readonly string[]): Promise<number[]> {
  const { samples } = await record(VOICES[at % VOICES.length] as (typeof VOICES)[number], sentences, 2_500)
  const session = await connected(platform, { translateTo: ['es'], polish: 'off', speak: ['es'] })
  const tracker = new LagTracker(session.audioFormat.frameMs)
  const endMs = new Map<number, number>()
  const waits: number[] = []
  session.on('caption', (caption) => {
    if (caption.kind === 'final') endMs.set(caption.utterance.index, caption.endMs)
  })
  session.on('voice', (voice) => {
    let isFirst = true
    voice.on('audio', () => {
      const spokenEndMs = endMs.get(voice.utterance.index)
      const waitMs = spokenEndMs === undefined ? undefined : tracker.lagMs(spokenEndMs, systemClock.nowMs())
      if (isFirst && waitMs !== undefined) waits.push(waitMs)
      isFirst = false
    })
  })
  tracker.anchor(0, systemClock.nowMs())
  await speak(session, samples)
  await session.close()
  return waits
}

async function measureTexts(context: BenchContext): Promise<{ readonly plain: Load; readonly texts: Load }> {
  const folder = await mkdtemp(path.join(tmpdir(), 'parley-bench-text-'))
  let ears: ScriptedEars | undefined
  let platform: Platform | undefined
  try {
    ears = await startScriptedEars(sentenceOf)
    const file = path.join(folder, 'parley.json')
    const provider = { id: 'ears', protocol: 'deepgram', baseUrl: ears.url, roles: ['recognise'], languages: ['en'] }
    await writeFile(file, JSON.stringify({ providers: [provider] }))
    const slots = ['--set', `speech.slotsPerWorker=${SESSIONS + SPARE_SLOTS}`]
    platform = await startPlatform(['--workers', '1', '--config', file, ...slots])
    const wish: CaptionWish = { translateTo: ['es'], polish: 'finals', speak: [] }
    await untilAble(platform, wish)
    const loadMs = context.quick ? QUICK_LOAD_MS : LOAD_MS
    context.progress(`${SESSIONS} sessions, captions only`)
    const plain = await load(platform, {}, loadMs)
    context.progress(`${SESSIONS} sessions, translated and polished`)
    const texts = await load(platform, wish, loadMs)
    return { plain, texts }
  } finally {
    await platform?.stop()
    await ears?.close()
    await rm(folder, { recursive: true, force: true })
  }
}

async function measureVoices(context: BenchContext): Promise<number[]> {
  context.progress(`${SPEAKERS} speakers heard in Spanish`)
  const platform = await startPlatform(['--workers', '1'])
  try {
    const wish: CaptionWish = { translateTo: ['es'], polish: 'off', speak: ['es'] }
    await untilAble(platform, wish)
    // The first of each pair and voice loads something.
    await hear(platform, 0, SENTENCES.slice(0, 1))
    const sentences = SENTENCES.slice(1, context.quick ? 3 : 9)
    const speakers = Array.from({ length: SPEAKERS }, (_, at) => hear(platform, at, sentences))
    return (await Promise.all(speakers)).flat()
  } finally {
    await platform.stop()
  }
}

async function run(context: BenchContext): Promise<BenchReport> {
  const { plain, texts } = await measureTexts(context)
  const waits = await measureVoices(context)
  const { delays } = texts
  const translation = {
    p50Ms: round(quantile(delays.translationMs, 0.5), 0),
    p95Ms: round(quantile(delays.translationMs, 0.95), 0),
  }
  const polish = { p50Ms: round(quantile(delays.polishMs, 0.5), 0), p95Ms: round(quantile(delays.polishMs, 0.95), 0) }
  const firstAudio = { p50Ms: round(quantile(waits, 0.5), 0), p95Ms: round(quantile(waits, 0.95), 0) }
  const unended = delays.finals - delays.translated - delays.failed
  const held =
    texts.loopDelayP99Ms <= HOLD.loopDelayP99Ms &&
    translation.p95Ms <= HOLD.translationP95Ms &&
    polish.p95Ms <= HOLD.polishP95Ms &&
    firstAudio.p95Ms <= HOLD.firstAudioP95Ms &&
    delays.failed === 0
  return {
    lines: [
      `${SESSIONS} sessions, ${delays.finals} finals: ${delays.translated} translated, ${delays.failed} failed, ${unended} not ended in the time counted; ${delays.polishMs.length} mended`,
      `a translation comes p50 ${translation.p50Ms} p95 ${translation.p95Ms} ms after its final (to hold: ${HOLD.translationP95Ms})`,
      `a mended text comes p50 ${polish.p50Ms} p95 ${polish.p95Ms} ms after its final (to hold: ${HOLD.polishP95Ms})`,
      `the pod's loop: delay p99 ${texts.loopDelayP99Ms} ms in the worst 5 s (to hold: ${HOLD.loopDelayP99Ms}; captions only ${plain.loopDelayP99Ms})`,
      `the pod: ${texts.podCpuUsPerSessionSecond} us of CPU per session-second, captions only ${plain.podCpuUsPerSessionSecond}: ratio ${round(texts.podCpuUsPerSessionSecond / plain.podCpuUsPerSessionSecond, 2)}`,
      `${SPEAKERS} real speakers: the Spanish voice begins p50 ${firstAudio.p50Ms} p95 ${firstAudio.p95Ms} ms after they fell silent (${waits.length} finals; to hold: ${HOLD.firstAudioP95Ms})`,
    ],
    data: {
      sessions: SESSIONS,
      finals: delays.finals,
      translated: delays.translated,
      failed: delays.failed,
      mended: delays.polishMs.length,
      translation,
      polish,
      loopDelayP99Ms: texts.loopDelayP99Ms,
      podCpuUsPerSessionSecond: texts.podCpuUsPerSessionSecond,
      captionsOnly: { loopDelayP99Ms: plain.loopDelayP99Ms, podCpuUsPerSessionSecond: plain.podCpuUsPerSessionSecond },
      firstAudio,
    },
    held,
  }
}

export const benchmark: Benchmark = {
  summary:
    'what translating, polishing and speaking add: delay of texts, delay of the loop, CPU, first translated audio',
  run,
}
