// What one direction of a bad network does to each packet: pure, given a seed, the time and the size. Nothing waits here; the
// relay carries out what is decided. Every kind of trouble draws from a source of its own, so that changing one leaves the
// others' decisions as they were.
import { type Random, seededRandom } from '@parley/kernel'
import { BurstWindows, PacketBursts } from './burst-model.ts'
import type { LinkImpairment } from './impairment.ts'

export type LossReason = 'loss' | 'burst' | 'queue'

export type PacketFate =
  | { readonly kind: 'dropped'; readonly reason: LossReason }
  /** `againAtMs`: a second copy. `isHeldBack`: later packets may overtake. Both times are at or after now. */
  | {
      readonly kind: 'delivered'
      readonly atMs: number
      readonly isHeldBack: boolean
      readonly againAtMs: number | undefined
    }

/** Mixes numbers into a seed; near seeds give unlike ones. */
export function deriveSeed(...parts: readonly number[]): number {
  let hash = 0x811c9dc5
  for (const part of parts) {
    hash = Math.imul(hash ^ (part >>> 0), 0x01000193)
    hash = Math.imul(hash ^ (hash >>> 15), 0x2c1b3c6d)
    hash ^= hash >>> 13
  }
  return hash >>> 0
}

const TENTH_OF_MEAN = 10

/** Standard normal, by Box and Muller; the second of the pair is not kept, so that each call draws exactly two numbers. */
const normal = (random: Random): number => Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random())

function jitterOf({ jitterShape, jitterMs }: LinkImpairment, random: Random): number {
  switch (jitterShape) {
    case 'uniform':
      return jitterMs * random()
    case 'normal':
      return jitterMs * normal(random)
    case 'exponential':
      return Math.min(jitterMs * TENTH_OF_MEAN, -jitterMs * Math.log(1 - random()))
  }
}

/** One direction: what all its flows share, that is the rate with its queue, and the bursts. Times must not go back. */
export class LinkModel {
  readonly #seed: number
  #impairment: LinkImpairment
  #bursts: BurstWindows | undefined
  /** Until then the line is busy with what it has taken. */
  #busyUntilMs = 0

  constructor(impairment: LinkImpairment, seed: number) {
    this.#seed = seed
    this.#impairment = impairment
    this.#bursts = BurstWindows.of(impairment.burst, deriveSeed(seed, 1))
  }

  get impairment(): LinkImpairment {
    return this.#impairment
  }

  /** From now on. Packets already decided keep their fate. */
  set(impairment: LinkImpairment): void {
    if (JSON.stringify(impairment.burst) !== JSON.stringify(this.#impairment.burst)) {
      this.#bursts = BurstWindows.of(impairment.burst, deriveSeed(this.#seed, 1))
    }
    this.#impairment = impairment
  }

  /** The `index`-th flow of this direction; the same index draws the same numbers. */
  flow(index: number): FlowModel {
    return new FlowModel(this, deriveSeed(this.#seed, 2, index))
  }

  /** When the burst that rages at `nowMs` ends; undefined when none does. */
  burstEndMs(nowMs: number): number | undefined {
    return this.#bursts?.endOfBurstAt(nowMs)
  }

  /** What waits for the rate, bytes. */
  queuedBytes(nowMs: number): number {
    const rate = this.#impairment.rateBitsPerSecond
    return rate === undefined ? 0 : Math.max(0, ((this.#busyUntilMs - nowMs) * rate) / 8_000)
  }

  /** When the queue will have come down to its bound: now, when it is there already. */
  roomAtMs(nowMs: number): number {
    const { rateBitsPerSecond: rate, queueBytes } = this.#impairment
    if (rate === undefined) return nowMs
    // A microsecond more, so that rounding never answers an instant at which there is still no room.
    return Math.max(nowMs, this.#busyUntilMs - (queueBytes * 8_000) / rate + 0.001)
  }

  hasRoom(nowMs: number): boolean {
    return this.roomAtMs(nowMs) <= nowMs
  }

  /** When the last bit of `sizeBytes` has been sent; undefined when they do not fit into the queue. */
  transmit(nowMs: number, sizeBytes: number): number | undefined {
    const { rateBitsPerSecond: rate, queueBytes } = this.#impairment
    if (rate === undefined) return nowMs
    if (this.queuedBytes(nowMs) + sizeBytes > queueBytes) return undefined
    return this.transmitAnyway(nowMs, sizeBytes)
  }

  /** The same for who has looked for room: the queue may exceed its bound by `sizeBytes`. */
  transmitAnyway(nowMs: number, sizeBytes: number): number {
    const rate = this.#impairment.rateBitsPerSecond
    if (rate === undefined) return nowMs
    this.#busyUntilMs = Math.max(nowMs, this.#busyUntilMs) + (sizeBytes * 8_000) / rate
    return this.#busyUntilMs
  }
}

/** Segments of TCP: how many chances to be lost a chunk has. */
const SEGMENT_BYTES = 1_460

/** One flow of one direction: its own draws, and its order. */
export class FlowModel {
  readonly #link: LinkModel
  readonly #loss: Random
  readonly #jitter: Random
  readonly #reorder: Random
  readonly #duplicate: Random
  readonly #bursts: PacketBursts
  #lastAtMs = 0
  #wasHeldBack = false

  constructor(link: LinkModel, seed: number) {
    this.#link = link
    this.#loss = seededRandom(deriveSeed(seed, 3))
    this.#jitter = seededRandom(deriveSeed(seed, 4))
    this.#reorder = seededRandom(deriveSeed(seed, 5))
    this.#duplicate = seededRandom(deriveSeed(seed, 6))
    this.#bursts = new PacketBursts(deriveSeed(seed, 7))
  }

  /** Decides about one datagram that arrives at `nowMs`. */
  datagram(nowMs: number, sizeBytes: number): PacketFate {
    const { impairment } = this.#link
    const lost = this.#lossOf(nowMs)
    if (lost) return { kind: 'dropped', reason: lost }
    const sentAtMs = this.#link.transmit(nowMs, sizeBytes)
    if (sentAtMs === undefined) return { kind: 'dropped', reason: 'queue' }
    const isHeldBack = this.#holdsBack()
    const inOrderMs = this.#inOrder(sentAtMs)
    const atMs = isHeldBack ? inOrderMs + impairment.reorderByMs : inOrderMs
    // One that is held back keeps its place in the order all the same: those behind it are not held by it.
    this.#lastAtMs = inOrderMs
    const isDoubled = impairment.duplicateRatio > 0 && this.#duplicate() < impairment.duplicateRatio
    const againAtMs = isDoubled ? this.#copyAtMs(nowMs, sizeBytes, atMs - sentAtMs) : undefined
    return { kind: 'delivered', atMs, isHeldBack, againAtMs }
  }

  /** When `sizeBytes` of a byte stream that came at `nowMs` arrive: never before what came earlier. */
  bytes(nowMs: number, sizeBytes: number): { readonly atMs: number; readonly isRetransmitted: boolean } {
    const { retransmitMs } = this.#link.impairment
    let sentAtMs = this.#link.transmitAnyway(nowMs, sizeBytes)
    const burstEndMs = this.#link.burstEndMs(nowMs)
    const isRetransmitted = retransmitMs > 0 && this.#losesAny(nowMs, Math.ceil(sizeBytes / SEGMENT_BYTES))
    if (isRetransmitted) sentAtMs = Math.max(sentAtMs, burstEndMs ?? 0) + retransmitMs
    this.#lastAtMs = this.#inOrder(sentAtMs)
    return { atMs: this.#lastAtMs, isRetransmitted }
  }

  /** `sentAtMs` with delay and jitter, and not before what came earlier: jitter alone never lets anything overtake. */
  #inOrder(sentAtMs: number): number {
    const { impairment } = this.#link
    const jitterMs = impairment.jitterMs > 0 ? jitterOf(impairment, this.#jitter) : 0
    return Math.max(sentAtMs + Math.max(0, impairment.delayMs + jitterMs), this.#lastAtMs)
  }

  #lossOf(nowMs: number): LossReason | undefined {
    const { lossRatio, burst } = this.#link.impairment
    if (this.#link.burstEndMs(nowMs) !== undefined || this.#bursts.next(burst)) return 'burst'
    return lossRatio > 0 && this.#loss() < lossRatio ? 'loss' : undefined
  }

  #losesAny(nowMs: number, segments: number): boolean {
    let isLost = false
    for (let segment = 0; segment < segments; segment++) if (this.#lossOf(nowMs)) isLost = true
    return isLost
  }

  /** Never two in a row, so that each one held back has a next one to be overtaken by; the odds make up for it. */
  #holdsBack(): boolean {
    const { reorderRatio } = this.#link.impairment
    if (reorderRatio <= 0) return false
    const isDrawn = this.#reorder() < reorderRatio / (1 - reorderRatio)
    this.#wasHeldBack = isDrawn && !this.#wasHeldBack
    return this.#wasHeldBack
  }

  /** A copy takes room on the line as well, and follows its original as late as that came. */
  #copyAtMs(nowMs: number, sizeBytes: number, laterMs: number): number | undefined {
    const sentAtMs = this.#link.transmit(nowMs, sizeBytes)
    return sentAtMs === undefined ? undefined : sentAtMs + laterMs
  }
}
