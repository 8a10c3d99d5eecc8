// `parley worker`: options of the command.
import { Command, Option } from 'commander'
import { addConfigOptions } from '../config-options.ts'
import { type CliContext, loadOrFail } from '../context.ts'
import { machineShare, type WorkerFlags, workerFlags, workerId } from './worker-flags.ts'
import { runWorkerProcess } from './worker-run.ts'

const HELP = `
Examples:
  ./parley worker --port 8801                       all roles, for the pod of this machine
  ./parley worker --roles recognise --slots recognise=4 --json
  ./parley worker --host 0.0.0.0 --port 8801 --tls-cert worker.pem --tls-key worker.key
  ./parley up --set speech.workerUrls=wss://gpu1.lan:8801 --set worker.tlsCaFile=worker.pem

Pods and workers share a secret: the one of this data directory, or PARLEY_FLEET_SECRET (32 characters or more; never an option).
Slots are measured at start unless told: a careful number at once, the measured one a few seconds later; both are printed.
SIGUSR2 makes it drain (new streams are refused, those there are go on) and, sent again, take streams again. Ctrl-C and SIGTERM end it.
With --json the first line is the worker, each later one a role whose number of slots has changed.`

export function createWorkerCommand(context: CliContext): Command {
  const command = new Command('worker')
    .description('Run one speech worker: it recognises, speaks, translates and polishes for pods that can reach it.')
    .addOption(
      new Option('--roles <roles>', 'what it does, of recognise, synthesise, translate, polish (default: all)'),
    )
    .addOption(
      new Option(
        '--slots <slots>',
        'recognise=4,synthesise=8,translate=8,polish=8; 0 = none, auto = measured (default: auto)',
      ),
    )
    .addOption(new Option('--host <address>', 'address to listen on (default: 127.0.0.1; 0.0.0.0 = every one)'))
    .addOption(new Option('--port <port>', 'port to listen on (default: a free one)'))
    .addOption(new Option('--id <id>', 'name in the fleet (default: a new one at each start)'))
    .addOption(
      new Option('--share <ratio>', 'part of the machine that is its own (default: shared with other workers)'),
    )
    .addOption(new Option('--endpoints <who>', 'stream endpoints: off, key or open (default: key)'))
    .addOption(new Option('--connections <n>', 'connections at the stream endpoints (default: 50)'))
    .addOption(new Option('--tls-cert <file>', 'PEM certificate chain; needed off loopback'))
    .addOption(new Option('--tls-key <file>', 'PEM private key'))
    .option('--insecure', 'plain links off loopback; only on a private, trusted network')
    .option('--json', 'JSON lines on standard output', false)
    .addHelpText('after', HELP)
    .action(async (flags: WorkerFlags) => {
      const { config } = await loadOrFail(context, flags.config, workerFlags(flags))
      const given = { memberId: workerId(flags.id), machineShare: machineShare(flags.share) }
      process.exitCode = await runWorkerProcess(context, { json: flags.json, config, ...given })
    })
  return addConfigOptions(command)
}
