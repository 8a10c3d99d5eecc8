// Reads one source (YAML text, environment, flags) into entries: key, value, origin. Knows nothing of the other sources.
import { type Document, isMap, isScalar, LineCounter, type Node, parseDocument, type YAMLMap } from 'yaml'
import {
  CONFIG_ENV_NAMES,
  CONFIG_KEYS,
  CONFIG_SECTIONS,
  type ConfigKey,
  configKey,
  configKeyOfEnv,
  RESERVED_ENV,
} from './keys.ts'
import { type ConfigMistake, nearest, type Origin, suggestion } from './mistakes.ts'
import { PROVIDER_ENV_PREFIX } from './provider-environment.ts'
import { parseText } from './values.ts'

export interface Entry {
  readonly key: ConfigKey
  readonly value: unknown
  readonly origin: Origin
}

export interface SourceReading {
  readonly entries: readonly Entry[]
  readonly mistakes: readonly ConfigMistake[]
}

const PATHS = CONFIG_KEYS.map((key) => key.path)

function unknownKey(written: string, origin: Origin): ConfigMistake {
  const [section = '', name] = written.split('.')
  const inSection = CONFIG_KEYS.filter((key) => key.section === section)
  const bare = CONFIG_KEYS.find((key) => key.name.toLowerCase() === (name ?? section).toLowerCase())
  const listed = inSection.length > 0 ? inSection.map((key) => key.path) : CONFIG_SECTIONS
  const near = nearest(written, PATHS) ?? bare?.path
  const help = near === undefined ? suggestion(written, [], listed) : `did you mean ${near}?`
  return { origin, key: written, value: undefined, message: `${written} is not a key; ${help}` }
}

interface YamlContext {
  readonly file: string
  readonly lines: LineCounter
  readonly document: Document.Parsed
  readonly entries: Entry[]
  readonly mistakes: ConfigMistake[]
}

const originOf = (context: YamlContext, node: unknown): Origin => {
  const offset = (node as Node | null)?.range?.[0]
  const { file, lines } = context
  return { kind: 'file', where: offset === undefined ? file : `${file}:${lines.linePos(offset).line}` }
}

const nameOf = (node: unknown): string => String(isScalar(node) ? node.value : node)
const isEmptyNode = (node: unknown): boolean => node === null || (isScalar(node) && node.value === null)

function readSection(context: YamlContext, section: string, map: YAMLMap): void {
  for (const item of map.items) {
    const written = `${section}.${nameOf(item.key)}`
    const origin = originOf(context, item.key)
    const key = configKey(written)
    if (!key) context.mistakes.push(unknownKey(written, origin))
    else context.entries.push({ key, value: (item.value as Node | null)?.toJS(context.document) ?? null, origin })
  }
}

function readRoot(context: YamlContext, root: YAMLMap): void {
  for (const pair of root.items) {
    const section = nameOf(pair.key)
    const origin = originOf(context, pair.key)
    const list = configKey(section)
    if (list) {
      const value = (pair.value as Node | null)?.toJS(context.document) ?? list.default
      context.entries.push({ key: list, value, origin })
    } else if (!CONFIG_SECTIONS.includes(section)) context.mistakes.push(unknownSection(section, origin))
    else if (isMap(pair.value)) readSection(context, section, pair.value)
    else if (!isEmptyNode(pair.value)) {
      const message = `${section} must hold keys (${section}: on a line of its own, its keys indented below)`
      context.mistakes.push({ origin, key: section, value: undefined, message })
    }
  }
}

/** Reads YAML of the form section -> key -> value. `file` is how the file is named in mistakes. */
export function readYaml(file: string, text: string): SourceReading {
  const lines = new LineCounter()
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false })
  if (document.errors.length > 0) {
    const mistakes = document.errors.map((error) => ({
      origin: { kind: 'file', where: `${file}:${lines.linePos(error.pos[0]).line}` } as const,
      key: '',
      value: undefined,
      message: `not valid YAML: ${error.message}`,
    }))
    return { entries: [], mistakes }
  }
  const context: YamlContext = { file, lines, document, entries: [], mistakes: [] }
  const root = document.contents
  if (isMap(root)) readRoot(context, root)
  else if (!isEmptyNode(root)) {
    const message = `the file must hold sections (${CONFIG_SECTIONS.join(', ')})`
    context.mistakes.push({ origin: { kind: 'file', where: file }, key: '', value: undefined, message })
  }
  return context
}

function unknownSection(section: string, origin: Origin): ConfigMistake {
  // `port: 8080` at the top is a key without its section; anything else is a section misspelt.
  const bare = CONFIG_KEYS.find((key) => key.name.toLowerCase() === section.toLowerCase())
  const help = bare === undefined ? suggestion(section, CONFIG_SECTIONS) : `did you mean ${bare.path}?`
  return { origin, key: section, value: undefined, message: `${section} is not a section; ${help}` }
}

export type Environment = Readonly<Record<string, string | undefined>>

/** Reads every PARLEY_ variable; empty ones count as unset, as a shell's `PARLEY_X= command` means. */
export function readEnvironment(env: Environment): SourceReading {
  const entries: Entry[] = []
  const mistakes: ConfigMistake[] = []
  for (const [name, text] of Object.entries(env)) {
    if (!name.startsWith('PARLEY_') || text === undefined || text === '' || name in RESERVED_ENV) continue
    if (name.startsWith(PROVIDER_ENV_PREFIX)) continue
    const origin: Origin = { kind: 'environment', where: name }
    const key = configKeyOfEnv(name)
    if (key) entries.push({ key, value: parseText(key, text), origin })
    else {
      const message = `${name} is not a variable of this platform; ${suggestion(name, CONFIG_ENV_NAMES, ['PARLEY_<SECTION>_<KEY>, see docs/configuration.md'])}`
      mistakes.push({ origin, key: name, value: undefined, message })
    }
  }
  return { entries, mistakes }
}

/** A value given on the command line. */
export interface FlagValue {
  /** How the flag was written, for mistakes: `--port`. */
  readonly flag: string
  /** Path of the key it sets. */
  readonly key: string
  readonly value: string
}

/** Splits the argument of `--set section.key=value`; a text without `=` yields an empty key for the check to name. */
export function flagOfSet(argument: string): FlagValue {
  const at = argument.indexOf('=')
  if (at < 0) return { flag: `--set ${argument}`, key: '', value: argument }
  const key = argument.slice(0, at).trim()
  return { flag: `--set ${key}`, key, value: argument.slice(at + 1) }
}

export function readFlags(flags: readonly FlagValue[]): SourceReading {
  const entries: Entry[] = []
  const mistakes: ConfigMistake[] = []
  for (const { flag, key: written, value } of flags) {
    const origin: Origin = { kind: 'flag', where: flag }
    const key = configKey(written)
    if (key) entries.push({ key, value: parseText(key, value), origin })
    else if (written === '') {
      const message = 'must have the form --set section.key=value'
      mistakes.push({ origin, key: '', value, message })
    } else mistakes.push(unknownKey(written, origin))
  }
  return { entries, mistakes }
}
