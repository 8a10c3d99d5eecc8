// The most probable reasons for a wrong claim.
import type { Node, NodeId } from '../graph/node.ts'
import type { Slip } from '../result.ts'
import { factorSuspects } from './factor-suspects.ts'
import { formulaAndRangeSuspects } from './formula-suspects.ts'
import { certainSuspects, lastSuspects } from './last-suspects.ts'
import { structureSuspects } from './structure-suspects.ts'
import { type Case, closeness, type Suspect, tryOut } from './suspect.ts'

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
        sentence: `It follows from ${said}, which is wrong itself.`,
        weight: CARRIED_WEIGHT,
        changes,
        factor: 1,
      }
      const more = factorSuspects(of).map((suspect) => ({
        ...suspect,
        sentence: `It comes from ${said}, which is wrong itself. And: ${suspect.sentence.charAt(0).toLowerCase()}${suspect.sentence.slice(1)}`,
        weight: suspect.weight * CARRIED_AND_MORE,
        changes,
      }))
      return [plain, ...more]
    })
}

interface Found {
  readonly slip: Slip
  readonly score: number
}

/** One slip of a kind about one thing is enough. */
function distinct(found: readonly Found[]): Slip[] {
  const slips = new Map<string, Slip>()
  for (const { slip } of [...found].sort((a, b) => b.score - a.score)) {
    const key = `${slip.kind} ${slip.about ?? slip.sentence}`
    if (!slips.has(key)) slips.set(key, slip)
  }
  return [...slips.values()]
}

/** Every slip that explains the claim, the most probable first. `named` are the nodes that have a name. */
export function slipsOf(of: Case, named: readonly Node[], wrong: readonly WrongClaim[]): Slip[] {
  const tried = [
    ...structureSuspects(of),
    ...factorSuspects(of),
    ...formulaAndRangeSuspects(of),
    ...carriedSuspects(of, wrong),
    ...lastSuspects(of, named),
  ]
  const found = tried.flatMap((suspect) => {
    const outcome = tryOut(of, suspect)
    return outcome === undefined
      ? []
      : [{ slip: slip(suspect), score: suspect.weight * closeness(of.claimed, outcome) }]
  })
  const certain = certainSuspects(of).map((suspect) => ({ slip: slip(suspect), score: suspect.weight / 2 }))
  return distinct([...found, ...certain]).slice(0, MOST_OTHERS + 1)
}

const slip = ({ kind, sentence, about }: Suspect): Slip => ({ kind, sentence, about })
