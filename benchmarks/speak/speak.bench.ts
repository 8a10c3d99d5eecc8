// How soon and how cheaply the engines speak: the first audio of a sentence alone and with eight asked for at the same instant, the
// time to make a second of audio, and how long a cancel takes. Engines only; what the platform adds is not in here.
import { availableParallelism } from 'node:os'
import { SENTENCES } from '@parley/audio/testing'
import { sleep, systemClock } from '@parley/kernel'
import { createEspeakSynthesiser, createFliteSynthesiser, type Speech, type Synthesiser } from '@parley/speech'
import type { BenchContext, Benchmark, BenchReport } from '../lib/benchmark.ts'
import { quantile, round } from '../lib/stats.ts'

const AT_ONCE = 8
/** Between rounds, as between the turns of a conversation. */
const PAUSE_MS = 400
/** Of each of those that speak at once; then they are cancelled. */
const HEARD_MS = 1_000
const HOLD_FIRST_CHUNK_MS = 150
const HOLD_CANCEL_MS = 50

const SPANISH = [
  'El tren a la ciudad sale a las siete y media.',
  'Mi hermana compr\u00f3 una bicicleta nueva para su cumplea\u00f1os.',
  'Ayer comimos sopa y pan a la hora del almuerzo.',
  'Este fin de semana va a hacer fr\u00edo y va a llover.',
  'Ha vuelto a olvidar el paraguas en la oficina.',
  'Hay tres libros en la mesa que est\u00e1 junto a la puerta.',
  'Lleva dos a\u00f1os aprendiendo a tocar el piano.',
  'El m\u00e9dico le dijo que bebiera m\u00e1s agua cada d\u00eda.',
]

interface Subject {
  readonly name: string
  readonly language: string
  readonly sentences: readonly string[]
  readonly create: () => Synthesiser
}

const SUBJECTS: readonly Subject[] = [
  {
    name: 'flite',
    language: 'en-US',
    sentences: SENTENCES,
    create: () => createFliteSynthesiser({ clock: systemClock, slots: 64 }),
  },
  {
    name: 'espeak',
    language: 'es',
    sentences: SPANISH,
    create: () => createEspeakSynthesiser({ clock: systemClock, slots: 64 }),
  },
]

interface Heard {
  readonly firstChunkMs: number
  readonly wholeMs: number
  readonly audioMs: number
}

/** One sentence taken as fast as it comes. */
async function hearAll(speech: Speech): Promise<Heard> {
  const startMs = systemClock.nowMs()
  let samples = (await speech.next())?.length ?? 0
  const firstChunkMs = systemClock.nowMs() - startMs
  for (let chunk = await speech.next(); chunk; chunk = await speech.next()) samples += chunk.length
  return { firstChunkMs, wholeMs: systemClock.nowMs() - startMs, audioMs: (samples / speech.sampleRateHz) * 1000 }
}

/** Heard at true pace for a while, then cancelled while a chunk is waited for; times of the first chunk and of the cancel. */
async function hearAndCancel(speech: Speech): Promise<{ readonly firstChunkMs: number; readonly cancelMs: number }> {
  const startMs = systemClock.nowMs()
  let samples = (await speech.next())?.length ?? 0
  const firstChunkMs = systemClock.nowMs() - startMs
  for (;;) {
    const heardMs = (samples / speech.sampleRateHz) * 1000
    await sleep(systemClock, startMs + firstChunkMs + heardMs - systemClock.nowMs())
    if (heardMs >= HEARD_MS) break
    const chunk = await speech.next()
    if (!chunk) break
    samples += chunk.length
  }
  const pending = speech.next()
  const cancelledMs = systemClock.nowMs()
  speech.cancel()
  await pending
  while (await speech.next());
  return { firstChunkMs, cancelMs: systemClock.nowMs() - cancelledMs }
}

async function measure(subject: Subject, context: BenchContext) {
  const rssBeforeBytes = process.memoryUsage().rss
  const startMs = systemClock.nowMs()
  const synthesiser = subject.create()
  await synthesiser.start()
  const readyMs = systemClock.nowMs() - startMs
  const { problem } = synthesiser.status()
  if (problem !== undefined) throw new Error(problem)
  const speak = (text: string): Speech => {
    const asked = synthesiser.speak({ requestId: 'bench', text, language: subject.language })
    if (!asked.ok) throw new Error(asked.error.message)
    return asked.value
  }
  const texts = (at: number) => `${subject.sentences[at % subject.sentences.length]}.`
  try {
    // The first few find voices not loaded and code not compiled; a platform has spoken before it is asked.
    for (let round = 0; round < 3; round++) {
      await Promise.all(Array.from({ length: AT_ONCE }, (_, at) => hearAll(speak(texts(at)))))
    }
    context.progress(`${subject.name}: alone`)
    const alone: Heard[] = []
    for (let at = 0; at < (context.quick ? 5 : 20); at++) {
      await sleep(systemClock, PAUSE_MS / 4)
      alone.push(await hearAll(speak(texts(at))))
    }
    context.progress(`${subject.name}: ${AT_ONCE} at once`)
    const together: { readonly firstChunkMs: number; readonly cancelMs: number }[] = []
    for (let round = 0; round < (context.quick ? 2 : 10); round++) {
      await sleep(systemClock, PAUSE_MS)
      const speeches = Array.from({ length: AT_ONCE }, (_, at) =>
        speak(`${texts(round + at)} ${texts(round + at + 1)}`),
      )
      together.push(...(await Promise.all(speeches.map(hearAndCancel))))
    }
    const firsts = together.map(({ firstChunkMs }) => firstChunkMs)
    const aloneFirsts = alone.map(({ firstChunkMs }) => firstChunkMs)
    return {
      readyMs: round(readyMs),
      firstChunkMsP50: round(quantile(aloneFirsts, 0.5)),
      firstChunkMsP95: round(quantile(aloneFirsts, 0.95)),
      firstChunkMsP50EightAtOnce: round(quantile(firsts, 0.5)),
      firstChunkMsP95EightAtOnce: round(quantile(firsts, 0.95)),
      realTimeFactor: round(sum(alone, 'wholeMs') / sum(alone, 'audioMs'), 4),
      cancelMsP95: round(
        quantile(
          together.map(({ cancelMs }) => cancelMs),
          0.95,
        ),
        2,
      ),
      rssGrowthMegabytes: round((process.memoryUsage().rss - rssBeforeBytes) / 1e6, 0),
    }
  } finally {
    await synthesiser.close()
  }
}

const sum = (heard: readonly Heard[], of: 'wholeMs' | 'audioMs'): number =>
  heard.reduce((total, each) => total + each[of], 0)

type Measured = Awaited<ReturnType<typeof measure>>

const holds = (each: Measured): boolean =>
  each.firstChunkMsP95EightAtOnce <= HOLD_FIRST_CHUNK_MS && each.cancelMsP95 <= HOLD_CANCEL_MS

const line = (name: string, each: Measured): string =>
  `${name.padEnd(7)} first chunk alone p50 ${each.firstChunkMsP50} p95 ${each.firstChunkMsP95} ms, ${AT_ONCE} at once p50 ` +
  `${each.firstChunkMsP50EightAtOnce} p95 ${each.firstChunkMsP95EightAtOnce} ms | real-time factor ${each.realTimeFactor} | ` +
  `cancel p95 ${each.cancelMsP95} ms | ready in ${each.readyMs} ms | process +${each.rssGrowthMegabytes} MB`

async function run(context: BenchContext): Promise<BenchReport> {
  const data: Record<string, Measured> = {}
  for (const subject of SUBJECTS) data[subject.name] = await measure(subject, context)
  const measured = Object.entries(data)
  return {
    lines: [
      ...measured.map(([name, each]) => line(name, each)),
      `to hold: first chunk p95 <= ${HOLD_FIRST_CHUNK_MS} ms with ${AT_ONCE} at once, cancel <= ${HOLD_CANCEL_MS} ms; ${availableParallelism()} cores here`,
    ],
    data,
    held: measured.every(([, each]) => holds(each)),
  }
}

export const benchmark: Benchmark = {
  summary: 'first audio, pace and cancel of the speech engines, alone and eight at once',
  run,
}
