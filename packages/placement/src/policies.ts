// The policies: each picks one of the candidates for the next stream, or none. Pure; whatever varies is handed in.
import type { Random } from '@parley/kernel'
import { type Candidate, eligible, freeSlots } from './candidate.ts'
import { hash32 } from './hash.ts'

/** A worker reports every second; a report older than this counts for less. */
export const FRESH_REPORT_MS = 3_000

/**
 * The eligible candidate with the largest share of free slots (PL3, PL4). `turn` is any count that rises from pick to pick: it decides
 * between equals. Undefined when none is eligible.
 */
export function leastConnections<C extends Candidate>(candidates: readonly C[], turn: number): C | undefined {
  let best: C[] = []
  for (const candidate of eligible(candidates)) {
    const order = best[0] ? compare(candidate, best[0]) : 1
    if (order > 0) best = [candidate]
    else if (order === 0) best.push(candidate)
  }
  return best[turn % best.length]
}

/** The eligible candidate that `key` belongs to: rendezvous hashing over their ids (PL5). Undefined when none is eligible. */
export function sticky<C extends Candidate>(candidates: readonly C[], key: string): C | undefined {
  let best: C | undefined
  let bestWeight = -1
  for (const candidate of eligible(candidates)) {
    const weight = hash32(`${key}\u0000${candidate.id}`)
    if (weight <= bestWeight) continue
    best = candidate
    bestWeight = weight
  }
  return best
}

/** The better of two different eligible candidates drawn at random (PL6). Undefined when none is eligible. */
export function twoChoices<C extends Candidate>(candidates: readonly C[], random: Random): C | undefined {
  const able = eligible(candidates)
  const first = Math.floor(random() * able.length)
  const second = (first + 1 + Math.floor(random() * (able.length - 1))) % able.length
  const [one, other] = [able[first], able[second]]
  return one && other && compare(other, one) > 0 ? other : one
}

/** Positive when `left` is the better place. */
function compare(left: Candidate, right: Candidate): number {
  return freeShare(left) - freeShare(right) || freeSlots(left) - freeSlots(right)
}

/** Share of the slots that is free, 0 to 1, discounted when the report is old. */
function freeShare(candidate: Candidate): number {
  const share = freeSlots(candidate) / candidate.slots
  return candidate.ageMs <= FRESH_REPORT_MS ? share : (share * FRESH_REPORT_MS) / candidate.ageMs
}
