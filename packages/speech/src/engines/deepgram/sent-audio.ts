// What a live connection was sent and has not decided for good: it is sent again on the next connection when this one is lost, and it says which
// media time a second of the connection's own audio is. Pure.
import type { AudioBlock } from '../../audio-inbox.ts'
import { BLOCK_MS } from '../../endpointing.ts'

/** A place in the audio at which everything before it is to be decided. */
export interface Mark {
  readonly kind: 'gap' | 'idle' | 'flush' | 'cut'
  readonly flushId?: number
  /** Media time up to which it had been heard. */
  readonly heardMs: number
}

type Item = AudioBlock | { readonly kind: 'mark'; readonly mark: Mark }

export class SentAudio {
  #items: Item[] = []
  #blocks = 0
  /** Blocks of this connection that are not kept any more: they come before the first that is. */
  #forgotten = 0
  #lastEndMs = 0

  /** Blocks kept. */
  get length(): number {
    return this.#blocks
  }

  push(block: AudioBlock): void {
    this.#items.push(block)
    this.#blocks++
    this.#lastEndMs = block.endMs
  }

  mark(mark: Mark): void {
    this.#items.push({ kind: 'mark', mark })
  }

  /** Everything up to `connectionS` of this connection is decided: it is kept no longer. Marks stay until they are answered. */
  forget(connectionS: number): void {
    let leave = Math.floor((connectionS * 1000 + 1) / BLOCK_MS) - this.#forgotten
    if (leave <= 0) return
    const kept: Item[] = []
    for (const item of this.#items) {
      if (item.kind === 'block' && leave > 0) {
        leave--
        this.#blocks--
        this.#forgotten++
      } else kept.push(item)
    }
    this.#items = kept
  }

  /** The oldest mark is answered: what lies before it is decided. Undefined when there is none. */
  takeMark(): Mark | undefined {
    const at = this.#items.findIndex((item) => item.kind === 'mark')
    if (at < 0) return undefined
    // All that lies before the first mark is blocks.
    this.#blocks -= at
    this.#forgotten += at
    const [taken] = this.#items.splice(0, at + 1).slice(-1)
    return taken?.kind === 'mark' ? taken.mark : undefined
  }

  get hasMark(): boolean {
    return this.#items.some((item) => item.kind === 'mark')
  }

  /** Media time of `connectionS`, as near as what is kept can tell: before it its beginning, after it its end. */
  mediaMs(connectionS: number): number {
    const atMs = Math.max(0, connectionS * 1000 - this.#forgotten * BLOCK_MS)
    let blocksBefore = Math.floor(atMs / BLOCK_MS)
    for (const item of this.#items) {
      if (item.kind === 'block' && blocksBefore-- === 0) return Math.min(item.endMs, item.startMs + (atMs % BLOCK_MS))
    }
    return this.#lastEndMs
  }

  /** What the next connection is to be sent, in order; times are of that connection from now on. */
  *again(): Generator<Item> {
    this.#forgotten = 0
    yield* this.#items.slice()
  }
}
