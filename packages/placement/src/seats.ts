// Which pod the next session is placed on. Pure. The Redis side of the fleet's directory does the same arithmetic in Lua, so that choosing and
// reserving are one step there: what is changed here is changed in packages/fleet/src/directory/redis/scripts/prelude.lua too.
import { mix32 } from './hash.ts'
import { FRESH_REPORT_MS } from './policies.ts'

export type SeatPolicy =
  /** The greatest headroom: seats and the scarcest resource, whichever is less. */
  | 'mostHeadroom'
  /** The better of two drawn by the salt. */
  | 'twoChoices'
  /** The member that the salt (hash of a key) belongs to, as long as it may take the session. */
  | 'sticky'

export const SEAT_POLICIES = ['mostHeadroom', 'twoChoices', 'sticky'] as const satisfies readonly SeatPolicy[]

export interface SeatCandidate {
  /** `hash32` of its id: decides between equals. */
  readonly hash: number
  /** Not draining. */
  readonly isServing: boolean
  readonly ratedSeats: number
  /** Held, reserved, or known to the member alone. */
  readonly takenSeats: number
  /** The scarcest resource as last reported, 0 to 1. */
  readonly headroomRatio: number
  /** Sessions so young that the reported headroom does not show them yet. */
  readonly warmingSeats: number
  /** Age of the report. */
  readonly ageMs: number
}

/** Why nobody may take a session: there is no such member, all drain, no seat is free, or resources are used up. */
export type FullReason = 'noMember' | 'draining' | 'seats' | 'overloaded'

export interface SeatPick<C> {
  readonly picked?: C
  /** Says something only when nothing is picked. */
  readonly reason: FullReason
}

interface Ranked<C> {
  readonly candidate: C
  readonly score: number
  readonly freeSeats: number
  readonly weight: number
}

/**
 * The candidate for the next session (ST1-ST5). `salt`, 0 to 2^32 - 1: drawn at random, or for `sticky` the `hash32` of the key. The same candidates,
 * policy and salt give the same pick, whatever their order.
 */
export function pickSeat<C extends SeatCandidate>(
  candidates: readonly C[],
  policy: SeatPolicy,
  salt: number,
): SeatPick<C> {
  const serving = candidates.filter(({ isServing }) => isServing)
  const withSeats = serving.filter((each) => freeSeats(each) > 0)
  const able = withSeats.filter((each) => resourceRatio(each) > 0).map((each) => rank(each, salt))
  if (able.length === 0) return { reason: reasonOf(candidates.length, serving.length, withSeats.length) }
  const picked = choose(able, policy)
  return { picked: picked.candidate, reason: 'seats' }
}

/** What is left of a member for placement, 0 to 1: of its seats or of its scarcest resource, less when the report is old. */
export function seatScore(candidate: SeatCandidate): number {
  const ratio = Math.min(freeSeats(candidate) / candidate.ratedSeats, resourceRatio(candidate))
  return candidate.ageMs > FRESH_REPORT_MS ? (ratio * FRESH_REPORT_MS) / candidate.ageMs : ratio
}

function choose<C>(able: readonly Ranked<C>[], policy: SeatPolicy): Ranked<C> {
  const byWeight = [...able].sort((one, other) => other.weight - one.weight)
  if (policy === 'sticky') return byWeight[0] as Ranked<C>
  const among = policy === 'twoChoices' ? byWeight.slice(0, 2) : byWeight
  return among.reduce((best, each) => (isBetter(each, best) ? each : best))
}

/** Equals go by weight, the heaviest first: `reduce` meets them in that order. */
function isBetter<C>(one: Ranked<C>, other: Ranked<C>): boolean {
  return one.score !== other.score ? one.score > other.score : one.freeSeats > other.freeSeats
}

function rank<C extends SeatCandidate>(candidate: C, salt: number): Ranked<C> {
  return {
    candidate,
    score: seatScore(candidate),
    freeSeats: freeSeats(candidate),
    weight: mix32(candidate.hash ^ salt),
  }
}

function reasonOf(all: number, serving: number, withSeats: number): FullReason {
  if (all === 0) return 'noMember'
  if (serving === 0) return 'draining'
  return withSeats === 0 ? 'seats' : 'overloaded'
}

const freeSeats = ({ ratedSeats, takenSeats }: SeatCandidate): number => ratedSeats - takenSeats
const resourceRatio = ({ headroomRatio, warmingSeats, ratedSeats }: SeatCandidate): number =>
  headroomRatio - warmingSeats / ratedSeats
