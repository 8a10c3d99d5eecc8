// How well one stream's worker keeps up with it: what was answered of what it was given. Plain values; what is too little is decided elsewhere.
import { behindMs } from '@parley/placement'
import type { PendingFlush } from './pending-flushes.ts'

export class StreamProgress {
  /** Media time up to which the present worker has said anything. */
  #answeredMs = 0
  /** Audio it had to catch up when it opened the stream. */
  #backlogMs = 0
  #openedAtMs = 0
  #checkedNo = 0
  #isFlowing = false

  /** Another worker is given everything after `settledMs`. */
  restart(settledMs: number): void {
    this.#answeredMs = settledMs
  }

  /** It has opened the stream; `endMs` is the media time of the end of the audio there is. */
  opened(nowMs: number, endMs: number): void {
    this.#openedAtMs = nowMs
    this.#backlogMs = this.unansweredMs(endMs)
  }

  answered(mediaMs: number): void {
    if (mediaMs > this.#answeredMs) this.#answeredMs = mediaMs
  }

  unansweredMs(endMs: number): number {
    return Math.max(0, endMs - this.#answeredMs)
  }

  /** Called a few times per second with the number of frames pushed so far: does audio flow? */
  check(pushedNo: number): void {
    this.#isFlowing = pushedNo !== this.#checkedNo
    this.#checkedNo = pushedNo
  }

  /** By how much the worker is behind; undefined while it is owed no answer (BH1). `flush`: the one that is out for longest. */
  lagMs(nowMs: number, endMs: number, flush: PendingFlush | undefined): number | undefined {
    const flushMs = flush?.sentAtMs === undefined ? undefined : nowMs - flush.sentAtMs - flush.unansweredMs
    if (!this.#isFlowing) return flushMs === undefined ? undefined : Math.max(0, flushMs)
    const unansweredMs = this.unansweredMs(endMs)
    const audioMs = behindMs({ unansweredMs, backlogMs: this.#backlogMs, sinceOpenedMs: nowMs - this.#openedAtMs })
    return Math.max(audioMs, flushMs ?? 0)
  }
}
