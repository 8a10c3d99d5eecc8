// One forked member: its channel, its last words, its end. Decides nothing.
import { type ChildProcess, fork } from 'node:child_process'
import type { MemberToSupervisor, SupervisorToMember } from '@parley/fleet'

/** What is kept of what a member writes to its standard streams, to tell why it ended. */
const TAIL_BYTES = 8_192

export interface MemberSpec {
  readonly modulePath: string
  readonly env: NodeJS.ProcessEnv
  /** Options of the runtime. */
  readonly nodeOptions: readonly string[]
  /** First message. */
  readonly start: SupervisorToMember
  /** Called with what it writes to its standard streams; unless told only the last of it is kept. */
  readonly onOutput?: (text: string) => void
}

export interface MemberEvents {
  onMessage(message: MemberToSupervisor): void
  /** Called once, also when the process could not be made. */
  onExit(code: number | null, signal: string | null, tail: string): void
}

export class MemberProcess {
  readonly #child: ChildProcess
  readonly #events: MemberEvents
  #tail = ''
  #isOver = false

  constructor(spec: MemberSpec, events: MemberEvents) {
    this.#events = events
    this.#child = fork(spec.modulePath, [], {
      env: spec.env,
      execArgv: [...spec.nodeOptions],
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
      // A session of its own: the terminal's Ctrl-C reaches the supervisor alone, which ends members in their order.
      detached: true,
    })
    for (const stream of [this.#child.stdout, this.#child.stderr]) {
      stream?.setEncoding('utf8')
      stream?.on('data', (text: string) => {
        this.#tail = (this.#tail + text).slice(-TAIL_BYTES)
        spec.onOutput?.(text)
      })
    }
    this.#child.on('message', (message) => events.onMessage(message as MemberToSupervisor))
    this.#child.on('error', (error) => {
      this.#tail += `${error.message}\n`
      if (this.#child.pid === undefined) this.#over(null, null)
    })
    // 'close' comes after the standard streams were read to their end; a grandchild that holds them must not delay it.
    this.#child.on('exit', (code, signal) => setImmediate(() => this.#over(code, signal)))
    this.send(spec.start)
  }

  /** -1 when the process could not be made. */
  get pid(): number {
    return this.#child.pid ?? -1
  }

  /** A member that has gone misses the message; its exit is told by itself. */
  send(message: SupervisorToMember): void {
    if (this.#child.connected) this.#child.send(message, () => {})
  }

  kill(signal: NodeJS.Signals): void {
    if (this.#child.pid !== undefined) this.#child.kill(signal)
  }

  #over(code: number | null, signal: string | null): void {
    if (this.#isOver) return
    this.#isOver = true
    this.#events.onExit(code, signal, this.#tail)
  }
}

/** The line of a process's last output that says most: its error, otherwise its last line. */
export function tellingLine(tail: string): string | undefined {
  const lines = tail
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '' && !/^Node\.js v\d/.test(line) && !/^[\^~]+$/.test(line))
  const error = lines.findLast((line) => /^(Uncaught )?\w*(Error|Exception)\b.*:/.test(line) || /^FATAL/.test(line))
  return (error ?? lines.at(-1))?.slice(0, 300)
}
