// `parley budgets`: what providers may be asked, how much of it is used, who waits, and what the cache saves.
import { Command, Option } from 'commander'
import { addConfigOptions } from '../config-options.ts'
import type { CliContext } from '../context.ts'
import { CliError, EXIT } from '../exit-codes.ts'
import { findRunning, type RunningOptions } from '../platform/running.ts'
import { isBudgetsReport } from './budgets-shape.ts'
import { budgetLines } from './view.ts'

interface BudgetsOptions extends RunningOptions {
  readonly json: boolean
}

async function budgets(context: CliContext, options: BudgetsOptions): Promise<void> {
  const running = await findRunning(context, options)
  const { status, body } = await running.call('GET', '/budgets')
  if (status === 401 || status === 403) {
    throw new CliError(`the admin listener refused (${status}); set admin.token (PARLEY_ADMIN_TOKEN)`, EXIT.permission)
  }
  if (status !== 200 || !isBudgetsReport(body)) {
    throw new CliError(`the platform's admin listener answered ${status}; it may be of an earlier version`)
  }
  const { output } = context
  if (options.json) output.json(body)
  else for (const line of budgetLines(body, output.out)) output.line(line)
}

export function createBudgetsCommand(context: CliContext): Command {
  return addConfigOptions(new Command('budgets'))
    .description(
      "What providers may be asked for translation and polishing: limits, use, who waits, what was skipped; engines' state; the cache. " +
        'Exit code 5 when no platform runs.',
    )
    .addOption(new Option('--url <url>', 'which platform, when several run'))
    .option('--json', 'one JSON document', false)
    .action((options: BudgetsOptions) => budgets(context, options))
}
