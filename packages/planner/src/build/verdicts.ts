// What the lab found out, as measured quantities.

import type { Result } from '@parley/kernel'
import { type LabVerdict, LabVerdictSchema, type Measured } from '@parley/protocol'
import { Errors } from 'typebox/value'
import { parseUnit } from '../units/unit.ts'
import type { Builder, DefineOptions } from './builder.ts'

export type ReadVerdict = (path: string) => Result<string, string>

function parseVerdict(text: string): LabVerdict | string {
  let data: unknown
  try {
    data = JSON.parse(text)
  } catch (error) {
    return `it is not JSON: ${(error as Error).message}`
  }
  const [first] = Errors(LabVerdictSchema, data)
  return first === undefined ? (data as LabVerdict) : `${first.instancePath || 'it'} ${first.message}`
}

const rangeOf = ({ low, value, high }: Measured) => ({ low, high, typical: value })

function addLoads(builder: Builder, name: string, verdict: LabVerdict, options: DefineOptions): void {
  const { knee } = verdict
  const load = (part: string, value: number | null) => {
    if (value !== null) builder.number(`${name}.${part}`, { low: value }, verdict.loadUnit, options)
  }
  load('rated', verdict.rated)
  load('held', knee.held)
  load('failed', knee.failed)
  load('inflection', verdict.inflection)
  load('breakingPoint', verdict.breakingPoint)
  if (knee.held !== null) {
    builder.number(`${name}.knee`, { low: knee.held, high: knee.failed ?? knee.held }, verdict.loadUnit, options)
  }
  builder.number(`${name}.safetyRatio`, { low: 100 * verdict.safetyRatio }, '%', options)
}

function addVerdict(builder: Builder, name: string, verdict: LabVerdict, path: string): void {
  const { machine, scenario } = verdict.conditions
  const options: DefineOptions = {
    standing: 'measured',
    path,
    note: `from ${verdict.name}, ${scenario} on ${machine}, ${verdict.measuredAt.slice(0, 10)}`,
  }
  const unit = parseUnit(verdict.loadUnit, builder.context)
  if (!unit.ok) {
    builder.problem('BAD_VERDICT', path, `${path}: its load is counted in ${verdict.loadUnit}: ${unit.error.message}`)
    return
  }
  addLoads(builder, name, verdict, options)
  for (const fit of verdict.fits) {
    const known = parseUnit(fit.unit, builder.context)
    if (!known.ok || !/^[A-Za-z][A-Za-z0-9-]*$/.test(fit.resource)) {
      builder.problem('BAD_VERDICT', path, `${path}: the fit of ${fit.resource} is in ${fit.unit}, which is not a unit`)
      continue
    }
    builder.number(`${name}.${fit.resource}.baseline`, rangeOf(fit.baseline), fit.unit, options)
    builder.number(`${name}.${fit.resource}.slope`, rangeOf(fit.slope), `${fit.unit}/${verdict.loadUnit}`, options)
  }
}

export function addVerdicts(builder: Builder, readVerdict: ReadVerdict | undefined): Map<string, LabVerdict> {
  const verdicts = new Map<string, LabVerdict>()
  for (const [name, file] of Object.entries(builder.file.verdicts ?? {})) {
    const path = `verdicts.${name}`
    const text = readVerdict?.(file)
    if (text === undefined || !text.ok) {
      const why = text === undefined ? 'nothing here can read it' : text.error
      builder.problem('BAD_VERDICT', path, `${path}: ${file} cannot be read: ${why}`)
      continue
    }
    const verdict = parseVerdict(text.value)
    if (typeof verdict === 'string')
      builder.problem('BAD_VERDICT', path, `${path}: ${file} is not a lab verdict: ${verdict}`)
    else {
      verdicts.set(name, verdict)
      addVerdict(builder, name, verdict, path)
    }
  }
  return verdicts
}
