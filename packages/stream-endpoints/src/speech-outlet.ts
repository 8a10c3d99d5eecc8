// When the next audio of a speech may be made: while little is unsent, and, where a client wants it so, no further ahead of the pace it is
// heard at. One speech at a time waits; whatever may change the answer wakes it.
import type { Clock, Scope, Timer } from '@parley/kernel'
import { SPEECH_BACKLOG_BYTES } from './limits.ts'

export interface SpeechOutletOptions {
  readonly clock: Clock
  readonly scope: Scope
  readonly bufferedBytes: () => number
  /** The client takes nothing for so long: give up. */
  readonly stallMs: number
  readonly onStalled: () => void
}

export class SpeechOutlet {
  readonly #options: SpeechOutletOptions
  #wake: (() => void) | undefined

  constructor(options: SpeechOutletOptions) {
    this.#options = options
  }

  /** Something was sent, cancelled or closed. */
  wake(): void {
    const wake = this.#wake
    this.#wake = undefined
    wake?.()
  }

  /**
   * Resolves when there is room for more, or when `isOver`. `sentMs` of the speech have been sent since `startedMs`; with `leadMs` the
   * audio sent stays at most that much ahead of the clock.
   */
  async room(speech: {
    readonly isOver: () => boolean
    readonly sentMs: number
    readonly startedMs: number
    readonly leadMs: number | undefined
  }): Promise<void> {
    const { clock, scope, bufferedBytes, stallMs, onStalled } = this.#options
    let stall: Timer | undefined
    while (!speech.isOver()) {
      const isFull = bufferedBytes() >= SPEECH_BACKLOG_BYTES
      const earlyMs =
        speech.leadMs === undefined ? 0 : speech.sentMs - speech.leadMs - (clock.nowMs() - speech.startedMs)
      if (!isFull && earlyMs <= 0) break
      if (isFull) stall ??= scope.after(stallMs, onStalled)
      const pace = isFull ? undefined : scope.after(earlyMs, () => this.wake())
      await new Promise<void>((resolve) => {
        this.#wake = resolve
      })
      pace?.cancel()
    }
    stall?.cancel()
  }
}
