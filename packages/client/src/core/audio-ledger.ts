// What became of the audio of one session beside being heard: sent again after a break, lost by it, dropped here. Dropped audio is told as one
// error for many frames: the first at once, the sum of the rest a second later. Pure but for the sums.
import { ParleyClientError } from './errors.ts'
import type { Resumed } from './session-types.ts'

/** Between two notices at least, ms. */
const DROP_NOTICE_MS = 1_000

export class AudioLedger {
  #resentMs = 0
  #lostMs = 0
  #toldMs = 0
  #toldAtMs = Number.NEGATIVE_INFINITY

  /** Speech sent again in all, ms. */
  get resentMs(): number {
    return this.#resentMs
  }

  resumed(resumed: Resumed): Resumed {
    this.#resentMs += resumed.resentMs
    this.#lostMs += resumed.lostMs
    return resumed
  }

  /** What is to be told when `droppedMs` have been dropped here in all; undefined = nothing now. */
  dropsDue(droppedMs: number, nowMs: number): ParleyClientError | undefined {
    const newMs = droppedMs + this.#lostMs - this.#toldMs
    if (newMs === 0 || nowMs - this.#toldAtMs < DROP_NOTICE_MS) return undefined
    this.#toldAtMs = nowMs
    this.#toldMs += newMs
    const detail = `${Math.round(newMs)} ms of audio were dropped: the connection does not take it`
    return new ParleyClientError('AUDIO_DROPPED', { detail })
  }
}
