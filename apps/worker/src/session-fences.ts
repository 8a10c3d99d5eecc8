// Which owner's streams of a session are taken here: remembers the greatest token seen of each session, for as long as a stream of it is open and
// some minutes after, so that an owner that has not heard yet that it is none is turned away. Pure: time is given to it.
import { compareTokens } from '@parley/fleet'
import type { SessionFence } from '@parley/protocol'

/** A pod that was cut off from the directory knows within less than that. */
export const REMEMBER_MS = 10 * 60_000
/** Of sessions, those with open streams included; beyond it those whose last stream ended longest ago are forgotten. */
export const MAX_FENCES = 4_000

/** A stream that may have to end for its session's next owner. */
export interface GivesWay {
  /** Its pod is told why. Resolves when its slot is free. Idempotent. */
  giveWay(): Promise<void>
}

export type FenceEntry<Stream> =
  /** `superseded`: open streams of lower tokens, which are to end. */
  | { readonly isTaken: true; readonly superseded: readonly Stream[] }
  | { readonly isTaken: false; readonly greatest: SessionFence }

interface Rest {
  readonly token: SessionFence
  readonly sinceMs: number
}

export class SessionFences<Stream> {
  /** Sessions with open streams: as many as those at most, which the slots bound. */
  readonly #open = new Map<string, { readonly token: SessionFence; readonly streams: Set<Stream> }>()
  /** The others, longest without a stream first. */
  readonly #resting = new Map<string, Rest>()

  /** Sessions remembered. */
  get size(): number {
    return this.#open.size + this.#resting.size
  }

  /** `stream` wants to open under `token`. Once taken it counts as open until it leaves or is superseded. `nowMs` is monotonic. */
  enter(sessionId: string, token: SessionFence, stream: Stream, nowMs: number): FenceEntry<Stream> {
    this.#forgetOld(nowMs)
    const open = this.#open.get(sessionId)
    const greatest = open?.token ?? this.#resting.get(sessionId)?.token
    const order = greatest ? compareTokens(token, greatest) : 1
    if (greatest && order < 0) return { isTaken: false, greatest }
    this.#resting.delete(sessionId)
    if (open && order === 0) {
      open.streams.add(stream)
      return { isTaken: true, superseded: [] }
    }
    this.#open.set(sessionId, { token, streams: new Set([stream]) })
    this.#bound()
    return { isTaken: true, superseded: [...(open?.streams ?? [])] }
  }

  /** Does nothing when the stream was not taken, or has been superseded. */
  leave(sessionId: string, stream: Stream, nowMs: number): void {
    const open = this.#open.get(sessionId)
    if (!open?.streams.delete(stream) || open.streams.size > 0) return
    this.#open.delete(sessionId)
    this.#resting.set(sessionId, { token: open.token, sinceMs: nowMs })
    this.#bound()
  }

  #forgetOld(nowMs: number): void {
    for (const [sessionId, { sinceMs }] of this.#resting) {
      if (nowMs - sinceMs < REMEMBER_MS) return
      this.#resting.delete(sessionId)
    }
  }

  #bound(): void {
    for (const sessionId of this.#resting.keys()) {
      if (this.size <= MAX_FENCES) return
      this.#resting.delete(sessionId)
    }
  }
}
