// Sockets for datagrams, shared by all sessions of this process: thousands of virtual clients need one, told apart by the channel in
// each packet. Knows nothing of what is in a packet but its channel.
import { createSocket, type Socket } from 'node:dgram'
import { packetChannel, UDP_HEADER_BYTES } from '@parley/protocol'

/** True when the packet was for this receiver: two platforms may hand out the same channel number. */
export type PacketReceiver = (packet: Uint8Array) => boolean
export type AddressFamily = 4 | 6

/** Asked for: what the default of some systems loses in a burst of answers. */
const RECEIVE_BUFFER_BYTES = 1_048_576

class SharedSocket {
  readonly #socket: Socket
  readonly #receivers = new Map<number, Set<PacketReceiver>>()
  #users = 0

  constructor(family: AddressFamily) {
    // Addresses are resolved before: the lookup of every send answers at once, with what it was asked.
    const lookup = (
      address: string,
      _options: unknown,
      callback: (error: null, address: string, family: number) => void,
    ): void => callback(null, address, family)
    this.#socket = createSocket({ type: family === 4 ? 'udp4' : 'udp6', lookup })
    this.#socket.on('message', (packet) => this.#onPacket(packet))
    // A network that is away: probes go unanswered, and that is how it is noticed.
    this.#socket.on('error', () => {})
    this.#socket.bind({ port: 0, exclusive: true }, () => this.#enlarge())
  }

  /** Adds a receiver; returns the function that removes it. The socket closes with its last. */
  use(channel: number, receiver: PacketReceiver): () => void {
    this.#users++
    let receivers = this.#receivers.get(channel)
    if (!receivers) {
      receivers = new Set()
      this.#receivers.set(channel, receivers)
    }
    receivers.add(receiver)
    return () => {
      if (!receivers.delete(receiver)) return
      if (receivers.size === 0) this.#receivers.delete(channel)
      this.#users--
      if (this.#users === 0) this.#socket.close()
    }
  }

  get isUnused(): boolean {
    return this.#users === 0
  }

  send(packet: Uint8Array, port: number, address: string): void {
    this.#socket.send(packet, port, address)
  }

  #onPacket(packet: Uint8Array): void {
    if (packet.byteLength < UDP_HEADER_BYTES) return
    const receivers = this.#receivers.get(packetChannel(packet))
    if (!receivers) return
    for (const receiver of receivers) {
      if (receiver(packet)) return
    }
  }

  #enlarge(): void {
    try {
      this.#socket.setRecvBufferSize(RECEIVE_BUFFER_BYTES)
    } catch {
      // A system that gives no more: answers are few, the default does.
    }
  }
}

export type { SharedSocket }

export class UdpSocketPool {
  readonly #current = new Map<AddressFamily, SharedSocket>()

  /** The socket everybody shares now. */
  socket(family: AddressFamily): SharedSocket {
    const known = this.#current.get(family)
    // One whose last user has left is closed.
    if (known && !known.isUnused) return known
    const made = new SharedSocket(family)
    this.#current.set(family, made)
    return made
  }

  /** Whoever asks for a socket next gets a fresh one, unless `used` is an old one already. */
  renew(family: AddressFamily, used: SharedSocket): void {
    if (this.#current.get(family) === used) this.#current.delete(family)
  }
}

/** Of this process. */
export const sharedUdpSockets = new UdpSocketPool()
