// The history of one session of the fake pod: events with their seq, what of them is sent again, and pages of them.
import type {
  Abandoned,
  AudioEnded,
  Caption,
  History,
  Polished,
  Translation,
  TranslationFailed,
} from '@parley/protocol'

/** An event of the history, as it was sent. */
export type KeptEvent = (Caption | Abandoned | AudioEnded | Translation | TranslationFailed | Polished) & {
  readonly seq: number
}

export interface Replay {
  readonly events: readonly KeptEvent[]
  /** seq of the first event sent again, when some before it were missed too. */
  readonly truncatedTo: number | undefined
}

export class FakeHistory {
  readonly #events: KeptEvent[] = []
  #seq = 0

  /** Of the newest event, 0 before the first. */
  get seq(): number {
    return this.#seq
  }

  nextSeq(): number {
    return ++this.#seq
  }

  push(event: KeptEvent): void {
    this.#events.push(event)
  }

  /** The oldest `count` events are not kept any more. */
  forget(count: number): void {
    this.#events.splice(0, count)
  }

  newest(count: number): readonly KeptEvent[] {
    return this.#events.slice(-count)
  }

  /** What a client that has seen everything up to `seenSeq` is sent again, at most `count` events. */
  replay(seenSeq: number, count: number): Replay {
    const events = this.#events.filter((event) => event.seq > seenSeq).slice(-count)
    const firstSeq = events[0]?.seq ?? this.#seq + 1
    return { events, truncatedTo: firstSeq > seenSeq + 1 ? firstSeq : undefined }
  }

  page(sessionId: string, afterSeq: number, limit: number): History {
    const after = this.#events.filter((event) => event.seq > afterSeq)
    return {
      sessionId,
      firstSeq: this.#events[0]?.seq ?? 0,
      lastSeq: this.#seq,
      events: after.slice(0, limit),
      more: after.length > limit,
    }
  }
}
