// The ears of the fake provider: a recogniser of the platform, for files and for live streams.
import { createResampler, parseWav, type Resampler } from '@parley/audio'
import { type Clock, err, ok, type Result, sleep } from '@parley/kernel'
import type { EarsListener, EarsStream, FakeEars, HeardFile } from '@parley/providers/fake'
import { RECOGNISER_RATE_HZ, type Recogniser, type RecognitionStream } from '../recogniser.ts'

const SAMPLES_PER_MS = RECOGNISER_RATE_HZ / 1000
/** Of a long file; a stream holds 30 s that it has not heard. */
const STEP_SAMPLES = 5_000 * SAMPLES_PER_MS
const MAX_WAITING_MS = 12_000
const LOOK_EVERY_MS = 50

/** `recogniser` is started already. */
export function createRecogniserEars(recogniser: Recogniser, clock: Clock): FakeEars {
  return {
    get languages() {
      return recogniser.status().languages
    },
    async transcribe(file, language) {
      const wav = parseWav(file)
      if (!wav.ok) return err(`the file is not a WAV file that can be read: ${wav.error.message}`)
      const { samples, sampleRateHz } = wav.value
      const resampler = await createResampler(sampleRateHz, RECOGNISER_RATE_HZ)
      const parts = [resampler.process(samples).slice(), resampler.flush().slice()]
      resampler.close()
      return hearFile(recogniser, clock, parts, language)
    },
    async open(language, sampleRateHz, listener) {
      const resampler = await createResampler(sampleRateHz, RECOGNISER_RATE_HZ)
      const opened = await recogniser.openStream({ language, firstIndex: 0 }, liveListener(listener))
      if (opened.ok) return ok(liveStream(opened.value, resampler))
      resampler.close()
      return err(opened.error.message)
    },
  }
}

async function hearFile(
  recogniser: Recogniser,
  clock: Clock,
  parts: readonly Int16Array[],
  language: string,
): Promise<Result<HeardFile, string>> {
  const utterances: { text: string; startMs: number; endMs: number }[] = []
  const ended = Promise.withResolvers<string | undefined>()
  const opened = await recogniser.openStream(
    { language, firstIndex: 0 },
    {
      onPartial() {},
      onFinal: ({ text, startMs, endMs }) => void utterances.push({ text, startMs, endMs }),
      onAbandoned() {},
      onSettled() {},
      onFlushed: () => ended.resolve(undefined),
      onFailed: (message) => ended.resolve(message),
    },
  )
  if (!opened.ok) return err(opened.error.message)
  let pushed = 0
  for (const part of parts) {
    for (let at = 0; at < part.length; at += STEP_SAMPLES) {
      while ((recogniser.status().backlog?.audioMs ?? 0) > MAX_WAITING_MS) await sleep(clock, LOOK_EVERY_MS)
      const step = part.subarray(at, at + STEP_SAMPLES)
      opened.value.push(pushed / SAMPLES_PER_MS, step)
      pushed += step.length
    }
  }
  opened.value.flush(0)
  const problem = await ended.promise
  await opened.value.close()
  if (problem !== undefined) return err(problem)
  const text = utterances.map((utterance) => utterance.text).join(' ')
  return ok({ text, durationMs: pushed / SAMPLES_PER_MS, utterances })
}

function liveListener(listener: EarsListener) {
  return {
    onPartial: ({ text, startMs, endMs }: { text: string; startMs: number; endMs: number }) =>
      listener.onPartial(text, startMs, endMs),
    onFinal: ({ text, startMs, endMs }: { text: string; startMs: number; endMs: number }) =>
      listener.onFinal(text, startMs, endMs),
    onAbandoned: ({ settledMs }: { settledMs: number }) => listener.onSilent(settledMs),
    onSettled: (settledMs: number) => listener.onSilent(settledMs),
    onFlushed: (_: number, settledMs: number) => listener.onFlushed(settledMs),
    onFailed: (message: string) => listener.onFailed(message),
  }
}

function liveStream(stream: RecognitionStream, resampler: Resampler): EarsStream {
  let pushed = 0
  let flushes = 0
  return {
    push(samples) {
      const resampled = resampler.process(samples)
      stream.push(pushed / SAMPLES_PER_MS, resampled)
      pushed += resampled.length
    },
    flush: () => stream.flush(flushes++),
    async close() {
      await stream.close()
      resampler.close()
    },
  }
}
