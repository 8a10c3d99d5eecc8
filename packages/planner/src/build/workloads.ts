// Workloads, machines and shared budgets.
import { nounKey } from '../units/dimension.ts'
import type { Builder } from './builder.ts'

export interface WorkloadLayout {
  readonly name: string
  readonly label: string
  readonly hasConcurrent: boolean
  /** Resources that one needs, each defined as `<workload>.<resource>`. */
  readonly needs: readonly { readonly resource: string; readonly parts: readonly string[] }[]
}

function addCalls(builder: Builder, name: string): WorkloadLayout['needs'] {
  const path = `workloads.${name}.calls`
  const byProvider = new Map<string, { rates: string[]; tokens: string[] }>()
  for (const [kind, call] of Object.entries(builder.file.workloads?.[name]?.calls ?? {})) {
    const rate = `${name}.${kind}.rate`
    if (!builder.value(rate, call.rate, `${path}.${kind}.rate`, { expect: 'rate', as: { '#request': 1, time: -1 } }))
      continue
    const prefix = call.provider === undefined ? '' : `${call.provider}-`
    const sums = byProvider.get(prefix) ?? { rates: [], tokens: [] }
    byProvider.set(prefix, sums)
    sums.rates.push(rate)
    const options = { expect: 'count', as: { '#token': 1 } } as const
    if (!builder.parts(`${name}.${kind}.tokens-each`, call.tokens, `${path}.${kind}.tokens`, options)) continue
    builder.computed(`${name}.${kind}.tokens`, `${rate} * ${name}.${kind}.tokens-each`, {
      as: { '#token': 1, time: -1 },
      path: `${path}.${kind}`,
    })
    sums.tokens.push(`${name}.${kind}.tokens`)
  }
  const needs: { resource: string; parts: string[] }[] = []
  const sum = (resource: string, parts: string[], noun: string) => {
    if (parts.length === 0) return
    builder.computed(`${name}.${resource}`, parts.join(' + '), { as: { [nounKey(noun)]: 1, time: -1 }, path })
    needs.push({ resource, parts })
  }
  for (const [prefix, { rates, tokens }] of byProvider) {
    sum(`${prefix}requests`, rates, 'request')
    sum(`${prefix}tokens`, tokens, 'token')
  }
  return needs
}

function addNeeds(builder: Builder, name: string): WorkloadLayout['needs'] {
  const needs: { resource: string; parts: string[] }[] = []
  for (const [resource, value] of Object.entries(builder.file.workloads?.[name]?.needs ?? {})) {
    const path = `workloads.${name}.needs.${resource}`
    if (!builder.parts(`${name}.${resource}`, value, path, builder.resource(resource, path))) continue
    const parts = [...builder.definitions.keys()].filter((key) => key.startsWith(`${name}.${resource}.`))
    needs.push({ resource, parts })
  }
  return needs
}

export function addWorkloads(builder: Builder): WorkloadLayout[] {
  return Object.entries(builder.file.workloads ?? {}).map(([name, workload]) => {
    const hasConcurrent = builder.value(`${name}.concurrent`, workload.concurrent, `workloads.${name}.concurrent`, {
      expect: 'count',
      as: { [nounKey(name)]: 1 },
    })
    const needs = [...addNeeds(builder, name), ...addCalls(builder, name)]
    return { name, label: workload.label ?? name, hasConcurrent, needs }
  })
}

export function addMachines(builder: Builder): void {
  for (const [name, machine] of Object.entries(builder.file.machines ?? {})) {
    const path = `machines.${name}`
    builder.value(`${name}.price`, machine.price, `${path}.price`, { expect: 'moneyRate', as: { money: 1, time: -1 } })
    for (const [resource, value] of Object.entries(machine.has ?? {})) {
      const at = `${path}.has.${resource}`
      builder.value(`${name}.${resource}`, value, at, builder.resource(resource, at))
    }
  }
}

export function addBudgets(builder: Builder): void {
  for (const [resource, value] of Object.entries(builder.file.budgets ?? {})) {
    const path = `budgets.${resource}`
    builder.value(`budget.${resource}`, value, path, builder.resource(resource, path))
  }
}
