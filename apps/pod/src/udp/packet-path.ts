// The way of a packet through the UDP thread: length and kind, channel, source, rate, opening, order, ring. Every packet that does
// not arrive is counted by reason. Sockets, threads and clocks are the caller's.
import { randomInt } from 'node:crypto'
import { newReorderTally, ReorderBuffer, ReorderPool } from '@parley/audio/reorder'
import { MAX_UDP_PAYLOAD_BYTES, packetChannel, UDP_KINDS, UDP_PROBE_BYTES } from '@parley/protocol/udp-packet'
import { OpenerTable, packetBytes, packetFault } from '@parley/sealing'
import { ChannelTable, type FrameShape } from './channel-table.ts'
import type { PacketSource } from './packet-source.ts'
import { COUNTER_INDEX, type UdpCounter } from './shared-counters.ts'
import type { RingWriter } from './shared-ring.ts'
import { SourceLimits } from './source-limits.ts'
import type { UdpDropReason } from './udp-port.ts'

export interface PacketPathOptions {
  readonly ring: RingWriter
  readonly counters: Float64Array
  readonly sourcePacketsPerSecond: number
  readonly nowMs: number
  /** Sends `packet`, which is the callee's from now on, to where the probe came from. */
  readonly answer: (packet: Uint8Array, source: PacketSource) => void
}

export class PacketPath {
  readonly #ring: RingWriter
  readonly #counters: Float64Array
  readonly #answer: PacketPathOptions['answer']
  readonly #sources: SourceLimits
  readonly #hashSeed = randomInt(2 ** 32)
  readonly #seals = new OpenerTable()
  /** Rows are those of #seals. */
  readonly #table = new ChannelTable()
  /** By channel number as a signed integer: those above 2^31 would be boxed. */
  readonly #rowByNumber = new Map<number, number>()
  readonly #rowByHandle = new Map<number, number>()
  readonly #frameMs: number[] = []
  readonly #pool = new ReorderPool(MAX_UDP_PAYLOAD_BYTES)
  readonly #tally = newReorderTally()
  /** By row: only where packets wait for earlier ones. */
  readonly #disorder = new Map<number, ReorderBuffer>()
  readonly #missingBase: number
  readonly #reorderedBase: number
  #nowMs: number
  #wallMs = 0

  constructor({ ring, counters, sourcePacketsPerSecond, nowMs, answer }: PacketPathOptions) {
    this.#ring = ring
    this.#counters = counters
    this.#answer = answer
    this.#sources = new SourceLimits(sourcePacketsPerSecond, nowMs)
    this.#nowMs = nowMs
    this.#missingBase = counters[COUNTER_INDEX.missing] as number
    this.#reorderedBase = counters[COUNTER_INDEX.reordered] as number
    this.#setChannels()
  }

  /** Keys held; leak tests assert on it. */
  get keys(): number {
    return this.#seals.size
  }

  /** `key` is wiped. */
  open(handle: number, channel: number, key: Uint8Array, frame: FrameShape, nowMs: number): void {
    const row = this.#seals.add(key)
    key.fill(0)
    this.#table.set(row, handle, channel, frame, nowMs)
    this.#frameMs[row] = frame.frameMs
    this.#rowByNumber.set(channel | 0, row)
    this.#rowByHandle.set(handle, row)
    this.#setChannels()
  }

  /** What waits for order is dropped with the channel; the key is wiped. */
  close(handle: number): void {
    const row = this.#rowByHandle.get(handle)
    if (row === undefined) return
    this.#rowByHandle.delete(handle)
    this.#rowByNumber.delete(this.#table.channel(row) | 0)
    this.#disorder.get(row)?.clear()
    this.#disorder.delete(row)
    this.#seals.remove(row)
    this.#setChannels()
  }

  closeAll(): void {
    for (const handle of [...this.#rowByHandle.keys()]) this.close(handle)
  }

  /** What time the packets that follow were taken from the socket. */
  startBatch(nowMs: number, wallMs: number): void {
    this.#nowMs = nowMs
    this.#wallMs = wallMs
  }

  /** `packet` and `source` are the caller's again when this returns. */
  receive(packet: Uint8Array, source: PacketSource): void {
    this.#count('packets')
    const reason = this.#take(packet, source)
    if (reason !== undefined) this.#count(reason)
  }

  /** Gives up what was waited for too long and shows the main loop what there is. */
  endBatch(nowMs: number): void {
    for (const [row, order] of this.#disorder) {
      order.expire(nowMs)
      this.#leaveDisorder(row, order)
    }
    const usedBytes = this.#ring.publish()
    const counters = this.#counters
    if (usedBytes > (counters[COUNTER_INDEX.ringPeakBytes] as number)) counters[COUNTER_INDEX.ringPeakBytes] = usedBytes
    counters[COUNTER_INDEX.missing] = this.#missingBase + this.#tally.missing
    counters[COUNTER_INDEX.reordered] = this.#reorderedBase + this.#tally.reordered
  }

  /** When `endBatch` is due even if nothing comes; infinite while nothing waits. */
  get deadlineMs(): number {
    let earliestMs = Number.POSITIVE_INFINITY
    for (const order of this.#disorder.values()) earliestMs = Math.min(earliestMs, order.deadlineMs)
    return earliestMs
  }

  /** Why the packet goes no further; undefined when it did. */
  #take(packet: Uint8Array, source: PacketSource): UdpDropReason | undefined {
    const fault = packetFault('receiver', packet)
    if (fault !== undefined) return fault
    const row = this.#rowByNumber.get(packetChannel(packet) | 0)
    // Costs nothing and tells nothing, so it is not held against the source: others may live behind the same address.
    if (row === undefined) return 'unknown_channel'
    const table = this.#table
    const hash = source.hash(this.#hashSeed)
    const isBound = table.isBound(row, hash, source.port)
    if (!isBound && !this.#sources.take(source.address(), this.#nowMs)) return 'source_rate'
    // Only authentic packets take from the session's rate; those of a session beyond it are not even opened.
    if (!table.hasRate(row, this.#nowMs)) return 'session_rate'
    const refusal = this.#seals.open(row, packet)
    if (refusal !== undefined) return refusal
    table.takeRate(row)
    if (!isBound && this.#seals.isNewest && table.bind(row, hash, source.port)) this.#count('rebinds')
    if (this.#seals.kind === UDP_KINDS.audio) return this.#onAudio(row)
    this.#onProbe(row, source)
    return undefined
  }

  #onProbe(row: number, source: PacketSource): void {
    this.#count('probes')
    const answer = new Uint8Array(packetBytes(UDP_PROBE_BYTES))
    const { counter, payload } = this.#seals
    const table = this.#table
    // A probe comes through `open` once, so its counter seals one answer only.
    this.#seals.seal(row, answer, UDP_KINDS.probeAnswer, table.channel(row), counter, table.endMediaTime(row), payload)
    this.#answer(answer, source)
  }

  #onAudio(row: number): UdpDropReason | undefined {
    const { counter: seq, mediaTime, payload } = this.#seals
    const nextSeq = this.#table.nextSeq(row)
    let order = this.#disorder.get(row)
    if (order === undefined && seq === nextSeq) {
      this.#table.setNextSeq(row, seq + 1)
      this.#handOn(row, seq, mediaTime, payload, this.#wallMs)
      return undefined
    }
    if (order === undefined) {
      order = this.#orderFrom(row, nextSeq)
      this.#disorder.set(row, order)
    }
    const outcome = order.push(seq, mediaTime, payload, this.#wallMs, this.#nowMs)
    this.#leaveDisorder(row, order)
    return outcome === 'late' ? 'late' : undefined
  }

  #orderFrom(row: number, nextSeq: number): ReorderBuffer {
    return new ReorderBuffer({
      frameMs: this.#frameMs[row] as number,
      pool: this.#pool,
      tally: this.#tally,
      nextSeq,
      sink: (seq, mediaTime, payload, receivedAtWallMs) => this.#handOn(row, seq, mediaTime, payload, receivedAtWallMs),
    })
  }

  #leaveDisorder(row: number, order: ReorderBuffer): void {
    if (order.heldPackets > 0) return
    this.#table.setNextSeq(row, order.nextSeq)
    this.#disorder.delete(row)
  }

  #handOn(row: number, seq: number, mediaTime: number, payload: Uint8Array, receivedAtWallMs: number): void {
    if (!this.#ring.write(this.#table.handle(row), seq, mediaTime, payload, receivedAtWallMs)) {
      this.#count('ring_full')
      return
    }
    this.#count('frames')
    this.#table.advance(row, mediaTime, payload.byteLength)
  }

  #setChannels(): void {
    this.#counters[COUNTER_INDEX.channels] = this.#rowByHandle.size
  }

  #count(name: UdpCounter): void {
    const index = COUNTER_INDEX[name]
    this.#counters[index] = (this.#counters[index] as number) + 1
  }
}
