// How one connection behaves: what is answered, what is only dropped and when patience ends. Pure counting; the connection
// acts on the verdicts. Bounds the work and the answers that an abusive peer can cause without hurting a clumsy one.
import { TokenBucket } from '@parley/kernel'

export interface ConductLimits {
  /** Text messages per second on average; three times as many may come at once. */
  readonly controlMessagesPerSecond: number
}

/** `refuse`: drop it silently, it was told less than a second ago. */
export type ConductVerdict = 'pass' | 'refuse' | 'refuse_and_tell' | 'close'

/** More invalid messages than this within INVALID_WINDOW_MS end the connection. */
export const MAX_INVALID_MESSAGES = 20
export const INVALID_WINDOW_MS = 10_000
/** One error per kind of repeated fault and TELL_EVERY_MS. */
export const TELL_EVERY_MS = 1_000
/** The control rate may be exceeded by so many seconds' worth of messages within RATE_WINDOW_MS. */
const RATE_EXCESS_SECONDS = 5
const RATE_WINDOW_MS = 10_000
/** Seconds with audio beyond the pace, with no gap of PACE_FORGIVEN_MS, until the connection is closed. */
export const MAX_PACE_STRIKES = 10
const PACE_FORGIVEN_MS = 5_000

const LONG_AGO = Number.NEGATIVE_INFINITY

export class Conduct {
  readonly #limits: ConductLimits
  readonly #control: TokenBucket
  #rateWindowMs = LONG_AGO
  #rateRefused = 0
  #rateToldMs = LONG_AGO
  #invalidWindowMs = LONG_AGO
  #invalid = 0
  #binaryToldMs = LONG_AGO
  #paceStrikeMs = LONG_AGO
  #paceStrikes = 0

  constructor(limits: ConductLimits, nowMs: number) {
    this.#limits = limits
    const perSecond = limits.controlMessagesPerSecond
    this.#control = new TokenBucket(perSecond, perSecond * 3, nowMs)
  }

  /** One text message (or protocol ping) has come. */
  onControl(nowMs: number): ConductVerdict {
    if (this.#control.take(1, nowMs)) return 'pass'
    if (nowMs - this.#rateWindowMs >= RATE_WINDOW_MS) {
      this.#rateWindowMs = nowMs
      this.#rateRefused = 0
    }
    this.#rateRefused++
    if (this.#rateRefused > RATE_EXCESS_SECONDS * this.#limits.controlMessagesPerSecond) return 'close'
    if (nowMs - this.#rateToldMs < TELL_EVERY_MS) return 'refuse'
    this.#rateToldMs = nowMs
    return 'refuse_and_tell'
  }

  /** Milliseconds until a text message would pass. */
  controlWaitMs(nowMs: number): number {
    return this.#control.waitMs(1, nowMs)
  }

  /** A message that makes no sense has come. False: one too many. */
  onInvalid(nowMs: number): boolean {
    if (nowMs - this.#invalidWindowMs >= INVALID_WINDOW_MS) {
      this.#invalidWindowMs = nowMs
      this.#invalid = 0
    }
    this.#invalid++
    return this.#invalid <= MAX_INVALID_MESSAGES
  }

  /** May a refused binary message be answered? At frame rate every answer would be too many. */
  mayTellBinary(nowMs: number): boolean {
    if (nowMs - this.#binaryToldMs < TELL_EVERY_MS) return false
    this.#binaryToldMs = nowMs
    return true
  }

  /** A frame beyond the pace was dropped. */
  onTooFast(nowMs: number): ConductVerdict {
    const sinceStrikeMs = nowMs - this.#paceStrikeMs
    if (sinceStrikeMs < TELL_EVERY_MS) return 'refuse'
    if (sinceStrikeMs >= PACE_FORGIVEN_MS) this.#paceStrikes = 0
    this.#paceStrikeMs = nowMs
    this.#paceStrikes++
    return this.#paceStrikes > MAX_PACE_STRIKES ? 'close' : 'refuse_and_tell'
  }
}
