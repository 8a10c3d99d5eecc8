// Does a stalled main loop lose audio? 1,000 channels send 50 sealed packets/s each, one at a time; the receiver's main loop is
// busy for 100 ms of every 400. Before that, undisturbed: what a packet costs and how long it is on its way.
import { fileURLToPath } from 'node:url'
import { POD_NODE_OPTIONS } from '@parley/fleet'
import type { UdpStats } from '../../apps/pod/src/udp/udp-port.ts'
import type { BenchContext, Benchmark, BenchReport } from '../lib/benchmark.ts'
import { BenchChild, type Usage } from '../lib/child.ts'
import { round } from '../lib/stats.ts'

const CHANNELS = 1_000
const PACKETS_PER_SECOND = 50_000
const PAYLOAD_BYTES = 60
const STALL = { everyMs: 400, forMs: 100 }
const WARM_UP_MS = 2_000

const file = (name: string) => fileURLToPath(new URL(name, import.meta.url))
const wait = (ms: number) =>
  new Promise<void>((resolve) => {
    setTimeout(resolve, ms)
  })

interface Reading {
  readonly frames: number
  readonly outOfOrder: number
  readonly stats: UdpStats
  readonly p50Ms: number
  readonly p95Ms: number
  readonly maxMs: number
}

interface Sent {
  readonly sent: number
  readonly failed: number
  readonly worstLateMs: number
}

interface Window {
  readonly cpuUsPerPacket: number
  readonly threadCpuUsPerPacket: number
  readonly packetsPerSecond: number
  readonly p50Ms: number
  readonly p95Ms: number
  readonly maxMs: number
}

async function measure(receiver: BenchChild, windowMs: number): Promise<Window> {
  await receiver.ask('resetLatency')
  const before = await receiver.ask<Reading>('read')
  const usageBefore = await receiver.ask<Usage>('usage', false)
  await wait(windowMs)
  const after = await receiver.ask<Reading>('read')
  const usageAfter = await receiver.ask<Usage>('usage', false)
  const packets = after.frames - before.frames
  return {
    cpuUsPerPacket: round((usageAfter.cpuUs - usageBefore.cpuUs) / packets, 2),
    threadCpuUsPerPacket: round((after.stats.threadCpuUs - before.stats.threadCpuUs) / packets, 2),
    packetsPerSecond: round((packets * 1_000) / (usageAfter.wallMs - usageBefore.wallMs), 0),
    p50Ms: round(after.p50Ms, 2),
    p95Ms: round(after.p95Ms, 2),
    maxMs: round(after.maxMs, 1),
  }
}

/** Everything that was sent has arrived, or it will not any more. */
async function settled(receiver: BenchChild, sent: number): Promise<Reading> {
  let reading = await receiver.ask<Reading>('read')
  for (let attempt = 0; attempt < 20 && reading.frames < sent; attempt++) {
    await wait(100)
    reading = await receiver.ask<Reading>('read')
  }
  // The kernel's drops are looked up once a second.
  await wait(1_200)
  return receiver.ask<Reading>('read')
}

async function run(context: BenchContext): Promise<BenchReport> {
  const calmMs = context.quick ? 2_000 : 6_000
  const stallMs = context.quick ? 4_000 : 20_000
  const receiver = new BenchChild(file('./receiver.ts'), POD_NODE_OPTIONS)
  const generator = new BenchChild(file('./generator.ts'))
  try {
    const address = await receiver.ask<object>('listen', CHANNELS)
    await generator.ask('start', { ...address, packetsPerSecond: PACKETS_PER_SECOND, payloadBytes: PAYLOAD_BYTES })
    await wait(WARM_UP_MS)
    const calm = await measure(receiver, calmMs)
    context.progress(`undisturbed: ${calm.cpuUsPerPacket} us per packet, on its way ${calm.p50Ms}/${calm.p95Ms} ms`)
    await receiver.ask('block', STALL)
    const stalled = await measure(receiver, stallMs)
    await receiver.ask('block', { everyMs: 0, forMs: 0 })
    const { sent, failed, worstLateMs } = await generator.ask<Sent>('stop')
    const { frames, outOfOrder, stats } = await settled(receiver, sent - failed)
    await receiver.ask('stop')
    const lost = sent - failed - frames
    const data = {
      channels: CHANNELS,
      packetsPerSecond: PACKETS_PER_SECOND,
      sent,
      lost,
      outOfOrder,
      kernelDrops: stats.kernelDropsTotal,
      dropped: stats.droppedTotal,
      ringBytes: stats.ringBytes,
      ringPeakBytes: stats.ringPeakBytes,
      receiveBufferBytes: stats.receiveBufferBytes,
      isReceiveBufferGranted: stats.isReceiveBufferGranted,
      generatorFailed: failed,
      generatorWorstLateMs: round(worstLateMs),
      calm,
      stalled,
    }
    return { lines: linesOf(data, stats), data, held: lost === 0 && outOfOrder === 0 }
  } finally {
    await generator.stop()
    await receiver.stop()
  }
}

function linesOf(
  data: { sent: number; lost: number; calm: Window; stalled: Window; generatorWorstLateMs: number },
  stats: UdpStats,
): string[] {
  const way = (window: Window) => `${window.p50Ms} ms p50, ${window.p95Ms} ms p95, ${window.maxMs} ms at most`
  return [
    `${PACKETS_PER_SECOND} sealed packets/s of ${PAYLOAD_BYTES} bytes over ${CHANNELS} channels, evenly paced`,
    `main loop busy ${STALL.forMs} ms of every ${STALL.everyMs}: ${data.lost} of ${data.sent} lost; to hold: 0`,
    `ring at most ${round(stats.ringPeakBytes / 1024, 0)} KiB of ${stats.ringBytes / 1024}, ${stats.kernelDropsTotal} dropped by the kernel ` +
      `(receive buffer ${stats.receiveBufferBytes / 1024} KiB${stats.isReceiveBufferGranted ? '' : ', less than asked'})`,
    `undisturbed: ${data.calm.cpuUsPerPacket} us of CPU per packet in all, ${data.calm.threadCpuUsPerPacket} of it in the UDP thread`,
    `from the sender to the listener: ${way(data.calm)}; with the stalls ${way(data.stalled)}`,
    `generator at most ${data.generatorWorstLateMs} ms late`,
  ]
}

export const benchmark: Benchmark = {
  summary: 'Sealed UDP audio through stalls of the main loop: nothing lost, and what a packet costs',
  run,
}
