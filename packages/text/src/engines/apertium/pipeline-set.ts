// The pipelines that run: one for each mode that was asked for, at most so many. When another is wanted the one that was used longest ago
// takes no more texts, finishes what it has and makes room.
import type { Clock } from '@parley/kernel'
import type { RestartingQueue } from '../restarting-queue.ts'
import type { Mode } from './mode-files.ts'
import { createPipeline, type PieceAnswer } from './pipeline.ts'
import type { StartRunner } from './pipeline-runner.ts'

export interface PipelineSetOptions {
  readonly clock: Clock
  /** Most pipelines at a time, each about a dozen processes and 45 to 120 MB. */
  readonly maxPipelines: number
  readonly startRunner?: StartRunner | undefined
  readonly onBroken: (mode: string, reason: string) => void
}

interface Entry {
  readonly pipeline: RestartingQueue<string, string>
  isLeaving: boolean
}

/** A text whose pipeline does not run yet. */
interface Homeless {
  readonly mode: Mode
  readonly settle: () => void
  isLeft: boolean
}

export class PipelineSet {
  readonly #options: PipelineSetOptions
  /** Least recently used first. */
  readonly #entries = new Map<string, Entry>()
  /** In the order they came; bounded by who asks, as in a pipeline. */
  #homeless: Homeless[] = []
  readonly #ending = new Set<Promise<void>>()
  #isClosed = false

  constructor(options: PipelineSetOptions) {
    this.#options = options
  }

  /** Names of the modes that run. */
  get running(): readonly string[] {
    return [...this.#entries.keys()]
  }

  /** As `RestartingQueue.ask`. */
  ask(mode: Mode, stream: string, onAnswer: (answer: PieceAnswer) => void): () => void {
    let leave = () => {}
    const homeless: Homeless = {
      mode,
      isLeft: false,
      settle: () => {
        leave = this.#pipelineFor(mode)?.ask(stream, onAnswer) ?? leave
      },
    }
    if (this.#pipelineFor(mode)) homeless.settle()
    else {
      this.#homeless.push(homeless)
      this.#makeRoom()
    }
    return () => {
      homeless.isLeft = true
      this.#homeless = this.#homeless.filter((each) => each !== homeless)
      leave()
    }
  }

  /** Starts the pipeline of `mode` with `stream`, whose answer is nobody's. Nothing happens where it runs, or would have to be made room for. */
  warm(mode: Mode, stream: string): void {
    if (!this.#entries.has(mode.name)) this.#pipelineFor(mode)?.ask(stream, () => {})
  }

  /** Ends every pipeline; what was asked fails, unless it had none yet: whoever closes has told those. Idempotent. */
  async close(): Promise<void> {
    this.#isClosed = true
    this.#homeless = []
    for (const name of [...this.#entries.keys()]) this.#end(name)
    await Promise.all(this.#ending)
  }

  /** The pipeline that takes texts of this mode now, started if there is room for it. */
  #pipelineFor(mode: Mode): RestartingQueue<string, string> | undefined {
    const entry = this.#entries.get(mode.name)
    if (entry) {
      if (entry.isLeaving) return undefined
      this.#entries.delete(mode.name)
      this.#entries.set(mode.name, entry)
      return entry.pipeline
    }
    if (this.#isClosed || this.#entries.size >= this.#options.maxPipelines) return undefined
    const { clock, startRunner, onBroken } = this.#options
    const pipeline = createPipeline({
      clock,
      mode,
      startRunner,
      onIdle: () => this.#onIdle(mode.name),
      onBroken: (reason) => onBroken(mode.name, reason),
    })
    this.#entries.set(mode.name, { pipeline, isLeaving: false })
    return pipeline
  }

  /** One pipeline on its way out is enough: the rest is looked at when it is gone. */
  #makeRoom(): void {
    if ([...this.#entries.values()].some(({ isLeaving }) => isLeaving)) return
    const [first] = this.#entries
    if (!first) return
    const [name, oldest] = first
    oldest.isLeaving = true
    if (oldest.pipeline.isIdle) this.#onIdle(name)
  }

  #onIdle(name: string): void {
    if (this.#entries.get(name)?.isLeaving !== true) return
    this.#end(name)
    const waiting = this.#homeless
    this.#homeless = []
    for (const homeless of waiting) {
      if (homeless.isLeft) continue
      if (this.#pipelineFor(homeless.mode)) homeless.settle()
      else this.#homeless.push(homeless)
    }
    if (this.#homeless.length > 0) this.#makeRoom()
  }

  #end(name: string): void {
    const entry = this.#entries.get(name)
    this.#entries.delete(name)
    if (!entry) return
    const ending = entry.pipeline.close().finally(() => this.#ending.delete(ending))
    this.#ending.add(ending)
  }
}
