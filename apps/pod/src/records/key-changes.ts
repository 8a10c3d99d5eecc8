// Which API keys came and went with the configuration: the only way they do. Pure; ids only, never keys.

export interface KeyName {
  readonly tenant: string
  readonly id: string
}

export interface KeyChange extends KeyName {
  readonly action: 'api-key.add' | 'api-key.revoke'
}

/** `before`: what `rememberedKeys` made at an earlier start; undefined when there was none. Then, and when it cannot be read, nothing has changed. */
export function keyChanges(before: string | undefined, keys: readonly KeyName[]): KeyChange[] {
  const known = parsed(before)
  if (!known) return []
  const isIn = (all: readonly KeyName[], { tenant, id }: KeyName) =>
    all.some((key) => key.tenant === tenant && key.id === id)
  return [
    ...known.filter((key) => !isIn(keys, key)).map((key) => ({ ...key, action: 'api-key.revoke' as const })),
    ...keys
      .filter((key) => !isIn(known, key))
      .map(({ tenant, id }) => ({ tenant, id, action: 'api-key.add' as const })),
  ]
}

/** The same for the same keys, whatever their order. */
export function rememberedKeys(keys: readonly KeyName[]): string {
  return JSON.stringify(keys.map(({ tenant, id }) => [tenant, id]).toSorted((a, b) => (`${a}` < `${b}` ? -1 : 1)))
}

function parsed(text: string | undefined): KeyName[] | undefined {
  if (text === undefined) return undefined
  try {
    return (JSON.parse(text) as [string, string][]).map(([tenant, id]) => ({ tenant, id }))
  } catch {
    return undefined
  }
}
