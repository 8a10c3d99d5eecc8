// What placement knows of a worker, and which of several may take a stream at all.

/** As the worker reports it. Only `ready` takes new streams. */
export type CandidateState = 'loading' | 'ready' | 'draining' | 'overloaded'

/** What the health gate says: `in` takes streams, `trial` takes exactly one now, `out` none. */
export type Standing = 'in' | 'trial' | 'out'

export interface Candidate {
  /** Unique among the candidates, and the same from pick to pick. */
  readonly id: string
  /** Streams it can hold. */
  readonly slots: number
  /** Slots taken, as far as known. */
  readonly used: number
  /** Slots promised here and not taken yet. */
  readonly reserved: number
  readonly state: CandidateState
  readonly standing: Standing
  /** Age of the report that `slots`, `used` and `state` come from. */
  readonly ageMs: number
}

/** Slots that may be taken now; never negative. */
export function freeSlots({ slots, used, reserved }: Candidate): number {
  return Math.max(0, slots - used - reserved)
}

/**
 * Those of `candidates` that may take a stream now, in their order (PL1, PL2). `isUrgent`: the stream has been admitted and waits with its audio, so
 * that a doubtful worker with room serves it better than a trusted one without.
 */
export function eligible<C extends Candidate>(candidates: readonly C[], isUrgent = false): readonly C[] {
  const able = candidates.filter(({ state, slots }) => state === 'ready' && slots > 0)
  const trusted = able.filter(({ standing }) => standing !== 'out')
  const withRoom = trusted.filter(hasRoom)
  const isLastResort = trusted.length === 0 || (isUrgent && withRoom.length === 0)
  return isLastResort ? able.filter(hasRoom) : withRoom
}

const hasRoom = (candidate: Candidate): boolean => freeSlots(candidate) > 0
