// `parley fleet`: who is in the fleet of the running platform, draining its pods and speech workers, rating its pods.
import path from 'node:path'
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
import { readRating } from './rating-file.ts'
import { rollingRestart } from './rolling.ts'
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
  /** Absent from a platform of an earlier version. */
  readonly otherPodsServing?: number
}

interface RateOptions extends RunningOptions {
  readonly json: boolean
  readonly sessions?: number
  readonly from?: string
}

interface RestartOptions extends RunningOptions {
  readonly rolling: boolean
  readonly within: number
  readonly force: boolean
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
  member: string,
  options: DrainOptions,
  verb: 'drain' | 'undrain',
): Promise<void> {
  const running = await findRunning(context, options)
  const query = verb === 'drain' && options.within !== undefined ? `?withinMs=${options.within}` : ''
  const answer = await running.call('POST', `/fleet/members/${encodeURIComponent(member)}/${verb}${query}`)
  if (answer.status !== 200) throw refused(answer)
  const { output } = context
  const { member: acted, otherWorkersReady, otherPodsServing } = answer.body as DrainAnswer
  if (acted.kind === 'pod') return sayPod(context, options, answer, verb, otherPodsServing ?? 0)
  if (options.json) output.json(answer.body)
  else if (verb === 'undrain') output.line(`${acted.id} takes streams again`)
  else output.line(`${acted.id} drains: ${acted.sessions} streams to hand over or finish, no new ones`)
  if (verb === 'drain' && otherWorkersReady === 0) {
    output.warn('no other worker is ready: new sessions are refused, and the streams it holds stay where they are')
  }
}

function sayPod(
  { output }: CliContext,
  options: DrainOptions,
  { body }: AdminAnswer,
  verb: 'drain' | 'undrain',
  otherPodsServing: number,
): void {
  const { member } = body as DrainAnswer
  if (options.json) output.json(body)
  else if (verb === 'undrain') output.line(`${member.id} takes sessions again`)
  else {
    const count = `${member.sessions} now`
    output.line(`${member.id} drains: no new sessions there; those it has (${count}) go to other pods`)
  }
  if (verb === 'drain' && otherPodsServing === 0) {
    output.warn('no other pod serves: new sessions are refused, and those it has end when the time is over')
  }
}

async function restart(context: CliContext, member: string | undefined, options: RestartOptions): Promise<void> {
  if ((member === undefined) !== options.rolling) {
    throw new CliError('name one member, or all of them with --rolling', EXIT.usage)
  }
  const { clock, output } = context
  const { within: withinMs, force: isForced } = options
  const only = member === undefined ? undefined : nameOf(await ask(context, options), member)
  await rollingRestart({
    clock,
    withinMs,
    isForced,
    ...(only === undefined ? {} : { only }),
    ask: () => ask(context, options),
    say: (line) => output.line(line),
    async order(memberId, verb, ms) {
      const running = await findRunning(context, options)
      const query = ms === undefined ? '' : `?withinMs=${ms}`
      const answer = await running.call('POST', `/fleet/members/${encodeURIComponent(memberId)}/${verb}${query}`)
      if (answer.status !== 200) throw refused(answer)
    },
  })
}

/** The name of the supervised process that is meant. */
function nameOf({ members }: FleetReport, text: string): string {
  const wanted = text.toLowerCase().replace('-', ' ')
  const found = members.find(({ id, name }) => id.toLowerCase() === text.toLowerCase() || name === wanted)
  if (found?.name !== undefined) return found.name
  const names = members.flatMap(({ name }) => (name === undefined ? [] : [name.replace(' ', '-')]))
  throw new CliError(`this platform runs no "${text}"; there are: ${names.join(', ')}`, EXIT.failed)
}

/** Of the option, or of the file that the lab has written. */
async function ratedSessions(context: CliContext, { sessions, from }: RateOptions): Promise<number> {
  if ((sessions === undefined) === (from === undefined)) {
    throw new CliError('give either --sessions N or --from FILE', EXIT.usage)
  }
  return sessions ?? readRating(path.resolve(context.cwd, from ?? ''))
}

async function rate(context: CliContext, pod: string, options: RateOptions): Promise<void> {
  const count = await ratedSessions(context, options)
  const running = await findRunning(context, options)
  const route = `/fleet/members/${encodeURIComponent(pod)}/rate?sessions=${count}`
  const answer = await running.call('POST', route)
  if (answer.status !== 200) throw refused(answer)
  const { output } = context
  const { member } = answer.body as DrainAnswer
  if (options.json) output.json(answer.body)
  else output.line(`${member.id} is rated for ${count} sessions; it has ${member.sessions}`)
}

const sessions = (text: string): number => {
  const value = /^\d{1,6}$/.test(text) ? Number(text) : 0
  if (value >= 1 && value <= 100_000) return value
  throw new CliError(`--sessions is ${text}; it must be a whole number from 1 to 100000`, EXIT.usage)
}

const within = (text: string): number => {
  const ms = parseDurationMs(text)
  if (ms <= 86_400_000) return Math.round(ms)
  throw new CliError(`--within is ${text}; it must be at most 24h`, EXIT.usage)
}

export function createFleetCommand(context: CliContext): Command {
  const fleet = new Command('fleet').description(
    'Who is in the fleet of the running platform, draining and rating its members. Exit code 5 when none runs.',
  )
  const subcommand = (name: string) =>
    addConfigOptions(new Command(name)).addOption(new Option('--url <url>', 'which platform, when several run'))
  fleet.addCommand(
    subcommand('status')
      .description(
        'Every member: pods and speech workers, their state, seats or slots, headroom, and how old that word is.',
      )
      .option('--json', 'one JSON document', false)
      .option('--watch', 'again every second, until Ctrl-C; with --json one document per line', false)
      .action((options: StatusOptions) => status(context, options)),
  )
  fleet.addCommand(
    subcommand('drain')
      .description(
        'A worker gets no new streams. Those it has go to other workers at the ends of utterances; what is left when the time is over, at once. ' +
          'Streams that find no room elsewhere finish where they are. A pod gets no new sessions; those it has go to other pods between two sentences, what finds no room there in time is ended.',
      )
      .argument('<member>', 'id, beginning of an id, or name (worker-1, pod-2)')
      .addOption(new Option('--within <time>', 'how long it may take (default: 30s)').argParser(within))
      .option('--json', 'one JSON document', false)
      .action((worker: string, options: DrainOptions) => act(context, worker, options, 'drain')),
  )
  fleet.addCommand(
    subcommand('undrain')
      .description('The member takes sessions or streams again.')
      .argument('<member>', 'id, beginning of an id, or name (worker-1, pod-2)')
      .option('--json', 'one JSON document', false)
      .action((worker: string, options: DrainOptions) => act(context, worker, options, 'undrain')),
  )
  fleet.addCommand(
    subcommand('rate')
      .description(
        'How many sessions a pod is given, also when it is started again, until sessions.seats of the configuration is another. Those it has beyond that stay.',
      )
      .argument('<pod>', 'id, beginning of an id, or name (pod-2)')
      .addOption(new Option('--sessions <n>', 'sessions').argParser(sessions))
      .addOption(new Option('--from <file>', 'what the lab has rated: a file of format parley.lab-verdict/1'))
      .option('--json', 'one JSON document', false)
      .action((pod: string, options: RateOptions) => rate(context, pod, options)),
  )
  fleet.addCommand(
    subcommand('restart')
      .description(
        'Ends a process of the platform and starts it again, after it was drained; with --rolling every pod and worker, one after the other, each back before the next. ' +
          'New processes run the code that lies there now.',
      )
      .argument('[member]', 'id or name (worker-1, pod-2)')
      .option('--rolling', 'every one', false)
      .addOption(
        new Option('--within <time>', 'how long one may take to become empty').argParser(within).default(30_000, '30s'),
      )
      .option('--force', 'end what is still there then', false)
      .action((member: string | undefined, options: RestartOptions) => restart(context, member, options)),
  )
  return fleet
}
