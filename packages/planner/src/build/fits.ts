// Lines through load points: what is used without load, and what each one more costs.
import type { Expr } from '../expression/ast.ts'
import type { PlanFile } from '../plan-file.ts'
import { parseUnit } from '../units/unit.ts'
import { NOUNS } from '../units/unit-table.ts'
import type { Builder } from './builder.ts'

type Fit = NonNullable<PlanFile['fits']>[string]

/** 97.5% quantile of Student's t, so that intervals hold with 95%. */
const T_QUANTILES = [12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228]
const tQuantile = (freedom: number): number => T_QUANTILES[freedom - 1] ?? 1.96 + 2.5 / freedom

interface Line {
  readonly slope: number
  readonly slopeError: number
  readonly baseline: number
  readonly baselineError: number
}

/** Least squares with 95% intervals; three points or more. */
export function leastSquares(points: readonly { readonly x: number; readonly y: number }[]): Line {
  const count = points.length
  const meanX = points.reduce((sum, { x }) => sum + x, 0) / count
  const meanY = points.reduce((sum, { y }) => sum + y, 0) / count
  const spread = points.reduce((sum, { x }) => sum + (x - meanX) ** 2, 0)
  const slope = points.reduce((sum, { x, y }) => sum + (x - meanX) * (y - meanY), 0) / spread
  const baseline = meanY - slope * meanX
  const residual = points.reduce((sum, { x, y }) => sum + (y - baseline - slope * x) ** 2, 0) / (count - 2)
  const factor = tQuantile(count - 2)
  return {
    slope,
    slopeError: factor * Math.sqrt(residual / spread),
    baseline,
    baselineError: factor * Math.sqrt(residual * (1 / count + meanX ** 2 / spread)),
  }
}

/** One point: every baseline from nothing to all that was used, unless the plan knows it. */
function onePoint(builder: Builder, name: string, fit: Fit, path: string): void {
  const known = builder.value(`${name}.baseline`, fit.baseline, `${path}.baseline`, { like: `${name}.used-1` })
  if (!known) {
    builder.number(`${name}.baseline-share`, { low: 0, high: 100 }, '%', {
      standing: 'assumed',
      underdetermined: true,
      note: 'one load point does not say how much is used without load: anything from nothing to all of it',
    })
    builder.computed(`${name}.baseline`, `${name}.used-1 * ${name}.baseline-share`, { path })
  }
  builder.computed(`${name}.slope`, `(${name}.used-1 - ${name}.baseline) / ${name}.load-1`, { path })
}

const pointOf = (expr: Expr | undefined) =>
  expr?.kind === 'literal' && expr.low === expr.high && expr.unit.foreign === undefined ? expr : undefined

function manyPoints(builder: Builder, name: string, path: string, count: number): void {
  const points: { x: number; y: number }[] = []
  let [loadText, usedText] = ['', '']
  for (let index = 1; index <= count; index += 1) {
    const load = pointOf(builder.definitions.get(`${name}.load-${index}`)?.expr)
    const used = pointOf(builder.definitions.get(`${name}.used-${index}`)?.expr)
    if (!load || !used) {
      builder.problem(
        'BAD_VALUE',
        `${path}.points`,
        `${path}: a line through ${count} points needs single values, not ranges or formulas`,
      )
      return
    }
    ;[loadText, usedText] = [loadText || load.unit.text, usedText || used.unit.text]
    const inUnit = (expr: typeof load, text: string) => {
      const unit = parseUnit(text, builder.context)
      return unit.ok ? (expr.low * expr.unit.num * unit.value.den) / (expr.unit.den * unit.value.num) : Number.NaN
    }
    points.push({ x: inUnit(load, loadText), y: inUnit(used, usedText) })
  }
  const line = leastSquares(points)
  const note = `least squares through ${count} points, 95% interval`
  const range = (value: number, error: number) => ({ low: value - error, high: value + error, typical: value })
  builder.number(`${name}.baseline`, range(line.baseline, line.baselineError), usedText, { note, path })
  // What is below the line is one of them: GB/user.
  const slopeUnit = `${usedText}/${builder.context.nouns.get(loadText) ?? NOUNS.get(loadText) ?? loadText}`
  builder.number(`${name}.slope`, range(line.slope, line.slopeError), slopeUnit, { note, path })
}

export function addFits(builder: Builder): void {
  for (const [name, fit] of Object.entries(builder.file.fits ?? {})) {
    const path = `fits.${name}`
    let count = 0
    for (const [index, point] of fit.points.entries()) {
      const at = `${path}.points.${index}`
      const load = builder.value(`${name}.load-${index + 1}`, point.load, `${at}.load`, { expect: 'count' })
      const used = builder.value(`${name}.used-${index + 1}`, point.used, `${at}.used`)
      if (load && used) count += 1
    }
    if (count < fit.points.length) continue
    const loads = fit.points.map((_, index) =>
      JSON.stringify(pointOf(builder.definitions.get(`${name}.load-${index + 1}`)?.expr)?.low),
    )
    if (count > 1 && new Set(loads).size === 1) {
      builder.problem('BAD_VALUE', `${path}.points`, `${path}: all points have the same load, which gives no slope`)
    } else if (count === 1) onePoint(builder, name, fit, path)
    else if (count === 2) {
      builder.computed(`${name}.slope`, `(${name}.used-2 - ${name}.used-1) / (${name}.load-2 - ${name}.load-1)`, {
        path,
      })
      builder.computed(`${name}.baseline`, `${name}.used-1 - ${name}.slope * ${name}.load-1`, { path })
    } else manyPoints(builder, name, path, count)
  }
}
