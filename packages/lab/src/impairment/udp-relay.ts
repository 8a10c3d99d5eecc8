// The UDP half of the relay: one flow for each source, as a NAT has them, each with an upstream socket of its own.
import { createSocket, type RemoteInfo, type Socket, type SocketType } from 'node:dgram'
import type { AddressInfo } from 'node:net'
import { isIPv6 } from 'node:net'
import type { Timer } from '@parley/kernel'
import type { Direction } from './impairment.ts'
import type { FlowModel } from './link-model.ts'
import { type Address, formatAddress, type Path, udpFlowIndex } from './path.ts'
import type { DropReason } from './relay-counters.ts'

export interface UdpRelayOptions {
  readonly path: Path
  /** `host` is an IP address. */
  readonly to: Address
  readonly maxFlows: number
  readonly flowIdleMs: number
  /** Of all delayed datagrams together. */
  readonly maxHeldBytes: number
}

/** Asked of the system, so that what is lost is lost by this relay; what it grants is enough. */
const RECEIVE_BUFFER_BYTES = 4 << 20

const typeOf = (host: string): SocketType => (isIPv6(host) ? 'udp6' : 'udp4')

function askForBuffer(socket: Socket): void {
  try {
    socket.setRecvBufferSize(RECEIVE_BUFFER_BYTES)
  } catch {
    // a smaller one serves too
  }
}

/** One direction of a flow: its decisions, and the order in which its datagrams came and went. */
interface Lane {
  readonly direction: Direction
  readonly model: FlowModel
  cameCount: number
  newestDelivered: number
  /** Scheduled and not yet delivered. */
  waiting: number
  send(packet: Buffer): void
}

const CUT_OFF = { kind: 'dropped', reason: 'cut' } as const

interface Flow {
  readonly source: RemoteInfo
  upstream: Socket
  readonly up: Lane
  readonly down: Lane
  lastActiveMs: number
}

export class UdpRelay {
  readonly #options: UdpRelayOptions
  readonly #flows = new Map<string, Flow>()
  #server: Socket | undefined
  #sweep: Timer | undefined
  #isCut = false
  #heldBytes = 0

  constructor(options: UdpRelayOptions) {
    this.#options = options
  }

  /** Rejects with the system's error. */
  listen({ host, port }: Address): Promise<AddressInfo> {
    const server = createSocket(typeOf(host))
    return new Promise((resolve, reject) => {
      server.once('error', (error) => {
        server.close()
        reject(error)
      })
      server.bind({ address: host, port, exclusive: true }, () => {
        this.#server = server
        askForBuffer(server)
        server.removeAllListeners('error')
        server.on('error', (error) => this.#options.path.onProblem(`UDP: ${error.message}`))
        server.on('message', (packet, source) => this.#fromSource(packet, source))
        const { path, flowIdleMs } = this.#options
        this.#sweep = path.clock.every(flowIdleMs / 4, () => this.#closeIdle())
        resolve(server.address())
      })
    })
  }

  get flows(): number {
    return this.#flows.size
  }
  get heldBytes(): number {
    return this.#heldBytes
  }

  setCut(isCut: boolean): void {
    this.#isCut = isCut
  }

  /** Every flow goes on from another port; what comes back to the old one is lost. */
  rebind(): void {
    for (const flow of this.#flows.values()) {
      flow.upstream.close()
      flow.upstream = this.#openUpstream(flow)
      this.#options.path.totals.udpRebindsTotal++
    }
  }

  close(): Promise<void> {
    this.#sweep?.cancel()
    const sockets = [...this.#flows.values()].map((flow) => flow.upstream)
    this.#flows.clear()
    if (this.#server) sockets.push(this.#server)
    this.#server = undefined
    return Promise.all(sockets.map((socket) => new Promise<void>((done) => void socket.close(done)))).then(() => {})
  }

  #fromSource(packet: Buffer, source: RemoteInfo): void {
    const flow = this.#flowOf(source)
    if (flow) this.#relay(flow, flow.up, packet)
    else {
      this.#count('up', packet)
      this.#drop('up', 'flows')
    }
  }

  #flowOf(source: RemoteInfo): Flow | undefined {
    const key = `${source.address} ${source.port}`
    const known = this.#flows.get(key)
    if (known || this.#flows.size >= this.#options.maxFlows) return known
    const { path, to } = this.#options
    const index = udpFlowIndex(path.totals.udpFlowsTotal++)
    const lane = (direction: Direction, send: (packet: Buffer) => void): Lane => ({
      direction,
      model: path.links[direction].flow(index),
      cameCount: 0,
      newestDelivered: 0,
      waiting: 0,
      send,
    })
    const flow: Flow = {
      source,
      upstream: createSocket(typeOf(to.host)),
      up: lane('up', (packet) => this.#send(flow.upstream, packet, to, 'up')),
      down: lane('down', (packet) => {
        if (this.#server) this.#send(this.#server, packet, { host: source.address, port: source.port }, 'down')
      }),
      lastActiveMs: path.clock.nowMs(),
    }
    this.#listenUpstream(flow, flow.upstream)
    this.#flows.set(key, flow)
    return flow
  }

  #openUpstream(flow: Flow): Socket {
    const socket = createSocket(typeOf(this.#options.to.host))
    this.#listenUpstream(flow, socket)
    return socket
  }

  #listenUpstream(flow: Flow, socket: Socket): void {
    const { path, to } = this.#options
    socket.on('error', (error) => path.onProblem(`UDP to ${formatAddress(to)}: ${error.message}`))
    socket.on('message', (packet, from) => {
      // As a NAT that knows the far end: nobody else reaches the source through this port.
      if (from.port === to.port && from.address === to.host) this.#relay(flow, flow.down, packet)
    })
    socket.bind(0, () => askForBuffer(socket))
  }

  #relay(flow: Flow, lane: Lane, packet: Buffer): void {
    const { path, maxHeldBytes } = this.#options
    const nowMs = path.clock.nowMs()
    flow.lastActiveMs = nowMs
    this.#count(lane.direction, packet)
    const fate = this.#isCut ? CUT_OFF : lane.model.datagram(nowMs, packet.length)
    const isTooMuch = this.#heldBytes + packet.length > maxHeldBytes
    if (fate.kind === 'dropped' || isTooMuch) {
      this.#drop(lane.direction, fate.kind === 'dropped' ? fate.reason : 'memory')
      return
    }
    const place = ++lane.cameCount
    // What is due now may still not pass those before it that wait for a late timer.
    if (fate.atMs <= nowMs && lane.waiting === 0) this.#deliver(lane, packet, place)
    else this.#deliverAt(fate.atMs, lane, packet, () => this.#deliver(lane, packet, place))
    if (fate.atMs > nowMs) path.counters[lane.direction].delayed++
    if (fate.againAtMs === undefined) return
    this.#deliverAt(fate.againAtMs, lane, packet, () => this.#deliverCopy(lane, packet))
  }

  #deliverAt(atMs: number, lane: Lane, packet: Buffer, deliver: () => void): void {
    lane.waiting++
    this.#heldBytes += packet.length
    this.#options.path.scheduler.at(atMs, () => {
      lane.waiting--
      this.#heldBytes -= packet.length
      deliver()
    })
  }

  #deliver(lane: Lane, packet: Buffer, place: number): void {
    // What was on its way when the path was cut is lost with it.
    if (this.#isCut) {
      this.#drop(lane.direction, 'cut')
      return
    }
    const counters = this.#options.path.counters[lane.direction]
    if (place < lane.newestDelivered) counters.reordered++
    else lane.newestDelivered = place
    counters.deliveredPackets++
    counters.deliveredBytes += packet.length
    lane.send(packet)
  }

  #deliverCopy(lane: Lane, packet: Buffer): void {
    if (this.#isCut) return
    this.#options.path.counters[lane.direction].duplicated++
    lane.send(packet)
  }

  #send(socket: Socket, packet: Buffer, to: Address, direction: Direction): void {
    socket.send(packet, to.port, to.host, (error) => {
      if (!error) return
      const counters = this.#options.path.counters[direction]
      counters.deliveredPackets--
      counters.deliveredBytes -= packet.length
      counters.dropped.unsent++
    })
  }

  #count(direction: Direction, packet: Buffer): void {
    const counters = this.#options.path.counters[direction]
    counters.packets++
    counters.bytes += packet.length
  }

  #drop(direction: Direction, reason: DropReason): void {
    this.#options.path.counters[direction].dropped[reason]++
  }

  #closeIdle(): void {
    const { path, flowIdleMs } = this.#options
    const limitMs = path.clock.nowMs() - flowIdleMs
    for (const [key, flow] of this.#flows) {
      if (flow.lastActiveMs > limitMs || flow.up.waiting + flow.down.waiting > 0) continue
      this.#flows.delete(key)
      flow.upstream.close()
    }
  }
}
