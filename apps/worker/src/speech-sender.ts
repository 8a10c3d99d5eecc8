// Gathers the audio of all speeches of one link and sends it as few messages. Bounded: by the credit of each speech, and by standing
// still while the pod does not read.
import { type Clock, Scope } from '@parley/kernel'
import { LINK_RECORD_HEADER_BYTES, writeLinkRecord } from '@parley/protocol'
import type { StreamCounters } from './host-context.ts'

/** How long audio may wait for other audio. */
const TICK_MS = 5
/** Gathered audio that is sent without waiting for the tick. */
const LARGE_BYTES = 49_152
/** With more than this unread no audio is sent; what the speeches have waits with them. */
const MAX_BACKLOG_BYTES = 256 * 1024
/** How often it is looked whether the pod reads again. */
const STALL_CHECK_MS = 20

export interface SpeechOutlet {
  /** Sent and not yet taken by the system. */
  readonly bufferedBytes: number
  sendAudio(bytes: Uint8Array): void
}

interface Piece {
  readonly stream: number
  readonly sample: number
  readonly bytes: Uint8Array
}

export class SpeechSender {
  readonly #scope: Scope
  readonly #outlet: SpeechOutlet
  readonly #counters: Pick<StreamCounters, 'speechStallsTotal'>
  /** Called when audio may be given again after `isStalled`. */
  readonly #onResumed: () => void
  #pieces: Piece[] = []
  #bytes = 0
  #isArmed = false
  #isStalled = false

  constructor(
    clock: Clock,
    outlet: SpeechOutlet,
    counters: Pick<StreamCounters, 'speechStallsTotal'>,
    onResumed: () => void,
  ) {
    this.#scope = new Scope(clock)
    this.#outlet = outlet
    this.#counters = counters
    this.#onResumed = onResumed
  }

  /** While true no audio is to be given: the pod does not read what it was sent. */
  get isStalled(): boolean {
    return this.#isStalled
  }

  /** Audio of `stream` at `sample` of its speech; it is the sender's from now on. */
  add(stream: number, sample: number, samples: Int16Array): void {
    const bytes = new Uint8Array(samples.buffer, samples.byteOffset, samples.byteLength)
    this.#pieces.push({ stream, sample, bytes })
    this.#bytes += LINK_RECORD_HEADER_BYTES + bytes.byteLength
    if (this.#bytes >= LARGE_BYTES) this.sendNow()
    else this.#arm()
  }

  /** Nothing more of `stream` is sent. */
  forget(stream: number): void {
    this.#pieces = this.#pieces.filter((piece) => piece.stream !== stream)
    this.#bytes = this.#pieces.reduce((sum, { bytes }) => sum + LINK_RECORD_HEADER_BYTES + bytes.byteLength, 0)
  }

  sendNow(): void {
    if (this.#pieces.length === 0) return
    const message = new Uint8Array(this.#bytes)
    let offset = 0
    for (const { stream, sample, bytes } of this.#pieces) {
      offset = writeLinkRecord(message, offset, stream, sample % 2 ** 32, bytes)
    }
    this.#pieces = []
    this.#bytes = 0
    this.#outlet.sendAudio(message)
    if (this.#outlet.bufferedBytes > MAX_BACKLOG_BYTES) this.#stall()
  }

  close(): void {
    this.#pieces = []
    void this.#scope.close()
  }

  #arm(): void {
    if (this.#isArmed) return
    this.#isArmed = true
    this.#scope.after(TICK_MS, () => {
      this.#isArmed = false
      this.sendNow()
    })
  }

  #stall(): void {
    if (this.#isStalled) return
    this.#isStalled = true
    this.#counters.speechStallsTotal++
    const look = this.#scope.every(STALL_CHECK_MS, () => {
      if (this.#outlet.bufferedBytes > MAX_BACKLOG_BYTES / 2) return
      look.cancel()
      this.#isStalled = false
      this.#onResumed()
    })
  }
}
