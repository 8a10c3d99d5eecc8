// Takes frames out of the ring on the main loop: at once after a silence, then at most every DRAIN_EVERY_MS while they keep coming,
// as each waking costs more than the frames of one session. Whose frame it is, is the sink's business.
import type { Clock, Timer } from '@parley/kernel'
import { NO_STAGES, SPAN, type StageTimer } from '@parley/telemetry'
import type { RingReader, RingSink } from './shared-ring.ts'

const DRAIN_EVERY_MS = 5
/** Frames taken before others get their turn on the loop; after a stall there may be many thousands. */
const MAX_FRAMES_PER_TURN = 1_000

export class FrameDrain {
  readonly #reader: RingReader
  readonly #clock: Clock
  readonly #sink: RingSink
  readonly #stages: StageTimer
  readonly #run = () => this.#drain()
  #timer: Timer | undefined
  #isClosed = false

  /** Starts at once. */
  constructor(reader: RingReader, clock: Clock, sink: RingSink, stages: StageTimer = NO_STAGES) {
    this.#stages = stages
    this.#reader = reader
    this.#clock = clock
    this.#sink = sink
    this.#drain()
  }

  /** Takes nothing more. Idempotent. */
  close(): void {
    this.#isClosed = true
    this.#timer?.cancel()
    this.#reader.wake()
  }

  #timedDrain(): number {
    const stages = this.#stages
    stages.enter(SPAN.udpDrain)
    const frames = this.#reader.drain(this.#sink, MAX_FRAMES_PER_TURN)
    stages.count(SPAN.udpDrain, frames)
    stages.leave()
    return frames
  }

  #drain(): void {
    if (this.#isClosed) return
    const frames = this.#timedDrain()
    if (frames > 0) {
      this.#timer = this.#clock.after(frames < MAX_FRAMES_PER_TURN ? DRAIN_EVERY_MS : 0, this.#run)
      return
    }
    const more = this.#reader.wait()
    if (more) more.then(this.#run)
    else this.#timer = this.#clock.after(0, this.#run)
  }
}
