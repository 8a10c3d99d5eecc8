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
        sentence: () =>
          `It counts with all ${of.show(cores, node)} of the machine, but ${has} can use only ${of.show(loops, node)}: an event loop never uses more than one core.`,
        weight: ONE_LOOP_WEIGHT,
        changes: [{ node: bound.id, to: cores }],
        factor: 1,
        loose: true,
      },
    ]
  })
}

const KEPT = /\.(reserve|buffer|taken)(?:\.[^.]+)?(?:\.share)?$/
const WORDS: Readonly<Record<string, string>> = { reserve: 'reserve', buffer: 'buffer', taken: 'part that is taken' }

interface Kept {
  readonly name: string
  readonly what: string
  readonly nodes: Node[]
  readonly changes: Change[]
}

/** Reserves, buffers and what is taken, each with the nodes that it is in the graph: an amount and perhaps its share. */
function keptParts(of: Case): Kept[] {
  const kept = new Map<string, Kept>()
  for (const node of nodesOf(of)) {
    const name = withoutMonth(node.name)
    const word = KEPT.exec(name)?.[1]
    if (word === undefined || of.typical(node.id) === 0) continue
    const whole = name.replace(/\.share$/, '')
    const part = kept.get(whole) ?? { name: whole, what: WORDS[word] as string, nodes: [], changes: [] }
    kept.set(whole, part)
    part.nodes.push(node)
    part.changes.push({ node: node.id, to: 0 })
  }
  // A sum (`app.memory.taken`) is told by its parts.
  const names = [...kept.keys()]
  return [...kept.values()].filter(({ name }) => !names.some((other) => other.startsWith(`${name}.`)))
}

/** Instances that are there only for when others fail. */
function spares(of: Case): Kept[] {
  return nodesOf(of).flatMap((node) => {
    const tier = /^(.+)\.instances$/.exec(withoutMonth(node.name))?.[1]
    const sum = nodesOf(of).find(
      ({ op, args }) => op === 'add' && args.some((arg) => withoutMonth(of.graph.node(arg).name) === `${tier}.needed`),
    )
    const spare = sum?.args.map((arg) => of.graph.node(arg)).find((arg) => arg.op === 'input')
    if (tier === undefined || spare === undefined) return []
    const changes = [{ node: spare.id, to: 0 }]
    return [{ name: `${tier}.surviveFailures`, what: 'number of spare instances', nodes: [spare], changes }]
  })
}

/** Each reserve, buffer and part taken left out; and all of them. */
function reserves(of: Case): Suspect[] {
  const kept = [...keptParts(of), ...spares(of)]
  const each = kept.map(({ name, what, nodes, changes }): Suspect => {
    const shown = nodes.at(-1) as Node
    return {
      kind: 'missingReserve',
      about: name,
      sentence: () => `The ${what} ${name} (${of.show(of.typical(shown.id), shown)}) is not in it.`,
      weight: RESERVE_WEIGHT,
      changes,
      factor: 1,
      loose: true,
    }
  })
  if (kept.length < 2) return each
  const all: Suspect = {
    kind: 'missingReserve',
    about: null,
    sentence: () => `None of what is kept free is in it: ${kept.map(({ name }) => name).join(', ')}.`,
    weight: ALL_RESERVES_WEIGHT,
    changes: kept.flatMap(({ changes }) => changes),
    factor: 1,
    loose: true,
  }
  return [...each, all]
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
    sentence: () =>
      `${one.name} is taken in full (${of.show(of.typical(one.asked), of.graph.node(one.asked))}), but only ${of.show(of.typical(one.node.id), one.node)} can be saved of what is left.`,
    weight: SAVINGS_WEIGHT,
    changes: changes([one]),
    factor: 1,
    loose: true,
  }))
  const names = applied.map(({ name }) => name).join(', ')
  return [
    ...each,
    {
      kind: 'doubleCounting',
      about: null,
      sentence: () => `Savings are taken from what other savings have already taken away: ${names}.`,
      weight: SAVINGS_WEIGHT,
      changes: changes(applied),
      factor: 1,
      loose: true,
    },
  ]
}

export const structureSuspects = (of: Case): Suspect[] => [...loopBounds(of), ...reserves(of), ...savings(of)]
