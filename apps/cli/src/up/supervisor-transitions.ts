// What may happen to the processes of a platform, and what is to be done about it. No I/O, no clock.
//
//   phase       forked    says ready   exits                 time is up   restart asked   stop asked
//   waiting     starting  -            -                     (fork)       -               ended
//   starting    -         ready        waiting (backoff) *   kill         -               stopping
//   ready       -         -            waiting (backoff)     -            restarting      stopping
//   restarting  -         -            waiting (at once)     kill         -               stopping
//   stopping    -         -            ended                 kill         -               kill
//   ended       -         -            -                     -            -               -
//   * a pod that never was ready gives up: on its own word at once, otherwise after `giveUpAt` ends.
import { assertNever } from '@parley/kernel'
import type { WorkerEngine } from '@parley/protocol'
import {
  type Member,
  type MemberName,
  memberOf,
  type Phase,
  type SupervisorPolicy,
  type SupervisorState,
} from './supervisor-state.ts'

export type SupervisorEvent =
  | { readonly type: 'forked'; readonly name: MemberName; readonly pid: number }
  | { readonly type: 'podReady'; readonly name: MemberName; readonly podId: string }
  | {
      readonly type: 'workerReady'
      readonly name: MemberName
      readonly workerId: string
      readonly url: string
      readonly engines: readonly WorkerEngine[]
      readonly slots: number
    }
  /** The member said why it cannot start; its exit follows. */
  | { readonly type: 'failed'; readonly name: MemberName; readonly message: string; readonly exitCode: number }
  | {
      readonly type: 'exited'
      readonly name: MemberName
      readonly code: number | null
      readonly signal: string | null
      /** Last line it wrote, if any. */
      readonly lastLine: string | undefined
    }
  /** The pod passes on what an operator wants of a worker: to be drained within that time, or, without one, to take streams again. */
  | { readonly type: 'drainWorker'; readonly workerId: string; readonly withinMs: number | undefined }
  /** An operator wants the member ended and started again. */
  | { readonly type: 'restart'; readonly name: MemberName }
  | { readonly type: 'tick' }
  | { readonly type: 'stop' }

export type SupervisorEffect =
  | { readonly type: 'fork'; readonly name: MemberName }
  | { readonly type: 'sendStop'; readonly name: MemberName }
  | { readonly type: 'kill'; readonly name: MemberName }
  | { readonly type: 'sendDrain'; readonly name: MemberName; readonly withinMs: number | undefined }
  /** Tell every pod the whole set of workers. */
  | { readonly type: 'announceWorkers' }
  | { readonly type: 'report'; readonly level: 'info' | 'warn' | 'error'; readonly message: string }
  /** The platform cannot start: end everything with this message. */
  | { readonly type: 'giveUp'; readonly message: string; readonly exitCode: number }
  /** Every process is gone. */
  | { readonly type: 'ended' }

export interface Transition {
  readonly state: SupervisorState
  readonly effects: readonly SupervisorEffect[]
}

const EXIT_GAVE_UP = 1
/** A deadline that has passed and been acted on. */
const NEVER_MS = Number.POSITIVE_INFINITY

/** What is known of a process goes with it. */
const NOTHING = { podId: undefined, address: undefined, engines: [], slots: 0, drainByMs: undefined }

const stay = (state: SupervisorState): Transition => ({ state, effects: [] })

function withMember(
  state: SupervisorState,
  name: MemberName,
  change: Partial<Member>,
  effects: readonly SupervisorEffect[] = [],
): Transition {
  const members = state.members.map((member) => (member.name === name ? { ...member, ...change } : member))
  return { state: { ...state, members }, effects }
}

/** What `event` at `nowMs` makes of `state`. */
export function transition(
  state: SupervisorState,
  event: SupervisorEvent,
  nowMs: number,
  policy: SupervisorPolicy,
): Transition {
  switch (event.type) {
    case 'forked':
      return onForked(state, event.name, event.pid, nowMs, policy)
    case 'podReady':
      return onReady(state, event.name, { podId: event.podId }, nowMs)
    case 'workerReady': {
      const { workerId, url, engines, slots } = event
      return onReady(state, event.name, { address: { workerId, url }, engines, slots }, nowMs)
    }
    case 'failed':
      return onFailed(state, event.name, event.message, event.exitCode)
    case 'exited':
      return onExited(state, event, nowMs, policy)
    case 'drainWorker':
      return onDrainWorker(state, event.workerId, event.withinMs, nowMs)
    case 'restart':
      return onRestart(state, event.name, nowMs, policy)
    case 'tick':
      return onTick(state, nowMs)
    case 'stop':
      return onStop(state, nowMs, policy)
    default:
      return assertNever(event)
  }
}

function onForked(
  state: SupervisorState,
  name: MemberName,
  pid: number,
  nowMs: number,
  policy: SupervisorPolicy,
): Transition {
  const member = memberOf(state, name)
  if (member.phase.kind !== 'waiting') return stay(state)
  const phase: Phase = { kind: 'starting', pid, deadlineMs: nowMs + policy.startLimitMs }
  return withMember(state, name, { phase, starts: member.starts + 1, lastWords: undefined })
}

function onReady(state: SupervisorState, name: MemberName, change: Partial<Member>, nowMs: number): Transition {
  const member = memberOf(state, name)
  if (member.phase.kind !== 'starting') return stay(state)
  const phase: Phase = { kind: 'ready', pid: member.phase.pid, sinceMs: nowMs }
  const effects: SupervisorEffect[] = [{ type: 'announceWorkers' }]
  if (member.wasReady || member.failures > 0) {
    const tookMs = Math.round(nowMs - member.failingSinceMs)
    const message = `${name} is back${member.failures === 1 ? ` after ${tookMs} ms` : ''} (process ${phase.pid})`
    effects.push({ type: 'report', level: 'info', message })
  }
  return withMember(state, name, { ...change, phase, wasReady: true, lastWords: undefined }, effects)
}

function onFailed(state: SupervisorState, name: MemberName, message: string, exitCode: number): Transition {
  const member = memberOf(state, name)
  if (member.phase.kind !== 'starting') return stay(state)
  const next = withMember(state, name, { lastWords: message })
  if (member.role === 'worker' || member.wasReady) return next
  return { state: next.state, effects: [{ type: 'giveUp', message, exitCode }] }
}

function onDrainWorker(
  state: SupervisorState,
  workerId: string,
  withinMs: number | undefined,
  nowMs: number,
): Transition {
  const member = state.members.find(({ phase, address }) => phase.kind === 'ready' && address?.workerId === workerId)
  if (!member) return stay(state)
  const { name } = member
  const drainByMs = withinMs === undefined ? undefined : nowMs + withinMs
  const message = withinMs === undefined ? `${name} takes streams again` : `${name} drains, within ${withinMs / 1000} s`
  return withMember(state, name, { drainByMs }, [
    { type: 'sendDrain', name, withinMs },
    { type: 'report', level: 'info', message },
  ])
}

function onRestart(state: SupervisorState, name: MemberName, nowMs: number, policy: SupervisorPolicy): Transition {
  const member = state.members.find((candidate) => candidate.name === name)
  if (member?.phase.kind !== 'ready') return stay(state)
  const phase: Phase = { kind: 'restarting', pid: member.phase.pid, killAtMs: nowMs + policy.restartKillAfterMs }
  const effects: SupervisorEffect[] = [
    { type: 'report', level: 'info', message: `${name} is ended and started again, as asked` },
  ]
  if (member.role === 'worker') effects.push({ type: 'announceWorkers' })
  effects.push({ type: 'sendStop', name })
  return withMember(state, name, { phase }, effects)
}

/** It ended because it was to: that is no failure. */
function onRestartedExit(state: SupervisorState, { name }: Member, nowMs: number): Transition {
  const phase: Phase = { kind: 'waiting', untilMs: nowMs }
  return withMember(state, name, { ...NOTHING, phase, failures: 0, failingSinceMs: nowMs }, [{ type: 'fork', name }])
}

type Exited = Extract<SupervisorEvent, { type: 'exited' }>

const howItEnded = (event: Exited): string =>
  event.signal === null ? `exit code ${event.code ?? 'unknown'}` : event.signal

function onExited(state: SupervisorState, event: Exited, nowMs: number, policy: SupervisorPolicy): Transition {
  const member = memberOf(state, event.name)
  switch (member.phase.kind) {
    case 'stopping':
      return settle(withMember(state, event.name, { phase: { kind: 'ended' }, address: undefined }))
    case 'restarting':
      return onRestartedExit(state, member, nowMs)
    case 'starting':
    case 'ready':
      return onCrash(state, member, event, nowMs, policy)
    case 'waiting':
    case 'ended':
      return stay(state)
    default:
      return assertNever(member.phase)
  }
}

function onCrash(
  state: SupervisorState,
  member: Member,
  event: Exited,
  nowMs: number,
  policy: SupervisorPolicy,
): Transition {
  const recovered = member.phase.kind === 'ready' && nowMs - member.phase.sinceMs >= policy.healthyAfterMs
  const failures = recovered ? 1 : member.failures + 1
  const failingSinceMs = failures === 1 ? nowMs : member.failingSinceMs
  const why = member.lastWords ?? event.lastLine
  const ended = `${member.name} ended (${howItEnded(event)}${why === undefined ? '' : `: ${why}`})`
  if (member.role === 'pod' && !member.wasReady && failures >= policy.giveUpAt) {
    const gone = withMember(state, member.name, { phase: { kind: 'ended' }, failures, address: undefined })
    return { state: gone.state, effects: [{ type: 'giveUp', message: `the ${ended}`, exitCode: EXIT_GAVE_UP }] }
  }
  const waitMs = failures === 1 ? 0 : (policy.backoffMs[Math.min(failures - 2, policy.backoffMs.length - 1)] ?? 0)
  const phase: Phase = { kind: 'waiting', untilMs: nowMs + waitMs }
  const change = { phase, failures, failingSinceMs, ...NOTHING }
  const effects: SupervisorEffect[] = [
    { type: 'report', ...crashReport(ended, failures, waitMs, nowMs - failingSinceMs, policy) },
  ]
  if (member.role === 'worker') effects.push({ type: 'announceWorkers' })
  const next = withMember(state, member.name, change, effects)
  if (waitMs > 0) return next
  return { state: next.state, effects: [...next.effects, { type: 'fork', name: member.name }] }
}

function crashReport(ended: string, failures: number, waitMs: number, spanMs: number, policy: SupervisorPolicy) {
  const next = waitMs === 0 ? 'starting it again' : `next try in ${waitMs / 1000} s`
  if (failures < policy.loopAt) return { level: 'warn', message: `${ended}; ${next}` } as const
  const message = `${ended}; crash loop: ${failures} times in ${Math.round(spanMs / 1000)} s; ${next}; see ./parley doctor and the log`
  return { level: 'error', message } as const
}

function onTick(state: SupervisorState, nowMs: number): Transition {
  const effects: SupervisorEffect[] = []
  const members = state.members.map((member): Member => {
    const { name, phase } = member
    switch (phase.kind) {
      case 'waiting':
        if (phase.untilMs <= nowMs) effects.push({ type: 'fork', name })
        return member
      case 'restarting':
      case 'stopping':
        if (phase.killAtMs > nowMs) return member
        effects.push({ type: 'kill', name })
        return { ...member, phase: { ...phase, killAtMs: NEVER_MS } }
      case 'starting':
        if (phase.deadlineMs > nowMs) return member
        effects.push({ type: 'report', level: 'warn', message: `${name} did not get ready in time and is killed` })
        effects.push({ type: 'kill', name })
        return { ...member, phase: { ...phase, deadlineMs: NEVER_MS } }
      default:
        return member
    }
  })
  return { state: { ...state, members }, effects }
}

function onStop(state: SupervisorState, nowMs: number, policy: SupervisorPolicy): Transition {
  if (state.isStopping) {
    // Asked twice: whoever asks has waited enough.
    const living = state.members.filter((member) => member.phase.kind === 'stopping')
    return { state, effects: living.map(({ name }) => ({ type: 'kill', name })) }
  }
  const effects: SupervisorEffect[] = []
  const members = state.members.map((member): Member => {
    switch (member.phase.kind) {
      case 'starting':
      case 'restarting':
      case 'ready': {
        const afterMs = member.role === 'pod' ? policy.podKillAfterMs : policy.workerKillAfterMs
        if (member.role === 'pod') effects.push({ type: 'sendStop', name: member.name })
        return {
          ...member,
          phase: { kind: 'stopping', pid: member.phase.pid, killAtMs: nowMs + afterMs, isTold: member.role === 'pod' },
        }
      }
      case 'waiting':
        return { ...member, phase: { kind: 'ended' } }
      default:
        return member
    }
  })
  return settle({ state: { members, isStopping: true }, effects })
}

/** Once the pods are gone the workers have nobody to work for: they are told to end, once; the last one ends everything. */
function settle({ state, effects }: Transition): Transition {
  if (!state.isStopping) return { state, effects }
  const alive = state.members.filter((member) => member.phase.kind !== 'ended')
  if (alive.length === 0) return { state, effects: [...effects, { type: 'ended' }] }
  if (alive.some((member) => member.role === 'pod')) return { state, effects }
  const more: SupervisorEffect[] = []
  const members = state.members.map((member): Member => {
    if (member.phase.kind !== 'stopping' || member.phase.isTold) return member
    more.push({ type: 'sendStop', name: member.name })
    return { ...member, phase: { ...member.phase, isTold: true } }
  })
  return { state: { ...state, members }, effects: [...effects, ...more] }
}

/** When `tick` is next due; undefined when nothing waits for time. */
export function nextDueMs(state: SupervisorState): number | undefined {
  const due = state.members.flatMap(({ phase }) => {
    if (phase.kind === 'waiting') return [phase.untilMs]
    if (phase.kind === 'starting') return [phase.deadlineMs]
    return phase.kind === 'stopping' || phase.kind === 'restarting' ? [phase.killAtMs] : []
  })
  const soonestMs = Math.min(...due, NEVER_MS)
  return soonestMs === NEVER_MS ? undefined : soonestMs
}
