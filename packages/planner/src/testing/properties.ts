// What must be true of every plan, checked on plans drawn from seeds. The same checks run on a few hundred plans with the
// other tests and on ten thousand in the full run.
import assert from 'node:assert/strict'
import { seededRandom } from '@parley/kernel'
import type { Built } from '../build/build-plan.ts'
import { BoundsOf, sampleOf } from '../graph/bounds.ts'
import { Evaluation } from '../graph/evaluate.ts'
import { builtOf, drawPlan } from './random-plan.ts'

const OUTPUTS = [
  'app.limit',
  'app.realistic',
  'app.needed',
  'app.instances',
  'app.capacity',
  'app.usedRatio',
  'cost.total',
  'unitCost.user-month',
  'unitCost.session-hour',
  'margin',
  'saving.spot',
  'saving.deal',
  'cost.egress.shareOfTotal',
] as const

const SAMPLES = 12

export interface Seen {
  plans: number
  ranges: number
  /** Of ranges that are not exact: width over the width that samples reached. */
  widthRatios: number[]
  capacityMoved: number
  instancesMoved: number
}

export const nothingSeen = (): Seen => ({ plans: 0, ranges: 0, widthRatios: [], capacityMoved: 0, instancesMoved: 0 })

/** What has no bound is not near anything else. */
const near = (value: number) => (Number.isFinite(value) ? 1e-9 * Math.max(1, Math.abs(value)) : 0)

/** Samples of the inputs give values inside the range of each output, in every month. */
function checkRanges(built: Built, seed: number, seen: Seen): void {
  const { model } = built
  const nodes = [
    ...OUTPUTS.map((name) => model.node(name)),
    model.node('cost.total', 3),
    model.node('app.instances', 3),
  ]
  const bounds = new BoundsOf(model.graph, seed)
  const random = seededRandom(seed)
  for (let sample = 0; sample < SAMPLES; sample += 1) {
    const evaluation = new Evaluation(model.graph, (input) => sampleOf(input, random))
    // An input has one value in one sample, whatever is asked of it.
    for (const node of nodes) {
      const value = evaluation.value(node)
      const { low, high, typical } = bounds.of(node)
      const { name } = model.graph.node(node)
      assert.ok(
        value >= low - near(low) && value <= high + near(high),
        `seed ${seed}: ${name} can be ${value}, outside ${low}..${high}`,
      )
      assert.ok(
        typical >= low - near(low) && typical <= high + near(high),
        `seed ${seed}: ${name} is typically ${typical}, outside ${low}..${high}`,
      )
    }
  }
  for (const node of nodes) {
    const { exact, widthRatio, low, high } = bounds.of(node)
    if (low < high) seen.ranges += 1
    if (!exact) seen.widthRatios.push(widthRatio)
  }
}

interface Numbers {
  readonly realistic: number
  readonly instances: number
  readonly total: number
}

function numbersOf(built: Built): { low: Numbers; typical: Numbers; high: Numbers } {
  const bounds = new BoundsOf(built.model.graph)
  const of = (name: string) => bounds.of(built.model.node(name))
  const [realistic, instances, total] = [of('app.realistic'), of('app.instances'), of('cost.total')]
  const at = (end: 'low' | 'typical' | 'high'): Numbers => ({
    realistic: realistic[end],
    instances: instances[end],
    total: total[end],
  })
  return { low: at('low'), typical: at('typical'), high: at('high') }
}

/** One drawn plan against all properties. */
export function checkPlanOfSeed(seed: number, seen: Seen): void {
  const draw = drawPlan(seededRandom(seed))
  const built = builtOf(draw.text())
  checkRanges(built, seed, seen)
  const base = numbersOf(built)
  const more = numbersOf(builtOf(draw.text({ users: Math.ceil(draw.users * 1.7) })))
  const reserved = numbersOf(builtOf(draw.text({ reserve: draw.reserve + 15 })))
  const buffered = numbersOf(builtOf(draw.text({ buffer: draw.buffer + 25 })))
  for (const end of ['low', 'typical', 'high'] as const) {
    const at = `seed ${seed}, ${end}`
    assert.ok(more[end].instances >= base[end].instances, `${at}: more users need fewer instances`)
    assert.ok(more[end].total >= base[end].total - near(base[end].total), `${at}: more users cost less`)
    assert.ok(reserved[end].realistic <= base[end].realistic, `${at}: a reserve raises the capacity`)
    assert.ok(reserved[end].instances >= base[end].instances, `${at}: a reserve lowers the number of instances`)
    assert.ok(buffered[end].instances >= base[end].instances, `${at}: a buffer lowers the number of instances`)
  }
  seen.plans += 1
  if (reserved.typical.realistic < base.typical.realistic) seen.capacityMoved += 1
  if (more.typical.instances > base.typical.instances) seen.instancesMoved += 1
}

/** The middle of a list of numbers, and the value that nine in ten do not exceed. */
export function quantiles(values: readonly number[]): { median: number; ninth: number } {
  const sorted = [...values].sort((a, b) => a - b)
  const at = (ratio: number) => sorted[Math.min(sorted.length - 1, Math.floor(ratio * sorted.length))] ?? 1
  return { median: at(0.5), ninth: at(0.9) }
}
