// What is true of the processes of one platform: its pods and their speech workers. No I/O.
import type { SupervisedMember } from '@parley/fleet'
import { assertNever } from '@parley/kernel'
import type { WorkerEngine } from '@parley/protocol'

export type MemberRole = 'pod' | 'worker'

/** `pod`, `worker 1`, `worker 2`, and of several pods `pod 1`, `pod 2`: what people read, and the key of the member. */
export type MemberName = string

export type Phase =
  /** Forked; has not said `ready` yet. */
  | { readonly kind: 'starting'; readonly pid: number; readonly deadlineMs: number }
  | { readonly kind: 'ready'; readonly pid: number; readonly sinceMs: number }
  /** Gone; to be forked again at `untilMs`. */
  | { readonly kind: 'waiting'; readonly untilMs: number }
  /** To end: told so now or, workers, once the pod is gone; killed at `killAtMs`. */
  | { readonly kind: 'stopping'; readonly pid: number; readonly killAtMs: number; readonly isTold: boolean }
  /** An operator wants it ended and started again: told so, killed at `killAtMs`. */
  | { readonly kind: 'restarting'; readonly pid: number; readonly killAtMs: number }
  | { readonly kind: 'ended' }

export interface Member {
  readonly name: MemberName
  readonly role: MemberRole
  readonly phase: Phase
  /** Ends in a row without a long enough healthy stretch between them. */
  readonly failures: number
  /** When the first of those ends was. */
  readonly failingSinceMs: number
  /** Starts in all; the first counts. */
  readonly starts: number
  readonly wasReady: boolean
  /** What it said about why it could not start, until it is ready. */
  readonly lastWords: string | undefined
  /** Pods that are ready: its id in the fleet. */
  readonly podId: string | undefined
  /** Workers: where pods reach it, and what it can do. */
  readonly address: { readonly workerId: string; readonly url: string } | undefined
  readonly engines: readonly WorkerEngine[]
  readonly slots: number
  /** Workers that are to be empty by then. A drain is the process's: the next one takes streams. */
  readonly drainByMs: number | undefined
}

export interface SupervisorState {
  readonly members: readonly Member[]
  readonly isStopping: boolean
}

export interface SupervisorPolicy {
  /** From fork to `ready`. */
  readonly startLimitMs: number
  /** A member that was ready this long has recovered: its next end is a first failure again. */
  readonly healthyAfterMs: number
  /** Waits before the second, third ... start in a row; the last one stays. The first restart is immediate. */
  readonly backoffMs: readonly number[]
  /** Failures in a row at which a crash loop is named. */
  readonly loopAt: number
  /** Failures in a row of a pod that was never ready, after which starting is given up. */
  readonly giveUpAt: number
  /** From the wish to stop to the kill of pods and of workers; workers outlive the pod, which still flushes through them. */
  readonly podKillAfterMs: number
  readonly workerKillAfterMs: number
  /** From the wish to start it again to the kill of a member that does not end. */
  readonly restartKillAfterMs: number
}

export const DEFAULT_POLICY: SupervisorPolicy = {
  startLimitMs: 60_000,
  healthyAfterMs: 30_000,
  backoffMs: [500, 1_000, 2_000, 5_000, 10_000, 15_000],
  loopAt: 4,
  giveUpAt: 2,
  podKillAfterMs: 2_400,
  workerKillAfterMs: 2_700,
  restartKillAfterMs: 15_000,
}

function member(name: MemberName, role: MemberRole): Member {
  return {
    name,
    role,
    phase: { kind: 'waiting', untilMs: 0 },
    failures: 0,
    failingSinceMs: 0,
    starts: 0,
    wasReady: false,
    lastWords: undefined,
    podId: undefined,
    address: undefined,
    engines: [],
    slots: 0,
    drainByMs: undefined,
  }
}

/** The names of `count` pods; the first is the one that commands talk to. */
export const podNames = (count: number): MemberName[] =>
  count === 1 ? ['pod'] : Array.from({ length: count }, (_, index) => `pod ${index + 1}`)

/** `podCount` pods, one unless told, and `workerCount` workers, all due to be started. */
export function initialState(workerCount: number, podCount = 1): SupervisorState {
  const workers = Array.from({ length: workerCount }, (_, index) => member(`worker ${index + 1}`, 'worker'))
  return { members: [...podNames(podCount).map((name) => member(name, 'pod')), ...workers], isStopping: false }
}

export const memberOf = (state: SupervisorState, name: MemberName): Member => {
  const found = state.members.find((candidate) => candidate.name === name)
  if (!found) throw new Error(`no member ${name}`)
  return found
}

/** Where pods reach the workers that are ready. */
export const workerAddresses = (state: SupervisorState): { workerId: string; url: string }[] =>
  state.members.flatMap((candidate) =>
    candidate.phase.kind === 'ready' && candidate.address ? [candidate.address] : [],
  )

/** What pods are told of every process. */
export const membersView = (state: SupervisorState, nowMs: number): SupervisedMember[] =>
  state.members.map(({ name, role, phase, podId, address, failures, drainByMs }) => ({
    name,
    kind: role,
    state: viewState(phase),
    ...('pid' in phase ? { pid: phase.pid } : {}),
    ...(phase.kind === 'ready' && address ? { workerId: address.workerId } : {}),
    ...(phase.kind === 'ready' && podId !== undefined ? { podId } : {}),
    ...(failures > 0 ? { failures } : {}),
    ...(drainByMs === undefined ? {} : { drainWithinMs: Math.max(0, Math.round(drainByMs - nowMs)) }),
  }))

function viewState(phase: Phase): SupervisedMember['state'] {
  switch (phase.kind) {
    case 'waiting':
      return 'restarting'
    case 'starting':
    case 'ready':
    case 'restarting':
    case 'stopping':
    case 'ended':
      return phase.kind
    default:
      return assertNever(phase)
  }
}
