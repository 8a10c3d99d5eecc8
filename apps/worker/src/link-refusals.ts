// Who wanted a link and got none: counted by reason, and said once for each who and why, so that a pod that tries on every second does
// not fill the log. Bounded.
import type { Clock } from '@parley/kernel'
import type { Logger } from '@parley/telemetry'
import { TOKEN_PROBLEMS, type TokenProblem } from './link-auth.ts'

export type RefusalReason = TokenProblem | 'version' | 'too_many_links'

const MEANINGS: Readonly<Record<RefusalReason, string>> = {
  ...TOKEN_PROBLEMS,
  version: 'it speaks a version of the link that this worker does not; update the older of the two',
  too_many_links: 'there are as many links as this worker takes',
}
/** What was said is said again after this long. */
const SILENT_MS = 600_000
/** Beyond this many different ones they are counted and not said. */
const MAX_SAID = 256

export class LinkRefusals {
  readonly #clock: Clock
  readonly #logger: Logger
  readonly #saidAtMs = new Map<string, number>()
  readonly totals: Record<RefusalReason, number> = {
    missing: 0,
    expired: 0,
    other_worker: 0,
    not_of_this_fleet: 0,
    version: 0,
    too_many_links: 0,
  }

  constructor(clock: Clock, logger: Logger) {
    this.#clock = clock
    this.#logger = logger
  }

  /** `from`: the address, or the id of a pod that has proved who it is. Never anything it sent as a credential. */
  note(reason: RefusalReason, from: string): void {
    this.totals[reason]++
    const key = `${reason} ${from}`
    const nowMs = this.#clock.nowMs()
    const saidAtMs = this.#saidAtMs.get(key)
    if (saidAtMs !== undefined && nowMs - saidAtMs < SILENT_MS) return
    if (saidAtMs === undefined && this.#saidAtMs.size >= MAX_SAID) {
      this.#forgetOld(nowMs)
      if (this.#saidAtMs.size >= MAX_SAID) return
    }
    this.#saidAtMs.set(key, nowMs)
    this.#logger.warn({ from, reason }, `a link was refused: ${MEANINGS[reason]}`)
  }

  #forgetOld(nowMs: number): void {
    for (const [key, saidAtMs] of this.#saidAtMs) if (nowMs - saidAtMs >= SILENT_MS) this.#saidAtMs.delete(key)
  }
}
