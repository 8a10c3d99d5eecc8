// The sending side of the stall benchmark: one packet at a time, evenly spaced over all channels, without sleeping between them
// (a timer would send bursts, which are cheaper to receive than what a network brings).
import { createSocket, type Socket } from 'node:dgram'
import { MAX_UDP_PACKET_BYTES } from '@parley/protocol'
import { SenderSeal } from '@parley/sealing'
import { serveBench } from '../lib/child.ts'

interface Sender {
  readonly seal: SenderSeal
  seq: number
}

interface Start {
  readonly port: number
  readonly offers: readonly { readonly channel: number; readonly key: string }[]
  readonly packetsPerSecond: number
  readonly payloadBytes: number
}

const SAMPLES_PER_FRAME = 320
const target = new Uint8Array(MAX_UDP_PACKET_BYTES)
let socket: Socket | undefined
let isRunning = false
let sent = 0
let failed = 0
let worstLateMs = 0

const onSent = (error: Error | null) => {
  if (error) failed++
}

async function start({ port, offers, packetsPerSecond, payloadBytes }: Start): Promise<void> {
  const senders: Sender[] = offers.map(({ channel, key }) => ({
    seal: new SenderSeal(channel, Buffer.from(key, 'base64')),
    seq: 0,
  }))
  const opened = createSocket({ type: 'udp4', sendBufferSize: 4_194_304 })
  await new Promise<void>((resolve) => opened.connect(port, '127.0.0.1', () => resolve()))
  socket = opened
  const payload = new Uint8Array(payloadBytes)
  const instant = new DataView(payload.buffer)
  const spacingMs = 1_000 / packetsPerSecond
  isRunning = true
  let dueMs = performance.now()
  let next = 0
  const turn = () => {
    if (!isRunning) return
    const nowMs = performance.now()
    worstLateMs = Math.max(worstLateMs, nowMs - dueMs)
    while (dueMs <= nowMs) {
      const sender = senders[next] as Sender
      next = (next + 1) % senders.length
      instant.setFloat64(0, Number(process.hrtime.bigint()) / 1e6)
      const length = sender.seal.sealAudio(target, sender.seq, sender.seq * SAMPLES_PER_FRAME, payload)
      sender.seq++
      sent++
      opened.send(Buffer.from(target.subarray(0, length)), onSent)
      dueMs += spacingMs
    }
    setImmediate(turn)
  }
  turn()
}

serveBench({
  start,
  counts: () => ({ sent, failed, worstLateMs }),
  resetWorst: () => {
    worstLateMs = 0
  },
  stop: () => {
    isRunning = false
    return { sent, failed, worstLateMs }
  },
  close: () => socket?.close(),
})
