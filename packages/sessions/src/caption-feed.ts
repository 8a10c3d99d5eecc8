// From recognition to everybody who follows one session: numbers utterances and events, encodes each caption once, keeps the
// newest events. Knows the audience; what state the session is in is session.ts's affair, which closes the feed with it.
import type { AbandonReason, ServerMessage, UtteranceId } from '@parley/protocol'
import { encodeServer } from './encode.ts'
import { EventHistory } from './event-history.ts'
import {
  type CaptionSink,
  type FinalCaption,
  type PartialCaption,
  type SessionChannel,
  SPEECH_KEY,
  type SpeechState,
  WATCHERS_KEY,
} from './ports.ts'
import type { SessionCounters } from './session-counters.ts'
import { UtteranceLog } from './utterance-log.ts'

/** audio.end requests that may wait for their answer at a time. */
export const MAX_PENDING_FLUSHES = 8
/** Finals shown to a watcher that joins late. */
export const REPLAYED_FINALS = 5
/** Rises with each change of owner of the session; the pod that made it is the first. */
const FIRST_EPOCH = 1

interface PendingFlush {
  readonly flushId: number
  readonly requestId: string | undefined
  readonly lastSeq: number
}

export class CaptionFeed implements CaptionSink {
  readonly epoch = FIRST_EPOCH
  readonly #language: string
  readonly #counters: SessionCounters
  readonly #utterances = new UtteranceLog(0)
  readonly #history = new EventHistory()
  #owner: SessionChannel | undefined
  #watchers: Set<SessionChannel> | undefined
  #flushes: PendingFlush[] | undefined
  #lastFlushId = 0
  #speech: SpeechState = 'ready'
  #finals = 0
  #abandoned = 0
  #isClosed = false

  constructor(language: string, counters: SessionCounters) {
    this.#language = language
    this.#counters = counters
  }

  get owner(): SessionChannel | undefined {
    return this.#owner
  }
  set owner(owner: SessionChannel | undefined) {
    this.#owner = owner
  }
  get watcherCount(): number {
    return this.#watchers?.size ?? 0
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

  // ---- audience ----

  addWatcher(watcher: SessionChannel): void {
    this.#watchers ??= new Set()
    this.#watchers.add(watcher)
    this.#tellCount()
  }

  removeWatcher(watcher: SessionChannel): void {
    if (this.#watchers?.delete(watcher)) this.#tellCount()
  }

  /** Hands over the watchers; the feed has none afterwards. */
  takeWatchers(): Iterable<SessionChannel> {
    const watchers = this.#watchers ?? []
    this.#watchers = undefined
    return watchers
  }

  /** The last few finals, and whatever has happened since the first of them, for a watcher that joins now. */
  recent(): { readonly afterSeq: number; readonly messages: readonly Buffer[] } {
    const events = this.#history.tail(REPLAYED_FINALS)
    const first = events[0]
    return {
      afterSeq: first ? first.seq - 1 : this.#history.seq,
      messages: events.map((event) => Buffer.from(event.json)),
    }
  }

  #tellCount(): void {
    this.#owner?.latest(WATCHERS_KEY, encodeServer({ type: 'watchers', count: this.watcherCount }))
  }

  // ---- audio.end ----

  /** Remembers that audio.ended is due; the id for the flush, or undefined when MAX_PENDING_FLUSHES are due already. */
  awaitFlush(lastSeq: number, requestId: string | undefined): number | undefined {
    this.#flushes ??= []
    if (this.#flushes.length >= MAX_PENDING_FLUSHES) return undefined
    this.#lastFlushId++
    this.#flushes.push({ flushId: this.#lastFlushId, requestId, lastSeq })
    return this.#lastFlushId
  }

  // ---- from recognition ----

  partial(partial: PartialCaption): void {
    if (this.#isClosed) return
    const revision = this.#utterances.revise(partial.index)
    if (revision === 0) return
    this.#counters.partialsTotal++
    if (!this.#hasAudience()) return
    const message = encodeServer({
      type: 'caption',
      kind: 'partial',
      utterance: this.#utterance(partial.index),
      revision,
      text: partial.text,
      stable: partial.stable,
      startMs: partial.startMs,
      endMs: partial.endMs,
      language: this.#language,
    })
    this.#latest(partial.index, message)
  }

  final(final: FinalCaption): void {
    if (this.#isClosed) return
    const revision = this.#utterances.settle(final.index)
    if (revision === 0) return
    this.#finals++
    this.#counters.finalsTotal++
    const seq = this.#history.nextSeq()
    this.#publish(final.index, seq, {
      type: 'caption',
      kind: 'final',
      utterance: this.#utterance(final.index),
      revision,
      seq,
      text: final.text,
      stable: final.text.length,
      startMs: final.startMs,
      endMs: final.endMs,
      language: this.#language,
      marks: final.marks,
    })
  }

  abandoned(index: number, reason: AbandonReason): void {
    if (this.#isClosed || this.#utterances.settle(index) === 0) return
    this.#abandoned++
    this.#counters.abandonedTotal++
    const seq = this.#history.nextSeq()
    this.#publish(index, seq, { type: 'abandoned', utterance: this.#utterance(index), seq, reason })
  }

  flushed(flushId: number): void {
    const flushes = this.#flushes
    if (this.#isClosed || !flushes) return
    const place = flushes.findIndex((flush) => flush.flushId === flushId)
    const flush = flushes[place]
    if (!flush) return
    flushes.splice(place, 1)
    const seq = this.#history.nextSeq()
    this.#publish(undefined, seq, {
      type: 'audio.ended',
      ...(flush.requestId === undefined ? {} : { requestId: flush.requestId }),
      lastSeq: flush.lastSeq,
      seq,
      finals: this.#finals,
      abandoned: this.#abandoned,
    })
  }

  speechState(state: SpeechState, reason?: 'worker_lost' | 'no_worker'): void {
    if (this.#isClosed || state === this.#speech) return
    this.#speech = state
    if (!this.#hasAudience()) return
    this.#latest(SPEECH_KEY, encodeServer({ type: 'speech', state, ...(reason === undefined ? {} : { reason }) }))
  }

  /** Abandons what is open, so that the audience knows; then hears nothing more (UT1). */
  close(): void {
    for (const index of this.#utterances.open()) this.abandoned(index, 'closed')
    this.#isClosed = true
  }

  #utterance(index: number): UtteranceId {
    return { epoch: this.epoch, index }
  }

  #hasAudience(): boolean {
    return this.#owner !== undefined || this.watcherCount > 0
  }

  #latest(key: number, message: Buffer): void {
    this.#owner?.latest(key, message)
    if (this.#watchers) for (const watcher of this.#watchers) watcher.latest(key, message)
  }

  /** An event of the history: to everybody, in order, never dropped, encoded once. `index`: the utterance it settles. */
  #publish(index: number | undefined, seq: number, event: ServerMessage): void {
    const json = JSON.stringify(event)
    this.#history.append({ seq, isFinal: event.type === 'caption', json })
    if (!this.#hasAudience()) return
    const message = Buffer.from(json)
    this.#owner?.keep(message, index)
    if (this.#watchers) for (const watcher of this.#watchers) watcher.keep(message, index)
  }
}
