// The fleet as this pod knows it: itself, the processes its supervisor runs, the workers it has links to. Pure: facts in, JSON out.
import { nearest } from '@parley/config'
import type { SupervisedMember } from '@parley/fleet'
import { err, ok, type Result } from '@parley/kernel'
import { ParleyError } from '@parley/protocol'
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
}

export interface FleetSlots {
  readonly used: number
  readonly total: number
}

export interface FleetMember {
  readonly id: string
  readonly kind: 'pod' | 'worker'
  /** What its supervisor calls it; absent for workers started elsewhere. */
  readonly name?: string
  /** Null when it runs elsewhere, or not at all. */
  readonly pid: number | null
  /** Pods: starting, serving, draining. Workers: starting, loading, ready, overloaded, draining, unreachable, restarting, stopping. */
  readonly state: string
  readonly url: string | null
  /** Pods: sessions held. Workers: streams of this pod. */
  readonly sessions: number
  /** By kind of work; of pods, `session`: their seats. */
  readonly slots: Readonly<Record<string, FleetSlots>>
  /** Age of what a worker last said of itself. */
  readonly ageMs?: number
  /** Workers: `in` gets new streams; `out` gets none for now, after failures; `trial` is due for one. */
  readonly standing?: WorkerView['standing']
  readonly cpuRatio?: number
  readonly voices?: readonly string[]
  readonly problem?: string
}

export interface FleetReport {
  readonly members: readonly FleetMember[]
}

export function fleetReport(facts: FleetFacts): FleetReport {
  const { podId, pid, url, phase, sessions, seats, supervised, workers } = facts
  const pod: FleetMember = {
    id: podId,
    kind: 'pod',
    name: supervised.find((member) => member.pid === pid)?.name ?? 'pod',
    pid,
    state: phase,
    url,
    sessions,
    slots: { session: { used: sessions, total: seats } },
  }
  const linked = workers.map((worker) => linkedMember(worker, supervised))
  const without = supervised.filter(
    ({ kind, workerId }) => kind === 'worker' && !workers.some((worker) => worker.workerId === workerId && workerId),
  )
  return { members: [pod, ...linked, ...without.map(unlinkedMember)] }
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
function unlinkedMember({ name, pid, state, failures = 0 }: SupervisedMember): FleetMember {
  const problem = failures > 1 ? `it ended ${failures} times in a row; see the log` : undefined
  return {
    id: name,
    kind: 'worker',
    name,
    pid: pid ?? null,
    state: state === 'ready' ? 'starting' : state,
    url: null,
    sessions: 0,
    slots: {},
    ...(problem === undefined ? {} : { problem }),
  }
}

/**
 * The worker that `text` means: its id, the name its supervisor gave it (`worker 1`, `worker-1`), its address, or the beginning of an id that no
 * other has. Refuses with MEMBER_UNKNOWN, naming the nearest, or with INVALID_FIELD when it is a pod.
 */
export function findWorker({ members }: FleetReport, text: string): Result<FleetMember, ParleyError> {
  const wanted = text.trim().toLowerCase()
  const names = ({ id, name, url }: FleetMember) =>
    [id, name, name?.replace(' ', '-'), url].flatMap((each) => (each ? [each.toLowerCase()] : []))
  const begun = members.filter(({ id }) => wanted.length >= 5 && id.toLowerCase().startsWith(wanted))
  const found = members.find((member) => names(member).includes(wanted)) ?? (begun.length === 1 ? begun[0] : undefined)
  if (found?.kind === 'worker') return ok(found)
  const allowed = members.filter(({ kind }) => kind === 'worker').map(({ id }) => id)
  if (found) {
    const message = `${found.id} is a pod; what can be drained are workers: ${allowed.join(', ') || 'there is none'}`
    return err(new ParleyError('INVALID_FIELD', { field: 'id', value: text.slice(0, 80), allowed, message }))
  }
  const near = nearest(text, members.filter(({ kind }) => kind === 'worker').flatMap(names))
  const hint = near === undefined ? `there are: ${allowed.join(', ') || 'none'}` : `did you mean ${near}?`
  const message = `no worker is called "${text.slice(0, 80)}"; ${hint}`
  return err(new ParleyError('MEMBER_UNKNOWN', { field: 'id', value: text.slice(0, 80), allowed, message }))
}
