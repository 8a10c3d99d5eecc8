// Load for both servers: N sessions, each 50 frames/s of 60 bytes evenly paced, and one watcher each. A frame is due at its
// own instant (spread over the 20 ms), never in bursts. Knows two handshakes: the bare one and the real protocol.

import { encodeAudioFrame, writeUint32 } from '@parley/protocol'
import { WebSocket } from 'ws'
import { serveBench } from '../lib/child.ts'

interface Target {
  readonly kind: 'bare' | 'parley'
  readonly url: string
  readonly apiKey: string
  readonly sessions: number
  readonly payloadBytes: number
}

interface Client {
  readonly socket: WebSocket
  readonly watcher: WebSocket
  readonly message: Uint8Array
  seq: number
}

const SAMPLES_PER_FRAME = 320
const FRAME_MS = 20
const clients: Client[] = []
let captions = 0
let watched = 0
let timer: NodeJS.Timeout | undefined

const open = (socket: WebSocket): Promise<void> =>
  new Promise((resolve, reject) => {
    socket.once('open', () => resolve())
    socket.once('error', reject)
  })

const nextMessage = (socket: WebSocket, type: string): Promise<void> =>
  new Promise((resolve, reject) => {
    const listener = (data: Buffer) => {
      const message = JSON.parse(data.toString()) as { type: string; message?: string }
      if (message.type === 'error') reject(new Error(message.message))
      if (message.type !== type) return
      socket.off('message', listener)
      resolve()
    }
    socket.on('message', listener)
  })

async function connectBare(target: Target, id: number): Promise<[WebSocket, WebSocket]> {
  const socket = new WebSocket(`${target.url}/?id=${id}`, { perMessageDeflate: false })
  await open(socket)
  const watcher = new WebSocket(`${target.url}/watch?id=${id}`, { perMessageDeflate: false })
  await open(watcher)
  return [socket, watcher]
}

async function post<T>(target: Target, path: string, body: unknown): Promise<T> {
  const response = await fetch(new URL(path, target.url), {
    method: 'POST',
    headers: { authorization: `Bearer ${target.apiKey}`, 'content-type': 'application/json' },
    body: JSON.stringify(body),
  })
  if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`)
  return (await response.json()) as T
}

async function connectParley(target: Target, id: number): Promise<[WebSocket, WebSocket]> {
  const session = await post<{ sessionId: string; ticket: string; url: string }>(target, '/v1/sessions', {
    user: `u${id}`,
  })
  const socket = new WebSocket(session.url, 'parley.v1', { perMessageDeflate: false })
  await open(socket)
  const welcome = nextMessage(socket, 'welcome')
  const audio = { codec: 'opus', sampleRateHz: 16_000, frameMs: FRAME_MS }
  socket.send(JSON.stringify({ type: 'hello', token: session.ticket, audio }))
  await welcome
  const link = await post<{ token: string; url: string }>(target, `/v1/sessions/${session.sessionId}/watch-links`, {})
  const watcher = new WebSocket(link.url, 'parley.v1', { perMessageDeflate: false })
  await open(watcher)
  const watching = nextMessage(watcher, 'welcome')
  watcher.send(JSON.stringify({ type: 'hello', token: link.token }))
  await watching
  return [socket, watcher]
}

/** Answers pings as a client must; everything else is only counted. */
function listen(socket: WebSocket, onCaption: () => void): void {
  socket.on('message', (data: Buffer) => {
    // '{"type":"ping"' and '{"type":"caption"' differ at the tenth character: no parsing on the hot path.
    if (data[9] === 0x70) {
      const ping = JSON.parse(data.toString()) as { type: string; id: number }
      if (ping.type === 'ping') socket.send(JSON.stringify({ type: 'pong', id: ping.id }))
    } else onCaption()
  })
  socket.on('error', () => {})
}

function sendFrame(client: Client): void {
  writeUint32(client.message, 2, client.seq)
  writeUint32(client.message, 6, (client.seq * SAMPLES_PER_FRAME) % 2 ** 32)
  client.seq++
  client.socket.send(client.message, { binary: true })
}

serveBench({
  connect: async (target: Target) => {
    const payload = new Uint8Array(target.payloadBytes).fill(7)
    for (let id = 0; id < target.sessions; id++) {
      const [socket, watcher] = await (target.kind === 'bare' ? connectBare : connectParley)(target, id)
      listen(socket, () => captions++)
      listen(watcher, () => watched++)
      clients.push({ socket, watcher, message: encodeAudioFrame(0, 0, payload), seq: 0 })
    }
  },
  start: () => {
    const startMs = performance.now()
    let sent = 0
    timer = setInterval(() => {
      const due = Math.floor(((performance.now() - startMs) * clients.length) / FRAME_MS)
      for (; sent < due; sent++) sendFrame(clients[sent % clients.length] as Client)
    }, 1)
  },
  stop: () => clearInterval(timer),
  counts: () => ({
    frames: clients.reduce((sum, client) => sum + client.seq, 0),
    captions,
    watched,
    open: clients.filter(
      (client) => client.socket.readyState === WebSocket.OPEN && client.watcher.readyState === WebSocket.OPEN,
    ).length,
  }),
})
