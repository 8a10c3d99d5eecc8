// `parley caption`: options, streams and signals; the work is in caption-run.ts.
import { access, constants } from 'node:fs/promises'
import { dirname } from 'node:path'
import type { UdpEndpoint } from '@parley/client'
import { CODECS, type Codec } from '@parley/protocol'
import { Command, InvalidArgumentError, Option } from 'commander'
import type { CliContext } from '../context.ts'
import { CliError } from '../exit-codes.ts'
import { wantsColour } from '../output/index.ts'
import { processIo, type TerminalIo } from '../terminal-io.ts'
import { type AudioSource, openAudioSource } from './audio-source.ts'
import { CaptionRun } from './caption-run.ts'
import { chooseFormat, openConversion } from './encoder.ts'
import { CAPTION_EXIT, CaptionUsageError } from './exit-codes.ts'
import { type CaptionPrinter, JsonPrinter, PipePrinter, TerminalPrinter } from './printers.ts'
import { parseLanguages, type RefineOptions, refineWish } from './refine-options.ts'
import { resolveTarget, warnOfReadableKey } from './target.ts'

export interface CaptionOptions extends RefineOptions {
  /** WAV file, or `-` for standard input. */
  readonly file: string
  /** Of raw samples on standard input, Hz. */
  readonly rate?: number
  readonly codec?: Codec
  /** BCP 47 tag; the platform's default unless told. */
  readonly language?: string
  readonly url?: string
  readonly key?: string
  /** PEM file of the authority to trust. */
  readonly ca?: string
  readonly json?: boolean
  readonly watchLink?: boolean
  /** `off`: audio goes over the WebSocket only. */
  readonly udp?: 'auto' | 'off'
  /** Where UDP packets go instead of where the platform says. */
  readonly udpEndpoint?: UdpEndpoint
  /** False (`--no-resume`): a connection that breaks ends the command. */
  readonly resume?: boolean
}

/** The world as the command sees it. */

/** Captions one source. Resolves with the exit code (CAPTION_EXIT); what failed has been said on standard error. */
export async function captionCommand(options: CaptionOptions, io: TerminalIo): Promise<number> {
  const printer = choosePrinter(options, io)
  try {
    return await caption(options, io, printer)
  } catch (thrown) {
    if (!(thrown instanceof CliError)) throw thrown
    printer.note(`parley: ${thrown.message}`)
    return thrown.exitCode
  }
}

async function caption(options: CaptionOptions, io: TerminalIo, printer: CaptionPrinter): Promise<number> {
  const { stdin, clock } = io
  const refine = refineWish(options, options.language)
  await checkFolders(refine.speechFiles.values())
  const warn = (text: string): void => printer.note(`parley: ${text}`)
  const source = await openAudioSource({ file: options.file, rateHz: options.rate, stdin, warn })
  const { target, format, conversion } = await prepare(options, io, source).catch((thrown: unknown) => {
    source.close()
    throw thrown
  })
  warnOfReadableKey(target.url, 'the speech', warn)
  const { language, udp = 'auto', udpEndpoint, resume = true } = options
  const wantsWatchLink = options.watchLink === true
  const way = { udp, udpEndpoint, resume }
  const run = new CaptionRun({
    target,
    source,
    format,
    conversion,
    language,
    wantsWatchLink,
    refine,
    way,
    printer,
    clock,
  })
  const offInterrupt = io.onInterrupt(() => run.interrupt())
  const onOutputError = (): void => run.outputClosed()
  io.stdout.on('error', onOutputError)
  try {
    return await run.run()
  } finally {
    offInterrupt()
    source.close()
  }
}

async function prepare(options: CaptionOptions, io: TerminalIo, source: AudioSource) {
  const target = await resolveTarget(options, io)
  const format = chooseFormat(options.codec ?? 'pcm16', source.sampleRateHz)
  return { target, format, conversion: await openConversion(format, source.sampleRateHz) }
}

/** A file that cannot be written is told before anything is sent. */
async function checkFolders(paths: Iterable<string>): Promise<void> {
  for (const path of paths) {
    await access(dirname(path), constants.W_OK).catch((error: NodeJS.ErrnoException) => {
      throw new CaptionUsageError(`cannot write ${path}: ${error.code ?? error.message}`)
    })
  }
}

function choosePrinter(options: CaptionOptions, { stdout, stderr, env }: TerminalIo): CaptionPrinter {
  if (options.json) return new JsonPrinter(stdout, stderr)
  const isErrColoured = wantsColour(stderr, env)
  if (!stdout.isTTY || env.TERM === 'dumb') return new PipePrinter(stdout, stderr, isErrColoured)
  return new TerminalPrinter(stdout, stderr, wantsColour(stdout, env), isErrColoured)
}

const EXIT_HELP = `
Exit codes:
  ${CAPTION_EXIT.ok}    everything sent was answered
  ${CAPTION_EXIT.unanswered}    something sent was not answered, or not translated or said as asked for
  ${CAPTION_EXIT.usage}    wrong usage, file or configuration
  ${CAPTION_EXIT.unreachable}    no platform could be reached
  ${CAPTION_EXIT.refused}    the platform refused (key, language, no free place), or cannot translate, mend or say what was asked for
  ${CAPTION_EXIT.lost}    the connection or the session ended midway and could not be made again
  ${CAPTION_EXIT.interrupted}  Ctrl-C

Examples:
  ./parley caption samples/hello.wav
  ./parley caption talk.wav --json | jq -r 'select(.type == "final").text'
  ./parley caption talk.wav --translate es,ca --polish --speech-out talk.es.wav
  arecord -q -f S16_LE -r 16000 -c 1 -t raw | ./parley caption - --rate 16000`

function parseRate(text: string): number {
  const rateHz = Number(text)
  if (Number.isInteger(rateHz) && rateHz >= 1_000 && rateHz <= 384_000) return rateHz
  throw new InvalidArgumentError('a rate is a whole number of Hz from 1000 to 384000')
}

/** HOST:PORT, an IPv6 address in brackets. */
export function parseEndpoint(text: string): UdpEndpoint {
  const [, host, port] = /^(\[[0-9a-fA-F:.%]+\]|[^:[\]/\s]+):(\d{1,5})$/.exec(text) ?? []
  const number = Number(port)
  if (host === undefined || number < 1 || number > 65_535) {
    throw new InvalidArgumentError('an endpoint is HOST:PORT, such as relay.example:7000 or [::1]:7000')
  }
  return { host: host.replace(/^\[|\]$/g, ''), port: number }
}

type Typed = Omit<CaptionOptions, 'file' | 'polish'> & { readonly polish?: true | string }

/** The word behind a bare `--polish` is the file. A string says what is wrong. */
export function withFile(file: string | undefined, { polish, ...options }: Typed): CaptionOptions | string {
  if (polish === undefined || polish === true || polish === 'finals' || polish === 'partials') {
    if (file === undefined) return "missing required argument 'file'"
    return { ...options, file, ...(polish === undefined ? {} : { polish }) }
  }
  if (file === undefined) return { ...options, file: polish, polish: true }
  return `option '--polish [mode]' argument '${polish}' is invalid. Allowed choices are finals, partials.`
}

/** The command for the command line's table; sets the process's exit code. */
export function createCaptionCommand(context: CliContext): Command {
  return new Command('caption')
    .description('Caption a WAV file, or speech on standard input, at the pace it is spoken.')
    .usage('[options] <file>')
    .argument('[file]', 'WAV file of any layout, or - for standard input (WAV, or raw samples with --rate)')
    .addOption(new Option('--rate <hz>', 'rate of raw 16-bit mono samples on standard input').argParser(parseRate))
    .addOption(new Option('--codec <codec>', 'how the audio travels').choices([...CODECS]).default('pcm16'))
    .option('--language <tag>', 'language spoken, such as en (default: that of the platform)')
    .addOption(
      new Option('--translate <tags>', 'languages to translate into as well, such as es,ca').argParser(parseLanguages),
    )
    .option('--polish [mode]', 'mended text as well, of finals (default) or of partials too: finals, partials')
    .addOption(new Option('--speak <tags>', 'languages in which finals are to be heard').argParser(parseLanguages))
    .option(
      '--speech-out <file>',
      'WAV file of what is heard (without --speak: the first of --translate); one per language',
    )
    .option('--url <url>', 'address of the platform (default: the one that runs on this machine)')
    .option('--key <key>', 'API key (default: PARLEY_API_KEY, or the one kept on this machine)')
    .option('--ca <file>', 'PEM certificate to trust, for a platform with its own')
    .addOption(
      new Option('--udp <mode>', 'audio as sealed UDP packets where that works, or never')
        .choices(['auto', 'off'])
        .default('auto'),
    )
    .addOption(
      new Option('--udp-endpoint <host:port>', 'send UDP packets there instead (a relay)').argParser(parseEndpoint),
    )
    .option('--no-resume', 'end when the connection breaks, instead of making it anew')
    .option('--json', 'one JSON object per line', false)
    .option('--watch-link', 'print a link by which others can follow', false)
    .addHelpText('after', EXIT_HELP)
    .action(async (file: string | undefined, options: Typed, command: Command) => {
      const typed = withFile(file, options)
      if (typeof typed === 'string') command.error(`error: ${typed}`)
      else process.exitCode = await captionCommand(typed, processIo(context))
    })
}
