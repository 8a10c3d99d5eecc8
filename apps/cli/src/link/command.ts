// `parley link`: a fresh address of the page, with a one-time code of the running platform in its fragment.
import { Command, Option } from 'commander'
import { addConfigOptions } from '../config-options.ts'
import type { CliContext } from '../context.ts'
import { CliError } from '../exit-codes.ts'
import { findRunning, type RunningOptions } from '../platform/running.ts'

export const pageUrlOf = (url: string, code: string): string => `${url.replace(/\/$/, '')}/#code=${code}`

interface LinkOptions extends RunningOptions {
  readonly json: boolean
}

async function link(context: CliContext, options: LinkOptions): Promise<void> {
  const running = await findRunning(context, options)
  const answer = await running.call('POST', '/admin/page-codes')
  const { code, expiresAtMs } = (answer.body ?? {}) as { code?: unknown; expiresAtMs?: unknown }
  if (answer.status >= 300 || typeof code !== 'string') {
    throw new CliError(`the platform gave no code (HTTP ${answer.status}): ${JSON.stringify(answer.body)}`)
  }
  const pageUrl = pageUrlOf(running.run.url, code)
  if (options.json) context.output.json({ pageUrl, ...(typeof expiresAtMs === 'number' ? { expiresAtMs } : {}) })
  else context.output.line(pageUrl)
}

export function createLinkCommand(context: CliContext): Command {
  return addConfigOptions(new Command('link'))
    .description('Print a fresh address of the page. It opens once, within ten minutes.')
    .addOption(new Option('--url <url>', 'which platform, when several run'))
    .option('--json', 'one JSON object', false)
    .action((options: LinkOptions) => link(context, options))
}
