// When a stream that gets no audio ends what is being said (UT6): the part of it that is the same whatever recognises. Time is given.

/** Without audio for so long, whatever was being said is over. */
export const IDLE_FLUSH_MS = 500

export class PauseWatch {
  #lastPushAtMs = 0
  #hasAudioSince = false
  #isHeld = false

  /** Audio came. */
  heard(nowMs: number): void {
    this.#lastPushAtMs = nowMs
    this.#hasAudioSince = true
  }

  /** While held, missing audio is on its way: its absence ends nothing. */
  hold(isHeld: boolean): void {
    this.#isHeld = isHeld
  }

  /** True once after each stretch of audio that was followed by IDLE_FLUSH_MS without any, and was not held. */
  isPause(nowMs: number): boolean {
    if (this.#isHeld || !this.#hasAudioSince || nowMs - this.#lastPushAtMs < IDLE_FLUSH_MS) return false
    this.#hasAudioSince = false
    return true
  }
}
