// Texts of the sessions of this pod, done by engines on its workers: cached, asked once however many want the same, in turns within budgets,
// of the engines in their order. Implements TextService. Who asked what and is told what is here; how it gets done is text-runner.ts.
import { type Clock, Scope } from '@parley/kernel'
import type { TextKind } from '@parley/protocol'
import type { Logger } from '@parley/telemetry'
import {
  type BudgetStore,
  type CachedText,
  type EngineLine,
  type SharedTextStore,
  SharedTexts,
  TextCache,
  type TextFailReason,
  type TextOutcome,
  type TextService,
  type TextSupport,
  type TextWish,
} from '@parley/text'
import { EngineStates } from './engine-states.ts'
import { countOutcome, countRefusal, newTextCounters } from './text-counters.ts'
import { type JobLane, TextAsker, TextJob } from './text-job.ts'
import { TextOrder, type TextProvider } from './text-order.ts'
import { type TextReport, textReport } from './text-report.ts'
import { deadlineReason, wishProblem } from './text-rules.ts'
import { TextRunner, type TextsUsed } from './text-runner.ts'
import type { TextWorkers } from './text-workers.ts'

export interface TextDeskOptions {
  readonly clock: Clock
  readonly logger: Logger
  readonly config: {
    readonly text: {
      readonly partialWaitMs: number
      readonly finalDeadlineMs: number
      readonly cacheBytes: number
      readonly cacheMinutes: number
      readonly engines: readonly EngineLine[]
    }
    readonly providers: readonly TextProvider[]
  }
  readonly workers: TextWorkers
  readonly store: BudgetStore
  /** Pods that share the budgets of that store, this one included, as last seen; nobody knows unless told. */
  readonly sharers?: (() => number | undefined) | undefined
  /** Where pods of the fleet share finals; nowhere unless told. */
  readonly sharedTexts?: SharedTextStore | undefined
  /** Who holds this pod's slices of budgets. */
  readonly podId: string
  /** What keys of the cache are derived from: random, of this process alone, or with `sharedTexts` of the fleet. */
  readonly cacheSecret: Uint8Array
  /** Told what each call that ended took, answered or not; nobody counts unless told. */
  readonly onUsage?: ((tenant: string, used: TextsUsed) => void) | undefined
}

const doesTexts = ({ roles }: TextProvider): boolean => roles.includes('translate') || roles.includes('polish')

export class TextDesk implements TextService {
  readonly #options: TextDeskOptions
  readonly #scope: Scope
  readonly #states: EngineStates
  readonly #order: TextOrder
  readonly #cache: TextCache
  readonly #shared: SharedTexts | undefined
  readonly #runner: TextRunner
  readonly #jobs = new Map<string, TextJob>()
  readonly #counters = newTextCounters()
  readonly #listeners = new Set<() => void>()
  #fingerprint: string

  constructor(options: TextDeskOptions) {
    const { clock, config, workers, store, sharers, podId, cacheSecret, sharedTexts } = options
    this.#options = options
    this.#scope = new Scope(clock)
    this.#states = new EngineStates(clock)
    this.#order = new TextOrder(this.#scope, {
      clock,
      lines: config.text.engines,
      providers: config.providers,
      workers,
      states: this.#states,
      share: { store, holder: podId, sharers },
      onSlice: (lane) => this.#runner.onSlice(lane),
    })
    const keepMs = config.text.cacheMinutes * 60_000
    this.#cache = new TextCache({ maxBytes: config.text.cacheBytes, keepMs, secret: cacheSecret })
    // What engines of this machine do costs less than asking for it.
    const isWorthSharing = config.text.cacheBytes > 0 && keepMs > 0 && config.providers.some(doesTexts)
    this.#shared =
      sharedTexts && isWorthSharing
        ? new SharedTexts({ clock, store: sharedTexts, secret: cacheSecret, keepMs })
        : undefined
    this.#fingerprint = this.#order.fingerprint()
    this.#runner = this.#newRunner()
  }

  #newRunner(): TextRunner {
    const { clock, logger, workers, config } = this.#options
    const [states, order] = [this.#states, this.#order]
    const { partialWaitMs, finalDeadlineMs } = config.text
    return new TextRunner(
      this.#scope,
      { clock, logger, partialWaitMs, finalDeadlineMs, workers, states, order },
      {
        isWanted: (job) => this.#isWanted(job),
        onAnswer: (job, answer, isShared) => this.#onAnswer(job, answer, isShared),
        onGiveUp: (job, reason, message, lane) => this.#onGiveUp(job, reason, message, lane),
        onUsed: (job, used) => this.#options.onUsage?.(job.tenant, used),
        onRefused: (code) => countRefusal(this.#counters, code),
        onDelayed: () => {
          this.#counters.final.delayed++
        },
        onChange: () => this.#changed(),
      },
    )
  }

  ask(wish: TextWish, onOutcome: (outcome: TextOutcome) => void): { cancel(): void } {
    const { clock, config } = this.#options
    const nowMs = clock.nowMs()
    const { sessionId, isFinal, kind, from, to } = wish
    const counters = this.#counters[isFinal ? 'final' : 'partial']
    counters.asked++
    const asker = new TextAsker(sessionId, isFinal, nowMs, onOutcome)
    const problem = wishProblem(wish)
    if (problem) {
      this.#tell(asker, isFinal ? problem : { is: 'skipped', reason: 'failed' })
      asker.isAsking = false
      return { cancel: () => asker.cancel() }
    }
    const need = { kind, from, to: kind === 'translate' ? to : undefined }
    const key = this.#cache.keyOf(wish.tenant, { ...need, text: wish.text })
    const known = this.#cache.get(key, isFinal ? 'final' : 'partial', nowMs)
    if (known) this.#tell(asker, { is: 'done', ...known, isCached: true })
    else {
      const waitMs = isFinal ? config.text.finalDeadlineMs : config.text.partialWaitMs
      const job = this.#jobs.get(key) ?? new TextJob(key, wish.tenant, need, wish.text)
      if (job.askers.size > 0) counters.shared++
      asker.timer = this.#scope.after(waitMs, () => this.#onTimeOver(job, asker))
      this.#join(job, asker)
    }
    asker.isAsking = false
    return {
      cancel: () => {
        if (asker.isOver) return
        counters.cancelled++
        asker.cancel()
        this.#leave(this.#jobs.get(key), asker)
      },
    }
  }

  support(kind: TextKind, from: string, to?: string): TextSupport {
    return this.#order.support({ kind, from, to })
  }

  warm(kind: TextKind, from: string, to?: string): void {
    const need = { kind, from, to }
    const support = this.#order.support(need)
    if (support.is === 'supported') this.#options.workers.warm(support.engine, need)
  }

  targets(from: string): readonly string[] {
    return this.#order.targets(from)
  }

  onChange(listener: () => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  /** The store of shared budgets does not answer; undefined where nothing is shared. */
  get isStoreLost(): boolean | undefined {
    const lanes = this.#order.lanes().filter(({ isProvider }) => isProvider)
    return this.#options.sharers && lanes.length > 0 ? lanes.some((lane) => lane.isStoreLost) : undefined
  }

  /** Budgets, engines, cache and counts as of now. */
  report(): TextReport {
    const { clock, config } = this.#options
    return textReport({
      nowMs: clock.nowMs(),
      order: this.#order,
      states: this.#states,
      cache: this.#cache,
      shared: this.#shared,
      counters: this.#counters,
      jobs: [...this.#jobs.values()],
      providers: config.providers,
    })
  }

  /** Cancels everything; nothing is told any more. */
  async close(): Promise<void> {
    for (const job of this.#jobs.values()) for (const asker of job.askers) asker.cancel()
    const jobs = [...this.#jobs.values()]
    this.#jobs.clear()
    for (const job of jobs) this.#runner.drop(job)
    this.#listeners.clear()
    this.#cache.clear()
    await this.#scope.close()
  }

  // Askers.

  #join(job: TextJob, asker: TextAsker): void {
    const isNew = job.askers.size === 0
    job.askers.add(asker)
    if (isNew) {
      this.#jobs.set(job.key, job)
      if (this.#shared && asker.isFinal) this.#runner.look(job, this.#shared.find(job.key))
      else this.#runner.place(job)
    } else this.#runner.refit(job)
  }

  #leave(job: TextJob | undefined, asker: TextAsker): void {
    if (!job?.askers.delete(asker)) return
    if (job.askers.size > 0) this.#runner.refit(job)
    else {
      this.#forget(job)
      this.#runner.drop(job)
    }
  }

  /** A final's deadline, or as long as a partial waits. */
  #onTimeOver(job: TextJob, asker: TextAsker): void {
    const { state } = job
    if (asker.isFinal) {
      const reason = deadlineReason(state, job)
      const { finalDeadlineMs } = this.#options.config.text
      this.#tell(asker, { is: 'failed', reason, message: `nothing came within ${finalDeadlineMs} ms` })
    } else if (state.is === 'called') {
      asker.isWaitOver = true
      return
    } else
      this.#skip(asker, state.is === 'waiting' ? state.lane : undefined, state.is === 'waiting' ? 'budget' : 'failed')
    this.#leave(job, asker)
  }

  #skip(asker: TextAsker, lane: JobLane | undefined, reason: 'budget' | 'failed'): void {
    if (lane && reason === 'budget') lane.counters.skipped++
    this.#tell(asker, { is: 'skipped', reason })
  }

  #tell(asker: TextAsker, outcome: TextOutcome): void {
    asker.timer?.cancel()
    const tell = () => {
      if (asker.isOver) return
      countOutcome(
        this.#counters[asker.isFinal ? 'final' : 'partial'],
        outcome,
        this.#options.clock.nowMs() - asker.askedAtMs,
      )
      asker.tell(outcome, (told) => this.#guarded(told))
    }
    // Whoever asks does not have its `cancel` yet.
    if (asker.isAsking) queueMicrotask(tell)
    else tell()
  }

  // What becomes of jobs.

  /** Partials that had waited long enough when their call began are over when it has come to nothing. */
  #isWanted(job: TextJob): boolean {
    const over = [...job.askers].filter(({ isWaitOver }) => isWaitOver)
    for (const asker of over) job.askers.delete(asker)
    const isWanted = job.askers.size > 0
    if (!isWanted) this.#forget(job)
    for (const asker of over) this.#skip(asker, undefined, job.lastReason === 'budget' ? 'budget' : 'failed')
    return isWanted
  }

  #onAnswer(job: TextJob, answer: CachedText, isShared: boolean): void {
    this.#cache.set(job.key, job.callClass, answer, this.#options.clock.nowMs(), job.isSecondBest)
    if (!isShared && job.isFinal && !job.isSecondBest) this.#shared?.keep(job.key, answer)
    this.#forget(job)
    for (const asker of job.askers) this.#tell(asker, { is: 'done', ...answer, isCached: isShared })
  }

  /** Finals are told why, partials that they are skipped. */
  #onGiveUp(job: TextJob, reason: TextFailReason, message: string, lane: JobLane | undefined): void {
    this.#forget(job)
    for (const asker of job.askers) {
      if (asker.isFinal) this.#tell(asker, { is: 'failed', reason, message })
      else this.#skip(asker, lane, reason === 'budget' ? 'budget' : 'failed')
    }
  }

  #forget(job: TextJob): void {
    if (this.#jobs.get(job.key) === job) this.#jobs.delete(job.key)
  }

  #changed(): void {
    const fingerprint = this.#order.fingerprint()
    if (fingerprint === this.#fingerprint) return
    this.#fingerprint = fingerprint
    for (const listener of [...this.#listeners]) this.#guarded(listener)
  }

  /** What a session does with what it is told is its own affair. */
  #guarded(tell: () => void): void {
    try {
      tell()
    } catch (error) {
      this.#options.logger.error({ err: error }, 'a listener of a text failed')
    }
  }
}
