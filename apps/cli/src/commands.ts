// Every command of the command line: its name, its sentence, and where it is. A command is loaded when it is run, so that a
// small one starts fast and one that fails to load harms no other.
import type { Command } from 'commander'
import type { CliContext } from './context.ts'

export interface CommandEntry {
  readonly name: string
  readonly summary: string
  /** Module, relative to this file, and the function in it that makes the command. */
  readonly module: string
  readonly factory: string
}

export const COMMANDS: readonly CommandEntry[] = [
  {
    name: 'up',
    summary: 'start the platform: pods, speech workers, page',
    module: './up/command.ts',
    factory: 'createUpCommand',
  },
  {
    name: 'worker',
    summary: 'a speech worker by itself, for pods of this or another machine',
    module: './worker/command.ts',
    factory: 'createWorkerCommand',
  },
  {
    name: 'caption',
    summary: 'caption a WAV file or standard input',
    module: './caption/command.ts',
    factory: 'createCaptionCommand',
  },
  {
    name: 'say',
    summary: 'have a text said, to a file or aloud',
    module: './say/command.ts',
    factory: 'createSayCommand',
  },
  {
    name: 'link',
    summary: 'print a fresh address of the page',
    module: './link/command.ts',
    factory: 'createLinkCommand',
  },
  {
    name: 'status',
    summary: 'how the running platform is',
    module: './status/command.ts',
    factory: 'createStatusCommand',
  },
  {
    name: 'top',
    summary: 'where the running platform spends its time, live',
    module: './top/command.ts',
    factory: 'createTopCommand',
  },
  {
    name: 'fleet',
    summary: 'who is in the fleet; draining and rating its members',
    module: './fleet/command.ts',
    factory: 'createFleetCommand',
  },
  {
    name: 'budgets',
    summary: "providers' budgets, who waits for them, and the cache",
    module: './budgets/command.ts',
    factory: 'createBudgetsCommand',
  },
  {
    name: 'keys',
    summary: 'API keys: which there are, and revoking one',
    module: './keys/command.ts',
    factory: 'createKeysCommand',
  },
  {
    name: 'records',
    summary: 'what is kept: export, restore, archive, forget a user, usage',
    module: './records/command.ts',
    factory: 'createRecordsCommand',
  },
  {
    name: 'backup',
    summary: 'the data directory into a folder, while it is in use',
    module: './records/backup-command.ts',
    factory: 'createBackupCommand',
  },
  {
    name: 'restore',
    summary: 'a backup in the place of the data directory',
    module: './records/backup-command.ts',
    factory: 'createRestoreCommand',
  },
  {
    name: 'impair',
    summary: 'a bad network between clients and the platform',
    module: './impair/command.ts',
    factory: 'createImpairCommand',
  },
  {
    name: 'plan',
    summary: 'from measured or claimed numbers to machines, stages and money',
    module: './plan/command.ts',
    factory: 'createPlanCommand',
  },
  {
    name: 'fake-provider',
    summary: 'a provider of speech and text that costs nothing, with limits and faults',
    module: './fake-provider/command.ts',
    factory: 'createFakeProviderCommand',
  },
  {
    name: 'doctor',
    summary: 'what this machine has, lacks, and how to mend it',
    module: './doctor/command.ts',
    factory: 'createDoctorCommand',
  },
  {
    name: 'config',
    summary: 'show the configuration and where each value comes from',
    module: './config/command.ts',
    factory: 'createConfigCommand',
  },
  {
    name: 'emit',
    summary: 'configuration for other programs: nginx',
    module: './emit/command.ts',
    factory: 'createEmitCommand',
  },
  { name: 'bench', summary: 'measure this machine', module: './bench/command.ts', factory: 'createBenchCommand' },
  {
    name: 'test',
    summary: 'run the tests, the gate included',
    module: './test/command.ts',
    factory: 'createTestCommand',
  },
  {
    name: 'check',
    summary: 'run the gate: types, lint, layers, documents',
    module: './check/command.ts',
    factory: 'createCheckCommand',
  },
]

type Factory = (context: CliContext) => Command

/** Makes the command of `entry`; undefined when its module is not part of this copy. */
export async function loadCommand(entry: CommandEntry, context: CliContext): Promise<Command | undefined> {
  const url = new URL(entry.module, import.meta.url)
  const module = await import(url.href).catch((error: NodeJS.ErrnoException & { url?: string }) => {
    if (error.code === 'ERR_MODULE_NOT_FOUND' && error.url === url.href) return undefined
    throw error
  })
  const factory = (module as Record<string, Factory> | undefined)?.[entry.factory]
  return factory?.(context)
}
