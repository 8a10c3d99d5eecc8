// The way of a packet through the UDP thread: length and kind, channel, source, rate, opening, order, ring. Every packet that does
// not arrive is counted by reason. Sockets, threads and clocks are the caller's.
import { newReorderTally, ReorderBuffer, ReorderPool } from '@parley/audio'
import { TokenBucket } from '@parley/kernel'
import {
  type AudioFormat,
  MAX_UDP_PAYLOAD_BYTES,
  packetChannel,
  samplesPerFrame,
  UDP_PROBE_BYTES,
} from '@parley/protocol'
import { packetBytes, packetFault, ReceiverSeal } from '@parley/sealing'
import { COUNTER_INDEX, type UdpCounter } from './shared-counters.ts'
import type { RingWriter } from './shared-ring.ts'
import { SourceLimits } from './source-limits.ts'
import type { UdpDropReason } from './udp-port.ts'

/** How much faster than real time a session may send, and for how long at once; its probes have room beside. */
const PACE_RATIO = 3
const BURST_SECONDS = 2
const PROBES_PER_SECOND = 10
const UINT32 = 0x1_0000_0000

export interface PacketPathOptions {
  readonly ring: RingWriter
  readonly counters: Float64Array
  readonly sourcePacketsPerSecond: number
  readonly nowMs: number
  /** Sends `packet`, which is the caller's from now on, to where the probe came from. */
  readonly answer: (packet: Uint8Array, address: string, port: number) => void
}

interface Channel {
  readonly handle: number
  readonly channel: number
  readonly seal: ReceiverSeal
  readonly order: ReorderBuffer
  readonly rate: TokenBucket
  /** Source of the newest authentic packet; '' before the first. */
  address: string
  port: number
  /** Sample after the last frame handed on, modulo 2^32. */
  endMediaTime: number
}

export class PacketPath {
  readonly #ring: RingWriter
  readonly #counters: Float64Array
  readonly #answer: PacketPathOptions['answer']
  readonly #sources: SourceLimits
  readonly #pool = new ReorderPool(MAX_UDP_PAYLOAD_BYTES)
  readonly #tally = newReorderTally()
  readonly #byNumber = new Map<number, Channel>()
  readonly #byHandle = new Map<number, Channel>()
  /** Channels with packets that wait for earlier ones. */
  readonly #waiting = new Set<Channel>()
  #missingBase = 0
  #reorderedBase = 0
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

  get channels(): number {
    return this.#byHandle.size
  }

  /** `key` is wiped. */
  open(handle: number, channel: number, key: Uint8Array, format: AudioFormat, nowMs: number): void {
    // PCM frames may be short; the other codecs' bytes do not tell their samples.
    const frameSamples = format.codec === 'pcm16' ? 0 : samplesPerFrame(format)
    const packetsPerSecond = (PACE_RATIO * 1000) / format.frameMs + PROBES_PER_SECOND
    const made: Channel = {
      handle,
      channel,
      seal: new ReceiverSeal(channel, key),
      order: new ReorderBuffer(format.frameMs, this.#pool, this.#tally, (seq, mediaTime, payload, receivedAtWallMs) => {
        if (this.#ring.write(handle, seq, mediaTime, payload, receivedAtWallMs)) {
          this.#count('frames')
          made.endMediaTime = (mediaTime + (frameSamples || payload.byteLength >>> 1)) % UINT32
        } else {
          this.#count('ring_full')
        }
      }),
      rate: new TokenBucket(packetsPerSecond, packetsPerSecond * BURST_SECONDS, nowMs),
      address: '',
      port: 0,
      endMediaTime: 0,
    }
    key.fill(0)
    this.#byNumber.set(channel, made)
    this.#byHandle.set(handle, made)
    this.#setChannels()
  }

  /** What waits for order is dropped with the channel; the key is wiped. */
  close(handle: number): void {
    const channel = this.#byHandle.get(handle)
    if (!channel) return
    this.#byHandle.delete(handle)
    this.#byNumber.delete(channel.channel)
    this.#waiting.delete(channel)
    channel.order.clear()
    channel.seal.close()
    this.#setChannels()
  }

  closeAll(): void {
    for (const handle of [...this.#byHandle.keys()]) this.close(handle)
  }

  /** What time the packets that follow were taken from the socket. */
  startBatch(nowMs: number, wallMs: number): void {
    this.#nowMs = nowMs
    this.#wallMs = wallMs
  }

  receive(packet: Uint8Array, address: string, port: number): void {
    this.#count('packets')
    const reason = this.#take(packet, address, port)
    if (reason !== undefined) this.#count(reason)
  }

  /** Gives up what was waited for too long and shows the main loop what there is. */
  endBatch(nowMs: number): void {
    for (const channel of this.#waiting) {
      channel.order.expire(nowMs)
      if (channel.order.heldPackets === 0) this.#waiting.delete(channel)
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
    for (const channel of this.#waiting) earliestMs = Math.min(earliestMs, channel.order.deadlineMs)
    return earliestMs
  }

  /** Why the packet goes no further; undefined when it did. */
  #take(packet: Uint8Array, address: string, port: number): UdpDropReason | undefined {
    const fault = packetFault('receiver', packet)
    if (fault !== undefined) return fault
    const channel = this.#byNumber.get(packetChannel(packet))
    // Costs nothing and tells nothing, so it is not held against the source: others may live behind the same address.
    if (!channel) return 'unknown_channel'
    const { seal, rate } = channel
    const isBound = channel.port === port && channel.address === address
    if (!isBound && !this.#sources.take(address, this.#nowMs)) return 'source_rate'
    // Only authentic packets take from the session's rate; those of a session beyond it are not even opened.
    if (rate.waitMs(1, this.#nowMs) > 0) return 'session_rate'
    const refusal = seal.open(packet)
    if (refusal !== undefined) return refusal
    rate.take(1, this.#nowMs)
    if (!isBound && seal.isNewest) this.#bind(channel, address, port)
    if (!seal.isProbe) return this.#onAudio(channel)
    this.#onProbe(channel, address, port)
    return undefined
  }

  #bind(channel: Channel, address: string, port: number): void {
    if (channel.address !== '') this.#count('rebinds')
    channel.address = address
    channel.port = port
  }

  #onProbe(channel: Channel, address: string, port: number): void {
    this.#count('probes')
    const answer = new Uint8Array(packetBytes(UDP_PROBE_BYTES))
    channel.seal.sealAnswer(answer, channel.seal.payload, channel.endMediaTime)
    this.#answer(answer, address, port)
  }

  #onAudio(channel: Channel): UdpDropReason | undefined {
    const { seal, order } = channel
    const outcome = order.push(seal.counter, seal.mediaTime, seal.payload, this.#wallMs, this.#nowMs)
    if (outcome === 'held') this.#waiting.add(channel)
    return outcome === 'late' ? 'late' : undefined
  }

  #setChannels(): void {
    this.#counters[COUNTER_INDEX.channels] = this.#byHandle.size
  }

  #count(name: UdpCounter): void {
    const index = COUNTER_INDEX[name]
    this.#counters[index] = (this.#counters[index] as number) + 1
  }
}
