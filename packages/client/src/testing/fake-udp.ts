// The UDP side of the fake pod: one real socket, sealed channels, probes answered, and a network that can be made to misbehave.
// Frames are handed on as they come: order is the fake session's.
import { createSocket, type RemoteInfo, type Socket } from 'node:dgram'
import { MAX_UDP_PAYLOAD_BYTES, packetChannel, UDP_HEADER_BYTES, UDP_KEY_BYTES } from '@parley/protocol'
import { ReceiverSeal } from '@parley/sealing'
import type { FakeUdpChannel, FakeUdpSource } from './fake-session-types.ts'

/** Gives the sample after the frame. */
type OnFrame = (seq: number, mediaTime: number, payload: Uint8Array) => number

interface OpenChannel {
  readonly seal: ReceiverSeal
  readonly onFrame: OnFrame
  mediaEnd: number
}

export class FakeUdp implements FakeUdpSource {
  /** Swallows what arrives, and so answers nothing. */
  isBlackHole = false
  /** Of the next frames this many are lost on the way. */
  framesToLose = 0
  readonly #socket: Socket
  readonly #channels = new Map<number, OpenChannel>()
  readonly #sources = new Set<string>()
  readonly #answer = Buffer.alloc(256)
  #nextChannel = 1
  #packets = 0
  #refused = 0

  constructor(socket: Socket) {
    this.#socket = socket
    socket.on('message', (packet, source) => this.#onDatagram(packet, source))
    socket.on('error', () => {})
  }

  get port(): number {
    return this.#socket.address().port
  }
  /** Authentic packets that were not swallowed. */
  get packets(): number {
    return this.#packets
  }
  /** Packets that opened nowhere. */
  get refused(): number {
    return this.#refused
  }
  /** `address:port` of everything that came. */
  get sources(): readonly string[] {
    return [...this.#sources]
  }
  get channels(): number {
    return this.#channels.size
  }

  open(onFrame: OnFrame): FakeUdpChannel {
    const channel = this.#nextChannel++
    const key = crypto.getRandomValues(new Uint8Array(UDP_KEY_BYTES))
    this.#channels.set(channel, { seal: new ReceiverSeal(channel, key), onFrame, mediaEnd: 0 })
    const offer = {
      host: '127.0.0.1',
      port: this.port,
      channel,
      key: Buffer.from(key).toString('base64'),
      maxPayloadBytes: MAX_UDP_PAYLOAD_BYTES,
    }
    return {
      offer,
      close: () => {
        this.#channels.get(channel)?.seal.close()
        this.#channels.delete(channel)
      },
    }
  }

  close(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#socket.close(() => resolve())
    return promise
  }

  #onDatagram(packet: Buffer, source: RemoteInfo): void {
    if (this.isBlackHole || packet.byteLength < UDP_HEADER_BYTES) return
    const channel = this.#channels.get(packetChannel(packet))
    if (!channel || channel.seal.open(packet) !== undefined) {
      this.#refused++
      return
    }
    const { seal } = channel
    this.#sources.add(`${source.address}:${source.port}`)
    if (seal.isProbe) {
      this.#packets++
      const length = seal.sealAnswer(this.#answer, seal.payload, channel.mediaEnd)
      this.#socket.send(Buffer.from(this.#answer.subarray(0, length)), source.port, source.address)
      return
    }
    if (this.framesToLose > 0) {
      this.framesToLose--
      return
    }
    this.#packets++
    channel.mediaEnd = channel.onFrame(seal.counter, seal.mediaTime, new Uint8Array(seal.payload))
  }
}

export async function startFakeUdp(): Promise<FakeUdp> {
  const socket = createSocket('udp4')
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  socket.once('error', reject)
  socket.bind(0, '127.0.0.1', resolve)
  await promise
  socket.off('error', reject)
  return new FakeUdp(socket)
}
