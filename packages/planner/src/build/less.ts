import type { Builder } from './builder.ts'

/** A whole less what is kept of it, with the whole written once: what occurs twice makes ranges wider than they are. */
export function less(builder: Builder, whole: string, kept: readonly string[]): string {
  const shares = kept.filter((name) => builder.definitions.has(`${name}.share`)).map((name) => `${name}.share`)
  const amounts = kept.filter((name) => !shares.includes(`${name}.share`))
  const factor = shares.length === 0 ? whole : `${whole} * (${['1', ...shares].join(' - ')})`
  return [factor, ...amounts].join(' - ')
}
