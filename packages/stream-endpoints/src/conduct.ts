// How one connection behaves, as counts: what is answered, and when patience ends. Pure; the connection acts on the verdicts.
import { TokenBucket } from '@parley/kernel'
import {
  MAX_EXCESS_MESSAGES,
  MAX_INVALID_MESSAGES,
  MESSAGE_BURST,
  MESSAGES_PER_SECOND,
  MISCONDUCT_WINDOW_MS,
} from './limits.ts'

export type ConductVerdict = 'pass' | 'refuse' | 'close'

/** At most `most` events within MISCONDUCT_WINDOW_MS. */
class Strikes {
  readonly #most: number
  #windowMs = Number.NEGATIVE_INFINITY
  #count = 0

  constructor(most: number) {
    this.#most = most
  }

  /** False: one too many. */
  add(nowMs: number): boolean {
    if (nowMs - this.#windowMs >= MISCONDUCT_WINDOW_MS) {
      this.#windowMs = nowMs
      this.#count = 0
    }
    this.#count++
    return this.#count <= this.#most
  }
}

export class Conduct {
  readonly #messages: TokenBucket
  readonly #excess = new Strikes(MAX_EXCESS_MESSAGES)
  readonly #invalid = new Strikes(MAX_INVALID_MESSAGES)

  constructor(nowMs: number) {
    this.#messages = new TokenBucket(MESSAGES_PER_SECOND, MESSAGE_BURST, nowMs)
  }

  /** A text message has come. */
  onMessage(nowMs: number): ConductVerdict {
    if (this.#messages.take(1, nowMs)) return 'pass'
    return this.#excess.add(nowMs) ? 'refuse' : 'close'
  }

  /** How long until the next one passes. */
  messageWaitMs(nowMs: number): number {
    return this.#messages.waitMs(1, nowMs)
  }

  /** A message that makes no sense has come. */
  onInvalid(nowMs: number): 'refuse' | 'close' {
    return this.#invalid.add(nowMs) ? 'refuse' : 'close'
  }
}
