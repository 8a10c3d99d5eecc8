// How quick this machine speaks, found out at start, and how many speeches at once follow from it.
import type { Clock } from '@parley/kernel'
import type { Synthesiser } from '../synthesiser.ts'

export interface SynthesisMeasure {
  /** Time to make a second of audio, in seconds, alone; of the slowest engine. */
  readonly realTimeFactor: number
  /** From the request to the first audio, alone; of the slowest engine. */
  readonly firstChunkMs: number
}

export interface SynthesisRoom {
  readonly realTimeFactor: number
  readonly cores: number
  /** Part of the machine that this process may take (0..1]; 1 unless told. */
  readonly share?: number
}

/** Speeches may take this much of the cores when all slots are taken and all listeners hear at true pace. */
const LOAD_RATIO = 0.5
/** More would make those that begin at the same time wait for each other's first sound. */
export const MAX_SPEECHES_PER_CORE = 16

/** What is said to find out: about ten seconds of audio. */
const TEXT =
  'This machine is finding out how quickly it can speak. It says a few sentences to nobody. How long they take decides how many can be said at the same time.'
/** The first round also loads what is loaded once; the quickest counts. */
const ROUNDS = 3

/** At least 1. Pure. */
export function synthesisSlotsFor({ realTimeFactor, cores, share = 1 }: SynthesisRoom): number {
  const some = Math.ceil(cores * share)
  const byPace =
    realTimeFactor > 0 ? Math.floor((cores * share * LOAD_RATIO) / realTimeFactor) : Number.POSITIVE_INFINITY
  return Math.max(1, Math.min(some * MAX_SPEECHES_PER_CORE, byPace))
}

/** Lets each engine speak a little, one after the other, with its first voice. Undefined when none could. Takes under a second. */
export async function measureSynthesis(synthesiser: Synthesiser, clock: Clock): Promise<SynthesisMeasure | undefined> {
  const { voices } = synthesiser.status()
  const first = new Map(voices.toReversed().map((voice) => [voice.engine, voice.name]))
  let measured: SynthesisMeasure | undefined
  for (const voice of first.values()) {
    const one = await measureVoice(synthesiser, clock, voice)
    if (!one) continue
    measured = {
      realTimeFactor: Math.max(one.realTimeFactor, measured?.realTimeFactor ?? 0),
      firstChunkMs: Math.max(one.firstChunkMs, measured?.firstChunkMs ?? 0),
    }
  }
  return measured
}

async function measureVoice(
  synthesiser: Synthesiser,
  clock: Clock,
  voice: string,
): Promise<SynthesisMeasure | undefined> {
  let best: SynthesisMeasure | undefined
  for (let round = 0; round < ROUNDS; round++) {
    const one = await measureOnce(synthesiser, clock, voice).catch(() => undefined)
    if (!one) continue
    best = {
      realTimeFactor: Math.min(one.realTimeFactor, best?.realTimeFactor ?? Number.POSITIVE_INFINITY),
      firstChunkMs: Math.min(one.firstChunkMs, best?.firstChunkMs ?? Number.POSITIVE_INFINITY),
    }
  }
  return best
}

async function measureOnce(
  synthesiser: Synthesiser,
  clock: Clock,
  voice: string,
): Promise<SynthesisMeasure | undefined> {
  const startMs = clock.nowMs()
  const asked = synthesiser.speak({ requestId: 'measure', text: TEXT, voice })
  if (!asked.ok) return undefined
  const speech = asked.value
  let samples = (await speech.next())?.length ?? 0
  const firstChunkMs = clock.nowMs() - startMs
  for (let chunk = await speech.next(); chunk; chunk = await speech.next()) samples += chunk.length
  if (samples === 0) return undefined
  const audioMs = (samples / speech.sampleRateHz) * 1000
  return { realTimeFactor: (clock.nowMs() - startMs) / audioMs, firstChunkMs }
}
