// When bursts of loss rage: by time for a whole direction, by packets for one flow. Pure; a seed decides.
import { type Random, seededRandom } from '@parley/kernel'
import type { Burst } from './impairment.ts'

const exponential = (meanMs: number, random: Random): number => -meanMs * Math.log(1 - random())

/** Bursts in time. Asked with times that do not go back. */
export class BurstWindows {
  readonly #quietMs: () => number
  readonly #burstMs: () => number
  #startMs: number
  #endMs: number

  private constructor(firstMs: number, quietMs: () => number, burstMs: () => number) {
    this.#quietMs = quietMs
    this.#burstMs = burstMs
    this.#startMs = firstMs
    this.#endMs = firstMs + burstMs()
  }

  /** Undefined when `burst` does not go by time, or loses nothing. */
  static of(burst: Burst | undefined, seed: number): BurstWindows | undefined {
    if (burst === undefined || burst.kind === 'randomPackets') return undefined
    const random = seededRandom(seed)
    if (burst.kind === 'periodic') {
      const quietMs = burst.everyMs - burst.burstMs
      return new BurstWindows(
        quietMs * random(),
        () => quietMs,
        () => burst.burstMs,
      )
    }
    const { lossRatio, meanBurstMs } = burst
    if (lossRatio === 0) return undefined
    const quietMs = () => exponential((meanBurstMs * (1 - lossRatio)) / lossRatio, random)
    return new BurstWindows(quietMs(), quietMs, () => exponential(meanBurstMs, random))
  }

  /** When the burst that rages at `nowMs` ends; undefined when none does. */
  endOfBurstAt(nowMs: number): number | undefined {
    while (nowMs >= this.#endMs) {
      this.#startMs = this.#endMs + this.#quietMs()
      this.#endMs = this.#startMs + this.#burstMs()
    }
    return nowMs >= this.#startMs ? this.#endMs : undefined
  }
}

/** Bursts in packets: Gilbert's two states, one step for each packet. */
export class PacketBursts {
  readonly #random: Random
  #isRaging = false

  constructor(seed: number) {
    this.#random = seededRandom(seed)
  }

  /** Whether the next packet falls into a burst. */
  next(burst: Burst | undefined): boolean {
    if (burst?.kind !== 'randomPackets' || burst.lossRatio === 0) return false
    const endRatio = 1 / burst.meanBurstPackets
    const beginRatio = Math.min(1, (endRatio * burst.lossRatio) / (1 - burst.lossRatio))
    this.#isRaging = this.#isRaging ? this.#random() >= endRatio : this.#random() < beginRatio
    return this.#isRaging
  }
}
