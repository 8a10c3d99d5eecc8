// One direction of a TCP connection: takes bytes as the rate allows, hands them on in order when they are due, and never holds
// more than its bound: then the source is not read.
import type { Socket } from 'node:net'
import type { Direction } from './impairment.ts'
import type { FlowModel } from './link-model.ts'
import type { Path } from './path.ts'
import { PRECISION_MS } from './scheduler.ts'

interface Piece {
  readonly atMs: number
  /** Bytes; `end` is a FIN, `reset` an RST: they travel as bytes do. */
  readonly content: Buffer | 'end' | 'reset'
}

/** With a rate, what is sent at once: small enough that nothing arrives in lumps, about 5 ms of the rate. */
const pieceBytesOf = (rateBitsPerSecond: number | undefined): number =>
  rateBitsPerSecond === undefined ? 65_536 : Math.min(65_536, Math.max(1_460, Math.floor(rateBitsPerSecond / 1_600)))

export interface PipeOptions {
  readonly path: Path
  readonly direction: Direction
  readonly flow: FlowModel
  readonly source: Socket
  /** Bound on what is held between reading and writing. */
  readonly maxHeldBytes: number
  /** The reset of the source has travelled to the end. */
  onReset(): void
}

export class TcpPipe {
  readonly #options: PipeOptions
  #sink: Socket | undefined
  #isSilent = false
  #isSinkFull = false
  #isOver = false
  #isAdmitArmed = false
  #isDeliverArmed = false
  /** Read, and waiting for room on the line. */
  #inbox: Buffer[] = []
  #ending: 'end' | 'reset' | undefined
  #isEndingOnLine = false
  /** On the line. */
  #transit: Piece[] = []
  #heldBytes = 0

  constructor(options: PipeOptions) {
    this.#options = options
    const { source } = options
    source.on('data', (chunk: Buffer) => this.#read(chunk))
    source.on('end', () => this.#finish('end'))
  }

  get heldBytes(): number {
    return this.#heldBytes
  }

  /** From now on there is somewhere to write to. */
  connect(sink: Socket): void {
    this.#sink = sink
    sink.on('drain', () => {
      this.#isSinkFull = false
      this.#deliver()
    })
    this.#deliver()
  }

  setSilent(isSilent: boolean): void {
    this.#isSilent = isSilent
    if (!isSilent) this.#deliver()
  }

  /** The source was reset: told at the other end after what was sent before it; in a silent cut that is lost. */
  reset(): void {
    if (this.#isSilent) this.#drop()
    this.#finish('reset')
  }

  /** Holds nothing and does nothing any more. */
  close(): void {
    this.#isOver = true
    this.#drop()
  }

  #drop(): void {
    this.#inbox = []
    this.#transit = []
    this.#heldBytes = 0
  }

  #read(chunk: Buffer): void {
    if (this.#isOver) return
    const { path, direction, source, maxHeldBytes } = this.#options
    path.counters[direction].tcpBytes += chunk.length
    this.#inbox.push(chunk)
    this.#heldBytes += chunk.length
    if (this.#heldBytes >= maxHeldBytes) source.pause()
    this.#admit()
  }

  #finish(ending: 'end' | 'reset'): void {
    if (this.#isOver || this.#ending === 'reset') return
    this.#ending = ending
    this.#isEndingOnLine = false
    this.#admit()
  }

  /** Puts on the line what it has room for. */
  #admit(): void {
    const { path, direction, flow } = this.#options
    const link = path.links[direction]
    const nowMs = path.clock.nowMs()
    for (;;) {
      const first = this.#inbox[0]
      if (!first) break
      if (!link.hasRoom(nowMs)) {
        this.#admitAt(link.roomAtMs(nowMs))
        return
      }
      const content = this.#take(first, pieceBytesOf(link.impairment.rateBitsPerSecond))
      const { atMs, isRetransmitted } = flow.bytes(nowMs, content.length)
      if (isRetransmitted) path.counters[direction].tcpRetransmitted++
      this.#transit.push({ atMs, content })
    }
    if (this.#ending !== undefined && !this.#isEndingOnLine) {
      this.#isEndingOnLine = true
      this.#transit.push({ atMs: flow.bytes(nowMs, 0).atMs, content: this.#ending })
    }
    this.#deliver()
  }

  #take(first: Buffer, bytes: number): Buffer {
    if (first.length <= bytes) return this.#inbox.shift() as Buffer
    this.#inbox[0] = first.subarray(bytes)
    return first.subarray(0, bytes)
  }

  #admitAt(atMs: number): void {
    this.#deliver()
    if (this.#isAdmitArmed) return
    this.#isAdmitArmed = true
    this.#options.path.scheduler.at(atMs, () => {
      this.#isAdmitArmed = false
      if (!this.#isOver) this.#admit()
    })
  }

  /** Writes what is due, until the sink is full or the path is silent. */
  #deliver(): void {
    const { path } = this.#options
    const dueMs = path.clock.nowMs() + PRECISION_MS
    let delivered = 0
    while (this.#canWrite()) {
      const piece = this.#transit[delivered]
      if (!piece || piece.atMs > dueMs) break
      delivered++
      if (this.#write(piece.content)) continue
      this.#isSinkFull = true
    }
    if (delivered > 0) this.#transit.splice(0, delivered)
    this.#readOn()
    const next = this.#transit[0]
    if (!next || this.#isDeliverArmed || !this.#canWrite()) return
    this.#isDeliverArmed = true
    path.scheduler.at(next.atMs, () => {
      this.#isDeliverArmed = false
      this.#deliver()
    })
  }

  #canWrite(): boolean {
    return !this.#isOver && !this.#isSilent && !this.#isSinkFull && this.#sink !== undefined
  }

  /** False when the sink wants no more for now. */
  #write(content: Piece['content']): boolean {
    const { path, direction } = this.#options
    if (content === 'reset') {
      this.#options.onReset()
      return true
    }
    if (content === 'end') {
      this.#sink?.end()
      return true
    }
    this.#heldBytes -= content.length
    path.counters[direction].tcpDeliveredBytes += content.length
    return this.#sink?.write(content) ?? true
  }

  #readOn(): void {
    const { source, maxHeldBytes } = this.#options
    if (source.isPaused() && this.#heldBytes <= maxHeldBytes / 2 && !this.#isOver) source.resume()
  }
}
