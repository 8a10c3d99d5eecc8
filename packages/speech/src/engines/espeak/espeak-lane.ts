// A lane: a small shell that runs one espeak-ng after the other, each for one piece of text and then gone, so that no piece knows of
// another. The shell is there because starting a program from this process stops its event loop for 8 to 24 ms (its page tables are
// copied, the more the more memory it has); from the shell it costs nothing here. It starts the next espeak-ng before there is a text
// for it: loading a voice is most of the time a sentence takes.
//
// To the lane: "VOICE SPEED\n" starts a program, the next line is its text. From it: a WAV, then "TOKEN EXITCODE\n".
import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process'
import { randomToken } from '@parley/kernel'
import type { Piece, PieceMaker } from '../../synthesis/piece.ts'
import { LaneOutput } from './lane-output.ts'

/** $1: the program, $2: the token. The text is read and passed on by the shell itself: another program would take 5 ms to start. */
const SCRIPT = `while read -r voice speed; do
{ IFS= read -r text && printf '%s\\n' "$text"; } | "$1" --stdin --stdout -b 1 -v "$voice" -s "$speed"
echo "$2 $?"
done`
/** All that the lane and its programs see of the environment. */
const ENVIRONMENT = { PATH: '/usr/local/bin:/usr/bin:/bin', LC_ALL: 'C.UTF-8' }
/** Words per minute at rate 1, which is the program's own. */
const WORDS_PER_MINUTE = 175
const MAX_COMPLAINT_CHARS = 300

interface Making {
  readonly onAudio: (samples: Int16Array) => void
  readonly done: PromiseWithResolvers<void>
}

export class EspeakLane implements PieceMaker {
  readonly #shell: ChildProcessWithoutNullStreams
  readonly #exited: Promise<void>
  #making: Making | undefined
  /** Voice and speed of the program that waits for a text. */
  #warm: string | undefined
  /** Programs that were sent away without one: what they answer is nobody's. */
  #dismissed = 0
  #complaint = ''
  #problem: string | undefined

  constructor(program: string) {
    const token = `parley ${randomToken(24)}`
    // A group of its own, so that the shell and whatever it runs can be ended together.
    this.#shell = spawn('/bin/sh', ['-c', SCRIPT, 'sh', program, token], { env: ENVIRONMENT, cwd: '/', detached: true })
    this.#exited = new Promise((resolve) => {
      this.#shell.once('close', () => resolve())
      this.#shell.once('error', () => resolve())
    })
    const output = new LaneOutput(`${token} `, {
      onAudio: (samples) => this.#dismissed === 0 && this.#making?.onAudio(samples),
      onEnd: (exitCode, problem) => this.#onEnd(exitCode, problem),
    })
    this.#shell.stdout.on('data', (bytes: Buffer) => output.push(bytes))
    this.#shell.stderr.on('data', (bytes: Buffer) => {
      this.#complaint = `${this.#complaint}${bytes.toString()}`.slice(-MAX_COMPLAINT_CHARS)
    })
    // A write to a shell that has ended: its end is told by `close`.
    this.#shell.stdin.on('error', () => {})
    this.#shell.once('error', (error) => this.#break(error.message))
    this.#shell.once('close', () => this.#break('its shell ended'))
  }

  get isBroken(): boolean {
    return this.#problem !== undefined
  }

  isWarmFor(piece: Piece): boolean {
    return this.#warm === settingsOf(piece)
  }

  make(piece: Piece, onAudio: (samples: Int16Array) => void): Promise<void> {
    if (this.#making) return Promise.reject(new Error('one piece at a time'))
    if (this.#problem !== undefined) return Promise.reject(new Error(this.#problem))
    const done = Promise.withResolvers<void>()
    this.#making = { onAudio, done }
    this.#complaint = ''
    const settings = settingsOf(piece)
    if (this.#warm !== settings) {
      this.#dismiss()
      this.#shell.stdin.write(`${settings}\n`)
    }
    this.#warm = settings
    // One line: control characters are gone from the text, and with them whatever could end it.
    this.#shell.stdin.write(`${piece.text.replace(/\p{Cc}/gu, ' ')}\n`)
    return done.promise
  }

  /** A piece takes a few hundredths of a second: it is finished and thrown away. */
  abort(): void {}

  async close(): Promise<void> {
    this.#break('it was ended')
    this.#killGroup()
    await this.#exited
  }

  #dismiss(): void {
    if (this.#warm === undefined) return
    this.#dismissed++
    this.#shell.stdin.write('\n')
  }

  #onEnd(exitCode: number, problem: string | undefined): void {
    if (this.#dismissed > 0) {
      this.#dismissed--
      return
    }
    const making = this.#making
    const settings = this.#warm
    this.#making = undefined
    this.#warm = undefined
    const failure = exitCode === 0 ? problem : `espeak-ng ended with ${exitCode} ${this.#complaint}`.trim()
    if (failure === undefined) this.#warmUp(settings)
    if (failure === undefined) making?.done.resolve()
    else making?.done.reject(new Error(failure))
  }

  /** The voice that was just heard is the likeliest to be asked for. */
  #warmUp(settings: string | undefined): void {
    if (settings === undefined || this.#problem !== undefined) return
    this.#warm = settings
    this.#shell.stdin.write(`${settings}\n`)
  }

  #break(problem: string): void {
    if (this.#problem !== undefined) return
    this.#problem = problem
    this.#killGroup()
    const making = this.#making
    this.#making = undefined
    making?.done.reject(new Error(problem))
  }

  /** The shell and all it has started. Its number is still its own: the group lasts as long as one of them does. */
  #killGroup(): void {
    const { pid } = this.#shell
    if (pid === undefined) return
    try {
      process.kill(-pid, 'SIGKILL')
    } catch {
      // Nobody is left.
    }
  }
}

const settingsOf = ({ voice, rateRatio }: Piece): string => `${voice.id} ${Math.round(WORDS_PER_MINUTE * rateRatio)}`
