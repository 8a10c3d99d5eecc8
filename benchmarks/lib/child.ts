// A benchmark's server and generator are processes of their own, so that CPU time can be told apart. They answer requests
// over IPC; this is the parent's side and the child's side of that.
import { type ChildProcess, fork } from 'node:child_process'

export interface Usage {
  readonly cpuUs: number
  readonly wallMs: number
  readonly rssBytes: number
  /** Heap, external and array buffers after a full collection. */
  readonly liveBytes: number
}

interface Request {
  readonly id: number
  readonly name: string
  readonly argument: unknown
}

const ANSWER_DEADLINE_MS = 120_000

export class BenchChild {
  readonly #process: ChildProcess
  readonly #waiting = new Map<number, { resolve: (value: unknown) => void; reject: (error: Error) => void }>()
  #nextId = 1

  constructor(file: string, nodeOptions: readonly string[] = []) {
    this.#process = fork(file, [], {
      execArgv: ['--expose-gc', ...nodeOptions],
      serialization: 'advanced',
    })
    this.#process.on('message', (message: { id: number; value?: unknown; error?: string }) => {
      const waiter = this.#waiting.get(message.id)
      this.#waiting.delete(message.id)
      if (message.error === undefined) waiter?.resolve(message.value)
      else waiter?.reject(new Error(message.error))
    })
    this.#process.on('exit', (code, signal) => {
      for (const waiter of this.#waiting.values()) waiter.reject(new Error(`${file} ended (${signal ?? code})`))
      this.#waiting.clear()
    })
  }

  /** Of the process, to read /proc by. */
  get pid(): number {
    return this.#process.pid as number
  }

  /** It has ended, by itself or by `stop`. */
  get isGone(): boolean {
    return this.#process.exitCode !== null || this.#process.signalCode !== null
  }

  ask<T>(name: string, argument?: unknown): Promise<T> {
    const id = this.#nextId++
    const answer = new Promise<unknown>((resolve, reject) => {
      const timer = setTimeout(
        () => reject(new Error(`no answer to ${name} within ${ANSWER_DEADLINE_MS} ms`)),
        ANSWER_DEADLINE_MS,
      )
      this.#waiting.set(id, {
        resolve: (value) => {
          clearTimeout(timer)
          resolve(value)
        },
        reject: (error) => {
          clearTimeout(timer)
          reject(error)
        },
      })
    })
    this.#process.send({ id, name, argument } satisfies Request)
    return answer as Promise<T>
  }

  async stop(): Promise<void> {
    if (this.isGone) return
    const gone = new Promise((resolve) => this.#process.once('exit', resolve))
    this.#process.kill('SIGKILL')
    await gone
  }
}

/** The child's side: answers by name until its parent is gone. `usage` is answered by itself. */
export function serveBench(handlers: Readonly<Record<string, (argument: never) => unknown>>): void {
  const all: Record<string, (argument: never) => unknown> = { usage, ...handlers }
  process.on('message', async ({ id, name, argument }: Request) => {
    try {
      process.send?.({ id, value: await all[name]?.(argument as never) })
    } catch (error) {
      process.send?.({ id, error: String(error) })
    }
  })
  process.on('disconnect', () => process.exit(0))
}

function usage(collect: boolean): Usage {
  if (collect) {
    globalThis.gc?.()
    globalThis.gc?.()
  }
  const { user, system } = process.cpuUsage()
  const { rss, heapUsed, external } = process.memoryUsage()
  return { cpuUs: user + system, wallMs: performance.now(), rssBytes: rss, liveBytes: heapUsed + external }
}
