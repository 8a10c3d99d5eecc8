// What pods keep of their sessions so that another can go on with them. A port with two implementations (memory, Redis) that answer alike;
// SPEC.md beside it has the rules. What a state says is its writer's affair.
import type { Answer } from '../directory/directory.ts'
import type { FencingToken } from '../directory/fencing-token.ts'

export interface JournalEntry {
  readonly sessionId: string
  /** The session is held with it. */
  readonly token: FencingToken
  readonly state: string
}

export interface KeptState {
  readonly token: FencingToken
  readonly state: string
}

export interface Journal {
  /**
   * Keeps the newest state of each for `keepMs`, all in one step. Answers with those that somebody with a greater token has: nothing of them was
   * kept, and their writer has to let go of them. What is kept of a session is forgotten when its owner releases it in the directory.
   */
  append(entries: readonly JournalEntry[], keepMs: number): Answer<readonly string[]>
  /** Undefined: nothing is kept (any more). */
  recall(sessionId: string): Answer<KeptState | undefined>
}

/** Entries of one append at most; whoever has more appends again. */
export const MAX_JOURNAL_ENTRIES = 500
/** Of the states of one append, together. */
export const MAX_APPEND_BYTES = 2_097_152
