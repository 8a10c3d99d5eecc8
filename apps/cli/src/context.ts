// What a command is given: the outside world as values, so that tests can bring their own.
import os from 'node:os'
import { fileURLToPath } from 'node:url'
import { type FlagValue, formatMistake, type Loaded, loadConfig } from '@parley/config'
import { type Clock, systemClock } from '@parley/kernel'
import { CliError, EXIT } from './exit-codes.ts'
import { type Output, processOutput } from './output/index.ts'

/** The root of the project: where ./parley is. */
export const ROOT = fileURLToPath(new URL('../../../', import.meta.url)).replace(/\/$/, '')

export interface CliContext {
  readonly env: NodeJS.ProcessEnv
  readonly cwd: string
  readonly homeDir: string
  readonly clock: Clock
  readonly output: Output
}

export const processContext = (): CliContext => ({
  env: process.env,
  cwd: process.cwd(),
  homeDir: os.homedir(),
  clock: systemClock,
  output: processOutput(process.env),
})

/** The resolved configuration, or a CliError (usage) with every mistake on a line of its own. */
export async function loadOrFail(
  context: CliContext,
  configFile: string | undefined,
  flags: readonly FlagValue[],
): Promise<Loaded> {
  const { env, cwd, homeDir } = context
  const loaded = await loadConfig({ env, cwd, homeDir, flags, ...(configFile === undefined ? {} : { configFile }) })
  if (loaded.ok) return loaded.value
  const lines = loaded.error.map(formatMistake)
  throw new CliError(
    lines.length === 1
      ? (lines[0] as string)
      : `the configuration has ${lines.length} mistakes:\n  ${lines.join('\n  ')}`,
    EXIT.usage,
  )
}
