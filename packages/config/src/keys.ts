// The schema as a flat list of keys: path, environment name, default, unit, what is allowed. Everything that lists, parses or
// documents keys reads this list; nothing here knows where values come from.
import type { TSchema } from 'typebox'
import { ConfigSchema } from './schema.ts'

export type KeyKind = 'string' | 'integer' | 'number' | 'boolean' | 'enum' | 'strings' | 'objects'

export interface ConfigKey {
  /** `server.port`; of a list that is a section of its own (`providers`) just its name. */
  readonly path: string
  readonly section: string
  /** Empty when the section itself is the value. */
  readonly name: string
  /** `PARLEY_SERVER_PORT` */
  readonly envName: string
  readonly schema: TSchema
  readonly kind: KeyKind
  readonly default: unknown
  readonly description: string
  /** `milliseconds`, `bytes` ...; undefined for values that have none. */
  readonly unit: string | undefined
  /** What a value must be, as the end of "must be ...". */
  readonly allowed: string
  readonly isSecret: boolean
  /** Fields of its objects that are shown to nobody. */
  readonly secretFields: readonly string[]
  readonly isPath: boolean
}

/** What of a JSON schema this package reads. */
interface SchemaNode {
  readonly type?: string
  readonly enum?: readonly string[]
  readonly items?: SchemaNode
  readonly properties?: Readonly<Record<string, SchemaNode>>
  readonly default?: unknown
  readonly description?: string
  readonly minimum?: number
  readonly maximum?: number
  readonly secret?: boolean
  readonly path?: boolean
}

const UNITS: readonly (readonly [suffix: RegExp, unit: string])[] = [
  [/Ms$/, 'milliseconds'],
  [/Bytes$/, 'bytes'],
  [/Ratio$/, 'ratio'],
  [/PerMinute$/, 'per minute'],
  [/PerSecond$/, 'per second'],
]

const unitOf = (name: string): string | undefined => UNITS.find(([suffix]) => suffix.test(name))?.[1]

/** `sessions` + `graceMs` -> `PARLEY_SESSIONS_GRACE_MS`; a section without a name -> `PARLEY_PROVIDERS` */
export function envNameOf(section: string, name: string): string {
  return ['PARLEY', section, ...(name === '' ? [] : [name.replaceAll(/[A-Z]/g, '_$&')])].join('_').toUpperCase()
}

function kindOf(node: SchemaNode): KeyKind {
  if (node.enum) return 'enum'
  if (node.type === 'array') return node.items?.type === 'object' ? 'objects' : 'strings'
  return node.type as 'string' | 'integer' | 'number' | 'boolean'
}

function rangeOf(node: SchemaNode): string {
  if (node.minimum !== undefined && node.maximum !== undefined) return ` from ${node.minimum} to ${node.maximum}`
  if (node.minimum !== undefined) return `, at least ${node.minimum}`
  return node.maximum === undefined ? '' : `, at most ${node.maximum}`
}

function allowedOf(node: SchemaNode, kind: KeyKind): string {
  switch (kind) {
    case 'enum':
      return `one of ${node.enum?.join(', ')}`
    case 'integer':
      return `a whole number${rangeOf(node)}`
    case 'number':
      return `a number${rangeOf(node)}`
    case 'boolean':
      return 'true or false'
    case 'strings':
      return node.items?.enum ? `a list of ${node.items.enum.join(', ')}` : 'a list of texts'
    case 'objects':
      return `a list of {${Object.keys(node.items?.properties ?? {}).join(', ')}}`
    case 'string':
      return 'a text'
  }
}

function keyOf(section: string, name: string, node: SchemaNode): ConfigKey {
  const kind = kindOf(node)
  const fields = Object.entries(node.items?.properties ?? {})
  return {
    path: name === '' ? section : `${section}.${name}`,
    section,
    name,
    envName: envNameOf(section, name),
    schema: node as TSchema,
    kind,
    default: node.default,
    description: node.description ?? '',
    unit: unitOf(name),
    allowed: allowedOf(node, kind),
    isSecret: node.secret === true,
    secretFields: fields.flatMap(([field, { secret }]) => (secret === true ? [field] : [])),
    isPath: node.path === true,
  }
}

const sections = (ConfigSchema as unknown as SchemaNode).properties ?? {}

/** Every key of the configuration, in the order of the schema. */
export const CONFIG_KEYS: readonly ConfigKey[] = Object.entries(sections).flatMap(([section, node]) =>
  node.type === 'array'
    ? [keyOf(section, '', node)]
    : Object.entries(node.properties ?? {}).map(([name, child]) => keyOf(section, name, child)),
)

export const CONFIG_SECTIONS: readonly string[] = Object.keys(sections)

const byPath = new Map(CONFIG_KEYS.map((key) => [key.path, key]))

export const configKey = (path: string): ConfigKey | undefined => byPath.get(path)

/** Short names that stand for a derived one because everyone looks for them. */
export const ENV_ALIASES: Readonly<Record<string, string>> = { PARLEY_API_KEY: 'auth.apiKey' }

/** PARLEY_ variables that are not keys: what they mean to the command line. */
export const RESERVED_ENV: Readonly<Record<string, string>> = {
  PARLEY_CONFIG: 'Configuration file to read.',
  PARLEY_URL: 'Platform that client commands talk to.',
  PARLEY_FLEET_SECRET: 'Secret that pods and speech workers of one fleet share, 32 characters or more.',
}

const byEnvName = new Map<string, ConfigKey>(CONFIG_KEYS.map((key) => [key.envName, key]))
for (const [alias, path] of Object.entries(ENV_ALIASES)) byEnvName.set(alias, byPath.get(path) as ConfigKey)

export const configKeyOfEnv = (envName: string): ConfigKey | undefined => byEnvName.get(envName)
export const CONFIG_ENV_NAMES: readonly string[] = [...byEnvName.keys(), ...Object.keys(RESERVED_ENV)]

/**
 * The key a person means by `text`: its path, or its bare name where only one section has it (`apiKey`). Undefined when
 * there is none or several.
 */
export function findConfigKey(text: string): ConfigKey | undefined {
  const exact = configKey(text)
  if (exact) return exact
  const named = CONFIG_KEYS.filter((key) => key.name === text)
  return named.length === 1 ? named[0] : undefined
}
