// Jobs on their way to an engine and back: puts each where it can be done, starts what may start, and carries out what a failed call asks for.
// It knows nothing of who asked; text-desk.ts does.
import { assertNever, backoffMs, type Clock, type Scope } from '@parley/kernel'
import type { TextKind } from '@parley/protocol'
import type { Logger } from '@parley/telemetry'
import { AFTER_FAILURE, type BreakerEvent, type CachedText, type TextFailReason, tokensOf } from '@parley/text'
import { chooseEngine } from './choose-engine.ts'
import type { EngineStates } from './engine-states.ts'
import type { CallEnd } from './link-texts.ts'
import type { JobLane, JobState, TextJob } from './text-job.ts'
import type { TextOrder } from './text-order.ts'
import { ANSWER_GRACE_MS, BUSY_REST_MS, callDeadlineMs, MAX_LOSSES, REST } from './text-rules.ts'
import type { TextWorkers } from './text-workers.ts'

/** What one call took; what was answered from the cache takes nothing. */
export interface TextsUsed {
  /** Unicode characters of a text that was translated; 0 when it was polished, or not answered. */
  readonly translatedCharacters: number
  /** As the provider counts them, in and out, also of an answer that was of no use. */
  readonly providerTokens: number
}

/** What becomes of jobs, for whoever knows who asked. */
export interface RunnerHost {
  /** Asked before a job is put anywhere: false when nobody wants it any more. */
  isWanted(job: TextJob): boolean
  /** `isShared`: another pod had it done. */
  onAnswer(job: TextJob, answer: CachedText, isShared: boolean): void
  /** `lane`: what it waited for, or would have. */
  onGiveUp(job: TextJob, reason: TextFailReason, message: string, lane: JobLane | undefined): void
  onUsed(job: TextJob, used: TextsUsed): void
  onRefused(code: string): void
  onDelayed(): void
  /** What can be had may be another now. */
  onChange(): void
}

export interface RunnerOptions {
  readonly clock: Clock
  readonly logger: Logger
  readonly partialWaitMs: number
  readonly finalDeadlineMs: number
  readonly workers: TextWorkers
  readonly states: EngineStates
  readonly order: TextOrder
}

type Called = Extract<JobState, { readonly is: 'called' }>

export class TextRunner {
  readonly #options: RunnerOptions
  readonly #scope: Scope
  readonly #host: RunnerHost
  readonly #parked = new Set<TextJob>()

  constructor(scope: Scope, options: RunnerOptions, host: RunnerHost) {
    this.#scope = scope
    this.#options = options
    this.#host = host
    scope.own(options.workers.onChange(() => this.#onWorkers()))
  }

  /** Puts a job where it is done soonest: in a lane, aside until something changes, or back to who asked, with a reason. */
  place(job: TextJob): void {
    this.#unplace(job)
    if (!this.#host.isWanted(job)) return
    job.refit()
    const { clock, partialWaitMs: maxWaitMs } = this.#options
    const { isFinal, tried } = job
    const options = this.#options.order.options(job, clock.nowMs())
    const mayCome = !this.#options.order.isKnown(job.need.kind)
    const choice = chooseEngine({ options, mayCome, tried, isFinal, maxWaitMs })
    switch (choice.is) {
      case 'ask':
        this.#enqueue(job, choice.engine, choice.isSecondBest)
        return
      case 'wait':
        if (isFinal) this.#park(job, choice.for)
        else this.#giveUp(job, choice.for, '')
        return
      case 'rest':
        this.#rest(job, backoffMs(job.rounds++, REST), true)
        return
      case 'giveUp':
        this.#giveUp(job, choice.for, this.#whyNot(job, choice.for))
        return
      default:
        assertNever(choice)
    }
  }

  /** A job goes to an engine when nothing is found for it. */
  look(job: TextJob, looking: Promise<CachedText | undefined>): void {
    const state: JobState = { is: 'looking' }
    job.refit()
    job.state = state
    void looking.then((found) => {
      if (job.state !== state) return
      job.state = { is: 'over' }
      if (found) this.#host.onAnswer(job, found, true)
      else this.place(job)
    })
  }

  #whyNot({ need }: TextJob, reason: TextFailReason): string {
    const support = this.#options.order.support(need)
    return support.is === 'supported' ? `every engine was asked: ${reason}` : support.message
  }

  #park(job: TextJob, why: 'budget' | 'unavailable'): void {
    job.state = { is: 'parked', for: why }
    this.#parked.add(job)
  }

  /** Out of where it waits; the caller puts it somewhere else. */
  #unplace(job: TextJob): void {
    const { state } = job
    if (state.is === 'waiting') {
      state.recheck?.cancel()
      state.lane.queue.remove(job)
    } else if (state.is === 'resting') state.timer.cancel()
    this.#parked.delete(job)
    job.state = { is: 'over' }
  }

  #enqueue(job: TextJob, engine: string, isSecondBest: boolean): void {
    const { kind } = job.need
    const lane = this.#options.order.laneOf(kind, engine)
    job.tokens = lane.estimate(kind, job.textBytes)
    job.isSecondBest = isSecondBest
    lane.wanted(job.tokens)
    const recheck = job.isFinal ? this.#armRecheck(job) : undefined
    job.state = { is: 'waiting', lane, engine, recheck }
    if (!lane.queue.push(job)) {
      const oldest = job.isFinal ? job : lane.queue.oldest('partial', job.sessionId)
      if (oldest) this.#giveUp(oldest, 'budget', 'too much of this session waits')
      if (oldest !== job && job.state.is === 'waiting') lane.queue.push(job)
    }
    this.#pump(lane)
  }

  #armRecheck(job: TextJob) {
    return this.#scope.after(this.#options.partialWaitMs, () => this.#recheck(job))
  }

  /** A final that has waited long goes to an engine further down the order that could be asked soon. */
  #recheck(job: TextJob): void {
    const { state, tried, isFinal } = job
    if (state.is !== 'waiting') return
    const maxWaitMs = this.#options.partialWaitMs
    const options = this.#options.order.options(job, this.#options.clock.nowMs())
    const at = options.findIndex(({ engine }) => engine === state.engine)
    const later = options.slice(at + 1).filter(({ expectedWaitMs }) => expectedWaitMs <= maxWaitMs)
    const choice = chooseEngine({ options: later, mayCome: false, tried, isFinal, maxWaitMs })
    if (choice.is === 'ask') {
      this.#unplace(job)
      this.#enqueue(job, choice.engine, true)
    } else job.state = { ...state, recheck: this.#armRecheck(job) }
  }

  #rest(job: TextJob, pauseMs: number, isNewRound: boolean): void {
    const timer = this.#scope.after(pauseMs, () => {
      // What would fail again is not asked again.
      if (isNewRound)
        for (const [engine, { isWorthRetrying }] of job.tried) if (isWorthRetrying) job.tried.delete(engine)
      this.place(job)
    })
    job.state = { is: 'resting', timer }
  }

  /** Those who ask are others now: it may wait on behalf of another session, and as a final. */
  refit(job: TextJob): void {
    if (job.isFitted) return
    if (job.state.is === 'waiting' || job.state.is === 'parked') this.place(job)
    else job.refit()
  }

  /** Nobody wants it any more. */
  drop(job: TextJob): void {
    const { state } = job
    if (state.is !== 'called') {
      this.#unplace(job)
      return
    }
    state.timer.cancel()
    state.call.cancel()
    job.state = { is: 'over' }
    // What it would have cost nobody will say: the estimate stands.
    state.lane.settle(state.hold, job.need.kind, job.textBytes, undefined)
    this.#advance(job.need.kind, state.engine, 'withdrawn')
    this.#pumpAll()
  }

  /** Starts what may start of what waits in a lane, and wakes it when the next may. */
  #pump(lane: JobLane): void {
    for (;;) {
      const next = lane.queue.next(this.#options.clock.nowMs(), (job) => this.#hasRoom(job))
      if (next.is === 'go') this.#start(next.call)
      else {
        this.#wakeIn(lane, next.waitMs)
        return
      }
    }
  }

  #wakeIn(lane: JobLane, waitMs: number): void {
    lane.wake?.cancel()
    const isByTime = waitMs !== Number.POSITIVE_INFINITY
    lane.wake = isByTime ? this.#scope.after(Math.ceil(waitMs), () => this.#pump(lane)) : undefined
  }

  #hasRoom({ state, need }: TextJob): boolean {
    return state.is === 'waiting' && this.#options.workers.room(state.engine, need) === 'free'
  }

  #start(job: TextJob): void {
    if (job.state.is !== 'waiting') return
    const { lane, engine, recheck } = job.state
    const { clock, workers, finalDeadlineMs } = this.#options
    const { need, text, isFinal } = job
    recheck?.cancel()
    const nowMs = clock.nowMs()
    const leftMs = Math.max(...[...job.askers].map(({ askedAtMs }) => askedAtMs)) + finalDeadlineMs - nowMs
    const deadlineMs = callDeadlineMs(isFinal, this.#options.order.timeoutMs(engine), leftMs)
    let called: Called | undefined
    const onEnd = (end: CallEnd) => called && this.#onEnd(job, called, end)
    const call = workers.call({ engine, need, text, isFinal, deadlineMs }, onEnd, job.avoid)
    if (!call) {
      this.#rest(job, BUSY_REST_MS, false)
      return
    }
    const hold = lane.budget.take(job.callClass, job.tokens, nowMs)
    const timer = this.#scope.after(deadlineMs + ANSWER_GRACE_MS, () => {
      call.cancel()
      job.avoid.add(call.workerKey)
      const message = 'the worker did not answer'
      onEnd({ is: 'failed', code: 'DEADLINE', message, retryAfterMs: undefined, usage: undefined })
    })
    called = { is: 'called', lane, engine, hold, call, timer }
    job.state = called
    this.#countStart(job, lane, nowMs)
    this.#advance(need.kind, engine, 'asked')
  }

  #countStart(job: TextJob, lane: JobLane, nowMs: number): void {
    lane.counters.calls++
    const first = Math.min(...[...job.askers].map(({ askedAtMs }) => askedAtMs))
    if (!job.isFinal || job.isDelayed || nowMs - first <= this.#options.partialWaitMs) return
    job.isDelayed = true
    lane.counters.delayed++
    this.#host.onDelayed()
  }

  #onEnd(job: TextJob, called: Called, end: CallEnd): void {
    if (job.state !== called) return
    const { lane, hold, timer } = called
    timer.cancel()
    job.state = { is: 'over' }
    const usage = end.is === 'lost' ? undefined : end.usage
    lane.settle(hold, job.need.kind, job.textBytes, usage)
    const isTranslated = end.is === 'answered' && job.need.kind === 'translate'
    const translatedCharacters = isTranslated ? [...job.text].length : 0
    const providerTokens = usage ? tokensOf(usage) : 0
    if (translatedCharacters + providerTokens > 0) this.#host.onUsed(job, { translatedCharacters, providerTokens })
    if (end.is === 'answered') this.#onAnswer(job, called, end)
    else if (end.is === 'lost') this.#onLost(job, called)
    else this.#onFailure(job, called, end)
    this.#pumpAll()
  }

  #onAnswer(job: TextJob, { lane, engine }: Called, end: Extract<CallEnd, { is: 'answered' }>): void {
    const { text, via, changedWords } = end
    lane.answered()
    this.#options.states.of(job.need.kind, engine).answered++
    const answer = { text, engine, ...(via && { via }), ...(changedWords !== undefined && { changedWords }) }
    this.#advance(job.need.kind, engine, 'answered')
    this.#host.onAnswer(job, answer, false)
  }

  #onLost(job: TextJob, { engine, call }: Called): void {
    this.#options.states.of(job.need.kind, engine).lost++
    job.avoid.add(call.workerKey)
    this.#advance(job.need.kind, engine, 'withdrawn')
    if (++job.losses < MAX_LOSSES) this.place(job)
    else this.#giveUp(job, 'unavailable', `${job.losses} workers were lost while they had this text`)
  }

  #onFailure(job: TextJob, { lane, engine, call }: Called, end: Extract<CallEnd, { is: 'failed' }>): void {
    const { kind } = job.need
    const after = AFTER_FAILURE[end.code]
    this.#options.states.of(kind, engine).failed[end.code]++
    this.#host.onRefused(end.code)
    job.lastReason = after.reason
    this.#options.logger.debug({ kind, engine, code: end.code, message: end.message }, 'a text was not done')
    if (after.then === 'next-engine') job.tried.set(engine, after)
    if (after.then === 'elsewhere') job.avoid.add(call.workerKey)
    if (after.then === 'pause') lane.pause(end.retryAfterMs)
    if (after.then === 'later') this.#rest(job, BUSY_REST_MS, false)
    this.#advance(kind, engine, after.breaker)
    if (after.then === 'pause') this.#replace(lane.queue.all())
    if (after.then !== 'later') this.place(job)
  }

  #giveUp(job: TextJob, reason: TextFailReason, message: string): void {
    const lane = job.state.is === 'waiting' ? job.state.lane : this.#firstLane(job)
    this.#unplace(job)
    this.#host.onGiveUp(job, reason, message, lane)
  }

  #firstLane(job: TextJob): JobLane | undefined {
    const first = this.#options.order
      .options(job, this.#options.clock.nowMs())
      .find(({ standing }) => standing === 'ready')
    return first && this.#options.order.laneOf(job.need.kind, first.engine)
  }

  #pumpAll(): void {
    for (const lane of this.#options.order.lanes()) if (lane.queue.size > 0) this.#pump(lane)
  }

  #replace(jobs: readonly TextJob[]): void {
    for (const job of jobs) if (job.state.is === 'waiting') this.place(job)
  }

  #replaceParked(): void {
    for (const job of [...this.#parked]) if (job.state.is === 'parked') this.place(job)
  }

  /** Another slice of its budget is this pod's now. */
  onSlice(lane: JobLane): void {
    this.#replace(lane.queue.all())
    this.#replaceParked()
    this.#pump(lane)
  }

  #onWorkers(): void {
    const { order, workers } = this.#options
    for (const lane of order.lanes()) {
      if (lane.queue.size === 0) continue
      const isStranded = ({ state, need }: TextJob) =>
        state.is === 'waiting' && workers.room(state.engine, need) === 'none'
      this.#replace(lane.queue.all().filter(isStranded))
    }
    this.#replaceParked()
    this.#pumpAll()
    this.#host.onChange()
  }

  #advance(kind: TextKind, engine: string, event: BreakerEvent): void {
    const { before, after } = this.#options.states.advance(kind, engine, event)
    if (before === after || (before.kind === 'closed' && after.kind === 'closed')) return
    if (after.kind === 'open') {
      this.#options.logger.warn({ kind, engine, times: after.times }, 'an engine for texts is left alone for a while')
      this.#scope.after(after.untilMs - this.#options.clock.nowMs(), () => {
        this.#replaceParked()
        this.#host.onChange()
      })
    }
    if (after.kind === 'closed') this.#replaceParked()
    else {
      // They go to others, or wait for what becomes of the one that is tried.
      const isOfEngine = ({ state, need }: TextJob) =>
        state.is === 'waiting' && state.engine === engine && need.kind === kind
      this.#replace(this.#options.order.laneOf(kind, engine).queue.all().filter(isOfEngine))
    }
    this.#host.onChange()
  }
}
