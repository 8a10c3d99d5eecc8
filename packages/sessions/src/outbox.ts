// Messages on their way to one connection: written at once while the peer keeps up, held in order and within bounds
// while it does not. Knows bytes and keys; what the messages mean is the session's affair.
import { NO_KEY } from './ports.ts'
import type { SessionCounters } from './session-counters.ts'

/** The connection's writing side. */
export interface Wire {
  /** Bytes accepted and not yet handed to the kernel. */
  readonly bufferedBytes: number
  /** `written`, when given, is called once: the message has left the process or never will. */
  write(message: Buffer, written?: () => void): void
  /** The same as a binary message. */
  writeBinary(message: Buffer, written?: () => void): void
}

export interface OutboxLimits {
  /** Above this many buffered bytes messages are held back. */
  readonly highWaterBytes: number
  /** Bound on what is held back; a `keep` beyond it fails. */
  readonly maxHeldBytes: number
}

export const OUTBOX_HIGH_WATER_BYTES = 65_536
/** Above this many buffered bytes no frame of a speech is taken: half a second of it, which a cancel could not call back. */
export const SPEECH_HIGH_WATER_BYTES = 16_384

/** `message` is undefined once superseded: its place in the queue is skipped. */
interface Held {
  readonly key: number
  message: Buffer | undefined
}

export class Outbox {
  readonly #wire: Wire
  readonly #limits: OutboxLimits
  readonly #counters: SessionCounters
  /** Writes whose callback will come; while there is one, holding back cannot strand anything. */
  #awaited = 0
  #held: Held[] | undefined
  #head = 0
  #heldBytes = 0
  #latest: Map<number, Held> | undefined

  constructor(wire: Wire, limits: OutboxLimits, counters: SessionCounters) {
    this.#wire = wire
    this.#limits = limits
    this.#counters = counters
  }

  get heldBytes(): number {
    return this.#heldBytes
  }

  get isHolding(): boolean {
    return this.#held !== undefined
  }

  /** Never dropped. False: it would exceed the bound, and the connection has to go (FO1). */
  keep(message: Buffer, supersedes: number = NO_KEY): boolean {
    if (this.#held === undefined) {
      if (this.#mayWrite()) {
        this.#write(message)
        return true
      }
    } else if (supersedes !== NO_KEY) {
      this.#supersede(supersedes)
    }
    if (this.#heldBytes + message.length > this.#limits.maxHeldBytes) return false
    this.#hold({ key: NO_KEY, message }, message.length)
    return true
  }

  /** The newest of its key wins; one that is still held takes the newer content and keeps its place. */
  latest(key: number, message: Buffer): void {
    if (this.#held === undefined && this.#mayWrite()) {
      this.#write(message)
      return
    }
    const earlier = this.#latest?.get(key)
    if (earlier?.message) {
      this.#heldBytes += message.length - earlier.message.length
      earlier.message = message
      this.#countCoalesced(key)
      return
    }
    const held: Held = { key, message }
    this.#hold(held, message.length)
    this.#latest ??= new Map()
    this.#latest.set(key, held)
  }

  /** A frame of a speech: written at once, behind everything kept, or not at all (false). Never held. */
  speech(frame: Buffer): boolean {
    if (this.#held !== undefined || this.#wire.bufferedBytes >= SPEECH_HIGH_WATER_BYTES) return false
    this.#counters.messagesOutTotal++
    this.#counters.bytesOutTotal += frame.length
    this.#awaited++
    this.#wire.writeBinary(frame, this.#onWritten)
    return true
  }

  /** Hands everything held, then `last`, to the wire whatever its state. Nothing may follow. */
  finish(last: Buffer): void {
    while (this.#held !== undefined) this.#writeNext()
    this.#write(last)
  }

  /** Forgets everything held. */
  discard(): void {
    this.#held = undefined
    this.#latest = undefined
    this.#head = 0
    this.#heldBytes = 0
  }

  #mayWrite(): boolean {
    return this.#awaited === 0 || this.#wire.bufferedBytes < this.#limits.highWaterBytes
  }

  #write(message: Buffer): void {
    this.#counters.messagesOutTotal++
    this.#counters.bytesOutTotal += message.length
    // A write into an empty wire needs no callback: whoever fills the wire behind it has one.
    if (this.#wire.bufferedBytes === 0 && message.length < this.#limits.highWaterBytes) {
      this.#wire.write(message)
      return
    }
    this.#awaited++
    this.#wire.write(message, this.#onWritten)
  }

  readonly #onWritten = (): void => {
    this.#awaited--
    while (this.#held !== undefined && this.#mayWrite()) this.#writeNext()
  }

  #hold(held: Held, bytes: number): void {
    this.#held ??= []
    this.#held.push(held)
    this.#heldBytes += bytes
  }

  #supersede(key: number): void {
    const held = this.#latest?.get(key)
    if (!held?.message) return
    this.#latest?.delete(key)
    this.#heldBytes -= held.message.length
    held.message = undefined
    this.#countCoalesced(key)
  }

  #countCoalesced(key: number): void {
    if (key >= 0) this.#counters.partialsCoalescedTotal++
  }

  #writeNext(): void {
    const held = this.#held?.[this.#head]
    if (!this.#held || !held) {
      this.discard()
      return
    }
    this.#head++
    const message = held.message
    if (held.key !== NO_KEY) this.#latest?.delete(held.key)
    if (message) this.#heldBytes -= message.length
    if (this.#head === this.#held.length) this.discard()
    else if (this.#head >= 64 && this.#head * 2 >= this.#held.length) {
      this.#held = this.#held.slice(this.#head)
      this.#head = 0
    }
    if (message) this.#write(message)
  }
}
