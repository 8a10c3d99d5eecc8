// The UDP thread: a socket, and the packet path behind it. It sleeps a little after a small batch (coalesce.ts), as waking up costs more
// than a packet; after a full one it reads on at once. Runs as a worker thread of the pod; imports nothing of the main loop's.
import { createSocket, type RemoteInfo, type Socket } from 'node:dgram'
import { isIPv6 } from 'node:net'
import { parentPort, workerData } from 'node:worker_threads'
import { systemClock, type Timer } from '@parley/kernel'
import { coalesceMs } from './coalesce.ts'
import { bufferGrant, kernelDropsReader } from './kernel-facts.ts'
import { PacketPath } from './packet-path.ts'
import { COUNTER_INDEX } from './shared-counters.ts'
import { RingWriter } from './shared-ring.ts'
import type { FromThread, ThreadData, ToThread } from './thread-messages.ts'

/** How often the kernel's drops and the thread's CPU time are looked up while packets come. */
const FACTS_EVERY_MS = 1_000
const CPU_EVERY_MS = 100

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
  readonly #path: PacketPath
  readonly #readKernelDrops: () => number
  readonly #kernelDropsBase = data.counters[COUNTER_INDEX.kernelDrops] as number
  readonly #cpuBaseUs = data.counters[COUNTER_INDEX.threadCpuUs] as number
  #batchPackets = 0
  #packetsSinceSleep = 0
  #holdTimer: Timer | undefined
  #factsTimer: Timer | undefined
  #cpuReadMs = 0
  readonly #endBatch = () => this.#onBatchEnd()

  constructor(socket: Socket) {
    this.#socket = socket
    this.#readKernelDrops = kernelDropsReader(socket.address().port)
    this.#path = new PacketPath({
      ring: new RingWriter(data.ring),
      counters: data.counters,
      sourcePacketsPerSecond: data.sourcePacketsPerSecond,
      nowMs: clock.nowMs(),
      answer: (packet, address, port) => socket.send(packet, port, address, ignoreSendResult),
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
    if (this.#batchPackets++ === 0) {
      this.#path.startBatch(clock.nowMs(), clock.wallMs())
      // Runs when libuv has handed over everything it took in this turn.
      setImmediate(this.#endBatch)
    }
    this.#path.receive(packet, source.address, source.port)
  }

  #onBatchEnd(): void {
    const packets = this.#batchPackets
    this.#batchPackets = 0
    const nowMs = clock.nowMs()
    this.#path.endBatch(nowMs)
    this.#armHoldTimer(nowMs)
    this.#factsTimer ??= clock.after(FACTS_EVERY_MS, () => this.#readFacts())
    if (nowMs - this.#cpuReadMs >= CPU_EVERY_MS) this.#readCpu(nowMs)
    this.#packetsSinceSleep += packets
    const sleepMs = coalesceMs(packets, this.#packetsSinceSleep)
    if (sleepMs === 0) return
    this.#packetsSinceSleep = 0
    Atomics.wait(data.sleep, 0, 0, sleepMs)
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
  const thread = new UdpThread(socket)
  parentPort?.on('message', (message: ToThread) => thread.onMessage(message))
  const { address, port } = socket.address()
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
