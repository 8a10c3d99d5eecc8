// UDP audio without sockets: channels open when a test lets them, and deliver what it pushes into them.
import { NO_UDP_STATS } from '../pod-metrics.ts'
import type { PodUdp } from '../pod-udp.ts'
import type { UdpAddress, UdpChannel, UdpChannelOptions, UdpListener, UdpStats } from '../udp/udp-port.ts'

export class ManualUdpChannel implements UdpChannel {
  readonly channel: number
  readonly key: string
  readonly options: UdpChannelOptions
  isClosed = false
  readonly #listener: UdpListener
  readonly #onClose: () => void

  constructor(channel: number, options: UdpChannelOptions, onClose: () => void) {
    this.channel = channel
    this.key = Buffer.alloc(32, channel).toString('base64')
    this.options = options
    this.#listener = options.listener
    this.#onClose = onClose
  }

  /** One frame of 20 ms of 16 kHz pcm16, as if it had come by packet `seq`. */
  frame(seq: number, mediaTime: number, payload: Uint8Array = new Uint8Array(640)): void {
    if (!this.isClosed) this.#listener.onFrame(seq, mediaTime, payload, 1)
  }

  close(): void {
    if (this.isClosed) return
    this.isClosed = true
    this.#onClose()
  }
}

export class ManualUdp implements PodUdp {
  isOpen = true
  address: UdpAddress | undefined = { host: '127.0.0.1', port: 7_000 }
  closedBecause: string | undefined
  /** What `stats` answers, beside the channels. */
  figures: UdpStats = NO_UDP_STATS
  isClosed = false
  /** Every channel there ever was, in order. */
  readonly channels: ManualUdpChannel[] = []
  readonly live = new Set<ManualUdpChannel>()
  /** Awaited by every `open`. */
  gate: Promise<void> = Promise.resolve()
  /** `open` answers undefined. */
  isFull = false

  async open(options: UdpChannelOptions): Promise<UdpChannel | undefined> {
    await this.gate
    if (!this.isOpen || this.isFull) return undefined
    const channel = new ManualUdpChannel(this.channels.length + 1, options, () => this.live.delete(channel))
    this.channels.push(channel)
    this.live.add(channel)
    return channel
  }

  /** The channel opened last. */
  get last(): ManualUdpChannel {
    const channel = this.channels.at(-1)
    if (!channel) throw new Error('no UDP channel was opened')
    return channel
  }

  stats(): UdpStats {
    return { ...this.figures, channels: this.live.size }
  }

  async close(): Promise<void> {
    this.isClosed = true
    this.isOpen = false
    for (const channel of this.live) channel.close()
  }
}
