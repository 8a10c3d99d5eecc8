// Claims about one topic must say the same.
import { common } from '../units/dimension.ts'
import type { ClaimValue } from './claim-value.ts'
import { mayStandFor } from './written.ts'

export interface TopicClaim {
  readonly number: number
  readonly topic: string
  readonly value: ClaimValue
}

/** True when a person may have meant the same by both. */
export function sayTheSame(a: ClaimValue, b: ClaimValue): boolean {
  if (common(a.unit.dim, b.unit.dim) === undefined || a.claimed.bound !== b.claimed.bound) return false
  const close = (end: 'low' | 'high') =>
    mayStandFor(a.claimed[end], b.claimed[end].value, a.claimed.exactness) ||
    mayStandFor(b.claimed[end], a.claimed[end].value, b.claimed.exactness)
  return close('low') && close('high')
}

const keyOf = (topic: string): string => topic.trim().toLowerCase().replace(/\s+/g, ' ')

/** Claims by topic; a topic of one claim is none. */
export function topicsOf(claims: readonly TopicClaim[]): TopicClaim[][] {
  const topics = new Map<string, TopicClaim[]>()
  for (const claim of claims) {
    const key = keyOf(claim.topic)
    topics.set(key, [...(topics.get(key) ?? []), claim])
  }
  return [...topics.values()].filter((topic) => topic.length > 1)
}

/** The claims that a claim contradicts. */
export const contradictedBy = (claim: TopicClaim, topic: readonly TopicClaim[]): TopicClaim[] =>
  topic.filter((other) => other !== claim && !sayTheSame(claim.value, other.value))
