// Sealed UDP audio behind UdpPort: which channels there are, and a thread that receives for them and is started again when it dies.
// What is announced to clients, and to whom, is the sessions' business.
import { randomBytes } from 'node:crypto'
import { lookup } from 'node:dns/promises'
import { isIP } from 'node:net'
import type { ResolvedConfig } from '@parley/config'
import { backoffMs, type Clock, Scope } from '@parley/kernel'
import { samplesPerFrame, UDP_KEY_BYTES } from '@parley/protocol'
import type { Logger, StageTimer } from '@parley/telemetry'
import { makeSharedCounters, readCounter } from './shared-counters.ts'
import type { RingSink } from './shared-ring.ts'
import {
  UDP_DROP_REASONS,
  type UdpAddress,
  type UdpChannel,
  type UdpChannelOptions,
  type UdpDropReason,
  type UdpListener,
  type UdpPort,
  type UdpStats,
} from './udp-port.ts'
import { type ThreadStart, UdpThreadLink } from './udp-thread-link.ts'

const MAX_CHANNELS = 65_536
const RESTART_BACKOFF = { firstMs: 500, maxMs: 30_000 }
/** A thread that lived so long is not taken for one that cannot live. */
const STEADY_AFTER_MS = 60_000

export interface UdpOptions {
  readonly clock: Clock
  readonly udp: ResolvedConfig['udp']
  /** Where the public listener is bound; for `udp.host` when that is empty. A name or an address. */
  readonly bindHost: string
  /** Port of the public listener; tried first when `udp.port` is 0. */
  readonly preferredPort: number
  /** Of the main loop; nobody measures unless told. */
  readonly stages?: StageTimer
  readonly logger: Logger
}

/** What createUdp gives: the port of the sessions, and where it is bound. */
export interface UdpReceiver extends UdpPort {
  /** Undefined while there is no socket. */
  readonly address: UdpAddress | undefined
  /** Why there is no socket, in a sentence; undefined while there is one. */
  readonly closedBecause: string | undefined
}

type State =
  | { readonly kind: 'open'; readonly link: UdpThreadLink; readonly address: UdpAddress; readonly sinceMs: number }
  /** Not now, and perhaps later again: the thread died. */
  | { readonly kind: 'down'; readonly because: string }
  | { readonly kind: 'closed'; readonly because: string }

/**
 * Resolves when the socket is bound, or when it is clear that it cannot be (logged, `isOpen` false; the pod goes on with
 * WebSocket audio). Never rejects.
 */
export async function createUdp(options: UdpOptions): Promise<UdpReceiver> {
  const receiver = new Receiver(options)
  await receiver.start()
  return receiver
}

class Receiver implements UdpReceiver {
  readonly #options: UdpOptions
  readonly #scope: Scope
  readonly #counters = makeSharedCounters()
  readonly #listeners = new Map<number, UdpListener>()
  readonly #numbers = new Set<number>()
  #state: State = { kind: 'closed', because: 'not started' }
  #host = ''
  #nextHandle = 1
  #deaths = 0
  #receiveBufferBytes = 0
  #isReceiveBufferGranted = false
  #starting: UdpThreadLink | undefined

  readonly #onFrame: RingSink = (handle, seq, mediaTime, payload, receivedAtWallMs) => {
    const listener = this.#listeners.get(handle)
    if (!listener) return
    try {
      listener.onFrame(seq, mediaTime, payload, receivedAtWallMs)
    } catch (error) {
      // One session's trouble must not stop the frames of the others.
      this.#options.logger.error({ err: error }, 'a listener of UDP frames failed')
    }
  }

  constructor(options: UdpOptions) {
    this.#options = options
    this.#scope = new Scope(options.clock)
  }

  get isOpen(): boolean {
    return this.#state.kind === 'open'
  }
  get address(): UdpAddress | undefined {
    return this.#state.kind === 'open' ? this.#state.address : undefined
  }
  get closedBecause(): string | undefined {
    return this.#state.kind === 'open' ? undefined : this.#state.because
  }

  async start(): Promise<void> {
    const { udp, bindHost, preferredPort, logger } = this.#options
    if (!udp.enabled) {
      this.#state = { kind: 'closed', because: 'udp.enabled is false' }
      return
    }
    try {
      this.#host = await addressOf(udp.host || bindHost)
    } catch (error) {
      this.#fail(`${udp.host || bindHost} is no address of this machine (${String(error)})`)
      return
    }
    const start = await this.#startThread(udp.port !== 0 ? [udp.port] : preferredPort !== 0 ? [preferredPort, 0] : [0])
    if (start.kind === 'failed') {
      this.#fail(`the UDP socket could not be bound: ${start.message} (${start.code})`)
      return
    }
    logger.info({ host: start.host, port: start.port }, 'taking audio over UDP')
    if (!start.isReceiveBufferGranted) {
      const askedBytes = udp.receiveBufferBytes
      logger.warn(
        { askedBytes, grantedBytes: start.receiveBufferBytes },
        'the kernel grants a smaller UDP receive buffer than udp.receiveBufferBytes: audio will be lost in stalls; ' +
          `as root: sysctl -w net.core.rmem_max=${askedBytes}`,
      )
    }
  }

  async open({ format, listener }: UdpChannelOptions): Promise<UdpChannel | undefined> {
    if (this.#state.kind !== 'open' || this.#listeners.size >= MAX_CHANNELS) return undefined
    const { link } = this.#state
    const handle = this.#nextHandle++
    const channel = this.#freeNumber()
    const key = new Uint8Array(UDP_KEY_BYTES)
    randomBytes(UDP_KEY_BYTES).copy(key)
    const keyText = Buffer.from(key.buffer).toString('base64')
    this.#listeners.set(handle, listener)
    this.#numbers.add(channel)
    const close = () => {
      if (!this.#listeners.delete(handle)) return
      this.#numbers.delete(channel)
      link.closeChannel(handle)
    }
    const frame = {
      frameMs: format.frameMs,
      frameSamples: format.codec === 'pcm16' ? 0 : samplesPerFrame(format),
    }
    if (await link.open(handle, channel, key, frame)) return { channel, key: keyText, close }
    close()
    return undefined
  }

  stats(): UdpStats {
    const read = (name: Parameters<typeof readCounter>[1]) => readCounter(this.#counters, name)
    return {
      channels: read('channels'),
      packetsTotal: read('packets'),
      framesTotal: read('frames'),
      probesTotal: read('probes'),
      framesMissingTotal: read('missing'),
      framesReorderedTotal: read('reordered'),
      rebindsTotal: read('rebinds'),
      droppedTotal: Object.fromEntries(UDP_DROP_REASONS.map((reason) => [reason, read(reason)])) as Record<
        UdpDropReason,
        number
      >,
      kernelDropsTotal: read('kernelDrops'),
      receiveBufferBytes: this.#receiveBufferBytes,
      isReceiveBufferGranted: this.#isReceiveBufferGranted,
      ringBytes: this.#options.udp.ringBytes,
      ringUsedBytes: this.#state.kind === 'open' ? this.#state.link.ringUsedBytes : 0,
      ringPeakBytes: read('ringPeakBytes'),
      threadCpuUs: read('threadCpuUs'),
    }
  }

  async close(): Promise<void> {
    const link = this.#state.kind === 'open' ? this.#state.link : this.#starting
    this.#state = { kind: 'closed', because: 'closed' }
    this.#forgetChannels()
    await this.#scope.close()
    await link?.close()
  }

  #fail(because: string): void {
    this.#state = { kind: 'closed', because }
    this.#options.logger.error({ because }, 'no audio over UDP: clients use WebSocket')
  }

  async #startThread(ports: readonly number[]): Promise<ThreadStart> {
    const { clock, udp } = this.#options
    const link = new UdpThreadLink({
      clock,
      ringBytes: udp.ringBytes,
      data: {
        host: this.#host,
        ports,
        receiveBufferBytes: udp.receiveBufferBytes,
        sourcePacketsPerSecond: udp.sourcePacketsPerSecond,
        counters: this.#counters,
      },
      onFrame: this.#onFrame,
      stages: this.#options.stages,
      onDeath: (reason) => this.#onDeath(reason),
    })
    this.#starting = link
    const start = await link.started()
    this.#starting = undefined
    if (this.#scope.isClosed || start.kind === 'failed') {
      await link.close()
      return start.kind === 'failed' ? start : { kind: 'failed', code: 'CLOSED', message: 'closed meanwhile' }
    }
    this.#receiveBufferBytes = start.receiveBufferBytes
    this.#isReceiveBufferGranted = start.isReceiveBufferGranted
    this.#state = {
      kind: 'open',
      link,
      address: { host: start.host, port: start.port },
      sinceMs: clock.nowMs(),
    }
    return start
  }

  /**
   * The replay windows died with the thread, so its keys must not be used again: the channels are gone, their clients hear no
   * answer and go over to WebSocket. New ones get channels of the next thread, on the same port.
   */
  #onDeath(reason: string): void {
    if (this.#state.kind !== 'open') return
    const { address, sinceMs } = this.#state
    if (this.#options.clock.nowMs() - sinceMs > STEADY_AFTER_MS) this.#deaths = 0
    this.#options.logger.error({ reason, channels: this.#listeners.size }, 'the UDP thread died; starting another')
    this.#state = { kind: 'down', because: `the UDP thread died: ${reason}` }
    this.#forgetChannels()
    this.#restartLater(address.port)
  }

  #restartLater(port: number): void {
    this.#scope.after(backoffMs(this.#deaths++, RESTART_BACKOFF), async () => {
      const start = await this.#startThread([port])
      if (this.#scope.isClosed) return
      if (start.kind === 'listening') {
        this.#options.logger.info({ port: start.port }, 'taking audio over UDP again')
        return
      }
      this.#options.logger.error({ reason: start.message }, 'the UDP thread could not be started again')
      this.#restartLater(port)
    })
  }

  #forgetChannels(): void {
    this.#listeners.clear()
    this.#numbers.clear()
  }

  #freeNumber(): number {
    for (;;) {
      const channel = randomBytes(4).readUInt32BE()
      if (!this.#numbers.has(channel)) return channel
    }
  }
}

async function addressOf(host: string): Promise<string> {
  const bare = host.replace(/^\[(.*)\]$/, '$1')
  return isIP(bare) ? bare : (await lookup(bare)).address
}
