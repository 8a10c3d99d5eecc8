// The last few seconds of blocks a stream has heard: pre-roll, calibration and the audio after a cut are taken from here.
import type { AudioBlock } from './audio-inbox.ts'

export interface HeardBlock extends AudioBlock {
  readonly isVoiced: boolean
}

export class BlockHistory {
  readonly #capacity: number
  #blocks: HeardBlock[] = []

  /** Keeps at least `capacity` blocks, and fewer than twice as many. */
  constructor(capacity: number) {
    this.#capacity = capacity
  }

  get length(): number {
    return this.#blocks.length
  }

  push(block: HeardBlock): void {
    this.#blocks.push(block)
    if (this.#blocks.length >= 2 * this.#capacity) this.#blocks = this.#blocks.slice(-this.#capacity)
  }

  /** The last `count` blocks, or as many as there are, oldest first. */
  last(count: number): readonly HeardBlock[] {
    return count <= 0 ? [] : this.#blocks.slice(-count)
  }

  clear(): void {
    this.#blocks = []
  }
}
