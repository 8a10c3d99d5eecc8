// `parley status`: how the running platform is, in a few lines from its admin listener.
import { Command, Option } from 'commander'
import { addConfigOptions } from '../config-options.ts'
import type { CliContext } from '../context.ts'
import { EXIT } from '../exit-codes.ts'
import { table } from '../output/index.ts'
import { findRunning, type RunningOptions } from '../platform/running.ts'

interface StatusOptions extends RunningOptions {
  readonly json: boolean
}

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

function cell(value: unknown): string {
  if (typeof value === 'number') return String(Math.round(value * 1000) / 1000)
  return typeof value === 'string' ? value : JSON.stringify(value)
}

/** Rows `name value` of a health answer, nested names joined by dots; lists of named things one row each. */
export function healthRows(health: unknown, prefix = ''): [string, string][] {
  if (!isRecord(health)) return []
  return Object.entries(health).flatMap(([name, value]): [string, string][] => {
    const label = prefix === '' ? name : `${prefix}.${name}`
    if (isRecord(value)) return healthRows(value, label)
    if (Array.isArray(value) && value.every(isRecord)) {
      return value.map((item, index) => [
        `${label}[${index}]`,
        Object.entries(item)
          .map(([key, part]) => `${key} ${cell(part)}`)
          .join(', '),
      ])
    }
    return [[label, cell(value)]]
  })
}

async function status(context: CliContext, options: StatusOptions): Promise<void> {
  const { output } = context
  const running = await findRunning(context, options)
  const answer = await running.call('GET', '/health')
  const isReady = answer.status === 200
  if (options.json) output.json({ url: running.run.url, pid: running.run.pid, ready: isReady, health: answer.body })
  else {
    const state = isReady ? output.out.green('ready') : output.out.yellow(`not ready (HTTP ${answer.status})`)
    const rows = [['platform', `${running.run.url}, process ${running.run.pid}, ${state}`], ...healthRows(answer.body)]
    for (const line of table(rows)) output.line(line)
  }
  process.exitCode = isReady ? EXIT.ok : EXIT.failed
}

export function createStatusCommand(context: CliContext): Command {
  return addConfigOptions(new Command('status'))
    .description('How the running platform is. Exit code 0 when it is ready, 1 when it is not, 5 when none runs.')
    .addOption(new Option('--url <url>', 'which platform, when several run'))
    .option('--json', 'one JSON object', false)
    .action((options: StatusOptions) => status(context, options))
}
