// The receiving side of the stall benchmark: the pod's UDP receiver, a listener that only counts, and a main loop that can be
// kept busy. Latency is from the instant in the payload (the machine's monotonic clock) to the listener.

import { Histogram, systemClock, type Timer } from '@parley/kernel'
import { silentLogger } from '@parley/telemetry'
import { createUdp, type UdpReceiver } from '../../apps/pod/src/udp/create-udp.ts'
import { serveBench } from '../lib/child.ts'

const UDP_CONFIG = {
  enabled: true,
  host: '127.0.0.1',
  port: 0,
  announcedHost: '',
  announcedPort: 0,
  receiveBufferBytes: 4_194_304,
  ringBytes: 16_777_216,
  sourcePacketsPerSecond: 1_000,
}

let udp: UdpReceiver | undefined
let frames = 0
let outOfOrder = 0
let blocking: Timer | undefined
const latencyMs = new Histogram()

async function listen(channels: number) {
  udp = await createUdp({
    clock: systemClock,
    udp: UDP_CONFIG,
    bindHost: '127.0.0.1',
    preferredPort: 0,
    logger: silentLogger,
  })
  if (!udp.address) throw new Error(udp.closedBecause)
  const offers: { channel: number; key: string }[] = []
  for (let index = 0; index < channels; index++) offers.push(await openChannel(udp))
  return { port: udp.address.port, offers }
}

async function openChannel(receiver: UdpReceiver) {
  let nextSeq = 0
  const channel = await receiver.open({
    format: { codec: 'opus', sampleRateHz: 16_000, frameMs: 20 },
    listener: {
      onFrame(seq, _mediaTime, payload) {
        frames++
        if (seq < nextSeq) outOfOrder++
        nextSeq = seq + 1
        const sentAtMs = new DataView(payload.buffer, payload.byteOffset, 8).getFloat64(0)
        latencyMs.record(Number(process.hrtime.bigint()) / 1e6 - sentAtMs)
      },
    },
  })
  if (!channel) throw new Error('the receiver opened no channel')
  return { channel: channel.channel, key: channel.key }
}

function block({ everyMs, forMs }: { everyMs: number; forMs: number }): void {
  blocking?.cancel()
  if (everyMs === 0) return
  blocking = systemClock.every(everyMs, () => {
    const untilMs = systemClock.nowMs() + forMs
    while (systemClock.nowMs() < untilMs) {
      // Busy, as parsing or a collection would be.
    }
  })
}

function read() {
  const stats = udp?.stats()
  return {
    frames,
    outOfOrder,
    stats,
    p50Ms: latencyMs.quantile(0.5),
    p95Ms: latencyMs.quantile(0.95),
    maxMs: latencyMs.max,
  }
}

serveBench({
  listen,
  block,
  read,
  resetLatency: () => latencyMs.reset(),
  stop: () => udp?.close(),
})
