// Harper's thread as the engine of a restarting queue.
import { Worker } from 'node:worker_threads'
import type { QueueListener, QueueRunner } from '../restarting-queue.ts'
import type { FoundLint } from './chosen-changes.ts'

/** What the thread is asked. */
export interface HarperQuestion {
  readonly id: number
  readonly text: string
}

/** What it answers. */
export interface HarperAnswer {
  readonly id: number
  readonly found: readonly FoundLint[]
}

const THREAD = new URL('./harper-thread.ts', import.meta.url)

export class HarperRunner implements QueueRunner<string> {
  readonly #thread: Worker
  readonly #exited: Promise<void>

  /** `threadUrl`: the program of the thread. */
  constructor(listener: QueueListener<readonly FoundLint[]>, threadUrl = THREAD) {
    // Nothing of this process is the thread's business: no environment, no arguments, no standard input.
    this.#thread = new Worker(threadUrl, { env: {}, argv: [], execArgv: [], name: 'harper' })
    this.#exited = new Promise((resolve) => {
      this.#thread.once('exit', () => resolve())
    })
    let isOver = false
    const end = (reason: string) => {
      if (!isOver) listener.onBroken(reason)
      isOver = true
    }
    this.#thread.on('message', ({ id, found }: HarperAnswer) => isOver || listener.onAnswer(id, found))
    this.#thread.on('error', (error) => end(error instanceof Error ? error.message : String(error)))
    this.#thread.on('exit', () => end('its thread ended'))
  }

  write(id: number, text: string): void {
    this.#thread.postMessage({ id, text } satisfies HarperQuestion)
  }

  async close(): Promise<void> {
    await this.#thread.terminate()
    await this.#exited
  }
}
