// Puts the sources together: defaults < file < environment < flags, checks every value and the rules between them, and
// freezes the outcome. Pure: reading files is load.ts's.
import path from 'node:path'
import { err, ok, type Result } from '@parley/kernel'
import { CONFIG_KEYS, type ConfigKey, configKey } from './keys.ts'
import type { ConfigMistake, Origin } from './mistakes.ts'
import { applyProviderEnvironment } from './provider-environment.ts'
import { crossFieldFindings } from './rules.ts'
import type { ResolvedConfig } from './schema.ts'
import { type Entry, type Environment, type FlagValue, readEnvironment, readFlags, readYaml } from './sources.ts'
import { checkValue, showValue } from './values.ts'

export interface ConfigInputs {
  /** The configuration file, if there is one; `path` must be absolute, `name` is how mistakes call it. */
  readonly file?: { readonly name: string; readonly path: string; readonly text: string }
  readonly env: Environment
  readonly flags?: readonly FlagValue[]
  /** Relative paths of the environment and of flags start here. */
  readonly cwd: string
  readonly homeDir: string
}

export interface Resolution {
  readonly config: ResolvedConfig
  /** Origin of each key, by path. */
  readonly origins: ReadonlyMap<string, Origin>
}

const DEFAULT_ORIGIN: Origin = { kind: 'default', where: 'default' }

/** Where keys and the run directory are kept when nobody says: XDG, as other programs do. */
export function defaultDataDir(env: Environment, homeDir: string): string {
  const base = env.XDG_DATA_HOME
  // The XDG specification: a relative value is invalid and ignored.
  return path.join(base !== undefined && path.isAbsolute(base) ? base : path.join(homeDir, '.local/share'), 'parley')
}

function absolutePath(value: string, origin: Origin, inputs: ConfigInputs): string {
  if (value === '') return value
  if (value === '~' || value.startsWith('~/')) return path.join(inputs.homeDir, value.slice(1))
  const base = origin.kind === 'file' && inputs.file ? path.dirname(inputs.file.path) : inputs.cwd
  return path.resolve(base, value)
}

type Sections = Record<string, unknown>

function deepFreeze<T>(value: T): T {
  if (typeof value === 'object' && value !== null && !Object.isFrozen(value)) {
    Object.freeze(value)
    for (const child of Object.values(value)) deepFreeze(child)
  }
  return value
}

function apply(values: Sections, key: ConfigKey, value: unknown): void {
  if (key.name === '') values[key.section] = value
  else values[key.section] = { ...(values[key.section] as object | undefined), [key.name]: value }
}

function mistakeOf(entry: Entry, message: string): ConfigMistake {
  return { origin: entry.origin, key: entry.key.path, value: showValue(entry.key, entry.value), message }
}

/** Every value resolved and checked, or every mistake there is. */
export function resolveConfig(inputs: ConfigInputs): Result<Resolution, readonly ConfigMistake[]> {
  const readings = [
    inputs.file ? readYaml(inputs.file.name, inputs.file.text) : { entries: [], mistakes: [] },
    readEnvironment(inputs.env),
    readFlags(inputs.flags ?? []),
  ]
  const mistakes: ConfigMistake[] = readings.flatMap((reading) => reading.mistakes)
  const values: Sections = {}
  const origins = new Map<string, Origin>()
  for (const key of CONFIG_KEYS) {
    apply(values, key, structuredClone(key.default))
    origins.set(key.path, DEFAULT_ORIGIN)
  }
  for (const entry of readings.flatMap((reading) => reading.entries)) {
    const checked = checkValue(entry.key, entry.value)
    if (!checked.ok) {
      mistakes.push(mistakeOf(entry, checked.error))
      continue
    }
    const value = entry.key.isPath ? absolutePath(checked.value as string, entry.origin, inputs) : checked.value
    apply(values, entry.key, value)
    origins.set(entry.key.path, entry.origin)
  }
  const config = values as unknown as ResolvedConfig
  const providers = applyProviderEnvironment(config.providers, inputs.env)
  mistakes.push(...providers.mistakes)
  apply(values, configKey('providers') as ConfigKey, providers.providers)
  if (config.data.dir === '')
    apply(values, configKey('data.dir') as ConfigKey, defaultDataDir(inputs.env, inputs.homeDir))
  for (const finding of crossFieldFindings(config)) {
    const key = configKey(finding.key) as ConfigKey
    const value = configValue(config, key)
    const origin = origins.get(finding.key) as Origin
    mistakes.push({ origin, key: finding.key, value: showValue(key, value), message: finding.message })
  }
  return mistakes.length > 0 ? err(mistakes) : ok({ config: deepFreeze(config), origins })
}

/** The value of `key` in a resolved configuration. */
export function configValue(config: ResolvedConfig, key: ConfigKey): unknown {
  const section = (config as unknown as Sections)[key.section]
  return key.name === '' ? section : (section as Record<string, unknown> | undefined)?.[key.name]
}
