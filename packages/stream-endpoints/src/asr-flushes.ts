// Flushes that recognition has not answered yet; each has a deadline.
import type { Scope, Timer } from '@parley/kernel'
import type { AsrCommandItem } from './asr-intake.ts'

/** A stream that cannot bring itself to answer for so long does not answer at all. */
export const FLUSH_DEADLINE_MS = 60_000

export class AsrFlushes {
  readonly #scope: Scope
  readonly #onLate: (command: AsrCommandItem) => void
  readonly #pending = new Map<number, { readonly command: AsrCommandItem; readonly timer: Timer }>()
  #lastId = 0

  constructor(scope: Scope, onLate: (command: AsrCommandItem) => void) {
    this.#scope = scope
    this.#onLate = onLate
  }

  /** Ids of those that wait, oldest first. */
  ids(): number[] {
    return [...this.#pending.keys()]
  }

  /** The id under which recognition is to answer `command`. */
  add(command: AsrCommandItem): number {
    const timer = this.#scope.after(FLUSH_DEADLINE_MS, () => this.#onLate(command))
    this.#pending.set(++this.#lastId, { command, timer })
    return this.#lastId
  }

  /** The command that has been answered; undefined when none waits under this id. */
  take(flushId: number): AsrCommandItem | undefined {
    const pending = this.#pending.get(flushId)
    this.#pending.delete(flushId)
    pending?.timer.cancel()
    return pending?.command
  }

  takeAll(): AsrCommandItem[] {
    return this.ids().flatMap((flushId) => this.take(flushId) ?? [])
  }
}
