// The TCP half of the relay: accepts, connects onwards, and lets a cut or a rebind come over the connections. What happens to
// their bytes is tcp-pipe.ts.
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net'
import type { PathState } from './cut-book.ts'
import { type Address, formatAddress, type Path, tcpFlowIndex } from './path.ts'
import { resetSocket } from './reset-socket.ts'
import { TcpPipe } from './tcp-pipe.ts'

export interface TcpRelayOptions {
  readonly path: Path
  readonly to: Address
  /** For each direction of each connection. */
  readonly maxHeldBytes: number
  readonly maxConnections: number
}

/** Until the target has answered. */
const CONNECT_DEADLINE_MS = 10_000

export class TcpRelay {
  readonly #options: TcpRelayOptions
  readonly #server: Server
  readonly #connections = new Set<TcpConnection>()
  #pathState: PathState = 'open'

  constructor(options: TcpRelayOptions) {
    this.#options = options
    this.#server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => this.#accept(socket))
  }

  /** Rejects with the system's error. */
  listen({ host, port }: Address): Promise<AddressInfo> {
    return new Promise((resolve, reject) => {
      this.#server.once('error', reject)
      this.#server.listen({ host, port }, () => {
        this.#server.off('error', reject)
        this.#server.on('error', (error) => this.#options.path.onProblem(`listening failed: ${error.message}`))
        resolve(this.#server.address() as AddressInfo)
      })
    })
  }

  get connections(): number {
    return this.#connections.size
  }

  /** Held between reading and writing, both directions. */
  heldBytes(): number {
    let bytes = 0
    for (const connection of this.#connections) bytes += connection.heldBytes
    return bytes
  }

  setPathState(state: PathState): void {
    this.#pathState = state
    if (state === 'reset') this.resetAll()
    else for (const connection of this.#connections) connection.setSilent(state === 'silent')
  }

  /** Both ends of every connection learn at once that it is gone. */
  resetAll(): void {
    this.#options.path.totals.tcpResetTotal += this.#connections.size
    for (const connection of [...this.#connections]) connection.reset()
  }

  close(): Promise<void> {
    for (const connection of [...this.#connections]) connection.reset()
    return new Promise((resolve) => {
      this.#server.close(() => resolve())
    })
  }

  #accept(socket: Socket): void {
    const { totals } = this.#options.path
    socket.on('error', () => {}) // 'close' follows, and says it
    if (this.#pathState === 'reset' || this.#connections.size >= this.#options.maxConnections) {
      totals.tcpRefusedTotal++
      resetSocket(socket)
      return
    }
    const index = tcpFlowIndex(totals.tcpConnectionsTotal++)
    const connection = new TcpConnection(socket, index, this.#options, () => this.#connections.delete(connection))
    this.#connections.add(connection)
    connection.setSilent(this.#pathState === 'silent')
  }
}

type Phase = 'waiting' | 'connecting' | 'open' | 'over'

class TcpConnection {
  readonly #options: TcpRelayOptions
  readonly #client: Socket
  readonly #index: number
  readonly #onOver: () => void
  readonly #up: TcpPipe
  #down: TcpPipe | undefined
  #server: Socket | undefined
  #phase: Phase = 'waiting'
  #isSilent = false

  constructor(client: Socket, index: number, options: TcpRelayOptions, onOver: () => void) {
    this.#client = client
    this.#index = index
    this.#options = options
    this.#onOver = onOver
    this.#up = this.#pipe('up', client)
    client.on('close', () => this.#onClosed(client, this.#up))
  }

  get heldBytes(): number {
    return this.#up.heldBytes + (this.#down?.heldBytes ?? 0)
  }

  /** In silence a new connection is accepted (the system does that) and goes nowhere until it ends. */
  setSilent(isSilent: boolean): void {
    this.#isSilent = isSilent
    if (!isSilent && this.#phase === 'waiting') this.#connect()
    this.#up.setSilent(isSilent)
    this.#down?.setSilent(isSilent)
  }

  reset(): void {
    if (this.#phase === 'over') return
    this.#end()
    resetSocket(this.#client)
    if (this.#server) resetSocket(this.#server)
  }

  #pipe(direction: 'up' | 'down', source: Socket): TcpPipe {
    const { path, maxHeldBytes } = this.#options
    const flow = path.links[direction].flow(this.#index)
    return new TcpPipe({ path, direction, flow, source, maxHeldBytes, onReset: () => this.reset() })
  }

  #connect(): void {
    this.#phase = 'connecting'
    const { path, to } = this.#options
    const server = connect({ host: to.host, port: to.port, allowHalfOpen: true, noDelay: true })
    this.#server = server
    const deadline = path.clock.after(CONNECT_DEADLINE_MS, () => server.destroy(new Error('no answer')))
    let failure = 'closed'
    server.on('error', (error) => {
      failure = error.message || String((error as NodeJS.ErrnoException).code)
    })
    server.on('close', () => {
      deadline.cancel()
      if (this.#phase === 'connecting') this.#unreachable(failure)
      else if (this.#down) this.#onClosed(server, this.#down)
    })
    server.on('connect', () => {
      deadline.cancel()
      if (this.#phase !== 'connecting') return
      this.#phase = 'open'
      this.#down = this.#pipe('down', server)
      this.#down.setSilent(this.#isSilent)
      this.#down.connect(this.#client)
      this.#up.connect(server)
    })
  }

  #unreachable(failure: string): void {
    const { path, to } = this.#options
    path.totals.tcpUnreachableTotal++
    path.onProblem(`${formatAddress(to)} does not take connections: ${failure}`)
    this.reset()
  }

  /** A socket is gone: after an end in both ways, or broken, which travels to the other end as bytes do. */
  #onClosed(socket: Socket, pipe: TcpPipe): void {
    if (this.#phase === 'over') return
    const other = socket === this.#client ? this.#server : this.#client
    const isBroken = !socket.readableEnded || !socket.writableFinished
    if (this.#phase === 'waiting') this.reset()
    else if (isBroken) pipe.reset()
    else if (other?.destroyed) this.#end()
  }

  #end(): void {
    this.#phase = 'over'
    this.#up.close()
    this.#down?.close()
    this.#onOver()
  }
}
