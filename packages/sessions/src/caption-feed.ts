// From recognition to everybody who follows one session: numbers utterances and events, encodes each caption once, keeps the
// newest events. Who follows is audience.ts's affair, what state the session is in session.ts's, which closes the feed with it.
import {
  type AbandonReason,
  MAX_CHECKPOINT_HISTORY_BYTES,
  type ServerMessage,
  type SessionCheckpoint,
  type UtteranceId,
} from '@parley/protocol'
import { NO_STAGES, SPAN, type StageTimer } from '@parley/telemetry'
import { Audience, type Readers } from './audience.ts'
import { type AwaitedEnd, AwaitedEnds } from './awaited-ends.ts'
import { encodeServer } from './encode.ts'
import { EventHistory, type HistoryEvent, type HistoryLimits, type HistoryPage } from './event-history.ts'
import { type Hearing, hearsEvent } from './hearing.ts'
import {
  type CaptionSink,
  type FinalCaption,
  type PartialCaption,
  SETTLED_KEY,
  SPEECH_KEY,
  type SpeechState,
} from './ports.ts'
import type { SessionCounters } from './session-counters.ts'
import type { SaidFinal } from './session-witness.ts'
import type { RefinedCaption } from './text-port.ts'
import { UtteranceLog } from './utterance-log.ts'

/** Finals shown to a watcher that joins late. */
export const REPLAYED_FINALS = 5
/** The owner is told what is settled at most this often, unless SETTLED_STEP_MS of audio were settled meanwhile. */
export const SETTLED_EVERY_MS = 5_000
export const SETTLED_STEP_MS = 10_000
/** Rises with each change of owner of the session; the pod that made it is the first. */
const FIRST_EPOCH = 1

/** What a further owner of the session goes on from. */
export type FeedCheckpoint = Pick<
  SessionCheckpoint,
  'epoch' | 'seq' | 'nextIndex' | 'finals' | 'abandoned' | 'settledMediaTime' | 'history' | 'due'
>

/** Events sent again to who has missed them. */
export interface Replay {
  /** The client counts on from here. */
  readonly afterSeq: number
  /** seq of the first event that is sent again, when not all are. */
  readonly truncatedTo: number | undefined
  readonly messages: readonly Buffer[]
}

/** Whoever makes something of the captions. */
export interface CaptionRefiner {
  /** Number of what became due last. */
  readonly lastSerial: number
  /** Has everything up to that number ended? */
  isDone(serial: number): boolean
  /** Translations of finals that are under way. */
  readonly due: readonly { readonly index: number; readonly language: string }[]
  partial(caption: RefinedCaption): void
  final(caption: RefinedCaption): void
  abandoned(index: number): void
  close(): void
}

export class CaptionFeed implements CaptionSink {
  readonly epoch: number
  readonly audience = new Audience()
  /** Undefined while nobody wants anything but captions. */
  refiner: CaptionRefiner | undefined
  /** Told of each final, and of what was made of it; undefined where nobody keeps records. */
  onSaid: ((final: SaidFinal) => void) | undefined
  readonly #language: string
  readonly #counters: SessionCounters
  readonly #stages: StageTimer
  readonly #utterances: UtteranceLog
  readonly #history: EventHistory
  readonly #ends = new AwaitedEnds()
  #speech: SpeechState = 'ready'
  #finals = 0
  #abandoned = 0
  #settledMediaTime = 0
  #settledTold = 0
  #settledToldMs = 0
  #isClosed = false
  /** What has come since it was frozen; undefined while it is not. */
  #frozen: (() => void)[] | undefined

  /** `from`: of the session at its owner before. */
  constructor(
    language: string,
    counters: SessionCounters,
    historyLimits: HistoryLimits,
    stages: StageTimer = NO_STAGES,
    from?: FeedCheckpoint,
  ) {
    this.#language = language
    this.#counters = counters
    this.#stages = stages
    this.#history = new EventHistory(historyLimits)
    this.epoch = from === undefined ? FIRST_EPOCH : from.epoch + 1
    this.#utterances = new UtteranceLog(from?.nextIndex ?? 0)
    if (!from) return
    this.#history.restore(from.history, from.seq)
    this.#finals = from.finals
    this.#abandoned = from.abandoned
    this.#settledMediaTime = from.settledMediaTime
    this.#settledTold = from.settledMediaTime
  }

  get finals(): number {
    return this.#finals
  }
  /** seq of the newest event. */
  get seq(): number {
    return this.#history.seq
  }
  get speech(): SpeechState {
    return this.#speech
  }
  get nextIndex(): number {
    return this.#utterances.nextIndex
  }
  /** Samples of the client before this one are recognised for good. */
  get settledMediaTime(): number {
    return this.#settledMediaTime
  }

  /** Nothing is being said, and nothing that was said is still to be made into something. */
  get isQuiet(): boolean {
    const { refiner } = this
    return this.#utterances.openCount === 0 && (refiner === undefined || refiner.isDone(refiner.lastSerial))
  }

  // ---- from owner to owner ----

  get checkpoint(): FeedCheckpoint {
    return {
      epoch: this.epoch,
      seq: this.seq,
      nextIndex: this.nextIndex,
      finals: this.#finals,
      abandoned: this.#abandoned,
      settledMediaTime: this.#settledMediaTime,
      history: this.#history.newest(MAX_CHECKPOINT_HISTORY_BYTES),
      due: this.refiner?.due.map(({ index, language }) => ({ epoch: this.epoch, index, language })) ?? [],
    }
  }

  /** The owner before had told more than is known of it: events up to `seq`, audio up to `mediaTime`. */
  goOnAfter(seq: number, mediaTime: number): void {
    this.#history.goOnAfter(seq)
    this.settled(mediaTime)
  }

  /** Translations that nobody makes any more (TX1). */
  giveUp(due: NonNullable<SessionCheckpoint['due']>): void {
    for (const { epoch, index, language } of due) {
      const utterance = { epoch, index }
      const failed = { type: 'translation.failed', utterance, language, reason: 'unavailable' } as const
      this.refinedFinal('translation', { language }, undefined, (seq) => ({ ...failed, seq }))
    }
  }

  /** Nothing is told from now on; what comes is kept for `thaw`, for the moment that a hand-over takes. */
  freeze(): void {
    this.#frozen ??= []
  }

  /** Goes on here, with what has come meanwhile. */
  thaw(): void {
    const kept = this.#frozen
    this.#frozen = undefined
    for (const each of kept ?? []) each()
    this.onRefined()
  }

  /** It goes on elsewhere: nothing more is told, not even an end. */
  drop(): void {
    this.#isClosed = true
    this.#frozen = undefined
    this.refiner?.close()
    this.#history.clear()
  }

  /** True: `later` will be done when the hand-over has failed, or never. */
  #isHeldBack(later: () => void): boolean {
    this.#frozen?.push(later)
    return this.#frozen !== undefined
  }

  // ---- what has happened ----

  /** The last few finals, and whatever has happened since the first of them, for a watcher that joins now. */
  recent(hearing: Hearing): Replay {
    const events = this.#history.tail(REPLAYED_FINALS)
    const first = events[0]
    const afterSeq = first ? first.seq - 1 : this.#history.seq
    const wanted = events.filter((event) => hearsEvent(hearing, event, false))
    return { afterSeq, truncatedTo: undefined, messages: wanted.map(encodeEvent) }
  }

  /** What somebody who has seen events up to `seq` has missed; `isOwner`: it hears answers to what it has asked for, too. */
  missed(seq: number, hearing: Hearing, isOwner = true): Replay {
    const { events, truncatedTo } = this.#history.after(seq, (event) => hearsEvent(hearing, event, isOwner))
    if (truncatedTo !== undefined) this.#counters.truncatedTotal++
    const afterSeq = truncatedTo === undefined ? seq : truncatedTo - 1
    return { afterSeq, truncatedTo, messages: events.map(encodeEvent) }
  }

  /** At most `limit` events after `afterSeq`, as they were sent; and the seq of the oldest that is kept, 0 = none. */
  page(afterSeq: number, limit: number): HistoryPage & { readonly firstSeq: number } {
    return { ...this.#history.page(afterSeq, limit), firstSeq: this.#history.firstSeq }
  }

  // ---- audio.end ----

  /** Remembers that audio.ended is due; the id for the flush, or undefined when MAX_PENDING_FLUSHES are due already. */
  awaitFlush(lastSeq: number, requestId: string | undefined): number | undefined {
    return this.#ends.add(lastSeq, requestId)
  }

  // ---- from recognition ----

  partial(partial: PartialCaption): void {
    // Partials are void at once when a newer one comes: none is kept.
    if (this.#isClosed || this.#frozen) return
    const revision = this.#utterances.revise(partial.index)
    if (revision === 0) return
    this.#counters.partialsTotal++
    if (!this.audience.wantsPartials()) return
    const stages = this.#stages
    stages.enter(SPAN.json)
    const message = encodeServer({
      type: 'caption',
      kind: 'partial',
      utterance: this.utterance(partial.index),
      revision,
      text: partial.text,
      stable: partial.stable,
      startMs: partial.startMs,
      endMs: partial.endMs,
      language: this.#language,
    })
    stages.leave()
    stages.enter(SPAN.fanOut)
    this.audience.partial(partial.index, message)
    stages.leave()
    this.refiner?.partial({ ...captionOf(partial), revision })
  }

  final(final: FinalCaption): void {
    if (this.#isClosed || this.#isHeldBack(() => this.final(final))) return
    const revision = this.#utterances.settle(final.index)
    if (revision === 0) return
    this.#finals++
    this.#counters.finalsTotal++
    const seq = this.#history.nextSeq()
    this.#publish(final.index, seq, 'final', {
      type: 'caption',
      kind: 'final',
      utterance: this.utterance(final.index),
      revision,
      seq,
      text: final.text,
      stable: final.text.length,
      startMs: final.startMs,
      endMs: final.endMs,
      language: this.#language,
      marks: final.marks,
    })
    this.said('final', { ...final, revision }, this.#language, final.text)
    this.refiner?.final({ ...captionOf(final), revision })
  }

  abandoned(index: number, reason: AbandonReason): void {
    if (this.#isClosed || this.#isHeldBack(() => this.abandoned(index, reason))) return
    if (this.#utterances.settle(index) === 0) return
    this.#abandoned++
    this.#counters.abandonedTotal++
    const seq = this.#history.nextSeq()
    this.#publish(index, seq, 'abandoned', { type: 'abandoned', utterance: this.utterance(index), seq, reason })
    this.refiner?.abandoned(index)
  }

  flushed(flushId: number): void {
    if (this.#isClosed || this.#isHeldBack(() => this.flushed(flushId))) return
    if (this.#ends.recognised(flushId, this.refiner?.lastSerial ?? 0)) this.onRefined()
  }

  /** Answers each audio.end whose audio is recognised and whose finals are due nothing any more, in order of recognition. */
  onRefined(): void {
    if (this.#isClosed || this.#frozen) return
    for (const end of this.#ends.take((serial) => this.refiner?.isDone(serial) !== false)) this.#ended(end)
  }

  #ended({ requestId, lastSeq }: AwaitedEnd): void {
    const seq = this.#history.nextSeq()
    this.#publish(undefined, seq, 'ended', {
      type: 'audio.ended',
      ...(requestId === undefined ? {} : { requestId }),
      lastSeq,
      seq,
      finals: this.#finals,
      abandoned: this.#abandoned,
    })
  }

  // ---- from whoever makes something of the captions ----

  /** Next revision of an utterance that is open; 0 when it is settled. */
  revise(index: number): number {
    return this.#utterances.reviseOpen(index)
  }

  refinedPartial(readers: Readers, key: number, message: ServerMessage): void {
    const stages = this.#stages
    stages.enter(SPAN.json)
    const bytes = encodeServer(message)
    stages.leave()
    stages.enter(SPAN.fanOut)
    this.audience.refinedPartial(readers, key, bytes)
    stages.leave()
  }

  /** An event of the history to those who read it, in order, never dropped. `message`: with the seq it is given. */
  refinedFinal(
    kind: HistoryEvent['kind'],
    readers: Readers,
    supersedes: number | undefined,
    message: (seq: number) => ServerMessage,
  ): void {
    if (this.#isClosed || this.#isHeldBack(() => this.refinedFinal(kind, readers, supersedes, message))) return
    const stages = this.#stages
    const seq = this.#history.nextSeq()
    stages.enter(SPAN.json)
    const json = JSON.stringify(message(seq))
    stages.leave()
    stages.enter(SPAN.fanOut)
    this.#history.append({ seq, kind, json })
    if (!this.audience.isEmpty) this.audience.refinedFinal(readers, Buffer.from(json), supersedes)
    stages.leave()
  }

  /** For the records: `text` in `language` is what `caption` came to. */
  said(kind: SaidFinal['kind'], caption: Omit<RefinedCaption, 'text'>, language: string, text: string): void {
    if (this.#isClosed) return
    const { index, revision, startMs, endMs } = caption
    this.onSaid?.({ kind, epoch: this.epoch, index, revision, language, text, startMs, endMs })
  }

  speechState(state: SpeechState, reason?: 'worker_lost' | 'no_worker'): void {
    if (this.#isClosed || state === this.#speech) return
    this.#speech = state
    if (this.audience.isEmpty) return
    const message = encodeServer({ type: 'speech', state, ...(reason === undefined ? {} : { reason }) })
    this.audience.state(SPEECH_KEY, message)
  }

  settled(mediaTime: number): void {
    if (this.#isClosed || this.#isHeldBack(() => this.settled(mediaTime))) return
    if (mediaTime > this.#settledMediaTime) this.#settledMediaTime = mediaTime
  }

  /** Tells the owner what is settled, when that is due. `sampleRateHz`: of its media time. */
  tellSettled(nowMs: number, sampleRateHz: number): void {
    const mediaTime = this.#settledMediaTime
    const owner = this.audience.owner
    if (mediaTime === this.#settledTold || owner === undefined) return
    const isDue = nowMs - this.#settledToldMs >= SETTLED_EVERY_MS
    if (!isDue && mediaTime - this.#settledTold < (SETTLED_STEP_MS * sampleRateHz) / 1000) return
    this.#settledTold = mediaTime
    this.#settledToldMs = nowMs
    owner.latest(SETTLED_KEY, Buffer.from(`{"type":"settled","mediaTime":${mediaTime}}`))
  }

  /** Abandons what is open and ends what is due, so that the audience knows; then hears nothing more (UT1), and keeps nothing. */
  close(): void {
    for (const index of this.#utterances.open()) this.abandoned(index, 'closed')
    this.refiner?.close()
    this.#isClosed = true
    this.#history.clear()
  }

  utterance(index: number): UtteranceId {
    return { epoch: this.epoch, index }
  }

  /** An event of the history: to everybody who wants it, in order, never dropped, encoded once. `index`: the utterance it settles. */
  #publish(index: number | undefined, seq: number, kind: HistoryEvent['kind'], event: ServerMessage): void {
    const stages = this.#stages
    stages.enter(SPAN.json)
    const json = JSON.stringify(event)
    stages.leave()
    stages.enter(SPAN.fanOut)
    this.#history.append({ seq, kind, json })
    if (!this.audience.isEmpty) this.audience.event(Buffer.from(json), index, kind === 'ended')
    stages.leave()
  }
}

const captionOf = ({
  index,
  text,
  startMs,
  endMs,
}: Omit<PartialCaption, 'stable'>): Omit<RefinedCaption, 'revision'> => ({
  index,
  text,
  startMs,
  endMs,
})

function encodeEvent(event: HistoryEvent): Buffer {
  return Buffer.from(event.json)
}
