// Slips in what the plan's own structure says: one loop, reserves, savings in order.
import type { Node, NodeId } from '../graph/node.ts'
import { type Case, nodesOf, type Suspect } from './suspect.ts'
import type { Change, Rebuild } from './trial.ts'

const ONE_LOOP_WEIGHT = 10
const SAVINGS_WEIGHT = 9
const RESERVE_WEIGHT = 8
const ALL_RESERVES_WEIGHT = 7

const withoutMonth = (name: string): string => name.replace(/@\d+$/, '')
const monthOf = (name: string): string => /@(\d+)$/.exec(name)?.[1] ?? ''

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

interface Saving {
  readonly name: string
  /** What it takes in its place, and what it would take from the full lines. */
  readonly takes: NodeId
  readonly asked: NodeId
}

function savingsOf(of: Case, month: string): Saving[] {
  return of.savings.flatMap((name) => {
    const [takes, asked] = [of.nodeNamed(name, month), of.nodeNamed(`${name}.asked`, month)]
    return takes === undefined || asked === undefined ? [] : [{ name, takes, asked }]
  })
}

const exceeds = (of: Case, { takes, asked }: Saving): boolean => of.typical(asked) > of.typical(takes)

/** One saving taken in full, where the claim rests on it alone. */
function fullSaving(of: Case, node: Node): Suspect[] {
  const month = monthOf(node.name)
  const saving = savingsOf(of, month).find(({ takes }) => takes === node.id)
  if (saving === undefined || !exceeds(of, saving)) return []
  const asked = of.graph.node(saving.asked)
  return [
    {
      kind: 'doubleCounting',
      about: saving.name,
      sentence: () =>
        `${saving.name} is taken in full (${of.show(of.typical(asked.id), asked)}), but only ${of.show(of.typical(node.id), node)} can be saved of what is left.`,
      weight: SAVINGS_WEIGHT,
      changes: [{ node: node.id, to: () => asked.id }],
      factor: 1,
      loose: true,
    },
  ]
}

/** What is left after a saving, if it and those before it were all taken from the full lines. */
function fullSavings(of: Case, node: Node): Suspect[] {
  const last = /^left\.([^.]+)$/.exec(withoutMonth(node.name))?.[1]
  const month = monthOf(node.name)
  const all = savingsOf(of, month)
  const upTo = all.slice(0, all.findIndex(({ name }) => name === `saving.${last}`) + 1)
  const before = of.nodeNamed('cost.beforeSavings', month)
  const gone = upTo.filter((saving) => exceeds(of, saving)).map(({ name }) => name)
  if (last === undefined || before === undefined || gone.length === 0) return []
  const to: Rebuild = (_, add) =>
    upTo.reduce((left, { asked }) => add({ op: 'sub', args: [left, asked], dim: node.dim, because: [] }), before)
  return [
    {
      kind: 'doubleCounting',
      about: null,
      sentence: () => `Savings are taken from what other savings have already taken away: ${gone.join(', ')}.`,
      weight: SAVINGS_WEIGHT,
      changes: [{ node: node.id, to }],
      factor: 1,
      loose: true,
    },
  ]
}

const savings = (of: Case): Suspect[] =>
  nodesOf(of).flatMap((node) => [...fullSaving(of, node), ...fullSavings(of, node)])

export const structureSuspects = (of: Case): Suspect[] => [...loopBounds(of), ...reserves(of), ...savings(of)]
