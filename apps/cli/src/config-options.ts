// The options that set configuration keys, the same for every command that reads the configuration.
import { type FlagValue, flagOfSet } from '@parley/config'
import { type Command, Option } from 'commander'

export interface ConfigOptions {
  readonly config?: string
  readonly set?: readonly string[]
  readonly dataDir?: string
}

const collect = (value: string, all: readonly string[] = []): string[] => [...all, value]

/** Adds --config, --set and --data-dir. */
export function addConfigOptions(command: Command): Command {
  return command
    .addOption(
      new Option(
        '--config <file>',
        'configuration file (default: ./parley.yaml, or parley.yaml in the data directory)',
      ),
    )
    .addOption(new Option('--data-dir <dir>', 'where keys, certificates, logs and the run file are kept'))
    .addOption(
      new Option(
        '--set <key=value>',
        'set any configuration key, as in --set sessions.seats=100; repeatable',
      ).argParser(collect),
    )
}

/** The keys that those options set. */
export function configFlags(options: ConfigOptions): FlagValue[] {
  const flags = (options.set ?? []).map(flagOfSet)
  if (options.dataDir !== undefined) flags.push({ flag: '--data-dir', key: 'data.dir', value: options.dataDir })
  return flags
}
