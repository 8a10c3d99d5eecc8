// Gathers the audio of all streams of one link and sends it as few messages: every LINK_TICK_MS, or at once when much has
// come together. Owns no audio: what is not sent yet lies with its stream, which is bounded (UT4).
import type { Clock } from '@parley/kernel'
import type { PodToWorker } from '@parley/protocol'
import { NO_STAGES, SPAN, type StageTimer } from '@parley/telemetry'
import { LinkTick } from './link-tick.ts'

/** One message; also what one stream may add before the others have their go. */
const BATCH_BYTES = 65_536
/** Gathered audio that is sent without waiting for the tick. */
const LARGE_BYTES = 49_152
/** A worker that leaves more than this unread gets no audio until it has caught up; the frames wait with their streams. */
const MAX_BUFFERED_BYTES = 2 * 1024 * 1024

export interface LinkBatch {
  readonly bytes: Buffer
  end: number
  /** Monotonic, the same for all sources of a round. */
  nowMs: number
  /** Flushes that are due once the records of this batch have been sent. */
  readonly flushes: { readonly stream: number; readonly flushId: number }[]
}

export interface AudioSource {
  /** True while the sender has it in its list; the sender's field. */
  isQueued: boolean
  /**
   * Adds records and due flushes. `done`: nothing is left; `more`: there is more for the next batch; `later`: there is
   * more, but it is not to be sent yet.
   */
  fill(batch: LinkBatch): 'done' | 'more' | 'later'
}

export interface LinkOutlet {
  readonly bufferedBytes: number
  sendAudio(bytes: Buffer): void
  send(message: PodToWorker): void
}

export interface SenderCounters {
  batches: number
  batchBytes: number
  /** Ticks skipped because the worker did not read. */
  stalls: number
}

export class LinkSender {
  readonly #clock: Clock
  readonly #tick: LinkTick
  readonly #onTick = () => {
    this.#isArmed = false
    this.sendNow()
  }
  readonly #outlet: LinkOutlet
  readonly #counters: SenderCounters
  readonly #stages: StageTimer
  readonly #batch: LinkBatch = { bytes: Buffer.allocUnsafeSlow(BATCH_BYTES), end: 0, nowMs: 0, flushes: [] }
  #sources: AudioSource[] = []
  #gatheredBytes = 0
  #isArmed = false

  /** `tick` is that of all links of the pod; one of its own unless told. */
  constructor(
    clock: Clock,
    outlet: LinkOutlet,
    counters: SenderCounters,
    stages: StageTimer = NO_STAGES,
    tick = new LinkTick(clock),
  ) {
    this.#stages = stages
    this.#clock = clock
    this.#tick = tick
    this.#outlet = outlet
    this.#counters = counters
  }

  /** `source` has `bytes` more to send. */
  gather(source: AudioSource, bytes: number): void {
    if (!source.isQueued) {
      source.isQueued = true
      this.#sources.push(source)
    }
    this.#gatheredBytes += bytes
    if (this.#gatheredBytes >= LARGE_BYTES) this.sendNow()
    else this.#arm()
  }

  /** Sends what the sources have, as far as the worker reads it; the rest at the next tick. */
  sendNow(): void {
    const stages = this.#stages
    stages.enter(SPAN.linkOut)
    this.#gatheredBytes = 0
    this.#batch.nowMs = this.#clock.nowMs()
    while (this.#sources.length > 0) {
      if (this.#outlet.bufferedBytes > MAX_BUFFERED_BYTES) {
        this.#counters.stalls++
        break
      }
      if (!this.#sendBatch()) break
    }
    if (this.#sources.length > 0) this.#arm()
    stages.leave()
  }

  /** `source` leaves this link: nothing of it is sent here any more. */
  forget(source: AudioSource): void {
    if (!source.isQueued) return
    source.isQueued = false
    this.#sources = this.#sources.filter((queued) => queued !== source)
  }

  /** Sources keep what was not sent. */
  close(): void {
    for (const source of this.#sources) source.isQueued = false
    this.#sources = []
    this.#tick.forget(this.#onTick)
  }

  #arm(): void {
    if (this.#isArmed) return
    this.#isArmed = true
    this.#tick.next(this.#onTick)
  }

  /** One round over the sources; false when none of them had anything to send now. */
  #sendBatch(): boolean {
    const batch = this.#batch
    batch.end = 0
    batch.flushes.length = 0
    const sources = this.#sources
    const left: AudioSource[] = []
    let index = 0
    for (; index < sources.length; index++) {
      const source = sources[index] as AudioSource
      const outcome = source.fill(batch)
      if (outcome === 'done') source.isQueued = false
      else left.push(source)
      if (batch.end >= LARGE_BYTES) {
        index++
        break
      }
    }
    // Those that had no go come first in the next batch.
    this.#sources = index < sources.length ? sources.slice(index).concat(left) : left
    if (batch.end > 0) {
      this.#counters.batches++
      this.#counters.batchBytes += batch.end
      this.#stages.count(SPAN.linkOut, batch.end / 1024)
      this.#outlet.sendAudio(Buffer.from(batch.bytes.subarray(0, batch.end)))
    }
    for (const { stream, flushId } of batch.flushes) this.#outlet.send({ type: 'stream.flush', stream, flushId })
    return batch.end > 0 || batch.flushes.length > 0
  }
}
