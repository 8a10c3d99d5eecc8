// Where a command writes: results to standard output, everything said on the way to standard error. Terminal or pipe is
// decided here once; commands only say what.
import type { WriteStream } from 'node:tty'
import { Progress } from './progress.ts'
import { type Style, style } from './style.ts'

export interface OutputStreams {
  readonly stdout: NodeJS.WritableStream & Partial<Pick<WriteStream, 'isTTY' | 'columns'>>
  readonly stderr: NodeJS.WritableStream & Partial<Pick<WriteStream, 'isTTY' | 'columns'>>
}

/** NO_COLOR (no-color.org) and TERM=dumb switch colour off; only a terminal has it. */
export function wantsColour(stream: { readonly isTTY?: boolean }, env: NodeJS.ProcessEnv): boolean {
  return stream.isTTY === true && !env.NO_COLOR && env.TERM !== 'dumb'
}

export class Output {
  readonly #streams: OutputStreams
  /** For text on standard output and on standard error. */
  readonly out: Style
  readonly err: Style
  readonly progress: Progress

  constructor(streams: OutputStreams, env: NodeJS.ProcessEnv) {
    this.#streams = streams
    this.out = style(wantsColour(streams.stdout, env))
    this.err = style(wantsColour(streams.stderr, env))
    this.progress = new Progress(streams.stderr, streams.stderr.isTTY === true && env.TERM !== 'dumb')
    // A reader that went away (`parley up --json | head -1`) ends the writing, never the program.
    for (const stream of [streams.stdout, streams.stderr]) stream.on('error', () => {})
  }

  get isTerminal(): boolean {
    return this.#streams.stdout.isTTY === true
  }

  /** A line of the result. */
  line(text = ''): void {
    this.progress.clear()
    this.#streams.stdout.write(`${text}\n`)
  }

  /** One JSON value on one line of the result. */
  json(value: unknown): void {
    this.progress.clear()
    this.#streams.stdout.write(`${JSON.stringify(value)}\n`)
  }

  /** A line for the person who watches; never part of the result. */
  note(text: string): void {
    this.progress.clear()
    this.#streams.stderr.write(`${text}\n`)
  }

  warn(text: string): void {
    this.note(`${this.err.yellow('parley:')} ${text}`)
  }

  fail(text: string): void {
    this.note(`${this.err.red('parley:')} ${text}`)
  }
}

/** The output of this process. */
export const processOutput = (env: NodeJS.ProcessEnv = process.env): Output =>
  new Output({ stdout: process.stdout, stderr: process.stderr }, env)
