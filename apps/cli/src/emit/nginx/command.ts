// `parley emit nginx`: options, the file; what is in it is nginx-config.ts.
import { writeFile } from 'node:fs/promises'
import path from 'node:path'
import { Command, Option } from 'commander'
import { addConfigOptions } from '../../config-options.ts'
import type { CliContext } from '../../context.ts'
import { CliError, EXIT } from '../../exit-codes.ts'
import { isFleetReport } from '../../fleet/fleet-shape.ts'
import { findRunning, type RunningOptions } from '../../platform/running.ts'
import { nginxConfig } from './nginx-config.ts'
import { publicUrlOf } from './nginx-fleet.ts'
import {
  type NamedPod,
  parseBalanced,
  parseCount,
  parseHostName,
  parseHostPort,
  parsePod,
  parseTimeMs,
  podAddressOf,
} from './nginx-options.ts'
import {
  type Balanced,
  type FleetFront,
  type HostPort,
  hostPort,
  type NginxPlan,
  plainOutside,
  planProblems,
} from './nginx-plan.ts'

interface Flags extends RunningOptions {
  readonly fleet: boolean
  readonly listen?: HostPort
  readonly hostName?: string
  readonly pod?: readonly NamedPod[]
  readonly memberName: string
  readonly podConnections: number
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
  ./parley emit nginx --fleet --host-name captions.example.org --tls-cert fullchain.pem --tls-key key.pem --out parley.conf
  ./parley emit nginx --recognise '*:443=10.0.0.5:8001,10.0.0.6:8001' --tls-cert fullchain.pem --tls-key key.pem --member-ca ca.pem

Exit codes: 0 written; 2 usage; 4 the file cannot be written. Needs no nginx; test a file with: nginx -p FOLDER -t -c FILE`

async function planOf(context: CliContext, flags: Flags): Promise<NginxPlan> {
  const absolute = (file: string | undefined) => (file === undefined ? undefined : path.resolve(context.cwd, file))
  if ((flags.tlsCert === undefined) !== (flags.tlsKey === undefined)) {
    throw new CliError('--tls-cert and --tls-key go together', EXIT.usage)
  }
  const certFile = absolute(flags.tlsCert)
  const keyFile = absolute(flags.tlsKey)
  const memberCaFile = absolute(flags.memberCa)
  const plan: NginxPlan = {
    fleet: flags.fleet ? await frontOf(context, flags, memberCaFile) : undefined,
    balanced: [...(flags.recognise ?? []), ...(flags.synthesise ?? [])],
    isSticky: flags.sticky,
    connectionsPerMember: flags.connections,
    idleTimeoutMs: flags.idleTimeout,
    maxFails: flags.maxFails,
    failTimeoutMs: flags.failTimeout,
    status: flags.statusPort,
    prefix: absolute(flags.prefix),
    tls: certFile !== undefined && keyFile !== undefined ? { certFile, keyFile } : undefined,
    memberCaFile,
    madeBy: 'parley emit nginx',
  }
  const problems = planProblems(plan)
  if (problems.length > 0) {
    throw new CliError(problems.map(({ option, message }) => `${option}: ${message}`).join('\n'), EXIT.usage)
  }
  return plan
}

/** The pods that are named, or those of the running fleet. */
async function frontOf(context: CliContext, flags: Flags, memberCaFile: string | undefined): Promise<FleetFront> {
  const { hostName, memberName, podConnections: connectionsPerPod } = flags
  const isTls = flags.tlsCert !== undefined
  const pods = flags.pod ?? (await runningPods(context, flags))
  const odd = pods.find((pod) => pod.isTls !== (memberCaFile !== undefined))
  if (odd?.isTls) {
    const message = `${odd.id} speaks TLS: name what vouches for it with --member-ca (self-signed: tls/self-signed.crt in the data directory)`
    throw new CliError(message, EXIT.usage)
  }
  if (odd) throw new CliError(`--member-ca: ${odd.id} does not speak TLS`, EXIT.usage)
  const listen = flags.listen ?? { host: '*', port: isTls ? 443 : 80 }
  return { listen, hostName, pods, memberName, connectionsPerPod }
}

async function runningPods(context: CliContext, flags: Flags): Promise<NamedPod[]> {
  const running = await findRunning(context, flags)
  const { status, body } = await running.call('GET', '/fleet')
  if (status !== 200 || !isFleetReport(body)) {
    throw new CliError(`the platform's admin listener answered ${status}; name its pods with --pod`)
  }
  const wanted = publicUrlOf({ hostName: flags.hostName, listen: flags.listen ?? { host: '*', port: 443 } }, true)
  const pods = body.members.filter(({ kind, state }) => kind === 'pod' && state !== 'lost')
  return pods.flatMap(({ id, url, directUrl }) => {
    const found = podAddressOf(directUrl ?? url ?? '')
    if (!found) return []
    if (directUrl !== undefined && url === directUrl) {
      context.output.warn(
        `${id} does not know that it is behind a proxy: start it with server.publicUrl (${wanted}) and server.trustedProxies`,
      )
    }
    const { isTls, ...address } = found
    return [{ id, address, isTls }]
  })
}

async function emit(context: CliContext, flags: Flags): Promise<void> {
  const plan = await planOf(context, flags)
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
    'An nginx configuration that puts pods behind one host name, or balances stream endpoints over speech workers.',
  )
  for (const option of [...fleetOptions(), ...options()]) command.addOption(option)
  addConfigOptions(command)
  return command.addHelpText('after', HELP).action((flags: Flags) => emit(context, flags))
}

function fleetOptions(): Option[] {
  return [
    new Option('--fleet', 'one host name in front of the pods of the running fleet, or of --pod').default(false),
    new Option('--pod <id=url>', 'a pod of the fleet, as in pod_a1b2=http://10.0.0.5:8080; repeatable').argParser(
      parsePod,
    ),
    new Option('--listen <port>', 'where clients come to (default: *:443 with --tls-cert, else *:80)').argParser(
      (text) => parseHostPort(text, '127.0.0.1'),
    ),
    new Option('--host-name <name>', 'the name clients use').argParser(parseHostName),
    new Option('--pod-connections <n>', 'sockets and requests one pod takes, as limits.connections')
      .argParser(parseCount(1, 1_000_000))
      .default(10_000),
    new Option('--member-name <name>', 'the name in the certificates of pods that speak TLS')
      .argParser(parseHostName)
      .default('localhost'),
    new Option('--url <url>', 'which platform, when several run'),
  ]
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
