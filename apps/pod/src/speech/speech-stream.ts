// One session's stream: keeps its audio, feeds it to whichever worker holds the stream, and runs what the transitions
// decide. Which worker that is, is decided elsewhere (speech-links.ts).
import { compareTokens } from '@parley/fleet'
import { assertNever } from '@parley/kernel'
import type { AdaptationState, SessionFence, WorkerToPod } from '@parley/protocol'
import { SPAN } from '@parley/telemetry'
import { KeptAudio } from './kept-audio.ts'
import type { LinkBatch } from './link-sender.ts'
import type { LinkedStream, StreamMessage } from './linked-stream.ts'
import { type PendingFlush, PendingFlushes } from './pending-flushes.ts'
import type { OpenSpeechOptions, SpeechListener, SpeechStream } from './speech-port.ts'
import type { SpeechStreamContext } from './speech-stream-context.ts'
import type { SpeechStreamState, StreamEffect, Transition } from './speech-stream-state.ts'
import * as transitions from './speech-stream-transitions.ts'
import type { PlaceWish } from './stream-placer.ts'
import { StreamProgress } from './stream-progress.ts'
import { StreamReporter } from './stream-reporter.ts'
import type { WorkerLink } from './worker-link.ts'

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
const OPEN_DEADLINE_MS = 15_000
const REFUSED_RETRY_MS = 500
const MIN_BATCH_ROOM_BYTES = 16_384

const POLICY: transitions.StreamPolicy = { maxSetbacks: 6, retryFirstMs: 250, retryMaxMs: 5_000 }

export class LinkSpeechStream implements SpeechStream, LinkedStream {
  isQueued = false
  /** How often the stream was moved for being behind, and when last; kept by who moves it. */
  movesBehind = 0
  movedBehindAtMs = 0
  readonly wish: PlaceWish
  readonly #context: SpeechStreamContext<LinkSpeechStream>
  readonly #options: OpenSpeechOptions
  readonly #reporter: StreamReporter
  readonly #progress = new StreamProgress()
  readonly #kept: KeptAudio
  readonly #samplesPerMs: number
  #state: SpeechStreamState
  #link: WorkerLink | undefined
  #number = 0
  /** Extended media time that the worker's clock of this opening began from: the link carries 32 bits only. */
  #baseMedia: number | undefined
  readonly #flushes = new PendingFlushes()
  #isHeld = false
  /** Of the last opening. */
  #fence: SessionFence | undefined
  /** What a worker has turned away: no other is asked before the session's token is greater. */
  #fencedOff: SessionFence | undefined
  #openedAtMs = 0
  #openedAtNo = 0
  #dropsSeen = 0
  readonly #spreadRatio: number

  constructor(
    context: SpeechStreamContext<LinkSpeechStream>,
    wish: PlaceWish,
    options: OpenSpeechOptions,
    listener: SpeechListener,
  ) {
    this.#context = context
    this.wish = wish
    this.#options = options
    this.#kept = new KeptAudio(context.pool, options.format)
    this.#samplesPerMs = options.format.sampleRateHz / 1000
    this.#reporter = new StreamReporter(context.clock, this.#kept, this.#samplesPerMs, listener)
    this.#spreadRatio = context.nextSpreadRatio()
    const { firstIndex, resumes } = options
    const known = { settledMs: (resumes?.settledMediaTime ?? 0) / this.#samplesPerMs, adaptation: resumes?.adaptation }
    this.#state = transitions.newStreamState(firstIndex, context.clock.nowMs(), known)
  }

  /** Who holds the stream, or is about to; undefined while it waits. */
  get link(): WorkerLink | undefined {
    return this.#link
  }
  get state(): SpeechStreamState {
    return this.#state
  }

  adaptation(): AdaptationState | undefined {
    return this.#state.adaptation
  }

  /** A worker has it and takes its audio. */
  get isHeldByWorker(): boolean {
    return this.#state.kind === 'live' || this.#state.kind === 'flushing'
  }

  /** Its session is another pod's, as far as workers know. */
  get isFencedOff(): boolean {
    if (!this.#fencedOff) return false
    const fence = this.#context.fenceOf(this.#options.sessionId)
    return !fence || compareTokens(fence, this.#fencedOff) <= 0
  }

  /** A worker has it, and nothing is being said or flushed that it would have to begin anew elsewhere. */
  get isBetweenUtterances(): boolean {
    return this.#state.kind === 'live' && !this.#state.utteranceOpen
  }

  /** How far its worker is behind, as of the last check; undefined while it is owed no answer (BH1). */
  get lagMs(): number | undefined {
    if (!this.isHeldByWorker) return undefined
    return this.#progress.lagMs(this.#nowMs(), this.#endMs, this.#flushes.oldestSent)
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
    if (this.isHeldByWorker) this.#link?.gather(this, payload.byteLength)
    stages.leave()
  }

  flush(flushId: number): void {
    if (this.#state.kind === 'closed') return
    this.#flushes.add(flushId, this.#kept.pushedNo, this.#kept.endMedia)
    if (!this.isHeldByWorker) return
    this.#link?.gather(this, 0)
    this.#link?.sendNow()
  }

  hold(isHeld: boolean): void {
    if (isHeld === this.#isHeld || this.#state.kind === 'closed') return
    this.#isHeld = isHeld
    // Otherwise the next worker is told when it has opened the stream.
    if (this.isHeldByWorker) this.#link?.holdStream(this.#number, isHeld)
  }

  close(): void {
    if (this.#state.kind === 'closed') return
    this.#apply(transitions.onClose(this.#state))
    this.#link = undefined
    this.#kept.clear()
    this.#flushes.clear()
    this.#context.onClosed(this)
  }

  /** Puts the stream on `link`: everything unsettled is sent to it once it has answered. */
  assign(link: WorkerLink): void {
    if (this.#state.kind !== 'waiting') return
    this.#apply(transitions.onAssigned(this.#state, this.#nowMs()))
    this.#openOn(link)
  }

  /** Takes the stream from the worker that holds it, which could go on, and puts it on `link`. The session does not notice. */
  moveTo(link: WorkerLink): void {
    if (!this.isHeldByWorker) return
    this.#apply(transitions.onMoved(this.#state, this.#nowMs()))
    this.#openOn(link)
  }

  #openOn(link: WorkerLink): void {
    const { settledMs: sessionSettledMs, nextIndex, adaptation } = this.#state
    this.#kept.rewind()
    this.#flushes.unsend()
    // Of a session that another pod had the place is known before any audio comes.
    const headMedia = this.#kept.headMedia() ?? this.#options.resumes?.settledMediaTime
    this.#baseMedia = headMedia === undefined ? undefined : wrapBase(headMedia)
    const settledMs = headMedia === undefined ? 0 : sessionSettledMs - this.#baseMs()
    this.#progress.restart(sessionSettledMs)
    this.#link = link
    const { sessionId, language, format, wantsWords } = this.#options
    this.#fence = this.#context.fenceOf(sessionId)
    this.#number = link.openStream(this, {
      sessionId,
      language,
      format,
      firstIndex: nextIndex,
      ...(settledMs > 0 ? { settledMs } : {}),
      ...(adaptation ? { adaptation } : {}),
      ...(wantsWords ? { wantsWords } : {}),
      ...(this.#fence ? { fence: this.#fence } : {}),
    })
  }

  fill(batch: LinkBatch): 'done' | 'more' | 'later' {
    const kept = this.#kept
    const limitNo = this.#limitNo(batch.nowMs)
    let flushed = false
    for (;;) {
      const flush = this.#flushes.next()
      if (flush && flush.beforeNo <= kept.cursorNo) {
        flush.sentAtMs = batch.nowMs
        flush.unansweredMs = this.#progress.unansweredMs(this.#endMs)
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
    if ('code' in message && message.code === 'FENCED') {
      this.#onFenced()
      return
    }
    if ('settledMs' in message) this.#progress.answered(this.#sessionMs(message.settledMs))
    switch (message.type) {
      case 'stream.opened':
        this.#openedAtMs = this.#nowMs()
        this.#openedAtNo = this.#kept.headNo
        this.#progress.opened(this.#openedAtMs, this.#endMs)
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
        this.#fail() // the link has counted it
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

  onLinkLost(wasWanted: boolean): void {
    this.#context.counters.failoversTotal++
    const hasSent = this.#kept.cursorNo > this.#kept.headNo
    this.#detach(transitions.onLost(this.#state, this.#instant(hasSent && !wasWanted), POLICY))
  }

  onWorkerDied(): void {
    this.#detach(transitions.onWorkerDied(this.#state, this.#instant(true), POLICY))
  }

  /** Called a few times per second. `nowMs` is monotonic. */
  check(nowMs: number, wallMs: number): void {
    const state = this.#state
    this.#progress.check(this.#kept.pushedNo)
    if (state.kind === 'opening' && nowMs - state.openedAtMs >= OPEN_DEADLINE_MS)
      this.#failOn('no answer to an opening')
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
      this.#failOn('a worker broke the order of utterances')
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
      this.#progress.answered(endMs)
      this.#apply(transitions.onPartial(state, { ...message, startMs, endMs }))
      return
    }
    const settledMs = this.#sessionMs(message.settledMs)
    this.#apply(
      transitions.onFinal(state, { ...transitions.wordsMoved(message, this.#baseMs()), startMs, endMs, settledMs }),
    )
  }

  #onFlushed(message: Extract<WorkerToPod, { type: 'stream.flushed' }>): void {
    const answered = this.#flushes.takeAnswered(message.flushId)
    if (answered.length === 0) return
    this.#apply(transitions.onFlushed(this.#state, this.#sessionMs(message.settledMs), this.#flushes.sent))
    this.#tellFlushed(answered)
  }

  #onFenced(): void {
    const { sessionId } = this.#options
    this.#context.logger.warn({ sessionId, fence: this.#fence }, 'a worker knows another owner of a session')
    this.#fencedOff = this.#fence
    this.#detach(transitions.onFenced(this.#state, this.#nowMs(), REFUSED_RETRY_MS))
    this.#context.onFenced(sessionId)
  }

  /** The worker is to blame, and did not say so itself. */
  #failOn(why: string): void {
    this.#context.logger.error({ sessionId: this.#options.sessionId, workerId: this.#link?.workerId }, why)
    this.#link?.health.failed()
    this.#fail()
  }

  #fail(): void {
    this.#context.counters.failoversTotal++
    this.#detach(transitions.onFailed(this.#state, this.#instant(true), POLICY))
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
    // Behind the captions of what is settled.
    if (this.#state.kind !== 'closed') this.#reporter.settled(this.#state.settledMs)
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
        if (this.#state.kind !== 'closed') this.#reporter.report(effect)
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
    this.#tellFlushed(this.#flushes.takeUntil((this.#state.settledMs + REST_MS) * this.#samplesPerMs))
  }

  #tellFlushed(flushes: readonly PendingFlush[]): void {
    for (const { flushId } of flushes) {
      if (this.#state.kind !== 'closed') this.#reporter.flushed(flushId)
    }
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

  #instant(isAudioSuspect: boolean): transitions.Instant {
    const [pushedMs, spreadRatio] = [this.#endMs, this.#spreadRatio]
    const hasUnsettled = pushedMs - this.#state.settledMs > ROUNDING_MS
    return { nowMs: this.#nowMs(), pushedMs, hasUnsettled, isAudioSuspect, spreadRatio }
  }

  /** Media time of the end of the audio pushed so far. */
  get #endMs(): number {
    return this.#kept.endMedia / this.#samplesPerMs
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
