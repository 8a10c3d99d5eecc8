// What a client sent and recognition was not given yet: audio and the commands between it, in order. Bounded; reading from the socket
// stops long before the bound (see AsrConnection), so that reaching it means the connection cannot go on.
import { BoundedQueue } from '@parley/kernel'
import { MAX_PENDING_BYTES } from './limits.ts'

export interface AsrCommandItem {
  readonly kind: 'flush' | 'end'
  readonly requestId: string | undefined
}
export type IntakeItem = { readonly kind: 'audio'; readonly bytes: Uint8Array } | AsrCommandItem

/** What a command costs of the bound. */
const COMMAND_BYTES = 256

export class AsrIntake {
  readonly #items = new BoundedQueue<IntakeItem>({
    capacity: MAX_PENDING_BYTES,
    overflow: 'refuse',
    sizeOf: (item) => (item.kind === 'audio' ? item.bytes.byteLength : COMMAND_BYTES),
  })
  /** Bytes of the first item that have been taken already. */
  #taken = 0

  get isEmpty(): boolean {
    return this.#items.length === 0
  }

  /** Audio that waits. */
  get audioBytes(): number {
    let bytes = -this.#taken
    for (const item of this.#items) if (item.kind === 'audio') bytes += item.bytes.byteLength
    return bytes
  }

  /** False when it is full. */
  push(item: IntakeItem): boolean {
    if (item.kind === 'audio' && item.bytes.byteLength === 0) return true
    return this.#items.push(item)
  }

  /** The kind of what comes next. */
  next(): IntakeItem['kind'] | undefined {
    return this.#items.peek()?.kind
  }

  /** At most `maxBytes` of the audio that comes next. */
  takeAudio(maxBytes: number): Uint8Array {
    const item = this.#items.peek()
    if (item?.kind !== 'audio') return new Uint8Array(0)
    const bytes = item.bytes.subarray(this.#taken, this.#taken + maxBytes)
    this.#taken += bytes.byteLength
    if (this.#taken === item.bytes.byteLength) {
      this.#items.shift()
      this.#taken = 0
    }
    return bytes
  }

  /** The command that comes next. */
  takeCommand(): AsrCommandItem | undefined {
    const item = this.#items.peek()
    if (!item || item.kind === 'audio') return undefined
    this.#items.shift()
    return item
  }

  /** Forgets the audio; the commands, which want an answer all the same, are handed back. */
  clear(): AsrCommandItem[] {
    const commands = [...this.#items].filter((item) => item.kind !== 'audio')
    this.#items.clear()
    this.#taken = 0
    return commands
  }
}
