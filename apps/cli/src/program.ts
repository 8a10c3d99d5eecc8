// The command line as a whole: help, suggestions, exit codes. What a command does is in its own folder.
import { readFileSync } from 'node:fs'
import path from 'node:path'
import { Command, CommanderError, Option } from 'commander'
import { COMMANDS, type CommandEntry, loadCommand } from './commands.ts'
import { type CliContext, ROOT } from './context.ts'
import { CliError, EXIT } from './exit-codes.ts'

const EXAMPLES = `
Examples:
  ./parley up                                    start, and open the address it prints
  ./parley caption samples/hello.wav             captions of a file, at true pace
  arecord -q -f S16_LE -r 16000 -c 1 -t raw | ./parley caption - --rate 16000
  ./parley up --host 0.0.0.0 --tls self-signed   for other devices of the LAN
  ./parley doctor                                what is missing, and how to mend it

Exit codes: 0 done, 1 failed, 2 wrong usage or configuration, 3 port taken, 4 not permitted, 5 something is missing.`

const version = (): string =>
  (JSON.parse(readFileSync(path.join(ROOT, 'package.json'), 'utf8')) as { version: string }).version

/** Commands for which the launcher may install packages: it reads these options, the command only documents them. */
const INSTALLING = new Set(['up', 'test', 'check', 'bench'])

function addLauncherOptions(command: Command): void {
  const known = new Set(command.options.map((option) => option.long))
  if (!known.has('--yes')) command.addOption(new Option('--yes', 'install missing packages without asking'))
  if (!known.has('--offline')) command.addOption(new Option('--offline', 'fetch nothing; start what can be started'))
}

/** Settings of the program reach commands made elsewhere, and their own commands. */
function adopt(program: Command, command: Command): void {
  command.copyInheritedSettings(program).exitOverride()
  for (const child of command.commands) adopt(program, child)
}

/** Stands for a command that is not loaded, or not there; takes whatever it is given. */
function unloaded(entry: CommandEntry): Command {
  return new Command(entry.name)
    .description(entry.summary)
    .allowExcessArguments()
    .allowUnknownOption()
    .action(() => {
      throw new CliError(`${entry.name} is not part of this copy of the project`, EXIT.missing)
    })
}

/**
 * The program with the commands `wanted` says, each with its options; the others by name and sentence only. Without
 * `wanted`, all of them: for documents and for help.
 */
export async function createProgram(context: CliContext, wanted?: string): Promise<Command> {
  const program = new Command('parley')
    .description('Self-hosted live captions: speech in, captions out, from one command.')
    .version(version(), '-V, --version')
    .addHelpText('after', EXAMPLES)
    // What stands after a command is that command's: `plan check FILE --json` has a --json of its own.
    .enablePositionalOptions()
    .showHelpAfterError('(add --help for what there is)')
    .exitOverride()
    .configureOutput({ outputError: (text, write) => write(text.replace(/^error: /, 'parley: ')) })
  for (const entry of COMMANDS) {
    const loaded = wanted === undefined || wanted === entry.name ? await loadCommand(entry, context) : undefined
    const command = loaded ?? unloaded(entry)
    command.summary(entry.summary)
    if (INSTALLING.has(entry.name)) addLauncherOptions(command)
    adopt(program, command)
    program.addCommand(command)
  }
  return program
}

/** Runs one command line (without node and script). Resolves with the exit code; what failed has been said. */
export async function runCli(args: readonly string[], context: CliContext): Promise<number> {
  const named = args.find((argument) => !argument.startsWith('-')) ?? ''
  try {
    const wanted = named === 'help' ? (args[args.indexOf('help') + 1] ?? '') : named
    const program = await createProgram(context, wanted)
    if (args.length === 0) {
      program.outputHelp()
      return EXIT.ok
    }
    await program.parseAsync(args, { from: 'user' })
    return Number(process.exitCode ?? EXIT.ok)
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.ok : EXIT.usage
    if (error instanceof CliError) {
      context.output.fail(error.message)
      return error.exitCode
    }
    throw error
  }
}
