// Runs the members of a platform: forks them, feeds what happens to the transitions, does what those say. What to do is
// decided in supervisor-transitions.ts.
import type { MemberToSupervisor } from '@parley/fleet'
import { assertNever, type Clock, Scope, type Timer, withDeadline } from '@parley/kernel'
import type { WorkerEngine } from '@parley/protocol'
import { MemberProcess, type MemberSpec, tellingLine } from './member-process.ts'
import {
  DEFAULT_POLICY,
  initialState,
  type MemberName,
  type MemberRole,
  memberOf,
  membersView,
  type SupervisorPolicy,
  type SupervisorState,
  workerAddresses,
} from './supervisor-state.ts'
import { nextDueMs, type SupervisorEffect, type SupervisorEvent, transition } from './supervisor-transitions.ts'

const PAGE_CODE_LIMIT_MS = 5_000

export type PodReady = Extract<MemberToSupervisor, { type: 'ready'; member: 'pod' }>

/** Why the platform ended by itself. */
export interface GaveUp {
  readonly message: string
  readonly exitCode: number
}

export interface SupervisorOptions {
  readonly clock: Clock
  readonly workerCount: number
  /** 1 unless told. */
  readonly podCount?: number
  /** Asked before each fork: a pod that comes back keeps the port of its first life. */
  specOf(name: MemberName, role: MemberRole): MemberSpec
  onReport(level: 'info' | 'warn' | 'error', message: string): void
  /** A pod is ready: the first time, and after each restart. */
  onPodReady(name: MemberName, ready: PodReady, podPid: number): void
  /** A pod's view of the engines changed, or the set of ready workers did. */
  onSpeechChanged(): void
  /** The last output of a member that ended unasked. */
  onCrashOutput(name: MemberName, tail: string): void
  readonly policy?: SupervisorPolicy
}

export interface SpeechView {
  readonly engines: readonly WorkerEngine[]
  readonly slots: number
}

export class Supervisor {
  readonly #options: SupervisorOptions
  readonly #policy: SupervisorPolicy
  readonly #scope: Scope
  readonly #processes = new Map<MemberName, MemberProcess>()
  readonly #codes = new Map<string, (code: string) => void>()
  readonly #ended = Promise.withResolvers<GaveUp | undefined>()
  #state: SupervisorState
  #timer: Timer | undefined
  #gaveUp: GaveUp | undefined
  readonly #podSpeech = new Map<MemberName, SpeechView>()
  #requests = 0
  readonly #toldMembers = new Map<MemberName, string>()

  constructor(options: SupervisorOptions) {
    this.#options = options
    this.#policy = options.policy ?? DEFAULT_POLICY
    this.#scope = new Scope(options.clock)
    this.#state = initialState(options.workerCount, options.podCount)
  }

  /** Resolves when every process is gone: with the reason when the platform gave up, with undefined after `stop`. */
  get ended(): Promise<GaveUp | undefined> {
    return this.#ended.promise
  }

  get state(): SupervisorState {
    return this.#state
  }

  /** What a pod last said of its workers' engines, the first of those that have; undefined before that. */
  get podSpeech(): SpeechView | undefined {
    for (const name of this.#podNames()) {
      const speech = this.#podSpeech.get(name)
      if (speech) return speech
    }
    return undefined
  }

  start(): void {
    this.#dispatch({ type: 'tick' })
  }

  /** Ends every member in its order; a second call kills what is left. */
  stop(): void {
    this.#dispatch({ type: 'stop' })
  }

  /** A one-time code for the page. Rejects when the pod does not answer in time. */
  mintPageCode(): Promise<string> {
    const requestId = `code-${++this.#requests}`
    const { promise, resolve } = Promise.withResolvers<string>()
    this.#codes.set(requestId, resolve)
    this.#processes.get(this.#podNames()[0] as MemberName)?.send({ type: 'mintPageCode', requestId })
    return withDeadline(this.#options.clock, PAGE_CODE_LIMIT_MS, 'the one-time code for the page', promise).finally(
      () => this.#codes.delete(requestId),
    )
  }

  pidsOf(role: MemberRole): number[] {
    return this.#state.members.flatMap(({ role: actual, phase }) =>
      actual === role && 'pid' in phase ? [phase.pid] : [],
    )
  }

  #dispatch(event: SupervisorEvent): void {
    const next = transition(this.#state, event, this.#options.clock.nowMs(), this.#policy)
    this.#state = next.state
    for (const effect of next.effects) this.#run(effect)
    this.#tellMembers()
    this.#arm()
  }

  /** Pods are told of every process when something about one of them has changed. */
  #tellMembers(): void {
    for (const pod of this.#state.members) {
      if (pod.role !== 'pod' || pod.phase.kind !== 'ready') continue
      // Of the view at zero: that time passes is no change.
      const key = JSON.stringify([pod.starts, membersView(this.#state, 0)])
      if (key === this.#toldMembers.get(pod.name)) continue
      this.#toldMembers.set(pod.name, key)
      const members = membersView(this.#state, this.#options.clock.nowMs())
      this.#processes.get(pod.name)?.send({ type: 'members', members })
    }
  }

  #podNames(): MemberName[] {
    return this.#state.members.flatMap(({ role, name }) => (role === 'pod' ? [name] : []))
  }

  #arm(): void {
    this.#timer?.cancel()
    const dueMs = nextDueMs(this.#state)
    if (dueMs === undefined || this.#scope.isClosed) return
    this.#timer = this.#scope.after(dueMs - this.#options.clock.nowMs(), () => this.#dispatch({ type: 'tick' }))
  }

  #run(effect: SupervisorEffect): void {
    switch (effect.type) {
      case 'fork':
        this.#fork(effect.name)
        break
      case 'sendStop':
        this.#processes.get(effect.name)?.send({ type: 'stop' })
        break
      case 'kill':
        this.#processes.get(effect.name)?.kill('SIGKILL')
        break
      case 'sendDrain': {
        const { name, withinMs } = effect
        this.#processes.get(name)?.send(withinMs === undefined ? { type: 'undrain' } : { type: 'drain', withinMs })
        break
      }
      case 'announceWorkers':
        for (const name of this.#podNames()) {
          this.#processes.get(name)?.send({ type: 'workers', workers: workerAddresses(this.#state) })
        }
        this.#options.onSpeechChanged()
        break
      case 'report':
        this.#options.onReport(effect.level, effect.message)
        break
      case 'giveUp':
        this.#gaveUp ??= { message: effect.message, exitCode: effect.exitCode }
        this.stop()
        break
      case 'ended':
        void this.#scope.close()
        this.#ended.resolve(this.#gaveUp)
        break
      default:
        assertNever(effect)
    }
  }

  #fork(name: MemberName): void {
    const { role } = memberOf(this.#state, name)
    const member = new MemberProcess(this.#options.specOf(name, role), {
      onMessage: (message) => this.#onMessage(name, message),
      onExit: (code, signal, tail) => this.#onExit(name, code, signal, tail),
    })
    this.#processes.set(name, member)
    this.#dispatch({ type: 'forked', name, pid: member.pid })
  }

  #onExit(name: MemberName, code: number | null, signal: string | null, tail: string): void {
    this.#processes.delete(name)
    const isAsked = ['stopping', 'restarting'].includes(memberOf(this.#state, name).phase.kind)
    if (!isAsked && tail !== '') this.#options.onCrashOutput(name, tail)
    this.#podSpeech.delete(name)
    this.#dispatch({ type: 'exited', name, code, signal, lastLine: tellingLine(tail) })
  }

  #onMessage(name: MemberName, message: MemberToSupervisor): void {
    switch (message.type) {
      case 'ready':
        this.#onReady(name, message)
        break
      case 'engines':
        this.#podSpeech.set(name, { engines: message.engines, slots: message.slots })
        this.#options.onSpeechChanged()
        break
      case 'pageCode':
        this.#codes.get(message.requestId)?.(message.code)
        break
      case 'resized':
        this.#options.onReport('info', `${name}: ${message.slots} slots to ${message.role}, ${message.how}`)
        break
      case 'drainWorker':
        this.#dispatch({ type: 'drainWorker', workerId: message.workerId, withinMs: message.withinMs })
        break
      case 'restartMember':
        this.#dispatch({ type: 'restart', name: message.name })
        break
      case 'failed':
        this.#dispatch({ type: 'failed', name, message: message.message, exitCode: message.exitCode })
        break
      default:
        // A member that was started again may be of the next version, and say more.
        message satisfies never
    }
  }

  #onReady(name: MemberName, message: Extract<MemberToSupervisor, { type: 'ready' }>): void {
    if (message.member === 'worker') {
      const { workerId, url, engines, slots } = message
      this.#dispatch({ type: 'workerReady', name, workerId, url, engines, slots })
      return
    }
    this.#dispatch({ type: 'podReady', name, podId: message.podId })
    const { phase } = memberOf(this.#state, name)
    if (phase.kind === 'ready') this.#options.onPodReady(name, message, phase.pid)
  }
}
