// What a session asks of text work: one wish per text and language, one outcome. Behind it are the cache, the budgets shared between
// sessions, the order of engines and their circuit breakers; a session sees none of that.
import type { TextKind } from '@parley/protocol'

export interface TextWish {
  /** Whose cache and usage it is. */
  readonly tenant: string
  /** Budgets are divided between these. */
  readonly sessionId: string
  readonly kind: TextKind
  /** Finals are never dropped (TX1, TX3); partials are, whenever that helps finals. */
  readonly isFinal: boolean
  readonly text: string
  /** BCP 47 tag of the text. */
  readonly from: string
  /** Target of a translation; absent when polishing. */
  readonly to?: string
}

/** Why there is nothing for a text. */
export const TEXT_FAIL_REASONS = ['unsupported', 'unavailable', 'budget', 'refused', 'deadline', 'invalid'] as const
export type TextFailReason = (typeof TEXT_FAIL_REASONS)[number]

export type TextOutcome =
  | {
      readonly is: 'done'
      readonly text: string
      readonly engine: string
      readonly via?: readonly string[]
      readonly changedWords?: number
      readonly isCached: boolean
    }
  /** Partials only: it would have had to wait too long, or came out useless. Nothing is told to anybody. */
  | { readonly is: 'skipped'; readonly reason: 'budget' | 'failed' }
  | { readonly is: 'failed'; readonly reason: TextFailReason; readonly message: string }

export interface TextService {
  /**
   * `onOutcome` is called once, never before this has returned, for a final within its deadline; never after the returned `cancel`.
   * Cancelling frees what was waiting or under way.
   */
  ask(wish: TextWish, onOutcome: (outcome: TextOutcome) => void): { cancel(): void }
  /** Whether a translation or polish can be had at all now, and through which languages. */
  support(kind: TextKind, from: string, to?: string): TextSupport
  /** Such texts will be asked soon: what would have to be loaded for them is loaded. Costs nothing where it is. */
  warm(kind: TextKind, from: string, to?: string): void
  /** Targets that can be had from a language, BCP 47, sorted. */
  targets(from: string): readonly string[]
  /** Calls back when `support` may answer otherwise than before. */
  onChange(listener: () => void): () => void
}

export type TextSupport =
  | { readonly is: 'supported'; readonly engine: string; readonly via: readonly string[] }
  | { readonly is: 'unsupported'; readonly message: string }
  /** An engine that could do it is loading, or cut off. */
  | { readonly is: 'unavailable'; readonly message: string }
