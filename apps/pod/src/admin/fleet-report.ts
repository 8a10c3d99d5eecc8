// The fleet as this pod knows it: itself, the processes its supervisor runs, the workers it has links to. Pure: facts in, JSON out.
import { nearest } from '@parley/config'
import type { MemberStatus, SupervisedMember } from '@parley/fleet'
import { err, ok, type Result } from '@parley/kernel'
import { ParleyError } from '@parley/protocol'
import type { FleetState } from '../fleet/pod-fleet.ts'
import type { WorkerView } from '../speech/worker-view.ts'

export interface FleetFacts {
  readonly podId: string
  readonly pid: number
  readonly url: string
  readonly phase: 'starting' | 'serving' | 'draining'
  readonly sessions: number
  readonly seats: number
  readonly supervised: readonly SupervisedMember[]
  readonly workers: readonly WorkerView[]
  /** Every pod the directory knows; undefined when it cannot be asked, or nobody does. */
  readonly pods?: readonly MemberStatus[] | undefined
  /** What this pod's membership is; undefined when it is in no fleet. */
  readonly directory?: FleetState | undefined
  /** What is wrong with the database of records, in a sentence. */
  readonly recordsProblem?: string | undefined
}

export interface FleetSlots {
  readonly used: number
  readonly total: number
  /** Of pods: seats that wait for their sessions' clients; part of `used`. */
  readonly reserved?: number
}

export interface FleetMember {
  readonly id: string
  readonly kind: 'pod' | 'worker'
  /** What its supervisor calls it; absent for workers started elsewhere. */
  readonly name?: string
  /** Null when it runs elsewhere, or not at all. */
  readonly pid: number | null
  /** Pods: starting, serving, draining, lost, unheard (it runs, and the directory by which it would be heard is away), restarting, stopping. Workers: starting, loading, ready, overloaded, draining, unreachable, restarting, stopping. */
  readonly state: string
  readonly url: string | null
  /** Pods: where the process itself listens, for a proxy that stands in front; absent of earlier versions. */
  readonly directUrl?: string
  /** Pods: sessions held. Workers: streams of this pod. */
  readonly sessions: number
  /** By kind of work; of pods, `session`: their seats. */
  readonly slots: Readonly<Record<string, FleetSlots>>
  /** Age of what it last said of itself; absent of the pod that answers. */
  readonly ageMs?: number
  readonly roles?: readonly string[]
  readonly version?: string
  /** Pods: what is left of each resource, 0 to 1, as it last reported. */
  readonly headroom?: Readonly<Record<string, number>>
  /** Of a pod that drains: what is left of the time it was given. */
  readonly drainLeftMs?: number
  /** Workers: `in` gets new streams; `out` gets none for now, after failures; `trial` is due for one. */
  readonly standing?: WorkerView['standing']
  readonly cpuRatio?: number
  readonly voices?: readonly string[]
  readonly problem?: string
}

export interface FleetReport {
  readonly members: readonly FleetMember[]
  readonly directory?: FleetState
  /** Of the pod that answers: nothing when its records are written. */
  readonly records?: { readonly problem: string }
}

export function fleetReport(facts: FleetFacts): FleetReport {
  const { podId, supervised, workers, pods = [], directory, recordsProblem } = facts
  const others = pods.filter(({ memberId, kind }) => kind === 'pod' && memberId !== podId)
  const linked = workers.map((worker) => linkedMember(worker, supervised))
  const known = new Set([...pods.map(({ memberId }) => memberId), podId])
  const isThere = ({ kind, pid, state, workerId, podId: id }: SupervisedMember): boolean => {
    if (kind === 'worker') return workerId !== undefined && workers.some((worker) => worker.workerId === workerId)
    return pid === facts.pid || (state === 'ready' && (id === undefined || known.has(id)))
  }
  const without = supervised.filter((member) => !isThere(member))
  return {
    members: [
      ownMember(
        facts,
        pods.find(({ memberId }) => memberId === podId),
      ),
      ...others.map((status) => otherPod(status, supervised)),
      ...linked,
      ...without.map((member) => unlinkedMember(member, facts.pods !== undefined)),
    ],
    ...(directory ? { directory } : {}),
    ...(recordsProblem === undefined ? {} : { records: { problem: recordsProblem } }),
  }
}

/** The pod that answers: what it knows of itself is of now, what the fleet wants of it is the directory's. */
function ownMember(facts: FleetFacts, status: MemberStatus | undefined): FleetMember {
  const { podId, pid, url, phase, sessions, seats, supervised } = facts
  return {
    id: podId,
    kind: 'pod',
    name: supervised.find((member) => member.pid === pid)?.name ?? 'pod',
    pid,
    state: status?.state === 'draining' ? 'draining' : phase,
    url,
    sessions,
    slots: { session: { used: sessions, total: seats, ...(status ? { reserved: status.reservedSeats } : {}) } },
    ...(status ? aboutPod(status) : {}),
  }
}

function otherPod(status: MemberStatus, supervised: readonly SupervisedMember[]): FleetMember {
  const { memberId, urls, state, heldSeats, reservedSeats, unlistedSeats, ratedSeats, ageMs } = status
  const process = supervised.find((member) => member.podId === memberId)
  const sessions = heldSeats + reservedSeats + unlistedSeats
  return {
    id: memberId,
    kind: 'pod',
    ...(process ? { name: process.name } : {}),
    pid: process?.pid ?? null,
    state,
    url: urls.public ?? null,
    sessions,
    slots: { session: { used: sessions, total: ratedSeats, reserved: reservedSeats } },
    ageMs: Math.round(ageMs),
    ...aboutPod(status),
  }
}

function aboutPod({ roles, version, headroomRatios, drainLeftMs, urls }: MemberStatus): Partial<FleetMember> {
  const { direct } = urls
  return {
    roles,
    version,
    headroom: headroomRatios,
    ...(direct === undefined ? {} : { directUrl: direct }),
    ...(drainLeftMs === undefined ? {} : { drainLeftMs }),
  }
}

function linkedMember(worker: WorkerView, supervised: readonly SupervisedMember[]): FleetMember {
  const { workerId, url, state, standing, streams, slots, ageMs, cpuRatio, voices, problem } = worker
  const process = workerId === undefined ? undefined : supervised.find((member) => member.workerId === workerId)
  return {
    id: workerId ?? url,
    kind: 'worker',
    ...(process ? { name: process.name } : {}),
    pid: process?.pid ?? null,
    state,
    url,
    sessions: streams,
    slots: Object.fromEntries(
      Object.entries(slots).map(([role, { slots: total, slotsUsed: used }]) => [role, { used, total }]),
    ),
    ...(ageMs === undefined ? {} : { ageMs: Math.round(ageMs) }),
    standing,
    ...(cpuRatio === undefined ? {} : { cpuRatio: Number(cpuRatio.toFixed(3)) }),
    ...(voices.length === 0 ? {} : { voices: voices.map((voice) => voice.name) }),
    ...(problem === undefined ? {} : { problem }),
  }
}

/** Its supervisor knows it, this pod has no link to it: it is not there yet, or not any more. */
function unlinkedMember(
  { name, kind, pid, state, failures = 0 }: SupervisedMember,
  hasDirectory: boolean,
): FleetMember {
  const notHere = kind === 'pod' && !hasDirectory ? 'unheard' : 'starting'
  const problem = failures > 1 ? `it ended ${failures} times in a row; see the log` : undefined
  return {
    id: name,
    kind,
    name,
    pid: pid ?? null,
    state: state === 'ready' ? notHere : state,
    url: null,
    sessions: 0,
    slots: {},
    ...(problem === undefined ? {} : { problem }),
  }
}

/**
 * The member that `text` means: its id, the name its supervisor gave it (`worker 1`, `pod-2`), its address, or the beginning of an id that no other
 * has. MEMBER_UNKNOWN, naming the nearest, when there is none.
 */
export function findMember({ members }: FleetReport, text: string): Result<FleetMember, ParleyError> {
  const wanted = text.trim().toLowerCase()
  const names = ({ id, name, url }: FleetMember) =>
    [id, name, name?.replace(' ', '-'), url].flatMap((each) => (each ? [each.toLowerCase()] : []))
  const begun = members.filter(({ id }) => wanted.length >= 5 && id.toLowerCase().startsWith(wanted))
  const found = members.find((member) => names(member).includes(wanted)) ?? (begun.length === 1 ? begun[0] : undefined)
  if (found) return ok(found)
  const allowed = members.map(({ id }) => id)
  const near = nearest(text, members.flatMap(names))
  const hint = near === undefined ? `there are: ${allowed.join(', ') || 'none'}` : `did you mean ${near}?`
  const message = `no member is called "${text.slice(0, 80)}"; ${hint}`
  return err(new ParleyError('MEMBER_UNKNOWN', { field: 'id', value: text.slice(0, 80), allowed, message }))
}
