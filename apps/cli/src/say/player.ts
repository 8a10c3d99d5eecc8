// Playing aloud: by a program of this machine that takes raw samples on its standard input. Which ones those are, and how each is told
// rate and layout, is a table.
import { type ChildProcess, spawn } from 'node:child_process'
import { constants } from 'node:fs'
import { access } from 'node:fs/promises'
import path from 'node:path'
import { pcm16ToBytes } from '@parley/audio'
import { SayUsageError, SinkError } from './exit-codes.ts'
import type { SpeechSink } from './sinks.ts'

export interface Player {
  readonly program: string
  argumentsFor(sampleRateHz: number): readonly string[]
}

const rate = (sampleRateHz: number): string => String(sampleRateHz)

/** In the order in which they are looked for. */
export const PLAYERS: readonly Player[] = [
  { program: 'aplay', argumentsFor: (hz) => ['-q', '-t', 'raw', '-f', 'S16_LE', '-c', '1', '-r', rate(hz), '-'] },
  { program: 'paplay', argumentsFor: (hz) => ['--raw', '--format=s16le', '--channels=1', `--rate=${hz}`] },
  {
    program: 'ffplay',
    argumentsFor: (hz) => {
      const layout = ['-f', 's16le', '-ar', rate(hz), '-ac', '1', '-i', '-']
      return ['-nodisp', '-autoexit', '-loglevel', 'error', ...layout]
    },
  },
  {
    program: 'play',
    argumentsFor: (hz) => ['-q', '-t', 'raw', '-e', 'signed', '-b', '16', '-c', '1', '-r', rate(hz), '-'],
  },
]

/** The first player of `PLAYERS` in the PATH of `env`. Throws SayUsageError when there is none. */
export async function findPlayer(env: NodeJS.ProcessEnv): Promise<Player & { readonly file: string }> {
  const folders = (env.PATH ?? '').split(path.delimiter).filter((folder) => folder !== '')
  for (const player of PLAYERS) {
    for (const folder of folders) {
      const file = path.join(folder, player.program)
      const isThere = await access(file, constants.X_OK).then(
        () => true,
        () => false,
      )
      if (isThere) return { ...player, file }
    }
  }
  const names = PLAYERS.map(({ program }) => program).join(', ')
  throw new SayUsageError(
    `nothing here plays sound (looked for ${names}): apt-get install alsa-utils, or keep it with --out FILE.wav`,
  )
}

const MAX_COMPLAINT_CHARS = 400

/** Plays through `player`. Stopped, it is silent at once. */
export class PlayerSink implements SpeechSink {
  readonly #player: Player & { readonly file: string }
  readonly #env: NodeJS.ProcessEnv
  #child: ChildProcess | undefined
  #ended: Promise<number> | undefined
  #complaint = ''
  #isStopped = false

  constructor(player: Player & { readonly file: string }, env: NodeJS.ProcessEnv) {
    this.#player = player
    this.#env = env
  }

  async start(sampleRateHz: number): Promise<void> {
    const child = spawn(this.#player.file, this.#player.argumentsFor(sampleRateHz), {
      stdio: ['pipe', 'ignore', 'pipe'],
      env: this.#env,
    })
    this.#child = child
    child.stderr?.setEncoding('utf8')
    child.stderr?.on('data', (text: string) => {
      this.#complaint = (this.#complaint + text).slice(0, MAX_COMPLAINT_CHARS)
    })
    // A player that goes away is noticed by its exit; what was on its way to it does not matter then.
    child.stdin?.on('error', () => {})
    const { promise, resolve } = Promise.withResolvers<number>()
    child.once('error', (error) => {
      this.#complaint ||= error.message
      resolve(-1)
    })
    child.once('close', (code) => resolve(code ?? -1))
    this.#ended = promise
  }

  async write(samples: Int16Array): Promise<void> {
    const stdin = this.#child?.stdin
    if (!stdin || !this.#ended) return
    const taken = new Promise<'taken'>((resolve) => {
      stdin.write(pcm16ToBytes(samples), () => resolve('taken'))
    })
    const first = await Promise.race([taken, this.#ended])
    if (stdin.destroyed || typeof first === 'number') throw await this.#failure()
  }

  async finish(): Promise<void> {
    this.#child?.stdin?.end()
    const code = await this.#ended
    if (code !== undefined && code !== 0 && !this.#isStopped) throw await this.#failure()
  }

  async stop(): Promise<void> {
    this.#isStopped = true
    this.#child?.kill('SIGKILL')
    await this.#ended
  }

  async #failure(): Promise<SinkError> {
    await this.#ended
    const said = this.#complaint.trim().split('\n').at(-1) ?? ''
    return new SinkError(`${this.#player.program} does not play${said === '' ? '' : `: ${said}`}`)
  }
}
