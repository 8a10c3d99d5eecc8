// The processes of one pipeline: a small shell and the programs it connects, in a group of their own. Texts go in, answers come out in the
// same order, each ended by NUL. Debian's programs are run as they are and never linked (their licence is the GPL).
import { type ChildProcessByStdio, spawn } from 'node:child_process'
import type { Readable, Writable } from 'node:stream'
import { pipelineScript, type Stage } from './mode-files.ts'
import type { PipelineListener, PipelineRunner } from './pipeline-runner.ts'

/** All that the programs see of the environment. */
const ENVIRONMENT = { PATH: '/usr/local/bin:/usr/bin:/bin', LC_ALL: 'C.UTF-8' }
/** An answer to a piece of a thousand letters is never that long: whatever goes on like this is broken. */
const MAX_ANSWER_BYTES = 1 << 20
const MAX_COMPLAINT_CHARS = 300

export class PipelineProcess implements PipelineRunner {
  readonly #shell: ChildProcessByStdio<Writable, Readable, Readable>
  readonly #listener: PipelineListener
  readonly #exited: Promise<void>
  #held: Buffer[] = []
  #heldBytes = 0
  #complaint = ''
  #isOver = false

  constructor(stages: readonly Stage[], listener: PipelineListener) {
    this.#listener = listener
    this.#shell = spawn('/bin/sh', ['-c', pipelineScript(stages)], {
      env: ENVIRONMENT,
      cwd: '/',
      detached: true,
      stdio: ['pipe', 'pipe', 'pipe'],
    })
    this.#exited = new Promise((resolve) => {
      this.#shell.once('close', () => resolve())
      this.#shell.once('error', () => resolve())
    })
    this.#shell.stdout.on('data', (bytes: Buffer) => this.#onBytes(bytes))
    this.#shell.stderr.on('data', (bytes: Buffer) => {
      this.#complaint = `${this.#complaint}${bytes.toString()}`.slice(-MAX_COMPLAINT_CHARS)
    })
    // A write to a pipeline that has ended: its end is told by what follows.
    this.#shell.stdin.on('error', () => {})
    this.#shell.once('error', (error) => this.#break(error.message))
    // The last program is gone; those before it may not know yet.
    this.#shell.stdout.once('end', () => this.#break('its programs ended'))
    this.#shell.once('close', () => this.#break('its shell ended'))
  }

  /** Of the shell and the group; tests look for them. */
  get pid(): number | undefined {
    return this.#shell.pid
  }

  write(stream: string): void {
    if (!this.#isOver) this.#shell.stdin.write(`${stream}\0`)
  }

  /** Ends every process; `onBroken` is not called. Resolves when the shell is gone. Idempotent. */
  async close(): Promise<void> {
    this.#end()
    await this.#exited
  }

  #onBytes(bytes: Buffer): void {
    let from = 0
    for (let at = bytes.indexOf(0); at >= 0 && !this.#isOver; at = bytes.indexOf(0, from)) {
      const answer = Buffer.concat([...this.#held, bytes.subarray(from, at)])
      from = at + 1
      this.#held = []
      this.#heldBytes = 0
      this.#listener.onAnswer(answer.toString())
    }
    if (this.#isOver || from === bytes.length) return
    this.#held.push(bytes.subarray(from))
    this.#heldBytes += bytes.length - from
    if (this.#heldBytes > MAX_ANSWER_BYTES) this.#break(`an answer has no end after ${MAX_ANSWER_BYTES} bytes`)
  }

  #break(reason: string): void {
    if (this.#isOver) return
    this.#end()
    const complaint = this.#complaint.trim().split('\n')[0] ?? ''
    this.#listener.onBroken(complaint === '' ? reason : `${reason} (${complaint})`)
  }

  #end(): void {
    if (this.#isOver) return
    this.#isOver = true
    this.#held = []
    this.#shell.stdin.destroy()
    const { pid } = this.#shell
    if (pid === undefined) return
    try {
      // The shell and all it has started. The number is still theirs: the group lasts as long as one of them does.
      process.kill(-pid, 'SIGKILL')
    } catch {
      // Nobody is left.
    }
  }
}
