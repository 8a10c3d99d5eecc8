// How much audio may be handed to recognition now. Audio runs at most `aheadMs` ahead of what is known to be recognised; where nothing
// is known, recognition is taken to keep pace with speech. So a microphone is never made to wait, a file is read as fast as it is
// recognised, and a recogniser that says nothing for long (it may, while somebody speaks on and on) is no reason to stand still.

export class AudioWindow {
  readonly #aheadMs: number
  #handedMs = 0
  /** Recognised, or taken to be, at `#sinceMs`; goes on at true pace from there. */
  #reachedMs = 0
  #sinceMs: number

  constructor(aheadMs: number, nowMs: number) {
    this.#aheadMs = aheadMs
    this.#sinceMs = nowMs
  }

  /** Audio handed on so far, ms. */
  get handedMs(): number {
    return this.#handedMs
  }

  /** `ms` of audio have been handed on. */
  hand(ms: number, nowMs: number): void {
    this.#settle(nowMs)
    this.#handedMs += ms
  }

  /** Audio before `mediaMs` is known to be recognised. Never goes back. */
  reach(mediaMs: number, nowMs: number): void {
    this.#settle(nowMs)
    this.#reachedMs = Math.max(this.#reachedMs, Math.min(mediaMs, this.#handedMs))
  }

  /** Audio that may be handed on now, ms; none when <= 0. */
  roomMs(nowMs: number): number {
    return this.#aheadMs - (this.#handedMs - this.#estimateMs(nowMs))
  }

  #settle(nowMs: number): void {
    this.#reachedMs = this.#estimateMs(nowMs)
    this.#sinceMs = nowMs
  }

  #estimateMs(nowMs: number): number {
    return Math.min(this.#handedMs, this.#reachedMs + (nowMs - this.#sinceMs))
  }
}
