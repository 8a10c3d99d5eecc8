// The impairment relay: a TCP and a UDP relay over one bad path. Binds, keeps the book of cuts, tells what happens. For tests, the
// lab and `parley impair`; it needs no privileges and no kernel module.
import { lookup } from 'node:dns/promises'
import { type Clock, Emitter } from '@parley/kernel'
import { CutBook, type CutChange, type CutState } from './cut-book.ts'
import {
  type CutManner,
  type CutTarget,
  formatImpairmentMistake,
  type Impairment,
  type ImpairmentOptions,
  resolveImpairment,
} from './impairment.ts'
import { deriveSeed, LinkModel } from './link-model.ts'
import type { Address, Path } from './path.ts'
import { type DirectionCounters, newDirectionCounters, newTotals, type RelayTotals } from './relay-counters.ts'
import { Scheduler } from './scheduler.ts'
import { TcpRelay } from './tcp-relay.ts'
import { UdpRelay } from './udp-relay.ts'

export interface RelayEnds {
  /** Default: 127.0.0.1 and a free port; for UDP the number that TCP has. */
  readonly listen?: Partial<Address>
  readonly to: Address
}

export interface RelayOptions {
  readonly tcp?: RelayEnds
  readonly udp?: RelayEnds
  /** Default: none. */
  readonly impairment?: ImpairmentOptions
  /** 0 to 2^32 - 1; the same seed decides the same for the same traffic. Default: 1. */
  readonly seed?: number
  readonly clock: Clock
  /** Sources of UDP at a time; datagrams of further ones are dropped. Default: 1,024. */
  readonly maxFlows?: number
  /** A UDP flow that is silent for so long is forgotten. Default: 60,000. */
  readonly flowIdleMs?: number
  /** Delayed datagrams, all flows together. Default: 32 MiB. */
  readonly maxHeldUdpBytes?: number
  /** TCP bytes between reading and writing, each direction of each connection. Default: 1 MiB. */
  readonly maxHeldTcpBytes?: number
  /** TCP connections at a time. Default: 4,096. */
  readonly maxConnections?: number
}

export interface RelayEvents {
  cut: CutChange
  rebound: { readonly udpFlows: number; readonly tcpConnections: number }
  problem: string
}

export interface DirectionReport extends Readonly<DirectionCounters> {
  /** Waiting for the rate. */
  readonly queueBytes: number
}

export interface RelayReport extends Readonly<RelayTotals> {
  readonly up: DirectionReport
  readonly down: DirectionReport
  readonly udpFlows: number
  readonly tcpConnections: number
  /** Read and not yet written, delayed datagrams and TCP together. */
  readonly heldBytes: number
}

export interface Relay {
  /** Where it listens; absent when that half was not asked for. */
  readonly tcp: Address | undefined
  readonly udp: Address | undefined
  readonly cutState: CutState
  report(): RelayReport
  on<Name extends keyof RelayEvents>(name: Name, listener: (event: RelayEvents[Name]) => void): () => void
  /** From now on; planned cuts count from now. Throws ImpairmentError. */
  setImpairment(impairment: ImpairmentOptions): void
  /** Cuts now: `both` and `silent` unless told, until healed unless `forMs` is given. */
  cut(options?: { readonly what?: CutTarget; readonly how?: CutManner; readonly forMs?: number }): void
  /** Ends every cut that holds; planned ones still come. */
  heal(): void
  /** The address changes in mid-stream: UDP flows go on from another port, TCP connections are reset. */
  rebind(): void
  /** Resets connections, forgets what is delayed, closes the sockets. Idempotent. */
  close(): Promise<void>
}

/** The description of the network cannot be right; one line for each mistake. */
export class ImpairmentError extends Error {
  constructor(lines: readonly string[]) {
    super(lines.join('\n'))
    this.name = 'ImpairmentError'
  }
}

function resolveOrThrow(options: ImpairmentOptions | undefined): Impairment {
  const resolved = resolveImpairment(options)
  if (!resolved.ok) throw new ImpairmentError(resolved.error.map(formatImpairmentMistake))
  return resolved.value
}

const LOOPBACK = '127.0.0.1'
/** A free TCP port whose number is taken in UDP is given back and another one tried. */
const BIND_TRIES = 10

/** Listens when it resolves. Rejects with ImpairmentError, or with the system's error when it cannot listen or a name is unknown. */
export async function startRelay(options: RelayOptions): Promise<Relay> {
  const impairment = resolveOrThrow(options.impairment)
  if (!options.tcp && !options.udp) throw new TypeError('neither tcp nor udp is given: there is nothing to relay')
  const udpTo = options.udp && { ...options.udp.to, host: (await lookup(options.udp.to.host)).address }
  const wantsSamePort =
    options.tcp && options.udp && !options.tcp.listen?.port && options.udp.listen?.port === undefined
  for (let tries = 1; ; tries++) {
    const relay = new ImpairmentRelay(options, impairment, udpTo)
    try {
      await relay.listen()
      return relay
    } catch (error) {
      await relay.close()
      const isTaken = (error as NodeJS.ErrnoException).code === 'EADDRINUSE'
      if (!isTaken || !wantsSamePort || tries >= BIND_TRIES) throw error
    }
  }
}

/** `clock` counted from now. */
function startingNow(clock: Clock): Clock {
  const startMs = clock.nowMs()
  return {
    nowMs: () => clock.nowMs() - startMs,
    wallMs: () => clock.wallMs(),
    after: (delayMs, fn) => clock.after(delayMs, fn),
    every: (periodMs, fn) => clock.every(periodMs, fn),
  }
}

class ImpairmentRelay implements Relay {
  readonly #options: RelayOptions
  readonly #path: Path
  readonly #events = new Emitter<RelayEvents>()
  readonly #book = new CutBook()
  readonly #tcpRelay: TcpRelay | undefined
  readonly #udpRelay: UdpRelay | undefined
  #tcp: Address | undefined
  #udp: Address | undefined
  #armedForMs = Infinity
  #closing: Promise<void> | undefined

  constructor(options: RelayOptions, impairment: Impairment, udpTo: Address | undefined) {
    this.#options = options
    const clock = startingNow(options.clock)
    const seed = options.seed ?? 1
    this.#path = {
      clock,
      scheduler: new Scheduler(clock),
      links: {
        up: new LinkModel(impairment.up, deriveSeed(seed, 0)),
        down: new LinkModel(impairment.down, deriveSeed(seed, 1)),
      },
      counters: { up: newDirectionCounters(), down: newDirectionCounters() },
      totals: newTotals(),
      onProblem: (message) => this.#events.emit('problem', message),
    }
    const { maxConnections = 4_096, maxHeldTcpBytes = 1 << 20 } = options
    const { maxFlows = 1_024, flowIdleMs = 60_000, maxHeldUdpBytes = 32 << 20 } = options
    const path = this.#path
    this.#tcpRelay =
      options.tcp && new TcpRelay({ path, to: options.tcp.to, maxHeldBytes: maxHeldTcpBytes, maxConnections })
    this.#udpRelay = udpTo && new UdpRelay({ path, to: udpTo, maxFlows, flowIdleMs, maxHeldBytes: maxHeldUdpBytes })
    this.#book.plan(impairment, clock.nowMs())
  }

  async listen(): Promise<void> {
    const { tcp, udp } = this.#options
    if (this.#tcpRelay) {
      const { address, port } = await this.#tcpRelay.listen({ host: LOOPBACK, port: 0, ...tcp?.listen })
      this.#tcp = { host: address, port }
    }
    if (this.#udpRelay) {
      const beside = this.#tcp ?? { host: LOOPBACK, port: 0 }
      const { address, port } = await this.#udpRelay.listen({ ...beside, ...udp?.listen })
      this.#udp = { host: address, port }
    }
    this.#advance()
  }

  get tcp(): Address | undefined {
    return this.#tcp
  }
  get udp(): Address | undefined {
    return this.#udp
  }
  get cutState(): CutState {
    return this.#book.state
  }

  report(): RelayReport {
    const { clock, links, counters, totals } = this.#path
    const nowMs = clock.nowMs()
    const direction = (name: 'up' | 'down'): DirectionReport => ({
      ...counters[name],
      dropped: { ...counters[name].dropped },
      queueBytes: Math.round(links[name].queuedBytes(nowMs)),
    })
    return {
      up: direction('up'),
      down: direction('down'),
      ...totals,
      udpFlows: this.#udpRelay?.flows ?? 0,
      tcpConnections: this.#tcpRelay?.connections ?? 0,
      heldBytes: (this.#udpRelay?.heldBytes ?? 0) + (this.#tcpRelay?.heldBytes() ?? 0),
    }
  }

  on<Name extends keyof RelayEvents>(name: Name, listener: (event: RelayEvents[Name]) => void): () => void {
    return this.#events.on(name, listener)
  }

  setImpairment(options: ImpairmentOptions): void {
    const impairment = resolveOrThrow(options)
    this.#path.links.up.set(impairment.up)
    this.#path.links.down.set(impairment.down)
    this.#tell(this.#book.plan(impairment, this.#path.clock.nowMs()))
    this.#advance()
  }

  cut(options: { what?: CutTarget; how?: CutManner; forMs?: number } = {}): void {
    const { what = 'both', how = 'silent', forMs } = options
    this.#tell([this.#book.cut(what, how, forMs, this.#path.clock.nowMs())])
    this.#advance()
  }

  heal(): void {
    this.#tell(this.#book.heal(this.#path.clock.nowMs()))
  }

  rebind(): void {
    const event = { udpFlows: this.#udpRelay?.flows ?? 0, tcpConnections: this.#tcpRelay?.connections ?? 0 }
    this.#udpRelay?.rebind()
    this.#tcpRelay?.resetAll()
    this.#events.emit('rebound', event)
  }

  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async #close(): Promise<void> {
    this.#path.scheduler.close()
    this.#events.removeAll()
    await Promise.all([this.#tcp && this.#tcpRelay?.close(), this.#udpRelay?.close()])
  }

  #advance(): void {
    this.#tell(this.#book.advance(this.#path.clock.nowMs()))
    const { nextMs } = this.#book
    if (nextMs === undefined || nextMs >= this.#armedForMs) return
    this.#armedForMs = nextMs
    this.#path.scheduler.at(nextMs, () => {
      this.#armedForMs = Infinity
      this.#advance()
    })
  }

  /** Brings the relays to what the book says now, and tells who listens. */
  #tell(changes: readonly CutChange[]): void {
    if (changes.length === 0) return
    const { tcp, udp } = this.#book.state
    this.#udpRelay?.setCut(udp !== 'open')
    this.#tcpRelay?.setPathState(tcp)
    for (const change of changes) {
      if (change.kind === 'begun') this.#path.totals.cutsTotal++
      this.#events.emit('cut', change)
    }
  }
}
