// What sessions tell whoever keeps records of them: that they began and ended, and each final with its text. The pod implements it; nothing
// here knows what is kept.
import type { CloseReason, SessionId } from '@parley/protocol'

export interface SessionIdentity {
  readonly id: SessionId
  readonly tenant: string
  readonly user: string
  readonly language: string
  readonly metadata: Readonly<Record<string, string>>
}

/** A session as its witness sees it, for as long as it lives. */
export interface WitnessedSession {
  readonly identity: SessionIdentity
  readonly createdAtWallMs: number
  /** Audio accepted so far, milliseconds. */
  readonly audioMs: number
}

/** The text of a final, or of what was made of one, as it was told to whoever follows. Times in media ms. */
export interface SaidFinal {
  readonly kind: 'final' | 'translation' | 'polished'
  /** Of the utterance. */
  readonly epoch: number
  readonly index: number
  readonly revision: number
  readonly language: string
  readonly text: string
  readonly startMs: number
  readonly endMs: number
}

/** Never waits and never throws: a session does not depend on what is remembered of it. */
export interface SessionWitness {
  opened(session: WitnessedSession): void
  said(session: WitnessedSession, final: SaidFinal): void
  /** Told once. */
  closed(session: WitnessedSession, reason: CloseReason): void
}
