// Frames have stopped coming: does the speaker pause, or is audio on its way that got stuck? Only the client knows, so it is
// asked; until it answers the recogniser is held, so that a bad network never cuts a sentence in two (UT6). Pure.
//
//   state    | frame taken       | tick                              | answer: all has come | answer: some is missing      | audio ended
//   ---------+-------------------+-----------------------------------+----------------------+------------------------------+--------------
//   quiet    | flowing           | -                                 | -                    | -                            | -
//   flowing  | -                 | held: hold, ask; after LULL_MS    | -                    | -                            | quiet
//   held     | flowing: release  | ask again, every ASK_EVERY_MS     | quiet: release       | - ; the same for the         | quiet: release
//            |                   |                                   |                      | LOST_AFTER_ANSWERS-th time:  |
//            |                   |                                   |                      | it is lost: quiet, release   |

/** Silence of the wire after which the question is asked: well before the recogniser takes it for the end (500 ms). */
export const LULL_MS = 300
export const ASK_EVERY_MS = 1_000
/**
 * What a client sent over its WebSocket comes before its answer does. What is still missing was sent over UDP, and whoever notices
 * that UDP is dead sends it again within two seconds: so many answers in a row without a frame mean that it is lost.
 */
export const LOST_AFTER_ANSWERS = 4

export type LullVerdict = 'hold' | 'ask' | undefined

export class LullWatch {
  #state: 'quiet' | 'flowing' | 'held' = 'quiet'
  #lastFrameMs = 0
  #askedMs = 0
  #answersInVain = 0

  get isHeld(): boolean {
    return this.#state === 'held'
  }

  /** A frame was taken. True: the hold is to be released, behind this frame. */
  onFrame(nowMs: number): boolean {
    const wasHeld = this.#state === 'held'
    this.#state = 'flowing'
    this.#lastFrameMs = nowMs
    return wasHeld
  }

  /** `hold`: hold the recogniser and ask the client. `ask`: ask again. */
  onTick(nowMs: number): LullVerdict {
    if (this.#state === 'quiet') return undefined
    if (this.#state === 'flowing') {
      if (nowMs - this.#lastFrameMs < LULL_MS) return undefined
      this.#state = 'held'
      this.#askedMs = nowMs
      this.#answersInVain = 0
      return 'hold'
    }
    if (nowMs - this.#askedMs < ASK_EVERY_MS) return undefined
    this.#askedMs = nowMs
    return 'ask'
  }

  /** The client answered; `allArrived`: everything it has sent is here. True: the hold is to be released. */
  onAnswer(allArrived: boolean): boolean {
    if (this.#state !== 'held') return false
    if (!allArrived && ++this.#answersInVain < LOST_AFTER_ANSWERS) return false
    this.#state = 'quiet'
    return true
  }

  /** The client said that no more is to come for now. True: the hold is to be released. */
  onEnded(): boolean {
    const wasHeld = this.#state === 'held'
    this.#state = 'quiet'
    return wasHeld
  }

  /** The client is back: what it kept comes at once, so the question waits as long as for any lull. */
  onAttached(nowMs: number): void {
    this.#askedMs = nowMs - ASK_EVERY_MS + LULL_MS
    this.#answersInVain = 0
  }
}
