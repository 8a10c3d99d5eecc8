// Audio as sealed UDP packets, for one attach of one session: runs the effects of udp-path-state.ts on a shared socket.
import { lookup } from 'node:dns/promises'
import { isIP } from 'node:net'
import type { Clock } from '@parley/kernel'
import { UDP_HEADER_BYTES, UDP_KEY_BYTES, UDP_PROBE_BYTES, UDP_TAG_BYTES, type UdpOffer } from '@parley/protocol'
import { SenderSeal } from '@parley/sealing'
import type { DatagramListener, DatagramPath, DatagramStats, OpenDatagrams } from '../core/platform.ts'
import { SharedTicker } from '../core/ticker.ts'
import { probingFrom, stepUdpPath, type UdpPathEffect, type UdpPathInput, type UdpPathState } from './udp-path-state.ts'
import { type AddressFamily, type SharedSocket, sharedUdpSockets } from './udp-socket-pool.ts'

export interface UdpEndpoint {
  readonly host: string
  /** 1 to 65535. */
  readonly port: number
}

export interface UdpPathOptions {
  readonly clock: Clock
  /** Sent to instead of what the offer names: a relay, an address translator. */
  readonly endpoint: UdpEndpoint | undefined
}

const OVERHEAD_BYTES = UDP_HEADER_BYTES + UDP_TAG_BYTES
/** Resolution of probing, ms: finer than the client's own tick. */
const UDP_TICK_MS = 100
const tickers = new WeakMap<Clock, SharedTicker>()

function tickerOf(clock: Clock): SharedTicker {
  let ticker = tickers.get(clock)
  if (!ticker) {
    ticker = new SharedTicker(clock, UDP_TICK_MS)
    tickers.set(clock, ticker)
  }
  return ticker
}

interface Peer {
  readonly family: AddressFamily
  readonly address: string
}

class UdpPath implements DatagramPath {
  readonly #clock: Clock
  readonly #listener: DatagramListener
  readonly #channel: number
  readonly #endpoint: UdpEndpoint
  readonly #maxPayloadBytes: number
  readonly #seal: SenderSeal
  readonly #offTicker: () => void
  /** Instant of sending, echoed by the answer. */
  readonly #content = new DataView(new ArrayBuffer(UDP_PROBE_BYTES))
  readonly #contentBytes = new Uint8Array(this.#content.buffer)
  #state: UdpPathState
  #peer: Peer | undefined
  #isResolving = false
  #socket: SharedSocket | undefined
  #leaveSocket: (() => void) | undefined
  #isClosed = false
  #packetsSent = 0
  #answers = 0
  #roundTripMs: number | undefined

  constructor(offer: UdpOffer, key: Uint8Array, listener: DatagramListener, { clock, endpoint }: UdpPathOptions) {
    this.#clock = clock
    this.#listener = listener
    this.#channel = offer.channel
    this.#endpoint = endpoint ?? offer
    this.#maxPayloadBytes = offer.maxPayloadBytes
    this.#seal = new SenderSeal(offer.channel, key)
    this.#state = probingFrom(clock.nowMs())
    this.#offTicker = tickerOf(clock).subscribe(() => this.#take('tick'))
    void this.#resolve().then(() => this.#take('tick'))
  }

  get stats(): DatagramStats {
    return {
      packetsSent: this.#packetsSent,
      probesSent: this.#seal.probesSealed,
      answers: this.#answers,
      roundTripMs: this.#roundTripMs,
    }
  }

  send(seq: number, mediaTime: number, payload: Uint8Array): boolean {
    const peer = this.#peer
    if (!peer || this.#isClosed || payload.byteLength > this.#maxPayloadBytes) return false
    const packet = Buffer.allocUnsafe(OVERHEAD_BYTES + payload.byteLength)
    this.#seal.sealAudio(packet, seq, mediaTime, payload)
    this.#packetsSent++
    this.#socket?.send(packet, this.#endpoint.port, peer.address)
    return true
  }

  ask(): void {
    this.#take('ask')
  }

  networkChanged(): void {
    this.#take('network')
  }

  close(): void {
    if (this.#isClosed) return
    this.#isClosed = true
    this.#offTicker()
    this.#leaveSocket?.()
    this.#seal.close()
  }

  #take(input: UdpPathInput): void {
    if (this.#isClosed) return
    const { state, effects } = stepUdpPath(this.#state, input, this.#clock.nowMs())
    this.#state = state
    for (const effect of effects) this.#run(effect)
  }

  #run(effect: UdpPathEffect): void {
    switch (effect.kind) {
      case 'probe':
        this.#probe()
        break
      case 'usable':
        this.#listener.onUsable()
        break
      case 'doubt':
        this.#listener.onDoubt()
        break
      case 'unusable':
        this.#listener.onUnusable(effect.reason)
        break
      case 'renew':
        this.#renew()
        break
    }
  }

  #probe(): void {
    const peer = this.#peer
    if (!peer) {
      void this.#resolve()
      return
    }
    const packet = Buffer.allocUnsafe(OVERHEAD_BYTES + UDP_PROBE_BYTES)
    this.#content.setFloat64(0, this.#clock.nowMs())
    this.#seal.sealProbe(packet, this.#contentBytes)
    this.#socket?.send(packet, this.#endpoint.port, peer.address)
  }

  /** A name is asked for once, not per packet; again only after a change of network. */
  async #resolve(): Promise<void> {
    if (this.#isResolving) return
    this.#isResolving = true
    const { host } = this.#endpoint
    const literal = isIP(host)
    const found = literal !== 0 ? { address: host, family: literal } : await lookup(host).catch(() => undefined)
    this.#isResolving = false
    if (!found || this.#isClosed) return
    this.#peer = { family: found.family === 6 ? 6 : 4, address: found.address }
    this.#join()
  }

  #join(): void {
    const family = this.#peer?.family ?? 4
    this.#leaveSocket?.()
    this.#socket = sharedUdpSockets.socket(family)
    this.#leaveSocket = this.#socket.use(this.#channel, (packet) => this.#onPacket(packet))
  }

  #renew(): void {
    const peer = this.#peer
    if (peer && this.#socket) sharedUdpSockets.renew(peer.family, this.#socket)
    if (peer) this.#join()
    if (isIP(this.#endpoint.host) === 0) void this.#resolve()
  }

  #onPacket(packet: Uint8Array): boolean {
    if (this.#isClosed || this.#seal.openAnswer(packet) !== undefined) return false
    const content = this.#seal.answerContent
    const sentAtMs = new DataView(content.buffer, content.byteOffset, content.byteLength).getFloat64(0)
    const mediaTime = this.#seal.answerMediaTime
    this.#answers++
    this.#roundTripMs = this.#clock.nowMs() - sentAtMs
    this.#take('answer')
    this.#listener.onAnswer(mediaTime, sentAtMs)
    return true
  }
}

/** A platform whose key cannot be read offers nothing. */
class NoPath implements DatagramPath {
  readonly stats: DatagramStats = { packetsSent: 0, probesSent: 0, answers: 0, roundTripMs: undefined }
  #isClosed = false

  constructor(listener: DatagramListener) {
    queueMicrotask(() => {
      if (!this.#isClosed) listener.onUnusable('the key the platform offered is none')
    })
  }

  send(): boolean {
    return false
  }
  ask(): void {}
  networkChanged(): void {}
  close(): void {
    this.#isClosed = true
  }
}

export function udpDatagrams(options: UdpPathOptions): OpenDatagrams {
  return (offer, listener) => {
    const key = Buffer.from(offer.key, 'base64')
    if (key.byteLength !== UDP_KEY_BYTES) return new NoPath(listener)
    return new UdpPath(offer, key, listener, options)
  }
}
