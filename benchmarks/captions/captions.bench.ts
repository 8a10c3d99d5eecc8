// How good and how quick captions are: the bundled sentences in four voices at true pace, one session at a time, then four
// at once. Lag is counted from the instant each utterance's last speech frame was due.
import { SENTENCES, VOICES, type Voice } from '@parley/audio/testing'
import { createSession } from '@parley/client'
import { type Platform, startPlatform } from '../../tests/lib/platform.ts'
import { type Heard, type Recording, record, speak } from '../../tests/lib/speaker.ts'
import type { BenchContext, Benchmark, BenchReport } from '../lib/benchmark.ts'
import { quantile, round, wordErrors, words } from '../lib/stats.ts'

const ENDPOINT_MS = 300

interface VoiceResult {
  readonly voice: Voice
  readonly words: number
  readonly errors: number
  readonly lagsMs: readonly number[]
  readonly firstPartialsMs: readonly number[]
  readonly missed: number
}

function score(voice: Voice, recording: Recording, heard: Heard): VoiceResult {
  const firstPartialsMs: number[] = []
  let errors = 0
  let count = 0
  let missed = 0
  for (const sentence of recording.sentences) {
    const said = words(sentence.text)
    const overlaps = (startMs: number, endMs: number) =>
      startMs < sentence.endMs + 200 && endMs > sentence.startMs - 200
    const finals = heard.finals.filter((final) => overlaps(final.startMs, final.endMs))
    count += said.length
    errors += wordErrors(said, words(finals.map((final) => final.text).join(' ')))
    if (finals.length === 0) missed++
    const partials = heard.partials.filter(
      (partial) => partial.text !== '' && finals.some((final) => final.index === partial.index),
    )
    const first = partials[0]
    if (first) firstPartialsMs.push(first.receivedMs - sentence.startMs)
  }
  return { voice, words: count, errors, lagsMs: heard.finals.map((final) => final.lagMs), firstPartialsMs, missed }
}

async function caption(platform: Platform, voice: Voice, recording: Recording): Promise<VoiceResult> {
  const session = await createSession({ url: platform.url, apiKey: platform.apiKey, user: voice })
  await session.connect()
  const heard = await speak(session, recording.samples)
  await session.close()
  return score(voice, recording, heard)
}

function summary(results: readonly VoiceResult[]) {
  const lags = results.flatMap((result) => result.lagsMs)
  const firsts = results.flatMap((result) => result.firstPartialsMs)
  const total = results.reduce((sum, result) => sum + result.words, 0)
  const errors = results.reduce((sum, result) => sum + result.errors, 0)
  return {
    words: total,
    wordErrorRatio: round(errors / total, 4),
    byVoice: Object.fromEntries(results.map((result) => [result.voice, round(result.errors / result.words, 4)])),
    finals: lags.length,
    lagMsP50: round(quantile(lags, 0.5)),
    lagMsP95: round(quantile(lags, 0.95)),
    beyondEndpointMsP50: round(quantile(lags, 0.5) - ENDPOINT_MS),
    firstPartialMsP50: round(quantile(firsts, 0.5)),
    firstPartialMsP95: round(quantile(firsts, 0.95)),
    sentencesMissed: results.reduce((sum, result) => sum + result.missed, 0),
  }
}

type Summary = ReturnType<typeof summary>

const holds = (each: Summary): boolean =>
  each.wordErrorRatio <= 0.1 && each.lagMsP95 <= 600 && each.beyondEndpointMsP50 <= 200 && each.firstPartialMsP95 <= 500

const line = (name: string, each: Summary): string =>
  `${name.padEnd(14)} word errors ${(each.wordErrorRatio * 100).toFixed(1)} % of ${each.words} (${Object.entries(
    each.byVoice,
  )
    .map(([voice, ratio]) => `${voice} ${(ratio * 100).toFixed(1)}`)
    .join(
      ', ',
    )}) | lag p50 ${each.lagMsP50} p95 ${each.lagMsP95} ms, beyond endpointing p50 ${each.beyondEndpointMsP50} | ` +
  `first partial p50 ${each.firstPartialMsP50} p95 ${each.firstPartialMsP95} ms | ${each.finals} finals, ${each.sentencesMissed} missed`

async function run(context: BenchContext): Promise<BenchReport> {
  const sentences = context.quick ? SENTENCES.slice(0, 5) : SENTENCES
  const recordings = new Map<Voice, Recording>()
  for (const voice of VOICES) recordings.set(voice, await record(voice, sentences))
  const platform = await startPlatform()
  try {
    const alone: VoiceResult[] = []
    for (const [voice, recording] of recordings) {
      context.progress(`one session, voice ${voice}: ${round(recording.samples.length / 16_000, 0)} s of speech`)
      alone.push(await caption(platform, voice, recording))
    }
    context.progress('four sessions at once')
    const together = await Promise.all([...recordings].map(([voice, recording]) => caption(platform, voice, recording)))
    const data = { oneAtATime: summary(alone), fourAtOnce: summary(together) }
    return {
      lines: [
        line('one at a time', data.oneAtATime),
        line('four at once', data.fourAtOnce),
        'to hold: word errors <= 10 %, lag p95 <= 600 ms, beyond endpointing p50 <= 200 ms, first partial p95 <= 500 ms',
      ],
      data,
      held: holds(data.oneAtATime) && holds(data.fourAtOnce),
    }
  } finally {
    await platform.stop()
  }
}

export const benchmark: Benchmark = {
  summary: 'word errors, lag and first partial of 20 sentences in 4 voices, one at a time and four at once',
  run,
}
