// The UDP thread: a socket, and the packet path behind it. It sleeps a little after a small batch (coalesce.ts), as waking up costs more
// than a packet; after a full one it reads on at once. Where it can, it takes packets from the kernel in batches (batch-receiver.ts): the
// socket then only wakes it. Runs as a worker thread of the pod; imports nothing of the main loop's.
import { createSocket, type RemoteInfo, type Socket } from 'node:dgram'
import { isIPv6 } from 'node:net'
import { parentPort, workerData } from 'node:worker_threads'
import { systemClock, type Timer } from '@parley/kernel'
import { BATCH_PACKETS, type BatchReceiver, openBatchReceiver } from './batch-receiver.ts'
import { coalesceMs } from './coalesce.ts'
import { bufferGrant, kernelDropsReader, socketDescriptor } from './kernel-facts.ts'
import { PacketPath } from './packet-path.ts'
import { DatagramSource } from './packet-source.ts'
import { COUNTER_INDEX } from './shared-counters.ts'
import { RingWriter } from './shared-ring.ts'
import type { FromThread, ThreadData, ToThread } from './thread-messages.ts'

/** How often the kernel's drops and the thread's CPU time are looked up while packets come. */
const FACTS_EVERY_MS = 1_000
const CPU_EVERY_MS = 100
const BATCHES_PER_TURN = 16
/** libuv takes at most so many datagrams from a socket per turn of the loop: then there may be more. */
const LIBUV_TURN_PACKETS = 32

const data = workerData as ThreadData
const clock = systemClock

function tell(message: FromThread): void {
  parentPort?.postMessage(message)
}

function bind(port: number): Promise<Socket> {
  const socket = createSocket({
    type: isIPv6(data.host) ? 'udp6' : 'udp4',
    recvBufferSize: data.receiveBufferBytes,
    // Answers go to addresses a packet came from: there is no name to look up.
    lookup: (host, _options, callback) => callback(null, host, isIPv6(host) ? 6 : 4),
  })
  return new Promise((resolve, reject) => {
    socket.once('error', (error) => {
      socket.close()
      reject(error)
    })
    socket.bind({ port, address: data.host }, () => {
      socket.removeAllListeners('error')
      resolve(socket)
    })
  })
}

async function bindFirst(ports: readonly number[]): Promise<Socket> {
  let failure: unknown
  for (const port of ports) {
    try {
      return await bind(port)
    } catch (error) {
      failure = error
    }
  }
  throw failure
}

// Lost answers are as good as lost probes: the client asks again.
const ignoreSendResult = () => {}

class UdpThread {
  readonly #socket: Socket
  readonly #batches: BatchReceiver | undefined
  readonly #source = new DatagramSource()
  readonly #path: PacketPath
  readonly #readKernelDrops: () => number
  readonly #kernelDropsBase = data.counters[COUNTER_INDEX.kernelDrops] as number
  readonly #cpuBaseUs = data.counters[COUNTER_INDEX.threadCpuUs] as number
  #isTurnOpen = false
  #isStopped = false
  #turnPackets = 0
  #packetsSinceSleep = 0
  #holdTimer: Timer | undefined
  #factsTimer: Timer | undefined
  #cpuReadMs = 0
  readonly #endTurn = () => this.#onTurnEnd()

  /** Without `batches` every packet comes through the socket's events. */
  constructor(socket: Socket, batches: BatchReceiver | undefined) {
    this.#socket = socket
    this.#batches = batches
    this.#readKernelDrops = kernelDropsReader(socket.address().port)
    this.#path = new PacketPath({
      ring: new RingWriter(data.ring),
      counters: data.counters,
      sourcePacketsPerSecond: data.sourcePacketsPerSecond,
      nowMs: clock.nowMs(),
      answer: (packet, source) => socket.send(packet, source.port, source.address(), ignoreSendResult),
    })
    socket.on('message', (packet, source) => this.#onPacket(packet, source))
  }

  onMessage(message: ToThread): void {
    switch (message.kind) {
      case 'open':
        this.#path.open(message.handle, message.channel, message.key, message.frame, clock.nowMs())
        tell({ kind: 'opened', handle: message.handle })
        break
      case 'close':
        this.#path.close(message.handle)
        break
      case 'stop':
        this.#stop()
    }
  }

  #onPacket(packet: Buffer, source: RemoteInfo): void {
    this.#startTurn()
    this.#turnPackets++
    this.#path.receive(packet, this.#source.set(source))
  }

  #startTurn(): void {
    if (this.#isTurnOpen) return
    this.#isTurnOpen = true
    this.#path.startBatch(clock.nowMs(), clock.wallMs())
    // Runs when libuv has handed over everything it took in this turn.
    setImmediate(this.#endTurn)
  }

  #onTurnEnd(): void {
    const packets = this.#turnPackets
    this.#isTurnOpen = false
    this.#turnPackets = 0
    if (this.#isStopped) return
    this.#publish()
    this.#sleepAfter(packets)
    // As long as packets come they are looked for, and before libuv looks: each one that it finds comes the dear way.
    if (!this.#batches || packets === 0) return
    this.#startTurn()
    this.#turnPackets += this.#takeBatches(this.#batches)
  }

  #publish(): void {
    const nowMs = clock.nowMs()
    this.#path.endBatch(nowMs)
    this.#armHoldTimer(nowMs)
    this.#factsTimer ??= clock.after(FACTS_EVERY_MS, () => this.#readFacts())
    if (nowMs - this.#cpuReadMs >= CPU_EVERY_MS) this.#readCpu(nowMs)
  }

  #sleepAfter(packets: number): void {
    this.#packetsSinceSleep += packets
    const isMoreThere = packets >= (this.#batches ? BATCHES_PER_TURN * BATCH_PACKETS : LIBUV_TURN_PACKETS)
    const sleepMs = coalesceMs(isMoreThere, this.#packetsSinceSleep)
    if (sleepMs === 0) return
    this.#packetsSinceSleep = 0
    Atomics.wait(data.sleep, 0, 0, sleepMs)
  }

  /** All there is in the kernel, up to BATCHES_PER_TURN, so that messages of the main loop get their turn under any flood. */
  #takeBatches(batches: BatchReceiver): number {
    let taken = 0
    for (let round = 0; round < BATCHES_PER_TURN; round++) {
      const packets = batches.receive()
      for (let index = 0; index < packets; index++) this.#path.receive(batches.packet(index), batches)
      taken += packets
      if (packets < BATCH_PACKETS) break
    }
    return taken
  }

  #armHoldTimer(nowMs: number): void {
    const deadlineMs = this.#path.deadlineMs
    if (this.#holdTimer !== undefined || deadlineMs === Number.POSITIVE_INFINITY) return
    this.#holdTimer = clock.after(Math.max(1, deadlineMs - nowMs), () => {
      this.#holdTimer = undefined
      const laterMs = clock.nowMs()
      this.#path.endBatch(laterMs)
      this.#armHoldTimer(laterMs)
    })
  }

  #readFacts(): void {
    this.#factsTimer = undefined
    data.counters[COUNTER_INDEX.kernelDrops] = this.#kernelDropsBase + this.#readKernelDrops()
    this.#readCpu(clock.nowMs())
  }

  #readCpu(nowMs: number): void {
    this.#cpuReadMs = nowMs
    const { user, system } = process.threadCpuUsage()
    data.counters[COUNTER_INDEX.threadCpuUs] = this.#cpuBaseUs + user + system
  }

  #stop(): void {
    // The descriptor may be somebody else's soon.
    this.#isStopped = true
    this.#readFacts()
    this.#factsTimer?.cancel()
    this.#holdTimer?.cancel()
    this.#path.closeAll()
    this.#socket.close()
    parentPort?.close()
  }
}

async function main(): Promise<void> {
  let socket: Socket
  try {
    socket = await bindFirst(data.ports)
  } catch (error) {
    const { code = 'UNKNOWN', message } = error as NodeJS.ErrnoException
    tell({ kind: 'failed', code, message })
    parentPort?.close()
    return
  }
  const { address, port } = socket.address()
  const descriptor = socketDescriptor(port)
  const batches = descriptor === undefined ? undefined : await openBatchReceiver(descriptor)
  const thread = new UdpThread(socket, batches)
  parentPort?.on('message', (message: ToThread) => thread.onMessage(message))
  const grant = bufferGrant(data.receiveBufferBytes, socket.getRecvBufferSize(), process.platform)
  tell({
    kind: 'listening',
    host: address,
    port,
    receiveBufferBytes: grant.receiveBufferBytes,
    isReceiveBufferGranted: grant.isGranted,
  })
}

await main()
