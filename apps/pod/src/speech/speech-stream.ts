// One session's stream: keeps its audio, feeds it to whichever worker holds the stream, and runs what the transitions
// decide. Which worker that is, is decided elsewhere (speech-links.ts).
import { assertNever, type Clock } from '@parley/kernel'
import type { WorkerToPod } from '@parley/protocol'
import { type Logger, SPAN, type StageTimer } from '@parley/telemetry'
import type { AudioPool } from './audio-pool.ts'
import { KeptAudio } from './kept-audio.ts'
import type { LinkBatch } from './link-sender.ts'
import type { OpenSpeechOptions, SpeechListener, SpeechStream } from './speech-port.ts'
import type { SpeechStreamState, StreamEffect, Transition } from './speech-stream-state.ts'
import * as transitions from './speech-stream-transitions.ts'
import type { LinkedStream, StreamMessage, WorkerLink } from './worker-link.ts'

/** Settled audio kept before the settled point, so that the next worker's decoder has found its feet when speech begins. */
const PREROLL_MS = 80
/**
 * Unsettled audio that is sent at once after a failover; a recogniser gives up when more than 30 s wait in it. What is
 * kept beyond it follows as the worker settles, or at true pace.
 */
const WINDOW_MS = 20_000
/** A recogniser works in blocks: less unsettled audio than one of them is a rest, not speech. */
const REST_MS = 20
/** Unsettled audio that a stream may have lost its worker over; below it there is only rounding. */
const ROUNDING_MS = 2
/** Flushes of one stream that may be unanswered; the oldest is forgotten beyond it. */
const MAX_FLUSHES = 64
const OPEN_DEADLINE_MS = 15_000
const REFUSED_RETRY_MS = 500
const MIN_BATCH_ROOM_BYTES = 16_384

const POLICY: transitions.StreamPolicy = { maxSetbacks: 4, retryFirstMs: 250, retryMaxMs: 5_000 }

export interface StreamCounters {
  framesTotal: number
  frameBytesTotal: number
  /** Frames at or before one already taken. */
  framesLateTotal: number
  /** Frames given up because a bound on kept audio was reached. */
  framesDroppedTotal: number
  framesExpiredTotal: number
  failoversTotal: number
}

export interface SpeechStreamContext {
  readonly clock: Clock
  readonly pool: AudioPool
  readonly logger: Logger
  readonly counters: StreamCounters
  readonly workerWaitMs: number
  readonly stages: StageTimer
  /** The stream has no worker and would take one. */
  onWaiting(stream: LinkSpeechStream): void
  onClosed(stream: LinkSpeechStream): void
}

interface PendingFlush {
  readonly flushId: number
  /** Number of the first frame after the flush. */
  readonly beforeNo: number
  /** Media time of the end of the audio before it. */
  readonly endMedia: number
  isSent: boolean
}

export class LinkSpeechStream implements SpeechStream, LinkedStream {
  isQueued = false
  readonly #context: SpeechStreamContext
  readonly #options: OpenSpeechOptions
  readonly #listener: SpeechListener
  readonly #kept: KeptAudio
  readonly #samplesPerMs: number
  #state: SpeechStreamState
  #told: 'ready' | 'waiting' | undefined
  #link: WorkerLink | undefined
  #number = 0
  /** Extended media time that the worker's clock of this opening began from: the link carries 32 bits only. */
  #baseMedia: number | undefined
  #flushes: PendingFlush[] = []
  #isHeld = false
  #settledTold = 0
  #openedAtMs = 0
  #openedAtNo = 0
  #dropsSeen = 0

  constructor(context: SpeechStreamContext, options: OpenSpeechOptions, listener: SpeechListener) {
    this.#context = context
    this.#options = options
    this.#listener = listener
    this.#kept = new KeptAudio(context.pool, options.format)
    this.#samplesPerMs = options.format.sampleRateHz / 1000
    this.#state = transitions.newStreamState(options.firstIndex, context.clock.nowMs())
  }

  get language(): string {
    return this.#options.language
  }
  get state(): SpeechStreamState {
    return this.#state
  }
  get keptBytes(): number {
    return this.#kept.bytes
  }

  push(mediaTime: number, payload: Uint8Array, receivedAtWallMs: number): void {
    if (this.#state.kind === 'closed') return
    const { counters, stages } = this.#context
    const kept = this.#kept
    if (kept.pushedNo > 0 && mediaTime <= kept.lastMedia) {
      counters.framesLateTotal++
      return
    }
    counters.framesTotal++
    counters.frameBytesTotal += payload.byteLength
    stages.enter(SPAN.linkKeep)
    kept.push(mediaTime, payload, receivedAtWallMs)
    if (kept.droppedFrames !== this.#dropsSeen) this.#noteDrops()
    if (this.#state.kind === 'live' || this.#state.kind === 'flushing') {
      this.#link?.gather(this, payload.byteLength)
    }
    stages.leave()
  }

  flush(flushId: number): void {
    if (this.#state.kind === 'closed') return
    if (this.#flushes.length >= MAX_FLUSHES) this.#flushes.shift()
    const kept = this.#kept
    this.#flushes.push({ flushId, beforeNo: kept.pushedNo, endMedia: kept.endMedia, isSent: false })
    if (this.#state.kind !== 'live' && this.#state.kind !== 'flushing') return
    this.#link?.gather(this, 0)
    this.#link?.sendNow()
  }

  hold(isHeld: boolean): void {
    if (isHeld === this.#isHeld || this.#state.kind === 'closed') return
    this.#isHeld = isHeld
    // Otherwise the next worker is told when it has opened the stream.
    if (this.#state.kind === 'live' || this.#state.kind === 'flushing') this.#link?.holdStream(this.#number, isHeld)
  }

  close(): void {
    if (this.#state.kind === 'closed') return
    this.#apply(transitions.onClose(this.#state))
    this.#link = undefined
    this.#kept.clear()
    this.#flushes = []
    this.#context.onClosed(this)
  }

  /** Puts the stream on `link`: everything unsettled is sent to it once it has answered. */
  assign(link: WorkerLink): void {
    const state = this.#state
    if (state.kind !== 'waiting') return
    this.#kept.rewind()
    for (const flush of this.#flushes) flush.isSent = false
    const headMedia = this.#kept.headMedia()
    this.#baseMedia = headMedia === undefined ? undefined : wrapBase(headMedia)
    const settledMs = headMedia === undefined ? 0 : state.settledMs - this.#baseMs()
    this.#link = link
    this.#apply(transitions.onAssigned(state, this.#context.clock.nowMs()))
    this.#number = link.openStream(this, {
      sessionId: this.#options.sessionId,
      language: this.#options.language,
      format: this.#options.format,
      firstIndex: state.nextIndex,
      ...(settledMs > 0 ? { settledMs } : {}),
      ...(state.adaptation ? { adaptation: state.adaptation } : {}),
    })
  }

  fill(batch: LinkBatch): 'done' | 'more' | 'later' {
    const kept = this.#kept
    const limitNo = this.#limitNo(batch.nowMs)
    let flushed = false
    for (;;) {
      const flush = this.#flushes.length > 0 ? this.#nextFlush() : undefined
      if (flush && flush.beforeNo <= kept.cursorNo) {
        flush.isSent = true
        flushed = true
        batch.flushes.push({ stream: this.#number, flushId: flush.flushId })
        this.#state = transitions.onFlushSent(this.#state).state
        continue
      }
      if (kept.cursorNo === kept.pushedNo) return 'done'
      if (flushed) return 'more' // what comes after a flush goes into a later message
      if (this.#baseMedia === undefined) this.#baseMedia = wrapBase(kept.headMedia() ?? 0)
      const end = kept.writeNext(batch.bytes, batch.end, this.#number, limitNo)
      if (end < 0) return batch.bytes.byteLength - batch.end < MIN_BATCH_ROOM_BYTES ? 'more' : 'later'
      batch.end = end
    }
  }

  onMessage(message: StreamMessage): void {
    const state = this.#state
    if (state.kind === 'closed') return
    switch (message.type) {
      case 'stream.opened':
        this.#openedAtMs = this.#nowMs()
        this.#openedAtNo = this.#kept.headNo
        // Before its audio: whether the client has gone quiet or its network has, the new worker cannot know either.
        if (this.#isHeld) this.#link?.holdStream(this.#number, true)
        this.#apply(transitions.onOpened(state))
        this.#link?.gather(this, 0)
        this.#link?.sendNow()
        return
      case 'stream.refused':
        this.#detach(transitions.onRefused(state, this.#nowMs(), message.retryAfterMs ?? REFUSED_RETRY_MS))
        return
      case 'stream.failed':
        this.#context.logger.warn({ sessionId: this.#options.sessionId }, 'a speech stream failed on its worker')
        this.#fail()
        return
      case 'settled':
        this.#apply(transitions.onSettled(state, this.#sessionMs(message.settledMs)))
        return
      case 'stream.flushed':
        this.#onFlushed(message)
        return
      case 'partial':
      case 'final':
      case 'abandoned':
        this.#onUtterance(message)
        return
      case 'speak.opened':
      case 'speak.ended':
        return // of streams that speak
      default:
        assertNever(message)
    }
  }

  onLinkLost(): void {
    this.#context.counters.failoversTotal++
    this.#detach(transitions.onLost(this.#state, this.#instant(), POLICY))
  }

  /** Called a few times per second. `nowMs` is monotonic. */
  check(nowMs: number, wallMs: number): void {
    const state = this.#state
    if (state.kind === 'opening' && nowMs - state.openedAtMs >= OPEN_DEADLINE_MS) this.#fail()
    if (state.kind === 'waiting') {
      if (nowMs - state.sinceMs >= this.#context.workerWaitMs) this.#expire(wallMs)
      this.#answerIdleFlushes()
    }
  }

  /** Tells the session of a wait it cannot know of: at the start, when no worker took the stream. */
  tellWaiting(): void {
    if (this.#state.kind === 'waiting') this.#run({ type: 'tell', state: 'waiting', reason: 'no_worker' })
  }

  #onUtterance(message: Extract<WorkerToPod, { type: 'partial' | 'final' | 'abandoned' }>): void {
    if (!transitions.isNextIndex(this.#state, message.index)) {
      this.#context.logger.error({ sessionId: this.#options.sessionId }, 'a worker broke the order of utterances')
      this.#fail()
      return
    }
    const state = this.#state
    if (message.type === 'abandoned') {
      const settledMs = this.#sessionMs(message.settledMs)
      this.#apply(transitions.onAbandoned(state, { ...message, settledMs }))
      return
    }
    const startMs = this.#sessionMs(message.startMs)
    const endMs = this.#sessionMs(message.endMs)
    if (message.type === 'partial') {
      this.#apply(transitions.onPartial(state, { ...message, startMs, endMs }))
      return
    }
    const settledMs = this.#sessionMs(message.settledMs)
    this.#apply(transitions.onFinal(state, { ...message, startMs, endMs, settledMs }))
  }

  #onFlushed(message: Extract<WorkerToPod, { type: 'stream.flushed' }>): void {
    const index = this.#flushes.findIndex((flush) => flush.isSent && flush.flushId === message.flushId)
    if (index < 0) return
    const answered = this.#flushes.splice(0, index + 1)
    const unanswered = this.#flushes.filter((flush) => flush.isSent).length
    this.#apply(transitions.onFlushed(this.#state, this.#sessionMs(message.settledMs), unanswered))
    this.#tellFlushed(answered)
  }

  #fail(): void {
    this.#context.counters.failoversTotal++
    this.#detach(transitions.onFailed(this.#state, this.#instant(), POLICY))
  }

  /** The stream leaves its worker; the kept audio and the unanswered flushes go to the next. */
  #detach(transition: Transition): void {
    if (transition.state === this.#state) return
    this.#apply(transition)
    if (this.#state.kind !== 'waiting') return // closed by whoever was told
    this.#link = undefined
    this.#context.onWaiting(this)
  }

  #apply(transition: Transition): void {
    this.#state = transition.state
    for (const effect of transition.effects) this.#run(effect)
    this.#tellSettled()
  }

  /** Behind the captions of what is settled, in samples of the client: the only place where one becomes the other. */
  #tellSettled(): void {
    if (this.#state.kind === 'closed' || this.#state.settledMs === 0) return
    const media = Math.min(this.#kept.endMedia, Math.round(this.#state.settledMs * this.#samplesPerMs))
    if (media <= this.#settledTold) return
    this.#settledTold = media
    this.#listener.onSettled(media)
  }

  #run(effect: StreamEffect): void {
    switch (effect.type) {
      case 'closeOnWorker':
        this.#link?.closeStream(this.#number)
        return
      case 'trim':
        this.#kept.trim((this.#state.settledMs - PREROLL_MS) * this.#samplesPerMs)
        return
      case 'giveUpAudio':
        this.#context.counters.framesExpiredTotal += this.#kept.pushedNo - this.#kept.headNo
        this.#kept.clear()
        return
      default:
        // Nothing is reported once the session has closed the stream, be it in answer to the effect before.
        if (this.#state.kind !== 'closed') this.#report(effect)
    }
  }

  #report(effect: Exclude<StreamEffect, { type: 'closeOnWorker' | 'trim' | 'giveUpAudio' }>): void {
    switch (effect.type) {
      case 'publishPartial': {
        const { index, text, stable, startMs, endMs } = effect
        this.#listener.onPartial({ index, text, stable, startMs, endMs })
        return
      }
      case 'publishFinal': {
        const { index, text, startMs, endMs, decideMs } = effect
        const finalAtMs = this.#context.clock.wallMs()
        const receivedAtMs = this.#kept.receivedAtMs(endMs * this.#samplesPerMs) ?? finalAtMs
        const marks = { receivedAtMs, endOfSpeechMs: finalAtMs - decideMs, finalAtMs }
        this.#listener.onFinal({ index, text, startMs, endMs, marks })
        return
      }
      case 'publishAbandoned':
        this.#listener.onAbandoned({ index: effect.index, reason: effect.reason })
        return
      case 'tell':
        if (this.#told === effect.state) return
        this.#told = effect.state
        this.#listener.onState(effect.state, effect.reason)
        return
      default:
        assertNever(effect)
    }
  }

  #expire(wallMs: number): void {
    const kept = this.#kept
    this.#context.counters.framesExpiredTotal += kept.dropReceivedBefore(wallMs - this.#context.workerWaitMs)
    const lostUntilMs = (kept.headMedia() ?? kept.endMedia) / this.#samplesPerMs
    if (lostUntilMs - this.#state.settledMs <= REST_MS) return
    this.#apply(transitions.onAudioExpired(this.#state, lostUntilMs))
  }

  /** A flush with nothing unsettled before it needs no worker. */
  #answerIdleFlushes(): void {
    const settledMedia = (this.#state.settledMs + REST_MS) * this.#samplesPerMs
    const first = this.#flushes.findIndex((flush) => flush.endMedia > settledMedia)
    if (first === 0 || this.#flushes.length === 0) return
    this.#tellFlushed(this.#flushes.splice(0, first < 0 ? this.#flushes.length : first))
  }

  #tellFlushed(flushes: readonly PendingFlush[]): void {
    for (const { flushId } of flushes) {
      if (this.#state.kind !== 'closed') this.#listener.onFlushed(flushId)
    }
  }

  #nextFlush(): PendingFlush | undefined {
    return this.#flushes.find((flush) => !flush.isSent)
  }

  /** Number of the first frame that is not to be sent yet. */
  #limitNo(nowMs: number): number {
    const { frameMs } = this.#options.format
    const fromNo = Math.max(this.#kept.headNo, this.#openedAtNo + (nowMs - this.#openedAtMs) / frameMs)
    return fromNo + WINDOW_MS / frameMs
  }

  #noteDrops(): void {
    if (this.#dropsSeen === 0) {
      this.#context.logger.warn({ sessionId: this.#options.sessionId }, 'kept audio is full; the oldest goes')
    }
    this.#context.counters.framesDroppedTotal += this.#kept.droppedFrames - this.#dropsSeen
    this.#dropsSeen = this.#kept.droppedFrames
  }

  #instant(): transitions.Instant {
    const pushedMs = this.#kept.endMedia / this.#samplesPerMs
    return { nowMs: this.#nowMs(), pushedMs, hasUnsettled: pushedMs - this.#state.settledMs > ROUNDING_MS }
  }

  #nowMs(): number {
    return this.#context.clock.nowMs()
  }

  #baseMs(): number {
    return (this.#baseMedia ?? 0) / this.#samplesPerMs
  }

  /** Media time of this opening -> of the session. */
  #sessionMs(workerMs: number): number {
    return workerMs + this.#baseMs()
  }
}

const wrapBase = (media: number): number => media - (media % 0x1_0000_0000)
