// One text that is to be translated or polished, whoever asked for it: the same text asked twice is one job. Plain data; text-desk.ts moves it.
import type { Timer } from '@parley/kernel'
import type {
  AfterFailure,
  BudgetHold,
  CallClass,
  QueuedCall,
  TextFailReason,
  TextNeed,
  TextOutcome,
} from '@parley/text'
import type { TextLane } from './text-lane.ts'
import type { TextCall } from './text-workers.ts'

/** What jobs wait in for one budget. */
export type JobLane = TextLane<TextJob>

export type JobState =
  /** Nobody can be asked before something changes. */
  | { readonly is: 'parked'; readonly for: 'budget' | 'unavailable' }
  /** For its turn, its rate, its place, and a worker with a free slot. */
  | { readonly is: 'waiting'; readonly lane: JobLane; readonly engine: string; readonly recheck: Timer | undefined }
  /** All engines failed; they are asked again after a pause. */
  | { readonly is: 'resting'; readonly timer: Timer }
  | {
      readonly is: 'called'
      readonly lane: JobLane
      readonly engine: string
      readonly hold: BudgetHold
      readonly call: TextCall
      /** In case the worker does not answer at all. */
      readonly timer: Timer
    }
  /** For what another pod may have had done already. */
  | { readonly is: 'looking' }
  | { readonly is: 'over' }

export class TextAsker {
  readonly sessionId: string
  readonly isFinal: boolean
  readonly askedAtMs: number
  readonly #onOutcome: (outcome: TextOutcome) => void
  timer: Timer | undefined
  /** A partial that has waited as long as it may; what is under way for it may still come. */
  isWaitOver = false
  #isOver = false
  /** `ask` has not returned: whatever happens is told afterwards. */
  isAsking = true

  constructor(sessionId: string, isFinal: boolean, askedAtMs: number, onOutcome: (outcome: TextOutcome) => void) {
    this.sessionId = sessionId
    this.isFinal = isFinal
    this.askedAtMs = askedAtMs
    this.#onOutcome = onOutcome
  }

  get isOver(): boolean {
    return this.#isOver
  }

  /** Once; not at all after `cancel`. */
  tell(outcome: TextOutcome, guarded: (tell: () => void) => void): void {
    if (this.#isOver) return
    this.cancel()
    guarded(() => this.#onOutcome(outcome))
  }

  cancel(): void {
    this.#isOver = true
    this.timer?.cancel()
  }
}

export class TextJob implements QueuedCall {
  readonly key: string
  /** Whose usage it is: askers of one job are of one tenant. */
  readonly tenant: string
  readonly need: TextNeed
  readonly text: string
  readonly textBytes: number
  readonly askers = new Set<TextAsker>()
  state: JobState = { is: 'parked', for: 'unavailable' }
  /** By what they said; cleared of what may pass before the next round. */
  readonly tried = new Map<string, AfterFailure>()
  /** Workers that did not answer, or died with it. */
  readonly avoid = new Set<string>()
  rounds = 0
  losses = 0
  lastReason: TextFailReason | undefined
  isSecondBest = false
  /** Counted as such. */
  isDelayed = false
  /** On behalf of whom it waits, and as what: a job is a final as soon as anybody needs it as one. Changed by `refit` alone. */
  sessionId = ''
  callClass: CallClass = 'partial'
  tokens = 0

  constructor(key: string, tenant: string, need: TextNeed, text: string) {
    this.key = key
    this.tenant = tenant
    this.need = need
    this.text = text
    this.textBytes = Buffer.byteLength(text)
  }

  get isFinal(): boolean {
    return this.callClass === 'final'
  }

  /** Not to be called while it is in a queue. */
  refit(): void {
    const { sessionId, callClass } = this.#fit()
    this.sessionId = sessionId
    this.callClass = callClass
  }

  get isFitted(): boolean {
    const { sessionId, callClass } = this.#fit()
    return sessionId === this.sessionId && callClass === this.callClass
  }

  /** Whoever needs a final comes first, then whoever came first. */
  #fit(): { readonly sessionId: string; readonly callClass: CallClass } {
    const [first] = this.askers
    for (const { isFinal, sessionId } of this.askers) if (isFinal) return { sessionId, callClass: 'final' }
    return { sessionId: first?.sessionId ?? this.sessionId, callClass: 'partial' }
  }
}
