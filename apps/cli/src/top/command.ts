// `parley top`: how a running platform spends its time, live on a terminal, once in a pipe, as JSON on request.
import process from 'node:process'
import { Command, Option } from 'commander'
import { addConfigOptions } from '../config-options.ts'
import type { CliContext } from '../context.ts'
import { CliError, EXIT } from '../exit-codes.ts'
import { untilToldToStop } from '../output/told-to-stop.ts'
import { findRunning, type Running, type RunningOptions } from '../platform/running.ts'
import { openScreen } from './screen.ts'
import { snapshotOf, type TopHealth, type TopSnapshot } from './snapshot.ts'
import { runTop } from './top-run.ts'
import { topLines } from './view.ts'

interface TopOptions extends RunningOptions {
  readonly json: boolean
  readonly once: boolean
  readonly watch: boolean
}

/** Width of the snapshot in a pipe, where nobody says. */
const PIPE_COLUMNS = 80

async function ask(context: CliContext, options: TopOptions): Promise<TopSnapshot> {
  // Looked up anew each time: a platform that was started again is found again.
  const running = await findRunning(context, options)
  const shown = await askPod(running)
  const { pods = [] } = running.run
  if (pods.length < 2) return shown
  // The one that is shown is known already; who does not answer does not hold up the others.
  const url = pods.find(({ adminUrl }) => adminUrl === running.run.adminUrl)?.url ?? shown.url
  const all = pods.map(async (pod) => {
    const isShown = pod.url === url
    const snapshot = isShown ? shown : await askOther(context, { ...options, url: pod.url })
    return { name: pod.name, url: pod.url, snapshot }
  })
  return { ...shown, url, pods: await Promise.all(all) }
}

async function askOther(context: CliContext, options: TopOptions): Promise<TopSnapshot | undefined> {
  return findRunning(context, options)
    .then(askPod)
    .catch(() => undefined)
}

async function askPod(running: Running): Promise<TopSnapshot> {
  const { status, body } = await running.call('GET', '/health')
  if (typeof body !== 'object' || body === null || (status !== 200 && status !== 503)) {
    throw new CliError(
      `the platform's admin listener answered ${status} to GET /health; if it has a token, give it as admin.token`,
    )
  }
  return snapshotOf(running.run, status === 200, body as TopHealth)
}

async function top(context: CliContext, options: TopOptions): Promise<void> {
  if (options.watch && !options.json)
    throw new CliError('--watch is for --json; a terminal is watched anyway', EXIT.usage)
  if (options.once && options.watch) throw new CliError('--once and --watch exclude each other', EXIT.usage)
  const isLive = options.watch || (context.output.isTerminal && !options.once && !options.json)
  if (isLive) {
    await (options.json ? watchJson(context, options) : watchScreen(context, options))
    return
  }
  const snapshot = await ask(context, options)
  if (options.json) context.output.json(snapshot)
  else {
    const columns = context.output.isTerminal ? (process.stdout.columns ?? PIPE_COLUMNS) : PIPE_COLUMNS
    for (const line of topLines(snapshot, { columns, style: context.output.out })) context.output.line(line)
  }
  process.exitCode = snapshot.isReady ? EXIT.ok : EXIT.failed
}

async function watchScreen(context: CliContext, options: TopOptions): Promise<void> {
  const { clock, output } = context
  const first = await ask(context, options)
  const end = untilToldToStop()
  const screen = openScreen({ input: process.stdin, output: process.stdout }, end.stop)
  let shown = first
  const draw = (note: string) => {
    const lines = topLines(shown, { columns: screen.columns, style: output.out })
    screen.draw([...lines, '', output.out.dim(note.slice(0, screen.columns))])
  }
  const redraw = () => draw('q leaves')
  process.stdout.on('resize', redraw)
  try {
    await runTop({
      clock,
      stopped: end.stopped,
      ask: () => ask(context, options),
      show(snapshot) {
        shown = snapshot
        redraw()
      },
      showStale: (reason) => draw(`old figures: ${reason}`),
    })
  } finally {
    process.stdout.off('resize', redraw)
    screen.close()
    end.release()
  }
  process.exitCode = EXIT.ok
}

async function watchJson(context: CliContext, options: TopOptions): Promise<void> {
  const end = untilToldToStop()
  try {
    await runTop({
      clock: context.clock,
      stopped: end.stopped,
      ask: () => ask(context, options),
      show: (snapshot) => context.output.json({ atMs: context.clock.wallMs(), ...snapshot }),
      showStale: (reason) => context.output.warn(reason),
    })
  } finally {
    end.release()
  }
  process.exitCode = EXIT.ok
}

export function createTopCommand(context: CliContext): Command {
  return addConfigOptions(new Command('top'))
    .description(
      'Where the running platform spends its time: sessions, cost of a session, loop time by stage, room for more. ' +
        'Live on a terminal (q leaves), one snapshot in a pipe. Exit code 1 when a snapshot is of a platform that is not ready, 5 when none runs.',
    )
    .addOption(new Option('--url <url>', 'which platform, when several run'))
    .option('--once', 'one snapshot, as text', false)
    .option('--json', 'one JSON document', false)
    .option('--watch', 'with --json: one document per second and line', false)
    .action((options: TopOptions) => top(context, options))
}
