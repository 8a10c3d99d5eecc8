// Speaks test sentences to a session at true pace, and keeps what comes back with the instants that matter.

import { concat, SENTENCES, SPEECH_RATE_HZ, silence, synthesise, type Voice } from '@parley/audio/testing'
import { createSession, LagTracker, type ParleySession } from '@parley/client'
import { systemClock } from '@parley/kernel'
import type { Platform } from './platform.ts'

const BLOCK_SAMPLES = SPEECH_RATE_HZ / 50
const BLOCK_MS = 20
/** Below this a flite voice is not audible; what fades under it is not speech. */
const AUDIBLE = 300

export interface SpokenSentence {
  readonly text: string
  /** Audible speech within the recording, ms. */
  readonly startMs: number
  readonly endMs: number
}

export interface Recording {
  readonly samples: Int16Array
  readonly sentences: readonly SpokenSentence[]
}

/** The sentences one after the other, `gapMs` of silence before each and after the last. */
export async function record(voice: Voice, sentences: readonly string[] = SENTENCES, gapMs = 900): Promise<Recording> {
  const parts: Int16Array[] = []
  const spoken: SpokenSentence[] = []
  let atSample = 0
  for (const text of sentences) {
    const gap = silence(gapMs)
    const samples = await synthesise(text, voice)
    let first = samples.findIndex((sample) => Math.abs(sample) > AUDIBLE)
    let last = samples.findLastIndex((sample) => Math.abs(sample) > AUDIBLE)
    atSample += gap.length
    first += atSample
    last += atSample
    spoken.push({ text, startMs: (first * 1000) / SPEECH_RATE_HZ, endMs: (last * 1000) / SPEECH_RATE_HZ })
    parts.push(gap, samples)
    atSample += samples.length
  }
  parts.push(silence(gapMs))
  return { samples: concat(...parts), sentences: spoken }
}

export interface HeardFinal {
  readonly index: number
  readonly text: string
  readonly startMs: number
  readonly endMs: number
  readonly lagMs: number
}

export interface HeardPartial {
  readonly index: number
  readonly text: string
  readonly stable: number
  readonly startMs: number
  /** From the instant at which the audio at media time 0 was due. */
  readonly receivedMs: number
}

export interface Heard {
  readonly finals: readonly HeardFinal[]
  readonly partials: readonly HeardPartial[]
  readonly abandoned: readonly number[]
  /** Instants at which the answer to everything was there, and at which sending had ended; relative to the first frame. */
  readonly endedMs: number
}

/** How far behind a worker may be on a machine that does much else. */
const HEARD_WITHIN_MS = 90_000

/** Streams `samples` at true pace, ends the audio and waits for the answer. The session must be connected; it stays open. */
export async function speak(
  session: ParleySession,
  samples: Int16Array,
  onFrame?: (mediaMs: number) => void,
): Promise<Heard> {
  const finals: HeardFinal[] = []
  const partials: HeardPartial[] = []
  const abandoned: number[] = []
  const tracker = new LagTracker(session.audioFormat.frameMs)
  const startMs = systemClock.nowMs()
  const offMs = (session.stats.mediaTime * 1000) / session.audioFormat.sampleRateHz
  tracker.anchor(offMs, startMs)
  const offCaption = session.on('caption', (caption) => {
    const { index } = caption.utterance
    const { text, stable, receivedAtMs } = caption
    if (caption.kind === 'partial') {
      partials.push({ index, text, stable, startMs: caption.startMs - offMs, receivedMs: receivedAtMs - startMs })
    } else {
      const lagMs = tracker.lagMs(caption.endMs, receivedAtMs) ?? Number.NaN
      finals.push({ index, text, startMs: caption.startMs - offMs, endMs: caption.endMs - offMs, lagMs })
    }
  })
  const offAbandoned = session.on('abandoned', (message) => abandoned.push(message.utterance.index))
  try {
    await pace(session, samples, startMs, onFrame)
    await session.endAudio({ deadlineMs: HEARD_WITHIN_MS })
  } finally {
    offCaption()
    offAbandoned()
  }
  return { finals, partials, abandoned, endedMs: systemClock.nowMs() - startMs }
}

async function pace(
  session: ParleySession,
  samples: Int16Array,
  startMs: number,
  onFrame: ((mediaMs: number) => void) | undefined,
): Promise<void> {
  for (let offset = 0, block = 0; offset < samples.length; offset += BLOCK_SAMPLES, block++) {
    const waitMs = startMs + block * BLOCK_MS - systemClock.nowMs()
    if (waitMs > 0) {
      await new Promise<void>((resolve) => {
        systemClock.after(waitMs, resolve)
      })
    }
    if (!session.sendPcm(samples.subarray(offset, offset + BLOCK_SAMPLES)))
      throw new Error('the session ended while speaking')
    onFrame?.(block * BLOCK_MS)
  }
}

const ROOM_WITHIN_MS = 30_000

/** A worker that other work on this machine has made late takes nobody until it has caught up. */
export const createSessionWhenRoom: typeof createSession = (options) =>
  createSession({ ...options, waitForPlaceMs: ROOM_WITHIN_MS })

const WARM_UP_TURNS = 5

/**
 * Resolves when `streams` people can speak at once: a worker takes them as soon as it has one decoder, and loads the others meanwhile, which on a
 * busy machine takes longer than some tests would wait for words.
 */
export async function warmUp({ url, apiKey }: Platform, streams: number): Promise<void> {
  const say = async (): Promise<void> => {
    const session = await createSessionWhenRoom({ url, apiKey, user: 'warm-up', udp: 'off' })
    try {
      await session.connect()
      await speak(session, silence(500))
    } finally {
      await session.close()
    }
  }
  for (let turn = 1; ; turn++) {
    const said = await Promise.allSettled(Array.from({ length: streams }, say))
    const failed = said.find((each) => each.status === 'rejected')
    if (!failed) return
    if (turn === WARM_UP_TURNS) throw failed.reason
  }
}
