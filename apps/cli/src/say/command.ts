// `parley say`: options, streams and signals; the work is in say-run.ts.
import type { Readable } from 'node:stream'
import { ParleyClientError, parleyApi, type SpeakOptions } from '@parley/client'
import { Command, InvalidArgumentError, Option } from 'commander'
import { printable } from '../caption/caption-layout.ts'
import { exitOfStart } from '../caption/exit-codes.ts'
import { resolveTarget, type Target, warnOfReadableKey } from '../caption/target.ts'
import type { CliContext } from '../context.ts'
import { CliError } from '../exit-codes.ts'
import { Progress, table } from '../output/index.ts'
import { processIo, type TerminalIo } from '../terminal-io.ts'
import { SAY_EXIT, SayUsageError } from './exit-codes.ts'
import { findPlayer, PlayerSink } from './player.ts'
import { type SayPrinter, SayRun } from './say-run.ts'
import { FileSink, type SpeechSink, StreamSink } from './sinks.ts'
import { type SaySummary, summaryText } from './summary.ts'

export interface SayOptions {
  /** Words of the text, or `-` alone for standard input; none with `voices`. */
  readonly text: readonly string[]
  /** WAV file, or `-` for standard output. */
  readonly out?: string
  readonly play?: boolean
  readonly voice?: string
  /** BCP 47 tag. */
  readonly language?: string
  /** Speed; 1 = as the voice speaks. */
  readonly rate?: number
  /** List the voices instead of saying anything. */
  readonly voices?: boolean
  readonly json?: boolean
  readonly url?: string
  readonly key?: string
  /** PEM file of the authority to trust. */
  readonly ca?: string
}

/** The world as the command sees it. */

/** As long as one text may be. */
const MAX_TEXT_CHARS = 1_000_000
/** Nobody listens while a file is written: as far ahead as it is made. */
const FILE_LEAD_MS = 3_600_000
const PROGRESS_EVERY_MS = 250

/** Says one text, or lists the voices. Resolves with the exit code (SAY_EXIT); what failed has been said on standard error. */
export async function sayCommand(options: SayOptions, io: TerminalIo): Promise<number> {
  try {
    return options.voices ? await listVoices(options, io) : await say(options, io)
  } catch (thrown) {
    if (!(thrown instanceof CliError)) throw thrown
    io.stderr.write(`parley: ${thrown.message}\n`)
    return thrown.exitCode
  }
}

async function say(options: SayOptions, io: TerminalIo): Promise<number> {
  const { out, play, json } = options
  if (out !== undefined && play) throw new SayUsageError('--out and --play exclude each other')
  if (out === '-' && json)
    throw new SayUsageError('--out - and --json both write to standard output; give --out FILE.wav')
  const text = await textOf(options, io)
  const sink = await sinkOf(options, io)
  const target = await resolveTarget(options, io)
  const printer = printerOf(options, io)
  warnOfReadableKey(target.url, 'the text', (warning) => printer.note(`parley: ${warning}`))
  const run = new SayRun({ target, text, speak: speakOptions(options), sink, printer, clock: io.clock })
  const offInterrupt = io.onInterrupt(() => run.interrupt())
  // A reader that goes away is noticed by the write that fails.
  const onOutputError = (): void => {}
  io.stdout.on('error', onOutputError)
  try {
    return await run.run()
  } finally {
    offInterrupt()
    io.stdout.off('error', onOutputError)
  }
}

function speakOptions({ voice, language, rate, out }: SayOptions): SpeakOptions {
  return {
    ...(voice === undefined ? {} : { voice }),
    ...(language === undefined ? {} : { language }),
    ...(rate === undefined ? {} : { rateRatio: rate }),
    ...(out === undefined ? {} : { leadMs: FILE_LEAD_MS }),
  }
}

async function sinkOf({ out }: SayOptions, { stdout, env }: TerminalIo): Promise<SpeechSink> {
  if (out === undefined) return new PlayerSink(await findPlayer(env), env)
  if (out !== '-') return new FileSink(out)
  if (stdout.isTTY) throw new SayUsageError('standard output is a terminal; give --out FILE.wav, or pipe it somewhere')
  return new StreamSink(stdout)
}

async function textOf({ text }: SayOptions, { stdin }: TerminalIo): Promise<string> {
  if (text.length === 0) throw new SayUsageError('there is nothing to say: give a text, or - for standard input')
  const words = text.length === 1 && text[0] === '-' ? await readAll(stdin) : text.join(' ')
  if (words.length <= MAX_TEXT_CHARS) return words
  throw new SayUsageError(`a text may have ${MAX_TEXT_CHARS} characters, this one has more; say it in several`)
}

async function readAll(stdin: Readable): Promise<string> {
  const decoder = new TextDecoder()
  let text = ''
  for await (const chunk of stdin) {
    text += decoder.decode(chunk as Uint8Array, { stream: true })
    if (text.length > MAX_TEXT_CHARS) break
  }
  return text + decoder.decode()
}

function printerOf({ json, out }: SayOptions, { stdout, stderr, clock }: TerminalIo): SayPrinter {
  const progress = new Progress(stderr, stderr.isTTY === true)
  let shownAtMs = clock.nowMs()
  const note = (text: string): void => {
    progress.clear()
    stderr.write(`${text}\n`)
  }
  return {
    note,
    progress(saidMs) {
      if (clock.nowMs() - shownAtMs < PROGRESS_EVERY_MS) return
      shownAtMs = clock.nowMs()
      progress.update(`${(saidMs / 1000).toFixed(1)} s said`)
    },
    error: (error) => note(`parley: ${printable(error.message)} (${error.code})`),
    summary(summary: SaySummary) {
      const where = out === undefined || out === '-' ? undefined : out
      if (!json) note(summaryText(summary, where))
      else {
        progress.clear()
        stdout.write(
          `${JSON.stringify({ type: 'summary', ...summary, ...(where === undefined ? {} : { file: where }) })}\n`,
        )
      }
    },
  }
}

async function listVoices(options: SayOptions, io: TerminalIo): Promise<number> {
  const target = await resolveTarget(options, io)
  const voices = await voicesOf(target, options.language, io)
  if (typeof voices === 'number') return voices
  if (options.json) io.stdout.write(`${JSON.stringify({ voices })}\n`)
  else {
    for (const line of table(voices.map(({ name, language, engine }) => [name, language, engine]))) {
      io.stdout.write(`${printable(line)}\n`)
    }
  }
  if (voices.length > 0) return SAY_EXIT.ok
  const which = options.language === undefined ? 'no speech worker that speaks is connected' : 'no voice speaks it'
  io.stderr.write(`parley: ${which}\n`)
  return SAY_EXIT.failed
}

async function voicesOf(target: Target, language: string | undefined, { clock, stderr }: TerminalIo) {
  try {
    const voices = await parleyApi({ ...target, clock }).getVoices()
    const wanted = language?.toLowerCase()
    return voices.filter(({ language: tag }) => {
      const spoken = tag.toLowerCase()
      return wanted === undefined || spoken === wanted || spoken.startsWith(`${wanted}-`)
    })
  } catch (thrown) {
    if (!(thrown instanceof ParleyClientError)) throw thrown
    stderr.write(`parley: ${printable(thrown.message)} (${thrown.code})\n`)
    return exitOfStart(thrown)
  }
}

const EXIT_HELP = `
Exit codes:
  ${SAY_EXIT.ok}    all of it was said
  ${SAY_EXIT.failed}    not all of it was said, written or played
  ${SAY_EXIT.usage}    wrong usage, text or configuration, or no player
  ${SAY_EXIT.unreachable}    no platform could be reached
  ${SAY_EXIT.refused}    the platform refused (key, voice, language, no free place)
  ${SAY_EXIT.lost}    the connection or the session ended midway and could not be made again
  ${SAY_EXIT.interrupted}  Ctrl-C

Examples:
  ./parley say "Good morning." --out morning.wav
  ./parley say --play --language es "Buenos dias"
  ./parley say - --out book.wav < book.txt
  ./parley say hello --out - | ./parley caption -`

function parseSpeed(text: string): number {
  const ratio = Number(text)
  if (text.trim() !== '' && ratio >= 0.5 && ratio <= 2) return ratio
  throw new InvalidArgumentError('a rate is a number from 0.5 to 2; 1 is as the voice speaks')
}

/** The command for the command line's table; sets the process's exit code. */
export function createSayCommand(context: CliContext): Command {
  return new Command('say')
    .description('Have a text said: into a WAV file, or aloud.')
    .argument('[text...]', 'what to say, or - for standard input')
    .option('--out <file>', 'WAV file to write, or - for standard output')
    .option('--play', 'play it through aplay, paplay, ffplay or play (what happens without --out)')
    .option('--voice <name>', 'voice, as --voices names it (default: the first of the language)')
    .option('--language <tag>', 'language, such as en or es (default: that of the voice, else en)')
    .addOption(new Option('--rate <ratio>', 'speed: 1 is as the voice speaks, 0.5 to 2').argParser(parseSpeed))
    .option('--voices', 'list the voices there are, of --language if it is given')
    .option('--url <url>', 'address of the platform (default: the one that runs on this machine)')
    .option('--key <key>', 'API key (default: PARLEY_API_KEY, or the one kept on this machine)')
    .option('--ca <file>', 'PEM certificate to trust, for a platform with its own')
    .option('--json', 'the summary, or the voices, as one JSON object on standard output')
    .addHelpText('after', EXIT_HELP)
    .action(async (text: string[], options: Omit<SayOptions, 'text'>) => {
      process.exitCode = await sayCommand({ ...options, text }, processIo(context))
    })
}
