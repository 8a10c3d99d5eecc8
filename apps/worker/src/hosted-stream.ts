// One stream of one session on this worker: opens it on the recogniser, feeds it, and reports what it says under its own
// number. Everything it holds dies with it; a fault in it ends it and nothing else.
import { createResampler } from '@parley/audio'
import { createDecoder } from '@parley/audio/codecs'
import { withDeadline } from '@parley/kernel'
import type { PodToWorker, WorkerToPod } from '@parley/protocol'
import {
  RECOGNISER_RATE_HZ,
  type Recogniser,
  type RecogniserRefusal,
  type RecognitionListener,
  type RecognitionStream,
} from '@parley/speech'
import type { HostContext } from './host-context.ts'
import { MediaFeed } from './media-feed.ts'
import type { GivesWay } from './session-fences.ts'

const OPEN_DEADLINE_MS = 10_000
/** For the streams that give way to this one; when it is over there may be no slot yet, which is said as ever. */
const GIVE_WAY_DEADLINE_MS = 2_000
const BUSY_RETRY_MS = 1_000

export type OpenMessage = Extract<PodToWorker, { type: 'stream.open' }>

type State =
  | { readonly kind: 'opening' }
  | { readonly kind: 'live'; readonly feed: MediaFeed; readonly recognition: RecognitionStream }
  | { readonly kind: 'ended' }

export class HostedStream implements GivesWay {
  readonly #context: HostContext
  readonly #open: OpenMessage
  readonly #send: (message: WorkerToPod) => void
  readonly #onEnded: () => void
  #state: State = { kind: 'opening' }
  #isHeld = false

  /** Starts opening at once; answers with stream.opened or stream.refused. `onEnded` is called when it ends by itself. */
  constructor(context: HostContext, open: OpenMessage, send: (message: WorkerToPod) => void, onEnded: () => void) {
    this.#context = context
    this.#open = open
    this.#send = send
    this.#onEnded = onEnded
    void this.#start()
  }

  /** One frame. Frames that come while the stream is not open are dropped and counted. */
  push(mediaTime: number, payload: Uint8Array): void {
    if (this.#state.kind !== 'live') {
      this.#context.counters.framesStrayTotal++
      return
    }
    try {
      this.#state.feed.push(mediaTime, payload)
    } catch (error) {
      this.#fail(error)
    }
  }

  flush(flushId: number): void {
    if (this.#state.kind !== 'live') return
    try {
      this.#state.feed.flush()
      this.#state.recognition.flush(flushId)
    } catch (error) {
      this.#fail(error)
    }
  }

  /** Audio is missing that may still come: nothing ends for want of it. Also before the stream is open. */
  hold(isHeld: boolean): void {
    this.#isHeld = isHeld
    if (this.#state.kind === 'live') this.#state.recognition.hold(isHeld)
  }

  /** Frees the slot; nothing is sent after this. Idempotent. */
  async close(): Promise<void> {
    const state = this.#state
    this.#state = { kind: 'ended' }
    this.#leaveFence()
    if (state.kind !== 'live') return
    state.feed.close()
    await this.#giveBack(state.recognition)
  }

  async giveWay(): Promise<void> {
    if (this.#state.kind === 'ended') return
    const { stream, sessionId } = this.#open
    this.#context.logger.info({ stream, sessionId }, 'a stream ends: its session has another owner')
    const type = this.#state.kind === 'opening' ? 'stream.refused' : 'stream.failed'
    this.#send({ type, stream, code: 'FENCED', message: 'the session has another owner by now' })
    const closing = this.close()
    this.#onEnded()
    await closing
  }

  async #start(): Promise<void> {
    const { counters, logger } = this.#context
    let refusal: Refusal | undefined
    try {
      refusal = (await this.#passFence()) ?? (await this.#prepare())
    } catch (error) {
      logger.error({ err: error, stream: this.#open.stream }, 'a stream could not be opened')
      refusal = { code: 'SPEECH_UNAVAILABLE', message: 'the stream could not be opened', retryAfterMs: BUSY_RETRY_MS }
    }
    if (!refusal || this.#state.kind === 'ended') return
    counters.streamsRefusedTotal++
    this.#state = { kind: 'ended' }
    this.#leaveFence()
    this.#send({ type: 'stream.refused', stream: this.#open.stream, ...refusal })
    this.#onEnded()
  }

  /** Streams of the owner before this one end first, so that their slots are free. */
  async #passFence(): Promise<Refusal | undefined> {
    const { sessionId, fence } = this.#open
    if (!fence) return undefined
    const { clock, fences } = this.#context
    const entry = fences.enter(sessionId, fence, this, clock.nowMs())
    if (!entry.isTaken) {
      const seen = `${entry.greatest.epoch}:${entry.greatest.counter}`
      const message = `the session has another owner by now: ${fence.epoch}:${fence.counter} is lower than ${seen}`
      return { code: 'FENCED', message }
    }
    if (entry.superseded.length === 0) return undefined
    const ended = Promise.all(entry.superseded.map((stream) => stream.giveWay()))
    await withDeadline(clock, GIVE_WAY_DEADLINE_MS, 'ending the streams of an older token', ended).catch(() => {})
    return undefined
  }

  #leaveFence(): void {
    this.#context.fences.leave(this.#open.sessionId, this, this.#context.clock.nowMs())
  }

  /** Takes what a live stream needs; whatever was taken is given back when the stream has ended meanwhile. */
  async #prepare(): Promise<Refusal | undefined> {
    const { format, settledMs = 0 } = this.#open
    const { counters, recogniser } = this.#context
    const refusal = this.#context.refusal('recognise')
    if (refusal || !recogniser) return refusal
    const decoder = await createDecoder(format)
    if (!decoder.ok) return { code: 'AUDIO_FORMAT_UNSUPPORTED', message: decoder.error.message }
    const resampler = await createResampler(format.sampleRateHz, RECOGNISER_RATE_HZ)
    const recognition = await this.#openRecognition(recogniser).catch((error: unknown) => {
      decoder.value.close()
      resampler.close()
      throw error
    })
    if (!recognition.ok || this.#state.kind === 'ended') {
      decoder.value.close()
      resampler.close()
      if (!recognition.ok) return recognition.error
      await this.#giveBack(recognition.value)
      return undefined
    }
    const stream = recognition.value
    const onSamples = (mediaMs: number, samples: Int16Array) => stream.push(mediaMs, samples)
    const feed = new MediaFeed({ format, decoder: decoder.value, resampler, settledMs, counters, onSamples })
    this.#state = { kind: 'live', feed, recognition: stream }
    if (this.#isHeld) stream.hold(true)
    counters.streamsOpenedTotal++
    this.#send({ type: 'stream.opened', stream: this.#open.stream })
    this.#context.onSlotsChanged()
    return undefined
  }

  async #openRecognition(recogniser: Recogniser) {
    const { language, firstIndex, adaptation, wantsWords = false } = this.#open
    const options = { language, firstIndex, wantsWords, ...(adaptation ? { adaptation } : {}) }
    let isLate = false
    const opening = recogniser.openStream(options, this.#listener())
    // A slot that comes after the deadline goes straight back.
    opening
      .then((late) => {
        if (isLate && late.ok) void this.#giveBack(late.value)
      })
      .catch(() => {})
    return withDeadline(this.#context.clock, OPEN_DEADLINE_MS, 'opening a stream', opening).catch((error: unknown) => {
      isLate = true
      throw error
    })
  }

  #listener(): RecognitionListener {
    const stream = this.#open.stream
    const report = (message: WorkerToPod) => {
      if (this.#state.kind === 'live') this.#send(message)
    }
    return {
      onPartial: (partial) => report({ type: 'partial', stream, ...partial }),
      onFinal: (final) => report({ type: 'final', stream, ...final, settledMs: mediaMs(final.settledMs) }),
      onAbandoned: (abandoned) => {
        report({ type: 'abandoned', stream, ...abandoned, settledMs: mediaMs(abandoned.settledMs) })
      },
      onSettled: (settledMs) => report({ type: 'settled', stream, settledMs: mediaMs(settledMs) }),
      onFlushed: (flushId, settledMs) => {
        report({ type: 'stream.flushed', stream, flushId, settledMs: mediaMs(settledMs) })
      },
      onFailed: (message) => this.#fail(new Error(message)),
    }
  }

  /** The stream is broken: the pod is told and opens it elsewhere. Only this stream ends. */
  #fail(error: unknown): void {
    if (this.#state.kind !== 'live') return
    this.#context.counters.streamsFailedTotal++
    this.#context.logger.error({ err: error, stream: this.#open.stream }, 'a stream failed')
    this.#send({ type: 'stream.failed', stream: this.#open.stream, message: 'recognition failed' })
    void this.close()
    this.#onEnded()
  }

  async #giveBack(recognition: RecognitionStream): Promise<void> {
    try {
      await recognition.close()
    } catch (error) {
      this.#context.logger.error({ err: error, stream: this.#open.stream }, 'a stream could not be closed')
    }
    this.#context.onSlotsChanged()
  }
}

/** A recogniser that has heard nothing may know no time; on the link that is the beginning. */
const mediaMs = (ms: number): number => (Number.isFinite(ms) && ms > 0 ? ms : 0)

type Refusal =
  | RecogniserRefusal
  | { readonly code: 'AUDIO_FORMAT_UNSUPPORTED' | 'FENCED'; readonly message: string; readonly retryAfterMs?: number }
