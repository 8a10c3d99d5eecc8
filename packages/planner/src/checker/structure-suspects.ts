// Slips in what the plan's own structure says: one loop, reserves, savings in order.
import type { Node } from '../graph/node.ts'
import { type Case, nodesOf, type Suspect } from './suspect.ts'
import type { Change } from './trial.ts'

const ONE_LOOP_WEIGHT = 10
const SAVINGS_WEIGHT = 9
const RESERVE_WEIGHT = 8
const ALL_RESERVES_WEIGHT = 7

const withoutMonth = (name: string): string => name.replace(/@\d+$/, '')

/** What one event loop allows, where it is less than the machine has. */
function loopBounds(of: Case): Suspect[] {
  return nodesOf(of).flatMap((node) => {
    const [has] = /^(.+)\.cpu\.has$/.exec(withoutMonth(node.name))?.slice(1) ?? []
    const bound = of.graph.node(node.args[0] ?? node.id)
    if (has === undefined || bound.op !== 'min') return []
    const cores = Math.max(...bound.args.map((arg) => of.typical(arg)))
    const loops = of.typical(bound.id)
    if (cores <= loops) return []
    return [
      {
        kind: 'oneLoopBound' as const,
        about: withoutMonth(node.name),
        sentence: `It counts with all ${of.show(cores, node)} of the machine, but ${has} can use only ${of.show(loops, node)}: an event loop never uses more than one core.`,
        weight: ONE_LOOP_WEIGHT,
        changes: [{ node: bound.id, to: cores }],
        factor: 1,
      },
    ]
  })
}

const RESERVE = /\.(reserve|buffer|taken)\.[^.]+$/
const WORDS: Readonly<Record<string, string>> = { reserve: 'reserve', buffer: 'buffer', taken: 'part that is taken' }

function reserveWord(name: string): string | undefined {
  const found = RESERVE.exec(name)?.[1]
  return found === undefined ? undefined : WORDS[found]
}

const nothing = (node: Node): Change => ({ node: node.id, to: 0 })

/** Each reserve, buffer and part taken left out; and all of them. */
function reserves(of: Case): Suspect[] {
  const kept = nodesOf(of).filter((node) => {
    const name = withoutMonth(node.name)
    return (reserveWord(name) !== undefined || /\.(spares|taken)$/.test(name)) && of.typical(node.id) !== 0
  })
  const each: Suspect[] = kept.map((node) => {
    const name = withoutMonth(node.name)
    const what = reserveWord(name) ?? (name.endsWith('.spares') ? 'spare instances for failures' : 'part that is taken')
    return {
      kind: 'missingReserve',
      about: name,
      sentence: `The ${what} ${name} (${of.show(of.typical(node.id), node)}) is not in it.`,
      weight: RESERVE_WEIGHT,
      changes: [nothing(node)],
      factor: 1,
    }
  })
  if (kept.length < 2) return each
  const names = kept.map((node) => withoutMonth(node.name)).join(', ')
  return [
    ...each,
    {
      kind: 'missingReserve',
      about: null,
      sentence: `None of what is kept free is in it: ${names}.`,
      weight: ALL_RESERVES_WEIGHT,
      changes: kept.map(nothing),
      factor: 1,
    },
  ]
}

/** Savings taken from the full lines instead of what the ones before left of them. */
function savings(of: Case): Suspect[] {
  const applied = nodesOf(of).flatMap((node) => {
    const name = withoutMonth(node.name)
    if (!/^saving\.[^.]+$/.test(name)) return []
    const asked = of.nodeNamed(`${name}.asked`, node.name.slice(name.length + 1))
    if (asked === undefined || of.typical(asked) <= of.typical(node.id)) return []
    return [{ name, node, asked }]
  })
  if (applied.length === 0) return []
  const changes = (some: typeof applied) => some.map(({ node, asked }) => ({ node: node.id, to: () => asked }))
  const each: Suspect[] = applied.map((one) => ({
    kind: 'doubleCounting',
    about: one.name,
    sentence: `${one.name} is taken in full (${of.show(of.typical(one.asked), of.graph.node(one.asked))}), but only ${of.show(of.typical(one.node.id), one.node)} can be saved of what is left.`,
    weight: SAVINGS_WEIGHT,
    changes: changes([one]),
    factor: 1,
  }))
  const names = applied.map(({ name }) => name).join(', ')
  return [
    ...each,
    {
      kind: 'doubleCounting',
      about: null,
      sentence: `Savings are taken from what other savings have already taken away: ${names}.`,
      weight: SAVINGS_WEIGHT,
      changes: changes(applied),
      factor: 1,
    },
  ]
}

export const structureSuspects = (of: Case): Suspect[] => [...loopBounds(of), ...reserves(of), ...savings(of)]
