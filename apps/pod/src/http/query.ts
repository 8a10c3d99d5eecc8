// The query of a request as its operation's schema wants it: text that is a number becomes one where a number is due. Pure; what is
// wrong with it is for the schema's check to say.
import type { Operation } from '@parley/protocol'

const NUMBER = /^-?\d{1,15}(?:\.\d{1,6})?$/

export function readQuery(schema: NonNullable<Operation['query']>, query: unknown): Record<string, unknown> {
  const { properties = {} } = schema as { properties?: Readonly<Record<string, { type?: unknown }>> }
  const read = (name: string, value: unknown): unknown => {
    const type = Object.hasOwn(properties, name) ? properties[name]?.type : undefined
    const isNumeric = type === 'integer' || type === 'number'
    return isNumeric && typeof value === 'string' && NUMBER.test(value) ? Number(value) : value
  }
  return Object.fromEntries(Object.entries(query ?? {}).map(([name, value]) => [name, read(name, value)]))
}
