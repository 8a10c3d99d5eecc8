// Slips of counting: not rounded to whole things, growth added up instead of compounded, another month, another machine.
import type { Node, NodeId } from '../graph/node.ts'
import { sameDim } from '../units/dimension.ts'
import { type Case, labelOf, nodesOf, type Suspect } from './suspect.ts'
import { constant } from './trial.ts'

const ROUNDING_WEIGHT = 4.8
const COMPOUND_WEIGHT = 6
const PERIOD_MORE_WEIGHT = 5
const OTHER_MONTH_WEIGHT = 5
const SWAPPED_WEIGHT = 4
const PER_STEP = 0.93
/** Months that a plan is likely to have been read in by mistake, besides the ones next to its own. */
const LIKELY_MONTHS: readonly number[] = [1, 12, 24, 36, 48, 60]

/** The name that a part of a formula belongs to. */
function ownerOf(of: Case, node: Node): string {
  let owner: Node | undefined = node
  for (let step = 0; step < 8 && owner !== undefined && owner.name === ''; step += 1) {
    const id: NodeId = owner.id
    owner = nodesOf(of).find(({ args }) => args.includes(id))
  }
  return owner?.name ?? ''
}

function unrounded(of: Case): Suspect[] {
  return nodesOf(of)
    .filter(({ op }) => op === 'ceil' || op === 'floor' || op === 'round')
    .map((node): Suspect => {
      const owner = ownerOf(of, node)
      return {
        kind: 'leftOut',
        about: owner === '' ? 'rounding' : owner,
        sentence: () => `The rounding${owner === '' ? '' : ` of ${owner}`} to whole numbers is left out.`,
        weight: ROUNDING_WEIGHT * PER_STEP ** (of.depths.get(node.id) ?? 0),
        changes: [{ node: node.id, to: (_, add) => add({ op: 'same', args: node.args, dim: node.dim, because: [] }) }],
        factor: 1,
      }
    })
}

/** Powers of growth: 8% twelve times is not 96%, and eleven months are not twelve. */
function growth(of: Case): Suspect[] {
  const powers = nodesOf(of).filter(({ op, numbers }) => op === 'pow' && (numbers[0] ?? 0) >= 1)
  return powers.flatMap((node): Suspect[] => {
    const base = of.graph.node(node.args[0] ?? node.id)
    const periods = node.numbers[0] ?? 1
    const rate = base.args
      .map((arg) => of.graph.node(arg))
      .find((arg) => labelOf(arg) !== undefined && arg.typical !== 1)
    const about = (rate && labelOf(rate)) ?? labelOf(base) ?? 'growth'
    const added: Suspect = {
      kind: 'leftOut',
      about,
      sentence: () => `Growth is added up ${periods} times instead of compounded: ${about} grows on what has grown.`,
      weight: COMPOUND_WEIGHT,
      changes: [
        {
          node: node.id,
          to: (_, add) => {
            const one = add(constant(1))
            const more = add({ op: 'sub', args: [base.id, one], dim: {}, because: [] })
            const sum = add({ op: 'mul', args: [add(constant(periods)), more], dim: {}, because: [] })
            return add({ op: 'add', args: [one, sum], dim: {}, because: [] })
          },
        },
      ],
      factor: 1,
    }
    const others = [periods - 1, periods + 1].map(
      (count): Suspect => ({
        kind: 'basePeriod',
        about,
        sentence: () => `It has ${count} periods of growth instead of ${periods}.`,
        weight: PERIOD_MORE_WEIGHT,
        changes: [
          {
            node: node.id,
            to: (_, add) => add({ op: 'pow', args: [base.id], dim: {}, numbers: [count], because: [] }),
          },
        ],
        factor: 1,
      }),
    )
    return [added, ...others]
  })
}

/** The same in another month, or as it is before any growth. */
function otherMonths(of: Case): Suspect[] {
  const [, name, month] = /^(.+)@(\d+)$/.exec(of.graph.node(of.root).name) ?? []
  if (name === undefined) return []
  const own = Number(month)
  const months = [...new Set([own - 1, own + 1, ...LIKELY_MONTHS])].filter((each) => each > 0 && each !== own)
  return ['', ...months.map(String)].flatMap((each): Suspect[] => {
    const node = of.nodeNamed(name, each)
    if (node === undefined) return []
    const when = each === '' ? 'without growth' : `of month ${each}`
    return [
      {
        kind: 'otherQuantity',
        about: each === '' ? name : `${name}@${each}`,
        sentence: () => `It is the number ${when}: ${of.show(of.typical(node), of.graph.node(node))}.`,
        weight: OTHER_MONTH_WEIGHT,
        changes: [],
        factor: 1,
        instead: node,
      },
    ]
  })
}

const lastPart = (name: string): string | undefined => /^.+\.([^.]+)$/.exec(name)?.[1]

/** The price, the cores, the need of another one of the same kind. */
function swapped(of: Case, named: readonly Node[]): Suspect[] {
  const own = nodesOf(of).filter(({ op, name }) => op === 'input' && lastPart(name) !== undefined)
  return own.flatMap((node) =>
    named
      .filter(
        (other) => other.op === 'input' && lastPart(other.name) === lastPart(node.name) && !of.depths.has(other.id),
      )
      .filter((other) => sameDim(other.dim, node.dim))
      .map(
        (other): Suspect => ({
          kind: 'otherQuantity',
          about: other.name,
          sentence: () =>
            `It counts with ${other.name} (${of.show(other.typical, other)}) instead of ${node.name} (${of.show(node.typical, node)}).`,
          weight: SWAPPED_WEIGHT,
          changes: [{ node: node.id, to: () => other.id }],
          factor: 1,
        }),
      ),
  )
}

export const countSuspects = (of: Case, named: readonly Node[]): Suspect[] => [
  ...unrounded(of),
  ...growth(of),
  ...otherMonths(of),
  ...swapped(of, named),
]
