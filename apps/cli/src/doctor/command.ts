// `parley doctor`: what this machine has and lacks, and the one command that mends each lack.
import { Command } from 'commander'
import { addConfigOptions, type ConfigOptions, configFlags } from '../config-options.ts'
import { type CliContext, loadOrFail } from '../context.ts'
import { EXIT } from '../exit-codes.ts'
import { type Output, table } from '../output/index.ts'
import { type Check, evaluate, isHealthy } from './evaluate.ts'
import { probe } from './probes.ts'

interface DoctorOptions extends ConfigOptions {
  readonly json: boolean
}

function print(output: Output, checks: readonly Check[]): void {
  const { green, yellow, red, dim, bold } = output.out
  const marks = { ok: green('ok'), warning: yellow('lacks'), missing: red('MISSING') }
  for (const line of table(checks.map((check) => [marks[check.status], check.id, check.found, dim(check.enables)]))) {
    output.line(line)
  }
  const toMend = checks.filter((check) => check.fix !== undefined)
  if (toMend.length > 0) output.line(bold('\nTo mend:'))
  for (const line of table(toMend.map((check) => [`  ${check.id}`, check.fix ?? '']))) output.line(line)
  output.line(
    isHealthy(checks)
      ? green('\nEverything that serving needs is there.')
      : red('\nSomething that serving needs is missing.'),
  )
}

export function createDoctorCommand(context: CliContext): Command {
  return addConfigOptions(new Command('doctor'))
    .description('What this machine has, lacks and allows: what each enables, and the one command that mends it.')
    .option('--json', 'one JSON object with every check', false)
    .addHelpText('after', '\nExit code 0 when everything that serving needs is there, 1 otherwise.')
    .action(async (options: DoctorOptions) => {
      const { config } = await loadOrFail(context, options.config, configFlags(options))
      const checks = evaluate(await probe(config, context.env))
      if (options.json) context.output.json({ ok: isHealthy(checks), checks })
      else print(context.output, checks)
      process.exitCode = isHealthy(checks) ? EXIT.ok : EXIT.failed
    })
}
