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

/** What of the admin listener's health a person wants at a glance; every part may be absent. */
interface Health {
  readonly status?: string
  readonly version?: string
  readonly uptimeMs?: number
  readonly checks?: Readonly<Record<string, string>>
  readonly loop?: { readonly utilisationRatio?: number; readonly delayP99Ms?: number }
  readonly memory?: { readonly rssBytes?: number }
  readonly sessions?: Readonly<Record<string, number>>
  readonly speech?: {
    readonly workers?: number
    readonly slots?: number
    readonly slotsUsed?: number
    readonly engines?: readonly { readonly name: string; readonly ready: boolean; readonly problem?: string }[]
  }
}

function duration(ms: number): string {
  const minutes = Math.floor(ms / 60_000)
  if (minutes < 1) return `${Math.floor(ms / 1000)} s`
  return minutes < 120 ? `${minutes} min` : `${Math.floor(minutes / 60)} h`
}

/** Rows `name, words` of a health answer; a part that is absent has no row. */
export function healthRows(health: Health): string[][] {
  const { checks, sessions, speech, loop, memory } = health
  const rows: string[][] = []
  const failing = Object.entries(checks ?? {}).filter(([, outcome]) => outcome !== 'ok')
  if (failing.length > 0) rows.push(['failing', failing.map(([name]) => name).join(', ')])
  if (sessions) {
    const { active = 0, opening = 0, seats = 0, watchers = 0 } = sessions
    rows.push(['sessions', `${active} active, ${opening} opening, of ${seats} seats; ${watchers} watchers`])
  }
  if (speech) {
    rows.push(['speech', `${speech.workers ?? 0} workers, ${speech.slotsUsed ?? 0} of ${speech.slots ?? 0} slots used`])
  }
  for (const { name, ready, problem } of speech?.engines ?? []) {
    rows.push(['engine', `${name}: ${ready ? 'ready' : `not ready: ${problem ?? 'warming up'}`}`])
  }
  if (loop?.utilisationRatio !== undefined) {
    rows.push([
      'pod',
      `loop ${Math.round(loop.utilisationRatio * 100)} % busy, delay p99 ${Math.round(loop.delayP99Ms ?? 0)} ms`,
    ])
  }
  if (memory?.rssBytes !== undefined) rows.push(['memory', `${Math.round(memory.rssBytes / (1 << 20))} MiB (pod)`])
  if (health.uptimeMs !== undefined)
    rows.push(['up for', `${duration(health.uptimeMs)}, version ${health.version ?? 'unknown'}`])
  return rows
}

async function status(context: CliContext, options: StatusOptions): Promise<void> {
  const { output } = context
  const running = await findRunning(context, options)
  const answer = await running.call('GET', '/health')
  const isReady = answer.status === 200
  if (options.json) output.json({ url: running.run.url, pid: running.run.pid, ready: isReady, health: answer.body })
  else {
    const state = isReady ? output.out.green('ready') : output.out.yellow(`not ready (HTTP ${answer.status})`)
    const rows = [
      ['platform', `${running.run.url}, process ${running.run.pid}, ${state}`],
      ...healthRows((answer.body ?? {}) as Health),
    ]
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
