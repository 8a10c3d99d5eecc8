// `parley plan`: options and help. What it does is plan-run.ts, loaded when it runs.
import process from 'node:process'
import { Command, Option } from 'commander'
import type { CliContext } from '../context.ts'
import type { PlanFlags, SharedFlags } from './plan-run.ts'

const HELP = `
A plan is a YAML file: what there are many of and what one of them needs, machines and prices, tiers and reserves, growth, money, and
what somebody claims about all that. docs/planner.md shows how to write one; examples/plans holds some.

Examples:
  ./parley plan exam.yaml                          what breaks first, how many it holds, what it costs
  ./parley plan exam.yaml --why app.realistic      how that number comes about, with every input
  ./parley plan exam.yaml --set users='500 users' --set tiers.app.machine=ccx33
  ./parley plan exam.yaml --html exam.html         a page to send to others; needs no network
  ./parley plan exam.yaml --json | jq .binding     docs/schemas says what is in it
  ./parley plan check exam.yaml                    are the plan's own claims right?

Exit codes: 0 answered; 1 a claim is wrong (check); 2 the plan or an option has a mistake; 4 a file may not be read or written.`

const CHECK_HELP = `
Each claim of the plan is computed anew: right, wrong (with the right number, how far off it is, and what probably went wrong), or not to be
told from the plan. Exit code 1 when one is wrong.`

const collect = (value: string, all: readonly string[] = []): string[] => [...all, value]

function addShared(command: Command, html: string): Command {
  return command
    .argument('<file>', 'the plan; - for standard input')
    .addOption(new Option('--json', 'one JSON object').conflicts(['markdown', 'html']))
    .addOption(new Option('--markdown', 'GitHub markdown').conflicts('html'))
    .addOption(new Option('--html <out>', html))
    .addOption(
      new Option('--set <path=value>', "as if the plan said so, as in users='500 users'; repeatable").argParser(
        collect,
      ),
    )
}

/** Makes the command; the planner itself is loaded when one of its actions runs. */
export function createPlanCommand(context: CliContext): Command {
  const io = async () => {
    const run = await import('./plan-run.ts')
    return { run, io: { context, stdin: process.stdin, columns: run.columnsOf(context) } }
  }
  const plan = addShared(new Command('plan'), 'one self-contained page, with charts; - for standard output')
    .description('From measured or claimed numbers to machines, stages and money.')
    .addOption(
      new Option('--why <name>', 'why a number is what it is, as in --why cost.total; repeatable')
        .argParser(collect)
        .conflicts('html'),
    )
    .addHelpText('after', HELP)
    .action(async (file: string, flags: PlanFlags) => {
      const { run, io: given } = await io()
      process.exitCode = await run.runPlan(given, file, flags)
    })
  plan.addCommand(
    addShared(new Command('check'), 'one self-contained page; - for standard output')
      .description('Whether what the plan claims is so.')
      .addHelpText('after', CHECK_HELP)
      .action(async (file: string, flags: SharedFlags) => {
        const { run, io: given } = await io()
        process.exitCode = await run.runPlanCheck(given, file, flags)
      }),
  )
  plan.addCommand(
    new Command('schema')
      .description('JSON Schema of a plan file, or of what --json answers.')
      .argument('[of]', 'plan, result, check or problems', 'plan')
      .action(async (of: string) => {
        const { schemaText } = await import('./schemas.ts')
        context.output.line(schemaText(of))
      }),
  )
  return plan
}
