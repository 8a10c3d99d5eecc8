// Nodes as quantities of an answer: a fitting unit, both ends, standing, text.
import type { Built } from '../build/build-plan.ts'
import { BoundsOf } from '../graph/bounds.ts'
import type { Node, NodeId } from '../graph/node.ts'
import type { Quantity } from '../result.ts'
import { fittingUnit, shownUnit, showRange } from '../units/show.ts'
import { fromBase, type Unit } from '../units/unit.ts'

/** Digits that arithmetic in binary leaves behind are not part of an answer. */
const clean = (value: number): number | null => (Number.isFinite(value) ? Number(value.toPrecision(12)) : null)

export class Quantities {
  readonly built: Built
  readonly bounds: BoundsOf
  readonly #known = new Map<NodeId, Quantity>()

  constructor(built: Built, seed?: number) {
    this.built = built
    this.bounds = new BoundsOf(built.model.graph, seed)
  }

  /** The quantity of a name; the name must be defined. */
  of(name: string, month?: number): Quantity {
    return this.ofNode(this.built.model.node(name, month))
  }

  /** Null when the plan does not say enough for there to be such a number. */
  find(name: string, month?: number): Quantity | null {
    return this.built.model.has(name) ? this.of(name, month) : null
  }

  unitOf(node: Node): Unit {
    if (node.unit !== undefined && node.unit.foreign === undefined) return node.unit
    const { typical, high } = this.bounds.of(node.id)
    return fittingUnit(
      node.dim,
      Number.isFinite(typical) ? typical : Number.isFinite(high) ? high : 1,
      this.built.context,
    )
  }

  ofNode(id: NodeId, name?: string): Quantity {
    const known = this.#known.get(id)
    if (known && name === undefined) return known
    const node = this.built.model.graph.node(id)
    const { low, typical, high, exact, widthRatio } = this.bounds.of(id)
    const unit = this.unitOf(node)
    const quantity: Quantity = {
      name: name ?? node.name,
      low: clean(fromBase(low, unit)),
      typical: clean(fromBase(typical, unit)),
      high: clean(fromBase(high, unit)),
      unit: shownUnit(unit, this.built.context),
      standing: node.standing,
      method: exact ? 'exact' : 'enclosed',
      widthRatio: clean(widthRatio) ?? 1e9,
      text: showRange({ low, typical, high }, unit, this.built.context),
    }
    this.#known.set(id, quantity)
    return quantity
  }

  /** Value in base units with everything typical. */
  typical(name: string, month?: number): number {
    return this.bounds.typical.value(this.built.model.node(name, month))
  }
}
