// Whether one worker is trusted with new streams: runs the health gate of @parley/placement on this pod's clock, and knows which stream is
// the one that is tried.
import type { Clock } from '@parley/kernel'
import { advanceGate, type HealthEvent, type HealthGate, NEW_GATE, type Standing, standingOf } from '@parley/placement'

/** A stream that was opened this long ago and has not failed has shown enough, also when nobody speaks on it. */
const TRIAL_PROVEN_MS = 2_000

/** Whoever holds a slot: a reservation, then the stream it becomes. */
type Holder = object

export class WorkerHealth {
  readonly #clock: Clock
  #gate: HealthGate = NEW_GATE
  #tried: { readonly holder: Holder; openedAtMs: number | undefined } | undefined

  constructor(clock: Clock) {
    this.#clock = clock
  }

  get standing(): Standing {
    return standingOf(this.#gate, this.#clock.nowMs())
  }

  /** `holder` takes a slot; when a trial is due, it is the one that is tried. */
  take(holder: Holder): void {
    if (this.standing !== 'trial') return
    this.#advance('trialTaken')
    this.#tried = { holder, openedAtMs: undefined }
  }

  opened(holder: Holder): void {
    if (this.#tried?.holder === holder) this.#tried.openedAtMs = this.#clock.nowMs()
  }

  /** `holder` gives its slot back; a trial that has shown nothing yet is over. */
  leave(holder: Holder): void {
    if (this.#tried?.holder === holder) this.#advance('trialEnded')
  }

  /** A stream of this worker got an answer. */
  progressed(holder: Holder): void {
    if (this.#gate === NEW_GATE) return // as nearly always: this is called for every message about a stream
    if (this.#gate.kind === 'in' || this.#tried?.holder === holder) this.#advance('streamProgressed')
  }

  /** A stream of this worker was lost, refused, broken, not answered or left far behind. */
  failed(): void {
    this.#advance('streamFailed')
  }

  /** Called every two seconds with what asking the worker came to. */
  checked(passed: boolean): void {
    this.#advance(passed ? 'checkPassed' : 'checkFailed')
    const openedAtMs = this.#tried?.openedAtMs
    if (passed && openedAtMs !== undefined && this.#clock.nowMs() - openedAtMs >= TRIAL_PROVEN_MS) {
      this.#advance('streamProgressed')
    }
  }

  #advance(event: HealthEvent): void {
    this.#gate = advanceGate(this.#gate, event, this.#clock.nowMs())
    if (this.#gate.kind !== 'trial') this.#tried = undefined
  }
}
