// Ways in which a plan's author may have computed: each as a change of the plan after which the claim would be right.
import type { Expr } from '../expression/ast.ts'
import { parseExpression } from '../expression/parse.ts'
import { BoundsOf } from '../graph/bounds.ts'
import type { Definition } from '../graph/definition.ts'
import type { Model } from '../graph/model.ts'
import type { Slip } from '../result.ts'
import { hardOf, isEmpty } from '../units/dimension.ts'
import { fittingUnit, showRange } from '../units/show.ts'
import type { Unit } from '../units/unit.ts'
import type { Changes } from './subject.ts'

export interface Change {
  readonly kind: Slip['kind']
  readonly about: string
  readonly sentence: string
  readonly changes: Changes
}

const constant = (definition: Definition, value: number, dim: Record<string, number>): Definition => {
  const unit: Unit = { dim, num: 1, den: 1, text: '' }
  const expr: Expr = { kind: 'literal', low: value, high: value, unit, text: String(value), offset: 0 }
  const { name, as } = definition
  return { name, expr, ...(as === undefined ? {} : { as }) }
}

const formula = (model: Model, definition: Definition, text: string): Definition | undefined => {
  const expr = parseExpression(text, model.context)
  if (!expr.ok) return undefined
  const { growth: _growth, typical: _typical, ...rest } = definition
  return { ...rest, expr: expr.value }
}

const one = (name: string, definition: Definition): Changes => new Map([[name, definition]])

/** Value of a name as text: `20%`. */
export function valueText(model: Model, name: string): string {
  const node = model.graph.node(model.node(name))
  const { low, typical, high } = boundsOf(model, name)
  const unit =
    node.unit !== undefined && node.unit.foreign === undefined
      ? node.unit
      : fittingUnit(node.dim, typical, model.context)
  return showRange({ low, typical, high }, unit, model.context)
}

function boundsOf(model: Model, name: string) {
  return new BoundsOf(model.graph).of(model.node(name))
}

/** Reserves and buffers left out, each by itself and all together. */
function withoutReserves(model: Model, names: readonly string[]): Change[] {
  const reserves = names.filter(
    (name) => /\.(reserve|buffer)\.[^.]+(\.share)?$/.test(name) && model.definitions.get(name)?.line !== undefined,
  )
  const changes = reserves.map((name): Change => {
    const definition = model.definitions.get(name) as Definition
    const label = name.replace(/\.share$/, '')
    const { dim } = model.graph.node(model.node(name))
    return {
      kind: 'missingReserve',
      about: label,
      sentence: `${label} (${valueText(model, name)}) is not in it`,
      changes: one(name, constant(definition, 0, dim)),
    }
  })
  if (changes.length < 2) return changes
  const all = new Map(changes.flatMap((change) => [...change.changes]))
  const list = changes.map((change) => change.about).join(', ')
  return [
    ...changes,
    { kind: 'missingReserve', about: list, sentence: `none of the reserves is in it (${list})`, changes: all },
  ]
}

/** Instances that may fail left out. */
function withoutSpares(model: Model, names: readonly string[]): Change[] {
  return names.flatMap((name): Change[] => {
    const tier = name.replace(/\.instances$/, '')
    const definition = model.definitions.get(name)
    if (tier === name || definition === undefined || definition.line !== undefined || !model.has(`${tier}.needed`))
      return []
    const bare = formula(model, definition, `${tier}.needed`)
    const sentence = `the instances of ${tier} that may fail are not in it`
    return bare ? [{ kind: 'missingReserve', about: `${tier}.instances`, sentence, changes: one(name, bare) }] : []
  })
}

/** All cores counted for a process with one event loop. */
function allCores(model: Model, names: readonly string[]): Change[] {
  return names.flatMap((name): Change[] => {
    const machine = name.replace(/\.has$/, '.machine')
    const definition = model.definitions.get(name)
    if (machine === name || definition === undefined || !model.has(machine)) return []
    const all = formula(model, definition, machine)
    const tier = name.split('.')[0] ?? ''
    const processes = valueText(model, `${tier}.processes`)
    const sentence = `all of ${valueText(model, machine)} are counted, but ${tier} has ${processes} with one event loop each, which uses one core at most`
    return all ? [{ kind: 'oneLoopBound', about: machine, sentence, changes: one(name, all) }] : []
  })
}

/** Savings taken from the full lines instead of from what is left of them. */
function savingsFromFull(model: Model, names: readonly string[]): Change[] {
  if (!names.some((name) => name.startsWith('saving.') || name.startsWith('left.'))) return []
  const changes = new Map<string, Definition>()
  const savings = [...model.definitions.keys()].filter((name) => /^saving\.[^.]+$/.test(name))
  const asked: string[] = []
  for (const saving of savings) {
    asked.push(`${saving}.asked`)
    const left = saving.replace('saving.', 'left.')
    for (const [name, text] of [
      [saving, `${saving}.asked`],
      [left, `cost.beforeSavings - ${asked.join(' - ')}`],
    ] as const) {
      const definition = model.definitions.get(name)
      const changed = definition && formula(model, definition, text)
      if (changed) changes.set(name, changed)
    }
  }
  const sentence = 'savings are taken from the full lines although earlier ones have already reduced them'
  return [{ kind: 'doubleCounting', about: 'savings', sentence, changes }]
}

/** Every written value left out (1 of a factor, 0 of a term) or applied twice. */
export function inputChanges(model: Model, names: readonly string[]): Change[] {
  return names.flatMap((name): Change[] => {
    const definition = model.definitions.get(name)
    if (definition?.line === undefined) return []
    const { dim } = model.graph.node(model.node(name))
    const { low, high, typical } = boundsOf(model, name)
    const text = `${name} (${valueText(model, name)})`
    const terms: Change[] = [
      {
        kind: 'leftOut',
        about: name,
        sentence: `${text} is left out`,
        changes: one(name, constant(definition, 0, dim)),
      },
    ]
    if (!isEmpty(hardOf(dim)) || low !== high || typical === 1 || typical === 0) return terms
    return [
      {
        kind: 'leftOut',
        about: name,
        sentence: `${text} is left out`,
        changes: one(name, constant(definition, 1, dim)),
      },
      {
        kind: 'doubleCounting',
        about: name,
        sentence: `${text} is applied twice`,
        changes: one(name, constant(definition, typical * typical, dim)),
      },
      ...terms,
    ]
  })
}

/** The change of a plan that sets one name to a number. */
export const setTo = (model: Model, name: string, value: number): Changes =>
  one(name, constant(model.definitions.get(name) as Definition, value, model.graph.node(model.node(name)).dim))

/** One written value in the place of another. */
export const putInPlace = (model: Model, name: string, other: string): Changes => {
  const definition = model.definitions.get(name) as Definition
  const changed = formula(model, definition, other)
  return changed ? one(name, changed) : new Map()
}

/** Every change worth trying, the most telling first. */
export function structuralChanges(model: Model, names: readonly string[]): Change[] {
  return [
    ...allCores(model, names),
    ...withoutReserves(model, names),
    ...withoutSpares(model, names),
    ...savingsFromFull(model, names),
  ]
}
