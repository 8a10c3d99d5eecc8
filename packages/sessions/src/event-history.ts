// The newest events of a session that carry a `seq`: what a watcher that joins late is shown, and what a client that
// resumes has missed. Text, not bytes: a small buffer would pin the whole slab it was cut from.
import { BoundedQueue } from '@parley/kernel'

/** Bound of one session's history: about five minutes of speech. Oldest are dropped; `firstSeq` tells. */
export const HISTORY_BYTES = 24_576
/** What an entry costs beyond its text. */
const ENTRY_OVERHEAD_BYTES = 64

export interface HistoryEvent {
  readonly seq: number
  readonly isFinal: boolean
  readonly json: string
}

const sizeOf = (event: HistoryEvent): number => event.json.length + ENTRY_OVERHEAD_BYTES

export class EventHistory {
  #events: BoundedQueue<HistoryEvent> | undefined
  #seq = 0

  /** seq of the newest event; 0 before the first. */
  get seq(): number {
    return this.#seq
  }

  /** Claims the next seq; the event is to be appended with it at once. */
  nextSeq(): number {
    this.#seq++
    return this.#seq
  }

  append(event: HistoryEvent): void {
    this.#events ??= new BoundedQueue({ capacity: HISTORY_BYTES, overflow: 'drop-oldest', sizeOf })
    // An event that alone exceeds the bound leaves a hole; what lies before it could not be told apart from it.
    if (!this.#events.push(event)) this.#events.clear()
  }

  /** The last `finals` finals and whatever came between and after them, oldest first, without a hole. */
  tail(finals: number): HistoryEvent[] {
    const events = this.#events ? [...this.#events] : []
    let left = finals
    let start = events.length
    for (let index = events.length - 1; index >= 0 && left > 0; index--) {
      if (!events[index]?.isFinal) continue
      start = index
      left--
    }
    return events.slice(start)
  }
}
