// Frames this client must be able to send (again): those not sent yet, and those sent that the platform has not settled (UT4).
// A list with a place in it; knows nothing of sockets.

export interface KeptFrame {
  /** A whole WebSocket message; its seq is written when it is sent. */
  readonly message: Uint8Array
  /** Media time of the first sample, and of the one after the last. */
  readonly start: number
  readonly end: number
}

export interface KeptAudioLimits {
  readonly frames: number
  readonly bytes: number
}

export class KeptAudio {
  readonly #limits: KeptAudioLimits
  #frames: KeptFrame[] = []
  /** Frames before `#head` are gone, those before `#next` are sent. */
  #head = 0
  #next = 0
  #bytes = 0
  /** Samples of the frames from `#head` to `#next`. */
  #sentSamples = 0
  #dropped = 0
  /** Media time before which sent frames were forgotten for want of room, not because they were settled. */
  #forgottenEnd = 0

  constructor(limits: KeptAudioLimits) {
    this.#limits = limits
  }

  /** The frame to send next. */
  get next(): KeptFrame | undefined {
    return this.#frames[this.#next]
  }
  get unsent(): number {
    return this.#frames.length - this.#next
  }
  get length(): number {
    return this.#frames.length - this.#head
  }
  get bytes(): number {
    return this.#bytes
  }
  /** Samples of what was sent (or has arrived) and is not settled. */
  get sentSamples(): number {
    return this.#sentSamples
  }
  /** Frames that had to go before they were ever sent. */
  get dropped(): number {
    return this.#dropped
  }

  /** Takes a frame that follows all others; makes room by giving up the oldest, sent or not. */
  push(frame: KeptFrame): void {
    this.#frames.push(frame)
    this.#bytes += frame.message.byteLength
    while (this.length > 1 && (this.length > this.#limits.frames || this.#bytes > this.#limits.bytes)) {
      const oldest = this.#frames[this.#head] as KeptFrame
      if (this.#head === this.#next) {
        this.#dropped++
        this.#next++
      } else {
        this.#forgottenEnd = oldest.end
        this.#sentSamples -= oldest.end - oldest.start
      }
      this.#shift()
    }
  }

  /** The next frame has been sent. */
  advance(): void {
    const frame = this.next
    if (frame) this.#pass(frame)
  }

  /** Samples before `mediaTime` are recognised for good: what was sent of them need not be kept. */
  settle(mediaTime: number): void {
    while (this.#head < this.#next) {
      const { start, end } = this.#frames[this.#head] as KeptFrame
      if (end > mediaTime) return
      this.#sentSamples -= end - start
      this.#shift()
    }
  }

  /**
   * Everything beyond `mediaTime` is to be sent, also what was sent before; frames before it count as sent. Gives the samples there
   * are to send, and those that should be but are not kept any more.
   */
  rewind(mediaTime: number): { readonly again: number; readonly lost: number } {
    this.#next = this.#head
    this.#sentSamples = 0
    for (let frame = this.next; frame && frame.end <= mediaTime; frame = this.next) this.#pass(frame)
    let again = 0
    for (let index = this.#next; index < this.#frames.length; index++) {
      const { start, end } = this.#frames[index] as KeptFrame
      again += end - start
    }
    return { again, lost: Math.max(0, this.#forgottenEnd - mediaTime) }
  }

  clear(): void {
    this.#frames = []
    this.#head = 0
    this.#next = 0
    this.#bytes = 0
    this.#sentSamples = 0
  }

  #pass({ start, end }: KeptFrame): void {
    this.#next++
    this.#sentSamples += end - start
  }

  #shift(): void {
    this.#bytes -= (this.#frames[this.#head] as KeptFrame).message.byteLength
    this.#frames[this.#head] = undefined as unknown as KeptFrame
    this.#head++
    // Compact when the dead part outweighs the living, so that this stays amortised O(1).
    if (this.#head <= 64 || this.#head * 2 <= this.#frames.length) return
    this.#frames = this.#frames.slice(this.#head)
    this.#next -= this.#head
    this.#head = 0
  }
}
