// What pods tell each other and keep for each other, as files: each whole, and with the least that is allowed (`-least`). A file is never changed. When a format
// is, what the new version writes gets a file of its own beside it, and both are read from then on.
import { readFileSync } from 'node:fs'

/** One JSON file of this folder, parsed. */
export function storedFormat(name: string): unknown {
  return JSON.parse(readFileSync(new URL(`${name}.json`, import.meta.url), 'utf8'))
}

/** What a test needs of a schema. */
export interface ObjectShape {
  readonly properties?: Readonly<Record<string, ObjectShape>>
  readonly required?: readonly string[]
  readonly items?: ObjectShape
}

/** Paths that the schema has and `value` has not; with `isLeast` only those that must be there. Of lists the first entry counts. */
export function missingPaths(shape: ObjectShape, value: unknown, isLeast: boolean, at = ''): string[] {
  if (shape.items) return missingPaths(shape.items, (value as unknown[])[0], isLeast, `${at}[]`)
  return Object.entries(shape.properties ?? {}).flatMap(([name, inner]) => {
    const path = `${at}.${name}`
    const has = Object.hasOwn((value ?? {}) as object, name)
    if (has) return missingPaths(inner, (value as Record<string, unknown>)[name], isLeast, path)
    return isLeast && !shape.required?.includes(name) ? [] : [path]
  })
}

/** Paths that `value` has and the schema has not, or, with `isLeast`, does not require. */
export function surplusPaths(shape: ObjectShape, value: unknown, isLeast: boolean, at = ''): string[] {
  if (shape.items)
    return (value as unknown[]).flatMap((each) => surplusPaths(shape.items as ObjectShape, each, isLeast, `${at}[]`))
  if (!shape.properties) return []
  return Object.entries(value as object).flatMap(([name, inner]) => {
    const known = shape.properties?.[name]
    const isSurplus = !known || (isLeast && !shape.required?.includes(name))
    return isSurplus ? [`${at}.${name}`] : surplusPaths(known, inner, isLeast, `${at}.${name}`)
  })
}

const ADDED = 'addedLater'

/** `value` as a newer version may write it: with a field nobody knows in every object that has named fields. */
export function withAdded(shape: ObjectShape, value: unknown): unknown {
  if (Array.isArray(value)) return value.map((each) => withAdded(shape.items ?? {}, each))
  if (!shape.properties || typeof value !== 'object' || value === null) return value
  const fields = Object.entries(value).map(([name, inner]) => [name, withAdded(shape.properties?.[name] ?? {}, inner)])
  return { ...Object.fromEntries(fields), [ADDED]: { to: ['be', 'known'] } }
}

/** Without what `withAdded` has added. */
export function withoutAdded(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutAdded)
  if (typeof value !== 'object' || value === null) return value
  const fields = Object.entries(value).filter(([name]) => name !== ADDED)
  return Object.fromEntries(fields.map(([name, inner]) => [name, withoutAdded(inner)]))
}
