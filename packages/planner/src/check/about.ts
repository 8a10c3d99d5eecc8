// Sentences about one topic must say the same. One that the plan can compute decides; otherwise the first one stands and those
// that differ contradict it.
import type { Built } from '../build/build-plan.ts'
import type { ClaimLayout } from '../build/questions.ts'
import { common } from '../units/dimension.ts'
import { type Claimed, readClaimed } from './claim-value.ts'
import { type Finding, found, notDerivable } from './finding.ts'
import { sameNumber } from './matching.ts'

interface Member {
  readonly layout: ClaimLayout
  readonly index: number
  readonly claimed: Claimed
}

const LENIENT = { rounding: 'any', tolerance: undefined } as const

/** Whether two sentences can both be true: equal bounds, or ranges that meet. */
function agree(a: Claimed, b: Claimed): boolean {
  if (common(a.dim, b.dim) === undefined) return false
  if (a.bound !== undefined && a.bound === b.bound)
    return sameNumber(a.low, b.low, Math.max(a.lowStep, b.lowStep), LENIENT)
  if (a.bound !== undefined || b.bound !== undefined) {
    const [bound, other] = a.bound !== undefined ? [a, b] : [b, a]
    return bound.bound === 'atMost' ? other.high <= bound.high * (1 + 1e-9) : other.low >= bound.low * (1 - 1e-9)
  }
  const meet = a.low <= b.high && b.low <= a.high
  const step = Math.max(a.highStep, b.highStep)
  if (a.low === a.high || b.low === b.high)
    return meet || sameNumber(a.low, b.low, step, LENIENT) || sameNumber(a.high, b.high, step, LENIENT)
  return sameNumber(a.low, b.low, step, LENIENT) && sameNumber(a.high, b.high, step, LENIENT)
}

function membersOf(built: Built, layouts: readonly ClaimLayout[]): Map<string, Member[]> {
  const groups = new Map<string, Member[]>()
  for (const [index, layout] of layouts.entries()) {
    const topic = layout.claim.about?.trim().toLowerCase()
    if (topic === undefined || layout.claim.value === undefined) continue
    const claimed = readClaimed(layout.claim.value, built.context)
    if (claimed.ok) groups.set(topic, [...(groups.get(topic) ?? []), { layout, index, claimed: claimed.value }])
  }
  return groups
}

const contradiction = (member: Member, other: Member): Finding => {
  const about = `claim ${other.layout.number}`
  const sentence = `${about} (line ${other.layout.line}) says ${other.claimed.text} about the same thing, and both cannot be`
  return found('wrong', `Wrong: it contradicts ${about}: ${member.claimed.text} here, ${other.claimed.text} there.`, {
    slips: [{ kind: 'contradiction', sentence, about }],
  })
}

/** Findings of all claims, with those that only have a topic decided. */
export function aboutGroups(
  built: Built,
  layouts: readonly ClaimLayout[],
  derived: readonly (Finding | undefined)[],
): Finding[] {
  const findings = [...derived]
  for (const [topic, members] of membersOf(built, layouts)) {
    const decided = members.find(({ index }) => findings[index]?.verdict === 'ok')
    const reference = decided ?? members[0]
    for (const member of members) {
      if (member === reference || findings[member.index]?.verdict === 'wrong') continue
      const agrees = reference === undefined || agree(reference.claimed, member.claimed)
      if (!agrees) findings[member.index] = contradiction(member, reference)
      else if (findings[member.index] === undefined && decided !== undefined) {
        findings[member.index] = found(
          'ok',
          `OK: it says what claim ${decided.layout.number} says, which follows from the plan.`,
        )
      }
    }
    for (const { index } of members) {
      findings[index] ??= notDerivable(
        `nothing in the plan gives ${topic}; it is only compared with other sentences about it`,
        [],
      )
    }
  }
  return findings.map((finding) => finding ?? notDerivable('it names nothing to compute', []))
}
