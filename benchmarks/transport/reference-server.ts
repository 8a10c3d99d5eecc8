// What the transport costs at the least in this runtime: `ws` for control, a coalesced `dgram` thread with a shared ring for audio; per
// packet a session is looked up, counted, its jitter smoothed and the payload copied; each caption is encoded once and sent to the
// client and one watcher. No keys, no identity, no checks, no order, no bounds.
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Worker } from 'node:worker_threads'
import { packetChannel, packetCounter, UDP_HEADER_BYTES } from '@parley/protocol'
import { type WebSocket, WebSocketServer } from 'ws'
import { serveBench } from '../lib/child.ts'

interface BareSession {
  client: WebSocket
  watcher: WebSocket | undefined
  frames: number
  bytes: number
  captions: number
  jitterMs: number
  lastAtMs: number
  readonly kept: Uint8Array
  keptAt: number
}

const RING_BYTES = 4 << 20
const SLOT_BYTES = 128
const DRAIN_EVERY_MS = 5
const KEPT_BYTES = 16_384

const sessions = new Map<number, BareSession>()
const ring = new SharedArrayBuffer(RING_BYTES)
const state = new SharedArrayBuffer(16)
const http = createServer()
const sockets = new WebSocketServer({ noServer: true, perMessageDeflate: false })
let timer: NodeJS.Timeout | undefined

http.on('upgrade', (request, socket, head) => {
  const url = new URL(request.url ?? '/', 'http://bench')
  sockets.handleUpgrade(request, socket, head, (webSocket) => {
    const id = Number(url.searchParams.get('id'))
    if (url.pathname === '/watch') {
      const session = sessions.get(id)
      if (session) session.watcher = webSocket
      return
    }
    sessions.set(id, {
      client: webSocket,
      watcher: undefined,
      frames: 0,
      bytes: 0,
      captions: 0,
      jitterMs: 0,
      lastAtMs: 0,
      kept: new Uint8Array(KEPT_BYTES),
      keptAt: 0,
    })
    webSocket.on('message', (data: Buffer, isBinary) => {
      const session = sessions.get(id)
      if (!session || !isBinary) return
      session.frames++
      session.bytes += data.length
    })
    webSocket.on('close', () => sessions.delete(id))
  })
})

/** What the thread has put into the ring since the last time. */
function drain(): void {
  const words = new Int32Array(state)
  const bytes = new Uint8Array(ring)
  const slots = Math.floor(RING_BYTES / SLOT_BYTES)
  const written = Atomics.load(words, 0)
  const nowMs = performance.now()
  let read = Atomics.load(words, 1)
  for (; read < written; read++) {
    const at = (read % slots) * SLOT_BYTES
    const packet = bytes.subarray(at + 1, at + 1 + (bytes[at] as number))
    const session = sessions.get(packetChannel(packet))
    if (session) take(session, packet, nowMs)
  }
  Atomics.store(words, 1, read)
}

function take(session: BareSession, packet: Uint8Array, nowMs: number): void {
  session.frames++
  session.bytes += packet.length
  session.jitterMs += (Math.abs(nowMs - session.lastAtMs - 20) - session.jitterMs) / 16
  session.lastAtMs = nowMs + packetCounter(packet) * 0
  const payload = packet.subarray(UDP_HEADER_BYTES)
  if (session.keptAt + payload.length > KEPT_BYTES) session.keptAt = 0
  session.kept.set(payload, session.keptAt)
  session.keptAt += payload.length
}

function startUdp(): Promise<number> {
  const workerData = { ring, state, ringBytes: RING_BYTES }
  const thread = new Worker(new URL('./reference-udp.ts', import.meta.url), { workerData })
  thread.unref()
  setInterval(drain, DRAIN_EVERY_MS)
  return new Promise((resolve, reject) => {
    thread.once('message', resolve)
    thread.once('error', reject)
  })
}

function caption(session: BareSession): void {
  session.captions++
  const message = Buffer.from(
    JSON.stringify({
      type: 'caption',
      kind: 'partial',
      utterance: { epoch: 1, index: session.captions },
      revision: 1,
      text: 'the quick brown fox jumps over the lazy dog again',
      stable: 20,
      startMs: 1000,
      endMs: 2000,
      language: 'en',
    }),
  )
  session.client.send(message, { binary: false })
  session.watcher?.send(message, { binary: false })
}

serveBench({
  /** Captions per second and session, spread evenly over ticks of 20 ms. */
  listen: async ({ captionsPerSecond }: { captionsPerSecond: number }) => {
    let turn = 0
    const period = Math.round(1000 / 20 / captionsPerSecond)
    timer = setInterval(() => {
      let index = turn++ % period
      for (const session of sessions.values()) if (index++ % period === 0) caption(session)
    }, 20)
    const udpPort = await startUdp()
    await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', () => resolve()))
    return { url: `ws://127.0.0.1:${(http.address() as AddressInfo).port}`, apiKey: '', udpPort }
  },
  stop: () => clearInterval(timer),
  counts: () => ({
    sessions: sessions.size,
    frames: [...sessions.values()].reduce((sum, session) => sum + session.frames, 0),
  }),
})
