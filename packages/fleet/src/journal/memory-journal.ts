// The journal of pods that share a process.
import { type Clock, ok } from '@parley/kernel'
import type { Answer } from '../directory/directory.ts'
import { compareTokens, type FencingToken } from '../directory/fencing-token.ts'
import type { MemoryDirectory } from '../directory/memory/memory-directory.ts'
import type { Journal, JournalEntry, KeptState } from './journal.ts'

interface Kept extends KeptState {
  readonly untilMs: number
}

export class MemoryJournal implements Journal {
  readonly #clock: Clock
  readonly #directory: Pick<MemoryDirectory, 'tokenOf'>
  /** By session. Bounded by time, and by the sessions there are. */
  readonly #kept = new Map<string, Kept>()

  constructor(clock: Clock, directory: Pick<MemoryDirectory, 'tokenOf' | 'onReleased'>) {
    this.#clock = clock
    this.#directory = directory
    directory.onReleased((sessionId) => this.#kept.delete(sessionId))
  }

  async append(entries: readonly JournalEntry[], keepMs: number): Answer<readonly string[]> {
    const nowMs = this.#clock.nowMs()
    this.#forgetExpired(nowMs)
    const fenced: string[] = []
    for (const { sessionId, token, state } of entries) {
      if (this.#isOlder(token, sessionId)) fenced.push(sessionId)
      else this.#kept.set(sessionId, { token, state, untilMs: nowMs + keepMs })
    }
    return ok(fenced)
  }

  async recall(sessionId: string): Answer<KeptState | undefined> {
    this.#forgetExpired(this.#clock.nowMs())
    const kept = this.#kept.get(sessionId)
    return ok(kept && { token: kept.token, state: kept.state })
  }

  #isOlder(token: FencingToken, sessionId: string): boolean {
    const others = [this.#directory.tokenOf(sessionId), this.#kept.get(sessionId)?.token]
    return others.some((other) => other !== undefined && compareTokens(other, token) > 0)
  }

  #forgetExpired(nowMs: number): void {
    for (const [sessionId, { untilMs }] of this.#kept) if (untilMs <= nowMs) this.#kept.delete(sessionId)
  }
}
