// A few makers shared by many speeches. A piece that somebody waits to hear goes before one that is made ahead; among equals the
// oldest. At most one piece of a speech is in the pool, so the speeches there are bound the queue.
import { type Clock, Scope, type Timer } from '@parley/kernel'
import { SynthesisError } from '../synthesiser.ts'
import type { Piece, PieceMaker } from './piece.ts'

export interface PiecePoolOptions {
  readonly clock: Clock
  readonly makers: number
  readonly pieceDeadlineMs: number
  readonly createMaker: () => PieceMaker
}

export interface PieceTask {
  readonly piece: Piece
  /** Asked whenever there is a choice. */
  readonly isAwaited: () => boolean
  readonly onAudio: (samples: Int16Array) => void
  /** Called once, unless the task was cancelled; with what went wrong, if something did. */
  readonly onDone: (failure?: SynthesisError) => void
}

interface Entry {
  readonly task: PieceTask
  isCancelled: boolean
  maker?: PieceMaker
}

export class PiecePool {
  readonly #options: PiecePoolOptions
  readonly #scope: Scope
  readonly #idle = new Set<PieceMaker>()
  readonly #busy = new Set<PieceMaker>()
  readonly #waiting = new Set<Entry>()
  /** Makers on their way out: `close` waits for them. */
  readonly #leaving = new Set<Promise<void>>()

  constructor(options: PiecePoolOptions) {
    this.#options = options
    this.#scope = new Scope(options.clock)
  }

  /** Makers there are: those at work and those that wait for it. */
  get makers(): number {
    return this.#idle.size + this.#busy.size
  }

  /** Queues `task`; the function returned cancels it: nothing is called any more. Idempotent. */
  submit(task: PieceTask): () => void {
    const entry: Entry = { task, isCancelled: false }
    if (this.#scope.isClosed) throw new Error('the pool is closed')
    this.#waiting.add(entry)
    this.#dispatch()
    return () => {
      if (entry.isCancelled) return
      entry.isCancelled = true
      this.#waiting.delete(entry)
      entry.maker?.abort()
    }
  }

  /** Ends every maker. What waits is dropped without a word: whoever closes the pool has told the speeches. Idempotent. */
  async close(): Promise<void> {
    for (const entry of this.#waiting) entry.isCancelled = true
    this.#waiting.clear()
    await this.#scope.close()
    for (const maker of [...this.#idle, ...this.#busy]) this.#retire(maker)
    this.#idle.clear()
    this.#busy.clear()
    await Promise.all(this.#leaving)
  }

  #dispatch(): void {
    while (this.#waiting.size > 0) {
      const entry = this.#mostWanted()
      const maker = this.#makerFor(entry)
      if (!maker) return
      this.#waiting.delete(entry)
      this.#idle.delete(maker)
      this.#busy.add(maker)
      void this.#run(entry, maker)
    }
  }

  #mostWanted(): Entry {
    let oldest: Entry | undefined
    for (const entry of this.#waiting) {
      if (entry.task.isAwaited()) return entry
      oldest ??= entry
    }
    return oldest as Entry
  }

  /** Undefined when none is free, or none can be had; a piece that cannot have one fails. */
  #makerFor(entry: Entry): PieceMaker | undefined {
    const { piece } = entry.task
    let any: PieceMaker | undefined
    for (const maker of [...this.#idle]) {
      // Ended while it had nothing to do: nobody's piece is lost with it.
      if (maker.isBroken) this.#retire(maker)
      else if (maker.isWarmFor(piece)) return maker
      else any ??= maker
    }
    if (this.makers >= this.#options.makers) return any
    try {
      return this.#options.createMaker()
    } catch (error) {
      // No more threads or processes to be had: those there are go on.
      if (this.makers === 0) this.#failAll(error)
      return any
    }
  }

  /** Later, as every failure: whoever submits has not been given the way to cancel yet. */
  #failAll(error: unknown): void {
    const entries = [...this.#waiting]
    this.#waiting.clear()
    const failure = failureOf(error)
    queueMicrotask(() => {
      for (const entry of entries) this.#tell(entry, failure)
    })
  }

  #tell(entry: Entry, failure: SynthesisError | undefined): void {
    if (entry.isCancelled) return
    entry.isCancelled = true
    entry.task.onDone(failure)
  }

  async #run(entry: Entry, maker: PieceMaker): Promise<void> {
    const { task } = entry
    entry.maker = maker
    const deadline = this.#armDeadline(maker)
    let failure: SynthesisError | undefined
    try {
      await maker.make(task.piece, (samples) => {
        if (!entry.isCancelled) task.onAudio(samples)
      })
    } catch (error) {
      failure = failureOf(error)
    }
    deadline.cancel()
    delete entry.maker
    const isOurs = this.#busy.delete(maker)
    if (maker.isBroken) this.#retire(maker)
    else if (isOurs && !this.#scope.isClosed) this.#idle.add(maker)
    this.#tell(entry, failure)
    if (!this.#scope.isClosed) this.#dispatch()
  }

  /** A maker that is stuck is ended, which rejects what it makes; the next piece gets a new one. */
  #armDeadline(maker: PieceMaker): Timer {
    return this.#scope.after(this.#options.pieceDeadlineMs, () => this.#retire(maker))
  }

  #retire(maker: PieceMaker): void {
    this.#idle.delete(maker)
    const leaving = maker.close().finally(() => this.#leaving.delete(leaving))
    this.#leaving.add(leaving)
  }
}

function failureOf(error: unknown): SynthesisError {
  const cause = error instanceof Error ? error.message : String(error)
  return new SynthesisError(`the engine broke on this text: ${cause}`, { cause: error })
}
