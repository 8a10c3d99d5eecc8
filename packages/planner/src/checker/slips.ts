// The most probable reasons for a wrong claim.
import type { Node, NodeId } from '../graph/node.ts'
import type { Slip } from '../result.ts'
import { sameHard } from '../units/dimension.ts'
import { countSuspects } from './count-suspects.ts'
import { factorSuspects, wholeFactors } from './factor-suspects.ts'
import { formulaAndRangeSuspects } from './formula-suspects.ts'
import { certainSuspects, lastSuspects } from './last-suspects.ts'
import { structureSuspects } from './structure-suspects.ts'
import { type Case, closeness, type Suspect, tryOut } from './suspect.ts'
import { significantDigits } from './written.ts'

/** Another claim that is wrong, whose number may have been carried over. */
export interface WrongClaim {
  readonly number: number
  readonly node: NodeId
  /** What it says, in base units. */
  readonly value: number
}

const CARRIED_WEIGHT = 6.2
const CARRIED_AND_MORE = 0.8
const MOST_OTHERS = 4

/** The claim follows from the number of another that is wrong, as it is or with a factor besides. */
function carriedSuspects(of: Case, wrong: readonly WrongClaim[]): Suspect[] {
  return wrong
    .filter(({ node }) => node !== of.root && of.depths.has(node))
    .flatMap(({ number, node, value }) => {
      const changes = [{ node, to: value }]
      const said = `claim ${number} (${of.show(value, of.graph.node(node))})`
      const plain: Suspect = {
        kind: 'contradiction',
        about: `claim ${number}`,
        sentence: () => `It follows from ${said}, which is wrong itself.`,
        weight: CARRIED_WEIGHT,
        changes,
        factor: 1,
      }
      const more = wholeFactors(of).map((suspect) => ({
        ...suspect,
        sentence: () => {
          const besides = suspect.sentence()
          return `It comes from ${said}, which is wrong itself. And: ${besides.charAt(0).toLowerCase()}${besides.slice(1)}`
        },
        weight: suspect.weight * CARRIED_AND_MORE,
        changes,
      }))
      return [plain, ...more]
    })
}

/** The same number of the claim said elsewhere: only telling when it has so many digits that are not zeros. */
const TELLING_DIGITS = 3
const REPEATED_WEIGHT = 3.4

function repeatedSuspects(of: Case, wrong: readonly WrongClaim[], own: number): Suspect[] {
  if (of.claimed.isRange || significantDigits(of.claimed.low) < TELLING_DIGITS) return []
  const dim = of.graph.node(of.root).dim
  return wrong
    .filter(
      ({ number, node, value }) =>
        number < own && node !== of.root && sameHard(of.graph.node(node).dim, dim) && value === of.claimed.low.value,
    )
    .map(({ number }) => ({
      kind: 'contradiction' as const,
      about: `claim ${number}`,
      sentence: () => `It is the number of claim ${number}, which is wrong itself.`,
      weight: REPEATED_WEIGHT,
      changes: [],
      factor: of.claimed.low.value / of.right.typical,
    }))
}

interface Found {
  readonly suspect: Suspect
  readonly score: number
}

/** One slip about one thing is enough, and one of a kind that is about nothing in particular. */
function distinct(found: readonly Found[]): Slip[] {
  const slips = new Map<string, Slip>()
  for (const { suspect } of [...found].sort((a, b) => b.score - a.score)) {
    const { kind, about } = suspect
    const key = about ?? kind
    if (slips.size <= MOST_OTHERS && !slips.has(key)) slips.set(key, { kind, sentence: suspect.sentence(), about })
  }
  return [...slips.values()]
}

/** Every slip that explains claim `own`, the most probable first. `named` are the nodes that have a name. */
export function slipsOf(of: Case, named: readonly Node[], wrong: readonly WrongClaim[], own: number): Slip[] {
  const tried = [
    ...structureSuspects(of),
    ...factorSuspects(of),
    ...formulaAndRangeSuspects(of),
    ...countSuspects(of, named),
    ...carriedSuspects(of, wrong),
    ...repeatedSuspects(of, wrong, own),
    ...lastSuspects(of, named),
  ]
  const found = tried.flatMap((suspect) => {
    const outcome = tryOut(of, suspect)
    return outcome === undefined ? [] : [{ suspect, score: suspect.weight * closeness(of.claimed, outcome) }]
  })
  const certain = certainSuspects(of).map((suspect) => ({ suspect, score: suspect.weight / 2 }))
  return distinct([...found, ...certain])
}
