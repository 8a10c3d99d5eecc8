/** The configuration: one schema, its sources, and the documents made from it. */
export { configMarkdown, exampleYaml } from './documents.ts'
export {
  CONFIG_KEYS,
  CONFIG_SECTIONS,
  type ConfigKey,
  configKey,
  envNameOf,
  findConfigKey,
  type KeyKind,
} from './keys.ts'
export { CONFIG_FILE_NAME, type Loaded, type LoadOptions, loadConfig } from './load.ts'
export { type ConfigMistake, formatMistake, nearest, type Origin, type OriginKind } from './mistakes.ts'
export { type ConfigInputs, configValue, defaultDataDir, type Resolution, resolveConfig } from './resolve.ts'
export { isLoopbackHost } from './rules.ts'
export { ConfigSchema, type ResolvedConfig } from './schema.ts'
export { type Environment, type FlagValue, flagOfSet } from './sources.ts'
export { maskedValue, showValue } from './values.ts'
