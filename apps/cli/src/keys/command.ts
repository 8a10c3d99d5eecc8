// `parley keys`: which API keys there are, and revoking one at every pod of the fleet.
import { Command, Option } from 'commander'
import { addConfigOptions } from '../config-options.ts'
import type { CliContext } from '../context.ts'
import { CliError, EXIT } from '../exit-codes.ts'
import { type Style, table } from '../output/index.ts'
import type { AdminAnswer } from '../platform/admin-client.ts'
import { findRunning, type RunningOptions } from '../platform/running.ts'

interface KeysOptions extends RunningOptions {
  readonly json: boolean
  readonly tenant?: string
}

interface KeyView {
  readonly id: string
  readonly tenant: string
  readonly role: string
  readonly isRevoked: boolean
}

interface KeysAnswer {
  readonly keys: readonly KeyView[]
  readonly pendingPods: readonly string[]
}

interface RevokedAnswer {
  readonly key: KeyView
  readonly pendingPods: readonly string[]
}

async function list(context: CliContext, options: KeysOptions): Promise<void> {
  const running = await findRunning(context, options)
  const answer = await running.call('GET', '/keys')
  if (answer.status !== 200) throw refused(answer)
  const { output } = context
  if (options.json) output.json(answer.body)
  else for (const line of keyLines(answer.body as KeysAnswer, output.out)) output.line(line)
}

/** Pure. */
export function keyLines({ keys, pendingPods }: KeysAnswer, style: Style): string[] {
  const headings = ['key', 'tenant', 'role', 'state'].map((heading) => style.dim(heading))
  const rows = keys.map(({ id, tenant, role, isRevoked }) => [
    id,
    tenant,
    role,
    isRevoked ? style.yellow('revoked') : 'valid',
  ])
  return [...table([headings, ...rows]), ...pendingLines(pendingPods).map((line) => style.yellow(line))]
}

const pendingLines = (pods: readonly string[]): string[] =>
  pods.length === 0 ? [] : [`not confirmed yet by ${pods.join(', ')}: they are told again each second`]

async function revoke(context: CliContext, id: string, options: KeysOptions): Promise<void> {
  const running = await findRunning(context, options)
  const query = options.tenant === undefined ? '' : `?tenant=${encodeURIComponent(options.tenant)}`
  const answer = await running.call('POST', `/keys/${encodeURIComponent(id)}/revoke${query}`)
  if (answer.status !== 200) throw refused(answer)
  const { output } = context
  const { key, pendingPods } = answer.body as RevokedAnswer
  if (options.json) output.json(answer.body)
  else output.line(`key ${key.id} of tenant ${key.tenant} is revoked: requests with it are refused from now on`)
  for (const line of pendingLines(pendingPods)) output.warn(line)
}

function refused({ status, body }: AdminAnswer): CliError {
  const detail = (body as { detail?: unknown } | null)?.detail
  const exitCode = status === 401 || status === 403 ? EXIT.permission : EXIT.failed
  if (typeof detail === 'string') return new CliError(detail, exitCode)
  return new CliError(`the platform's admin listener answered ${status}; it may be of an earlier version`)
}

export function createKeysCommand(context: CliContext): Command {
  const keys = new Command('keys').description(
    'API keys of the running platform: which there are, and revoking one at every pod. Exit code 5 when none runs.',
  )
  const subcommand = (name: string) =>
    addConfigOptions(new Command(name))
      .addOption(new Option('--url <url>', 'which platform, when several run'))
      .option('--json', 'one JSON document', false)
  keys.addCommand(
    subcommand('list')
      .description('Every key of the configuration, and whether it is revoked.')
      .action((options: KeysOptions) => list(context, options)),
  )
  keys.addCommand(
    subcommand('revoke')
      .description(
        'Requests with this key are refused from now on, at every pod within seconds and after restarts; sessions opened with it go on. ' +
          'There is no way back: give whoever needs it a new key, which may have the same id.',
      )
      .argument('<id>', 'of the key; "default" is the one in the data directory')
      .option('--tenant <tenant>', 'when several tenants have a key of that id')
      .action((id: string, options: KeysOptions) => revoke(context, id, options)),
  )
  return keys
}
