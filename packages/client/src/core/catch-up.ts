// Reads by REST what a resume was too late for, and holds back what is newer meanwhile, so that history keeps its order. Owns the
// reading and the holding; what is emitted and when a session catches up is the session's.
import type { Clock } from '@parley/kernel'
import type { History } from '@parley/protocol'
import { isPartial, isSessionEvent, type SessionEvent } from './connection-port.ts'
import { checkServerMessage } from './server-messages.ts'

/** Events of the history that are gone for this client: seq of the first and the last. */
export interface MissedEvents {
  readonly firstSeq: number
  readonly lastSeq: number
}

export interface CatchUpOptions {
  readonly clock: Clock
  /** A page of the history after `afterSeq`. */
  readonly read: (afterSeq: number) => Promise<History>
  readonly emit: (event: SessionEvent, receivedAtMs: number) => void
  /** Events that cannot be had any more; before those that follow them are emitted. */
  readonly missed: (range: MissedEvents) => void
}

/** Newer events held back at most; beyond it they are emitted and the reading is given up. */
const MAX_HELD_EVENTS = 1_000
/** Pages read at most: the platform keeps fewer than this. */
const MAX_PAGES = 100

interface HeldEvent {
  readonly event: SessionEvent
  readonly receivedAtMs: number
}

export class CatchUp {
  readonly #options: CatchUpOptions
  #held: HeldEvent[] = []
  #partial: HeldEvent | undefined
  /** Of the reading under way; another or none makes the answers of an earlier one void. */
  #firstSeq: number | undefined
  #generation = 0
  /** seq up to which the history was read or given up. */
  #reached = 0

  constructor(options: CatchUpOptions) {
    this.#options = options
  }

  get isReading(): boolean {
    return this.#firstSeq !== undefined
  }

  /** Reads the events after `afterSeq` and before `firstSeq`. */
  start(afterSeq: number, firstSeq: number): void {
    this.cancel()
    this.#firstSeq = firstSeq
    void this.#read(afterSeq, firstSeq, ++this.#generation)
  }

  /** Holds `event` back when there is a reading under way; false when it may be emitted. */
  hold(event: SessionEvent, receivedAtMs: number): boolean {
    if (this.#firstSeq === undefined) return false
    if (isPartial(event)) {
      // Of partials only the newest caption means anything; what is made of it will be made again.
      if (event.type === 'caption') this.#partial = { event, receivedAtMs }
      return true
    }
    this.#held.push({ event, receivedAtMs })
    if (this.#held.length > MAX_HELD_EVENTS) this.#finish()
    return true
  }

  /** The connection broke again: what was held will be sent again, the reading is void. */
  cancel(): void {
    this.#generation++
    this.#firstSeq = undefined
    this.#held = []
    this.#partial = undefined
  }

  async #read(afterSeq: number, firstSeq: number, generation: number): Promise<void> {
    let after = afterSeq
    this.#reached = afterSeq
    for (let page = 0; page < MAX_PAGES; page++) {
      const history = await this.#options.read(after).catch(() => undefined)
      if (generation !== this.#generation) return
      if (!history) break
      if (history.firstSeq > after + 1 && history.firstSeq <= firstSeq) {
        this.#options.missed({ firstSeq: after + 1, lastSeq: history.firstSeq - 1 })
        after = history.firstSeq - 1
        this.#reached = after
      }
      this.#emitPage(history, firstSeq)
      const isAtEnd = this.#reached === after
      after = this.#reached
      if (isAtEnd || !history.more || after >= firstSeq - 1) break
    }
    this.#finish()
  }

  #emitPage({ events }: History, firstSeq: number): void {
    const receivedAtMs = this.#options.clock.nowMs()
    for (const value of events) {
      const checked = checkServerMessage(value)
      if (!checked.ok) continue
      const event = checked.value
      if (event.type === 'unknown' || !isSessionEvent(event)) continue
      if (event.seq === undefined || event.seq >= firstSeq) continue
      this.#reached = event.seq
      this.#options.emit(event, receivedAtMs)
    }
  }

  #finish(): void {
    const firstSeq = this.#firstSeq
    const held = this.#partial ? [...this.#held, this.#partial] : this.#held
    this.cancel()
    if (firstSeq !== undefined && this.#reached < firstSeq - 1) {
      this.#options.missed({ firstSeq: this.#reached + 1, lastSeq: firstSeq - 1 })
    }
    for (const { event, receivedAtMs } of held) this.#options.emit(event, receivedAtMs)
  }
}
