// Is the other side still there? Pure arithmetic over ticks; the socket and the clock are the caller's.

export type LivenessVerdict =
  | { readonly kind: 'fine' }
  | { readonly kind: 'ping'; readonly id: number }
  /** The other side is heard; it should hear something too. An unsolicited pong, which nobody has to answer. */
  | { readonly kind: 'sign' }
  | { readonly kind: 'dead'; readonly silentMs: number }

const FINE: LivenessVerdict = { kind: 'fine' }
const SIGN: LivenessVerdict = { kind: 'sign' }
/** A sign of life comes so much of the interval after the last message: before the other side gets anxious and asks. */
const SIGN_AFTER_RATIO = 0.8
/** While the other side is heard anyway, it is asked only to measure the round trip. */
const ROUND_TRIP_EVERY_MS = 10_000
/** A platform that names less than this asks for nonsense. */
const MIN_INTERVAL_MS = 100
/** Two ticks: less is no stall, however impatient the platform is. */
const MIN_STALL_MS = 500

/**
 * Pings when nothing was heard for an interval; gives signs of life while it hears; silence of any kind for `deadAfterMs` counts as death.
 * All times monotonic ms.
 */
export class Liveness {
  #pingIntervalMs: number
  #deadAfterMs: number
  #heardAtMs = 0
  #pingedAtMs = 0
  #saidAtMs = 0
  #tickedAtMs = 0
  #pingId = 0
  #expectedByMs = Number.POSITIVE_INFINITY
  #roundTripMs: number | undefined

  constructor(pingIntervalMs: number, deadAfterMs: number) {
    this.#pingIntervalMs = pingIntervalMs
    this.#deadAfterMs = deadAfterMs
  }

  get roundTripMs(): number | undefined {
    return this.#roundTripMs
  }

  configure(pingIntervalMs: number, deadAfterMs: number): void {
    this.#pingIntervalMs = Math.max(MIN_INTERVAL_MS, pingIntervalMs)
    this.#deadAfterMs = Math.max(2 * MIN_INTERVAL_MS, this.#pingIntervalMs, deadAfterMs)
  }

  start(nowMs: number): void {
    this.#heardAtMs = nowMs
    this.#pingedAtMs = nowMs
    this.#saidAtMs = nowMs
    this.#tickedAtMs = nowMs
    this.#expectedByMs = Number.POSITIVE_INFINITY
  }

  heard(nowMs: number): void {
    this.#heardAtMs = nowMs
    this.#expectedByMs = Number.POSITIVE_INFINITY
  }

  /** Anything was sent. */
  said(nowMs: number): void {
    this.#saidAtMs = nowMs
  }

  /** Counts a ping sent besides the regular ones; its id. */
  ping(nowMs: number): number {
    this.#pingedAtMs = nowMs
    return ++this.#pingId
  }

  /** Unless something is heard within `withinMs`, the other side counts as gone earlier than by the rule. */
  expect(nowMs: number, withinMs: number): void {
    this.#expectedByMs = nowMs + withinMs
  }

  answered(id: number, nowMs: number): void {
    if (id === this.#pingId) this.#roundTripMs = nowMs - this.#pingedAtMs
  }

  tick(nowMs: number): LivenessVerdict {
    const sinceTickMs = nowMs - this.#tickedAtMs
    this.#tickedAtMs = nowMs
    // When this process itself stood still (a suspended laptop, a blocked loop), what the other side said meanwhile has not
    // been read yet: its silence is counted anew.
    if (sinceTickMs > Math.max(MIN_STALL_MS, this.#deadAfterMs / 2))
      this.#heardAtMs = Math.max(this.#heardAtMs, nowMs - this.#pingIntervalMs)
    const silentMs = nowMs - this.#heardAtMs
    if (silentMs >= this.#deadAfterMs || nowMs >= this.#expectedByMs) return { kind: 'dead', silentMs }
    const sincePingMs = nowMs - this.#pingedAtMs
    const isQuiet = silentMs >= this.#pingIntervalMs
    if (sincePingMs >= (isQuiet ? this.#pingIntervalMs : ROUND_TRIP_EVERY_MS))
      return { kind: 'ping', id: this.ping(nowMs) }
    return nowMs - this.#saidAtMs >= this.#pingIntervalMs * SIGN_AFTER_RATIO ? SIGN : FINE
  }
}
