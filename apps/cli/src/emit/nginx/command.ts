// `parley emit nginx`: options, the file; what is in it is nginx-config.ts.
import { writeFile } from 'node:fs/promises'
import path from 'node:path'
import { Command, Option } from 'commander'
import type { CliContext } from '../../context.ts'
import { CliError, EXIT } from '../../exit-codes.ts'
import { nginxConfig } from './nginx-config.ts'
import { parseBalanced, parseCount, parseHostPort, parseTimeMs } from './nginx-options.ts'
import { type Balanced, type HostPort, hostPort, type NginxPlan, plainOutside, planProblems } from './nginx-plan.ts'

interface Flags {
  readonly recognise?: readonly Balanced[]
  readonly synthesise?: readonly Balanced[]
  readonly sticky: boolean
  readonly connections: number
  readonly idleTimeout: number
  readonly maxFails: number
  readonly failTimeout: number
  readonly statusPort?: HostPort
  readonly prefix?: string
  readonly tlsCert?: string
  readonly tlsKey?: string
  readonly memberCa?: string
  readonly out?: string
}

const HELP = `
A bare port is on this machine's loopback address; *:8000 is every address. Connections go to the member with the fewest (with --sticky: by
the client's address). A member that fails three times within 30 s is left alone for 30 s. The access log names each connection's member.

Examples:
  ./parley emit nginx --recognise 8000=8001,8011 --synthesise 8003=8002,8012 --prefix /tmp/balancer --out balancer.conf
  mkdir -p /tmp/balancer/logs /tmp/balancer/tmp && nginx -p /tmp/balancer -e stderr -c "$PWD/balancer.conf"
  ./parley emit nginx --recognise '*:443=10.0.0.5:8001,10.0.0.6:8001' --tls-cert fullchain.pem --tls-key key.pem --member-ca ca.pem

Exit codes: 0 written; 2 usage; 4 the file cannot be written. Needs no nginx; test a file with: nginx -p FOLDER -t -c FILE`

function planOf(context: CliContext, flags: Flags): NginxPlan {
  const absolute = (file: string | undefined) => (file === undefined ? undefined : path.resolve(context.cwd, file))
  if ((flags.tlsCert === undefined) !== (flags.tlsKey === undefined)) {
    throw new CliError('--tls-cert and --tls-key go together', EXIT.usage)
  }
  const certFile = absolute(flags.tlsCert)
  const keyFile = absolute(flags.tlsKey)
  const plan: NginxPlan = {
    balanced: [...(flags.recognise ?? []), ...(flags.synthesise ?? [])],
    isSticky: flags.sticky,
    connectionsPerMember: flags.connections,
    idleTimeoutMs: flags.idleTimeout,
    maxFails: flags.maxFails,
    failTimeoutMs: flags.failTimeout,
    status: flags.statusPort,
    prefix: absolute(flags.prefix),
    tls: certFile !== undefined && keyFile !== undefined ? { certFile, keyFile } : undefined,
    memberCaFile: absolute(flags.memberCa),
    madeBy: 'parley emit nginx',
  }
  const problems = planProblems(plan)
  if (problems.length > 0) {
    throw new CliError(problems.map(({ option, message }) => `${option}: ${message}`).join('\n'), EXIT.usage)
  }
  return plan
}

async function emit(context: CliContext, flags: Flags): Promise<void> {
  const plan = planOf(context, flags)
  for (const address of plainOutside(plan)) {
    context.output.warn(`${hostPort(address)}: speech travels readable; use --tls-cert and --tls-key`)
  }
  const text = nginxConfig(plan)
  if (flags.out === undefined || flags.out === '-') {
    context.output.line(text.trimEnd())
    return
  }
  const file = path.resolve(context.cwd, flags.out)
  await writeFile(file, text).catch((error: NodeJS.ErrnoException) => {
    throw new CliError(`--out: ${file} cannot be written (${error.code ?? error.message})`, EXIT.permission)
  })
}

export function createNginxCommand(context: CliContext): Command {
  const command = new Command('nginx').description(
    'An nginx configuration that balances stream endpoints over speech workers.',
  )
  for (const option of options()) command.addOption(option)
  return command.addHelpText('after', HELP).action((flags: Flags) => emit(context, flags))
}

function options(): Option[] {
  const count = parseCount(1, 100_000)
  return [
    new Option('--recognise <port=members>', 'balance /v1/stream/asr, as in 8000=8001,8011; repeatable').argParser(
      parseBalanced('recognise'),
    ),
    new Option('--synthesise <port=members>', 'balance /v1/stream/tts, as in 8003=8002,8012; repeatable').argParser(
      parseBalanced('synthesise'),
    ),
    new Option('--sticky', 'the same client to the same member (ip_hash)').default(false),
    new Option('--connections <n>', 'streams one member takes, as worker.connections').argParser(count).default(50),
    new Option('--idle-timeout <time>', 'cut a connection that was silent for so long')
      .argParser(parseTimeMs)
      .default(parseTimeMs('10min'), '10min'),
    new Option('--max-fails <n>', 'failures that put a member out').argParser(count).default(3),
    new Option('--fail-timeout <time>', 'within which they count, and for how long it is out')
      .argParser(parseTimeMs)
      .default(parseTimeMs('30s'), '30s'),
    new Option('--status-port <port>', 'stub_status at /nginx_status, for this machine').argParser((text) =>
      parseHostPort(text, '127.0.0.1'),
    ),
    new Option('--prefix <folder>', 'where its pid file, logs and temporary files are'),
    new Option('--tls-cert <file>', 'speak TLS with clients: certificate and those above it'),
    new Option('--tls-key <file>', 'private key to it'),
    new Option('--member-ca <file>', 'speak TLS with members, whose certificates this file vouches for'),
    new Option('--out <file>', 'write there (default: standard output)'),
  ]
}
