// What a session asks of whoever translates and polishes its captions. The pod implements it over its text service; nothing here
// knows of budgets, engines or workers.
import type { TranslationFailReason } from '@parley/protocol'
import type { Ability } from './caption-wishes.ts'

export interface TextSource {
  /** Whoever works on the texts of one session. Nothing is told to `sink` before this has returned. */
  open(client: TextClient, sink: TextSink): CaptionDesk
}

export interface TextClient {
  readonly sessionId: string
  readonly tenant: string
  /** BCP 47 tag of the captions. */
  readonly language: string
}

/** One caption as it was told; given back with what was made of it. */
export interface RefinedCaption {
  readonly index: number
  readonly revision: number
  readonly text: string
  readonly startMs: number
  readonly endMs: number
}

export interface CaptionDesk {
  /** The whole set of what will be made of finals: what takes long to load may be loaded now. */
  warm(targets: readonly string[], isPolished: boolean): void
  /** The whole set of what is made of partials; what is under way for anything else is called off. */
  wantPartials(targets: readonly string[], isPolished: boolean): void
  /** Made into what is wanted of partials when that is worth it; the newest wins. */
  partial(caption: RefinedCaption): void
  /**
   * The partials of the utterance are void. Each target, and polishing if it is wanted, gets exactly one outcome, unless it is given up
   * or the desk is closed.
   */
  final(caption: RefinedCaption, targets: readonly string[], isPolished: boolean): void
  /** The utterance ended without a final: nothing of it is wanted. */
  abandoned(index: number): void
  /** What is made of a final is not wanted any more: nothing is told of it. `target` undefined: its polishing. */
  giveUp(index: number, target: string | undefined): void
  /** Time has passed. */
  tick(nowMs: number): void
  translation(to: string): Ability
  polishing(): Ability
  /** Calls everything off; nothing is told after this. Idempotent. */
  close(): void
}

export interface TextSink {
  translated(caption: RefinedCaption, isFinal: boolean, language: string, text: string): void
  /** Of finals only: a partial that comes to nothing is not told. */
  translationFailed(caption: RefinedCaption, language: string, reason: Exclude<TranslationFailReason, 'closed'>): void
  polished(caption: RefinedCaption, isFinal: boolean, text: string): void
  /** Of finals only: the raw text stands. */
  unpolished(caption: RefinedCaption): void
}

const NOTHING: Ability = { is: 'unsupported', message: 'this platform neither translates nor polishes' }

/** Of a pod without a text service. */
export const NO_TEXT: TextSource = {
  open(_client, sink) {
    let isClosed = false
    return {
      warm() {},
      wantPartials() {},
      partial() {},
      final(caption, targets, isPolished) {
        queueMicrotask(() => {
          if (isClosed) return
          for (const target of targets) sink.translationFailed(caption, target, 'unsupported')
          if (isPolished) sink.unpolished(caption)
        })
      },
      abandoned() {},
      giveUp() {},
      tick() {},
      translation: () => NOTHING,
      polishing: () => NOTHING,
      close() {
        isClosed = true
      },
    }
  },
}
