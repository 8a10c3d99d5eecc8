// A thread that runs flite, one piece at a time. WASM cannot be interrupted from inside, so a piece that nobody wants any more is
// finished and thrown away (a fraction of a second), and a thread that is stuck is ended whole.
import { Worker } from 'node:worker_threads'
import type { FliteModule } from '@parley/audio/flite'
import type { Piece, PieceMaker } from '../../synthesis/piece.ts'

/** What the thread is asked. */
export interface FliteTask {
  readonly text: string
  readonly voice: string
  readonly sampleRateHz: number
  readonly rateRatio: number
}

/** What it answers. */
export type FliteAnswer = { readonly samples: Int16Array } | { readonly problem: string }

export class FliteMaker implements PieceMaker {
  readonly #thread: Worker
  #making: { readonly onAudio: (samples: Int16Array) => void; readonly done: PromiseWithResolvers<void> } | undefined
  #problem: string | undefined

  /** `threadUrl`: the program of the thread. */
  constructor(module: FliteModule, threadUrl = new URL('./flite-thread.ts', import.meta.url)) {
    // Nothing of this process is the thread's business: no environment, no arguments, no standard input.
    this.#thread = new Worker(threadUrl, { workerData: module, env: {}, argv: [], execArgv: [], name: 'flite' })
    this.#thread.on('message', (answer: FliteAnswer) => this.#onAnswer(answer))
    this.#thread.on('error', (error) => this.#break(error instanceof Error ? error.message : String(error)))
    this.#thread.on('exit', () => this.#break('its thread ended'))
  }

  get isBroken(): boolean {
    return this.#problem !== undefined
  }

  /** Every thread has every voice. */
  isWarmFor(): boolean {
    return true
  }

  make({ text, voice, rateRatio }: Piece, onAudio: (samples: Int16Array) => void): Promise<void> {
    if (this.#making) return Promise.reject(new Error('one piece at a time'))
    if (this.#problem !== undefined) return Promise.reject(new Error(this.#problem))
    const done = Promise.withResolvers<void>()
    this.#making = { onAudio, done }
    this.#thread.postMessage({ text, voice: voice.id, sampleRateHz: voice.sampleRateHz, rateRatio } satisfies FliteTask)
    return done.promise
  }

  abort(): void {}

  async close(): Promise<void> {
    this.#break('its thread was ended')
    await this.#thread.terminate()
  }

  #onAnswer(answer: FliteAnswer): void {
    const making = this.#making
    if (!making) return
    this.#making = undefined
    if ('problem' in answer) {
      making.done.reject(new Error(answer.problem))
      return
    }
    making.onAudio(answer.samples)
    making.done.resolve()
  }

  #break(problem: string): void {
    this.#problem ??= problem
    const making = this.#making
    this.#making = undefined
    making?.done.reject(new Error(this.#problem))
  }
}
