// `parley config`: what the configuration is and where it comes from.
import {
  CONFIG_KEYS,
  type ConfigKey,
  configValue,
  exampleYaml,
  findConfigKey,
  type Loaded,
  maskedValue,
  nearest,
  showValue,
} from '@parley/config'
import { Command } from 'commander'
import { addConfigOptions, type ConfigOptions, configFlags } from '../config-options.ts'
import { type CliContext, loadOrFail } from '../context.ts'
import { CliError, EXIT } from '../exit-codes.ts'
import { table } from '../output/index.ts'
import { readApiKey } from '../platform/api-key.ts'

interface ShowOptions extends ConfigOptions {
  readonly reveal: readonly string[]
  readonly json: boolean
}

interface Row {
  readonly key: ConfigKey
  readonly value: unknown
  readonly source: string
}

function revealed(names: readonly string[]): Set<string> {
  return new Set(
    names.map((name) => {
      const key = findConfigKey(name)
      if (key) return key.path
      const secrets = CONFIG_KEYS.filter((candidate) => candidate.isSecret).map((candidate) => candidate.path)
      const meant = nearest(
        name,
        CONFIG_KEYS.flatMap((candidate) => [candidate.path, candidate.name]),
      )
      const help = meant === undefined ? `secrets are ${secrets.join(', ')}` : `did you mean ${meant}?`
      throw new CliError(`--reveal: ${name} is not a key; ${help}`, EXIT.usage)
    }),
  )
}

/** The values as they are in force: a key generated at first start is what `auth.apiKey` is, though no source names it. */
export async function effectiveRows(loaded: Loaded): Promise<Row[]> {
  const apiKey = loaded.config.auth.apiKey === '' ? await readApiKey(loaded.config.data.dir) : undefined
  return CONFIG_KEYS.map((key) => {
    const source = loaded.origins.get(key.path)?.where ?? 'default'
    if (key.path === 'auth.apiKey' && apiKey) return { key, value: apiKey.key, source: apiKey.file }
    return { key, value: configValue(loaded.config, key), source }
  })
}

async function show(context: CliContext, options: ShowOptions): Promise<void> {
  const { output } = context
  const open = revealed(options.reveal)
  const loaded = await loadOrFail(context, options.config, configFlags(options))
  const rows = await effectiveRows(loaded)
  if (options.json) {
    const entries = rows.map(({ key, value, source }) => {
      const isHidden = key.isSecret && !open.has(key.path)
      const masked = open.has(key.path) ? value : maskedValue(key, value)
      return [key.path, { value: isHidden ? showValue(key, value) : masked, source }]
    })
    output.json({ file: loaded.file ?? null, keys: Object.fromEntries(entries) })
    return
  }
  output.line(output.out.dim(`file: ${loaded.file ?? 'none'}`))
  const lines = table(
    rows.map(({ key, value, source }) => [
      key.path,
      showValue(key, value, open.has(key.path)),
      source === 'default' ? output.out.dim(source) : output.out.cyan(source),
    ]),
  )
  for (const line of lines) output.line(line)
}

export function createConfigCommand(context: CliContext): Command {
  const showCommand = addConfigOptions(new Command('show'))
    .description('Every key with its value and where it comes from. Secrets are hidden.')
    .option(
      '--reveal <key>',
      'show this secret, as in --reveal apiKey; repeatable',
      (key, all: string[]) => [...all, key],
      [],
    )
    .option('--json', 'one JSON object', false)
    .action((options: ShowOptions) => show(context, options))
  const exampleCommand = new Command('example')
    .description('Print a configuration file with every key, its default and its meaning.')
    .action(() => context.output.line(exampleYaml().trimEnd()))
  return new Command('config')
    .description('Show the configuration and where each value comes from.')
    .addCommand(showCommand, { isDefault: true })
    .addCommand(exampleCommand)
}
