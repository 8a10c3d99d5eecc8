// `parley fleet`: who is in the fleet of the running platform, and draining its speech workers.
import process from 'node:process'
import { Command, Option } from 'commander'
import { addConfigOptions } from '../config-options.ts'
import type { CliContext } from '../context.ts'
import { CliError, EXIT } from '../exit-codes.ts'
import { parseDurationMs } from '../impair/values.ts'
import { untilToldToStop } from '../output/told-to-stop.ts'
import type { AdminAnswer } from '../platform/admin-client.ts'
import { findRunning, type RunningOptions } from '../platform/running.ts'
import { openScreen } from '../top/screen.ts'
import { runTop } from '../top/top-run.ts'
import { type FleetMember, type FleetReport, isFleetReport } from './fleet-shape.ts'
import { fleetLines } from './view.ts'

interface StatusOptions extends RunningOptions {
  readonly json: boolean
  readonly watch: boolean
}

interface DrainOptions extends RunningOptions {
  readonly json: boolean
  readonly within?: number
}

interface DrainAnswer {
  readonly member: FleetMember
  readonly otherWorkersReady: number
}

async function ask(context: CliContext, options: RunningOptions): Promise<FleetReport> {
  const running = await findRunning(context, options)
  const answer = await running.call('GET', '/fleet')
  if (answer.status === 200 && isFleetReport(answer.body)) return answer.body
  throw refused(answer)
}

/** What the platform says is wrong, in its own words where it has some. */
function refused({ status, body }: AdminAnswer): CliError {
  const detail = (body as { detail?: unknown } | null)?.detail
  if (typeof detail === 'string')
    return new CliError(detail, status === 401 || status === 403 ? EXIT.permission : EXIT.failed)
  return new CliError(`the platform's admin listener answered ${status}; it may be of an earlier version`)
}

async function status(context: CliContext, options: StatusOptions): Promise<void> {
  const { output } = context
  const show = (report: FleetReport) => {
    if (options.json) output.json(report)
    else for (const line of fleetLines(report, output.out)) output.line(line)
  }
  if (!options.watch) show(await ask(context, options))
  else if (output.isTerminal && !options.json) await watchScreen(context, options)
  else await watchLines(context, options, show)
}

async function watchLines(
  context: CliContext,
  options: StatusOptions,
  show: (report: FleetReport) => void,
): Promise<void> {
  const end = untilToldToStop()
  const { clock, output } = context
  try {
    await runTop({
      clock,
      stopped: end.stopped,
      ask: () => ask(context, options),
      show,
      showStale: (why) => output.warn(why),
    })
  } finally {
    end.release()
  }
}

async function watchScreen(context: CliContext, options: StatusOptions): Promise<void> {
  const { clock, output } = context
  const first = await ask(context, options)
  const end = untilToldToStop()
  const screen = openScreen({ input: process.stdin, output: process.stdout }, end.stop)
  let shown = first
  const draw = (note: string) => screen.draw([...fleetLines(shown, output.out), '', output.out.dim(note)])
  try {
    await runTop({
      clock,
      stopped: end.stopped,
      ask: () => ask(context, options),
      show(report) {
        shown = report
        draw('q leaves')
      },
      showStale: (why) => draw(`old figures: ${why}`),
    })
  } finally {
    screen.close()
    end.release()
  }
}

async function act(
  context: CliContext,
  worker: string,
  options: DrainOptions,
  verb: 'drain' | 'undrain',
): Promise<void> {
  const running = await findRunning(context, options)
  const query = verb === 'drain' && options.within !== undefined ? `?withinMs=${options.within}` : ''
  const answer = await running.call('POST', `/fleet/members/${encodeURIComponent(worker)}/${verb}${query}`)
  if (answer.status !== 200) throw refused(answer)
  const { output } = context
  const { member, otherWorkersReady } = answer.body as DrainAnswer
  if (options.json) output.json(answer.body)
  else if (verb === 'undrain') output.line(`${member.id} takes streams again`)
  else output.line(`${member.id} drains: ${member.sessions} streams to hand over or finish, no new ones`)
  if (verb === 'drain' && otherWorkersReady === 0) {
    output.warn('no other worker is ready: new sessions are refused, and the streams it holds stay where they are')
  }
}

const within = (text: string): number => {
  const ms = parseDurationMs(text)
  if (ms <= 86_400_000) return Math.round(ms)
  throw new CliError(`--within is ${text}; it must be at most 24h`, EXIT.usage)
}

export function createFleetCommand(context: CliContext): Command {
  const fleet = new Command('fleet').description(
    'Who is in the fleet of the running platform, and draining its speech workers. Exit code 5 when none runs.',
  )
  const subcommand = (name: string) =>
    addConfigOptions(new Command(name)).addOption(new Option('--url <url>', 'which platform, when several run'))
  fleet.addCommand(
    subcommand('status')
      .description('Every member: pod and speech workers, their state, slots, and how old that word is.')
      .option('--json', 'one JSON document', false)
      .option('--watch', 'again every second, until Ctrl-C; with --json one document per line', false)
      .action((options: StatusOptions) => status(context, options)),
  )
  fleet.addCommand(
    subcommand('drain')
      .description(
        'WORKER gets no new streams. Those it has go to other workers at the ends of utterances; what is left when the time is over, at once. ' +
          'Streams that find no room elsewhere finish where they are.',
      )
      .argument('<worker>', 'id, beginning of an id, or name (worker-1)')
      .addOption(new Option('--within <time>', 'how long it may take (default: 30s)').argParser(within))
      .option('--json', 'one JSON document', false)
      .action((worker: string, options: DrainOptions) => act(context, worker, options, 'drain')),
  )
  fleet.addCommand(
    subcommand('undrain')
      .description('WORKER takes streams again.')
      .argument('<worker>', 'id, beginning of an id, or name (worker-1)')
      .option('--json', 'one JSON document', false)
      .action((worker: string, options: DrainOptions) => act(context, worker, options, 'undrain')),
  )
  return fleet
}
