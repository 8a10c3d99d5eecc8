// `parley up`: options of the command, and which configuration keys they set.
import type { FlagValue } from '@parley/config'
import { Command, Option } from 'commander'
import { addConfigOptions, type ConfigOptions, configFlags } from '../config-options.ts'
import { type CliContext, loadOrFail } from '../context.ts'
import { runUp } from './up.ts'

interface Flags extends ConfigOptions {
  readonly port?: string
  readonly host?: string
  readonly workers?: string
  readonly pods?: string
  readonly redis?: string
  readonly database?: string
  readonly tls?: string
  readonly tlsCert?: string
  readonly tlsKey?: string
  readonly insecure?: boolean
  readonly json: boolean
}

/** The keys that the named flags set. Files of a certificate mean mode `files` unless --tls says otherwise. */
export function upFlags(flags: Flags): FlagValue[] {
  const named: [flag: string, key: string, value: string | undefined][] = [
    ['--port', 'server.port', flags.port],
    ['--host', 'server.host', flags.host],
    ['--workers', 'speech.workers', flags.workers],
    ['--pods', 'fleet.pods', flags.pods],
    ['--redis', 'fleet.redisUrl', flags.redis],
    ['--database', 'records.databaseUrl', flags.database],
    [
      '--tls',
      'tls.mode',
      flags.tls ?? (flags.tlsCert === undefined && flags.tlsKey === undefined ? undefined : 'files'),
    ],
    ['--tls-cert', 'tls.certFile', flags.tlsCert],
    ['--tls-key', 'tls.keyFile', flags.tlsKey],
    ['--insecure', 'server.insecure', flags.insecure ? 'true' : undefined],
  ]
  const set = named.flatMap(([flag, key, value]) => (value === undefined ? [] : [{ flag, key, value }]))
  return [...configFlags(flags), ...set]
}

const HELP = `
Examples:
  ./parley up                                     this machine only: http://127.0.0.1:8080
  ./parley up --port 0 --json                     a free port; one line of JSON when ready
  ./parley up --host 0.0.0.0 --tls self-signed    for a LAN, with a certificate made here
  ./parley up --host 0.0.0.0 --tls-cert fullchain.pem --tls-key privkey.pem
  ./parley up --pods 2 --workers 2                two pods, on ports 8080 and 8081, with a Redis and a PostgreSQL of their own
  ./parley up --data-dir /tmp/second --port 8081  a second platform beside the first

Ctrl-C or SIGTERM ends the whole platform. Exit codes: 2 usage or configuration, 3 port taken, 4 not permitted, 5 missing part.`

export function createUpCommand(context: CliContext): Command {
  const command = new Command('up')
    .description('Start the platform on this machine: pods, speech workers and the page.')
    .addOption(new Option('--port <port>', 'port of the public listener (default: 8080; 0 = a free one)'))
    .addOption(new Option('--host <address>', 'address to listen on (default: 127.0.0.1; 0.0.0.0 = every one)'))
    .addOption(new Option('--workers <n>', 'speech worker processes (default: 0 = one per two cores)'))
    .addOption(
      new Option('--pods <n>', 'pods, each with a port of its own (default: 1); several use Redis and PostgreSQL'),
    )
    .addOption(new Option('--redis <url>', 'Redis that pods share (default: for several pods, one of its own)'))
    .addOption(
      new Option(
        '--database <url>',
        'PostgreSQL of the records, better in PARLEY_RECORDS_DATABASE_URL (default: for several pods, one of its own)',
      ),
    )
    .addOption(new Option('--tls <mode>', 'off, files or self-signed'))
    .addOption(new Option('--tls-cert <file>', 'PEM certificate chain'))
    .addOption(new Option('--tls-key <file>', 'PEM private key'))
    .option('--insecure', 'plain HTTP off loopback; only behind a proxy that does TLS')
    .option('--json', 'one line of JSON on standard output when ready', false)
    .addHelpText('after', HELP)
    .action(async (flags: Flags) => {
      const loaded = await loadOrFail(context, flags.config, upFlags(flags))
      process.exitCode = await runUp(context, { json: flags.json }, loaded)
    })
  return addConfigOptions(command)
}
