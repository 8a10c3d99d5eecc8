// One link to a worker as operators see it. Plain values out.

import type { Standing } from '@parley/placement'
import type { RoleLoad, VoiceInfo, WorkerEngine, WorkerRole, WorkerState } from '@parley/protocol'
import type { WorkerLink } from './worker-link.ts'

export interface WorkerView {
  /** Undefined while only the address is known. */
  readonly workerId: string | undefined
  readonly url: string
  /** `unreachable`: the link is not up. */
  readonly state: WorkerState | 'unreachable'
  /** Whether this pod trusts it with new streams. */
  readonly standing: Standing
  /** Streams of this pod on it. */
  readonly streams: number
  readonly slots: Readonly<Partial<Record<WorkerRole, RoleLoad>>>
  /** Age of what it last said; undefined while the link is not up. */
  readonly ageMs: number | undefined
  readonly cpuRatio: number | undefined
  readonly engines: readonly WorkerEngine[]
  readonly voices: readonly VoiceInfo[]
  /** Why it cannot be reached, or what an engine lacks. */
  readonly problem: string | undefined
}

export function workerViewOf(link: WorkerLink): WorkerView {
  const { workerId, address, report, book, isUp } = link
  const { load, engines } = report
  const recognise = { slots: book.slots, slotsUsed: book.used }
  const { recognise: told, ...others } = load?.roles ?? {}
  const doesRecognise = load !== undefined && (told !== undefined || load.roles === undefined)
  return {
    workerId,
    url: address.url,
    state: isUp ? report.state : 'unreachable',
    standing: link.health.standing,
    streams: link.streamCount,
    slots: doesRecognise ? { recognise, ...others } : others,
    ageMs: load === undefined ? undefined : report.ageMs,
    cpuRatio: load?.cpuRatio,
    engines,
    voices: load?.voices ?? [],
    problem: link.problem ?? engines.find((engine) => !engine.ready && engine.problem !== undefined)?.problem,
  }
}
