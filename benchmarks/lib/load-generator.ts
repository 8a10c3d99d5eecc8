// Load for every server that is measured: N sessions, each 50 sealed UDP packets/s (or WebSocket frames) evenly paced, and one watcher each. A
// packet is due at its own instant (spread over the 20 ms), never in bursts, and carries that instant: what comes late counts as late.
// Knows two handshakes: the bare one and the real protocol.
import { randomBytes } from 'node:crypto'
import { createSocket, type Socket } from 'node:dgram'
import { open as openFile } from 'node:fs/promises'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { encodeAudioFrame, type Welcome, writeUint32 } from '@parley/protocol'
import { WebSocket } from 'ws'
import { serveBench } from './child.ts'
import { PacketWriter } from './packet-writer.ts'
import { quantile } from './stats.ts'

export interface LoadTarget {
  readonly kind: 'bare' | 'parley'
  readonly url: string
  readonly apiKey: string
  readonly sessions: number
  readonly payloadBytes: number
  readonly audio: 'udp' | 'ws'
  readonly frameMs?: number
  /** Of the bare server; the pod tells its own in the welcome. */
  readonly udpPort?: number
}

interface Client {
  readonly socket: WebSocket
  readonly watcher: WebSocket
  readonly udp: { readonly writer: PacketWriter; readonly port: number; readonly socket: Socket } | undefined
  readonly message: Uint8Array
  seq: number
}

const RATE_HZ = 16_000
/** Client sockets; each stands for the sessions of so many devices. */
const UDP_SOCKETS = 32
const HEARTBEAT_MS = 1_800
/** Sessions set up at a time. */
const CONCURRENCY = 16
/** Packets sealed for the pacer before pings are answered again. */
const PREPARED_AT_ONCE = 5_000
const TRIED_PACKETS = 20_000
const TRIED_BYTES = 100
const clients: Client[] = []
const udpSockets: Socket[] = []
let frameMs = 20
let captions = 0
let watched = 0
let lags: number[] = []
let timer: NodeJS.Timeout | undefined
let hasHeartbeats = false

const wallMs = (): number => performance.timeOrigin + performance.now()

const open = (socket: WebSocket): Promise<void> =>
  new Promise((resolve, reject) => {
    socket.once('open', () => resolve())
    socket.once('error', reject)
  })

const nextMessage = <T>(socket: WebSocket, type: string): Promise<T> =>
  new Promise((resolve, reject) => {
    const listener = (data: Buffer) => {
      const message = JSON.parse(data.toString()) as { type: string; message?: string }
      if (message.type === 'error') reject(new Error(message.message))
      if (message.type !== type) return
      socket.off('message', listener)
      resolve(message as T)
    }
    socket.on('message', listener)
  })

async function connectBare(target: LoadTarget, id: number): Promise<Client> {
  const socket = new WebSocket(`${target.url}/?id=${id}`, { perMessageDeflate: false })
  await open(socket)
  const watcher = new WebSocket(`${target.url}/watch?id=${id}`, { perMessageDeflate: false })
  await open(watcher)
  const writer = new PacketWriter(id, undefined, target.payloadBytes)
  return clientOf(target, socket, watcher, target.udpPort, writer, id)
}

async function post<T>(target: LoadTarget, path: string, body: unknown): Promise<T> {
  const response = await fetch(new URL(path, target.url), {
    method: 'POST',
    headers: { authorization: `Bearer ${target.apiKey}`, 'content-type': 'application/json' },
    body: JSON.stringify(body),
  })
  if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`)
  return (await response.json()) as T
}

async function connectParley(target: LoadTarget, id: number): Promise<Client> {
  const session = await post<{ sessionId: string; ticket: string; url: string }>(target, '/v1/sessions', {
    user: `u${id}`,
  })
  const socket = new WebSocket(session.url, 'parley.v1', { perMessageDeflate: false })
  await open(socket)
  const answer = nextMessage<Welcome>(socket, 'welcome')
  const audio = { codec: 'opus', sampleRateHz: RATE_HZ, frameMs }
  socket.send(JSON.stringify({ type: 'hello', token: session.ticket, audio, udp: target.audio === 'udp' }))
  const welcome = await answer
  if (target.audio === 'udp' && !welcome.udp) throw new Error(`no UDP offer: ${welcome.udpRefused}`)
  const link = await post<{ token: string; url: string }>(target, `/v1/sessions/${session.sessionId}/watch-links`, {})
  const watcher = new WebSocket(link.url, 'parley.v1', { perMessageDeflate: false })
  await open(watcher)
  const watching = nextMessage(watcher, 'welcome')
  watcher.send(JSON.stringify({ type: 'hello', token: link.token }))
  await watching
  const { udp } = welcome
  const writer = udp && new PacketWriter(udp.channel, Buffer.from(udp.key, 'base64'), target.payloadBytes)
  return clientOf(target, socket, watcher, udp?.port, writer, id)
}

function clientOf(
  target: LoadTarget,
  socket: WebSocket,
  watcher: WebSocket,
  port: number | undefined,
  writer: PacketWriter | undefined,
  id: number,
): Client {
  const udp =
    target.audio === 'udp' && port !== undefined && writer
      ? { writer, port, socket: udpSockets[id % UDP_SOCKETS] as Socket }
      : undefined
  const message = encodeAudioFrame(0, 0, new Uint8Array(target.payloadBytes).fill(7))
  const client = { socket, watcher, udp, message, seq: 0 }
  listen(client, socket, (data) => {
    captions++
    noteLag(data)
  })
  listen(client, watcher, () => watched++)
  return client
}

/** A caption of the null worker tells how long the newest frame was under way and when it was said. */
function noteLag(data: Buffer): void {
  const first = data.indexOf('|')
  if (first < 0) return
  const second = data.indexOf('|', first + 1)
  const upMs = Number(data.toString('latin1', first + 1, second))
  const saidAtMs = Number.parseFloat(data.toString('latin1', second + 1, second + 20))
  lags.push(upMs + wallMs() - saidAtMs)
}

/** Answers pings as a client must; everything else is only counted. */
function listen(client: Client, socket: WebSocket, onCaption: (data: Buffer) => void): void {
  socket.on('message', (data: Buffer) => {
    // '{"type":"caption"' and all others differ at the tenth character: no parsing on the hot path.
    if (data[9] === 0x63) {
      onCaption(data)
      return
    }
    const message = JSON.parse(data.toString()) as { type: string; id: number }
    if (message.type !== 'ping') return
    const lastSeq = socket === client.socket ? { lastSeq: client.seq - 1 } : {}
    socket.send(JSON.stringify({ type: 'pong', id: message.id, ...lastSeq }))
  })
  socket.on('error', () => {})
}

/** As the client does: a sign of life (an unsolicited pong) every HEARTBEAT_MS where nothing else is said, spread evenly. */
function startHeartbeats(): void {
  if (hasHeartbeats) return
  hasHeartbeats = true
  let sent = 0
  const startMs = performance.now()
  setInterval(() => {
    const due = Math.floor(((performance.now() - startMs) * 2 * clients.length) / HEARTBEAT_MS)
    for (; sent < due; sent++) {
      const client = clients[(sent >> 1) % clients.length] as Client
      const socket = sent % 2 === 0 ? client.socket : client.watcher
      if (socket.readyState === WebSocket.OPEN) socket.send('{"type":"pong","id":0}')
    }
  }, 10)
}

const noAnswer = (): void => {}

function sendFrame(client: Client, dueAtWallMs: number): void {
  const mediaTime = (client.seq * RATE_HZ * frameMs) / 1000
  const { udp, message } = client
  if (udp) {
    udp.socket.send(udp.writer.packet(client.seq, mediaTime, dueAtWallMs), udp.port, '127.0.0.1', noAnswer)
  } else {
    writeUint32(message, 2, client.seq)
    writeUint32(message, 6, mediaTime % 2 ** 32)
    new DataView(message.buffer).setFloat64(10, dueAtWallMs)
    client.socket.send(message, { binary: true })
  }
  client.seq++
}

async function openUdp(): Promise<void> {
  for (let n = 0; n < UDP_SOCKETS; n++) {
    // Without a lookup, which would put every send off to later: packets go out in the call that made them.
    const socket = createSocket({ type: 'udp4', lookup: (host, _options, callback) => callback(null, host, 4) })
    await new Promise<void>((resolve) => socket.bind(0, '127.0.0.1', () => resolve()))
    udpSockets.push(socket)
  }
}

/** What sealing one packet takes at this moment. */
function msPerPacket(): number {
  const writer = new PacketWriter(1, randomBytes(32), TRIED_BYTES)
  const startMs = performance.now()
  for (let n = 0; n < TRIED_PACKETS; n++) writer.packet(n, 0, startMs)
  return (performance.now() - startMs) / TRIED_PACKETS
}

/** Packets for the pacer (udp-pacer.c), sealed in advance: `seconds` of all sessions, due from a moment a little later on. */
async function prepare(file: string, seconds: number): Promise<{ startsInMs: number; udpPort: number }> {
  const first = clients[0]?.udp
  if (!first) throw new Error('no session with UDP')
  const count = Math.floor((seconds * 1000 * clients.length) / frameMs)
  // Far more than it would take alone: captions arrive meanwhile, the file has to be written, and nothing may be due before it is there.
  const startWallMs = wallMs() + 1_500 + 8 * count * msPerPacket()
  const bytes = first.writer.bytes
  const handle = await openFile(file, 'w')
  const head = Buffer.alloc(16)
  head.writeUInt32LE(count, 0)
  head.writeUInt32LE(bytes, 4)
  head.writeDoubleLE(startWallMs, 8)
  await handle.write(head)
  for (let from = 0; from < count; from += PREPARED_AT_ONCE) {
    const chunk = Buffer.alloc(Math.min(PREPARED_AT_ONCE, count - from) * (bytes + 4))
    for (let n = 0; n < chunk.length / (bytes + 4); n++) {
      const client = clients[(from + n) % clients.length] as Client
      const dueMs = ((from + n) * frameMs) / clients.length
      const mediaTime = (client.seq * RATE_HZ * frameMs) / 1000
      chunk.writeUInt32LE(Math.floor(dueMs * 1000), n * (bytes + 4))
      client.udp?.writer.packet(client.seq++, mediaTime, startWallMs + dueMs).copy(chunk, n * (bytes + 4) + 4)
    }
    await handle.write(chunk)
    // Between chunks pings are answered.
    await nextTurn()
  }
  await handle.close()
  return { startsInMs: startWallMs - wallMs(), udpPort: first.port }
}

serveBench({
  prepare: ({ file, seconds }: { file: string; seconds: number }) => prepare(file, seconds),
  connect: async (target: LoadTarget) => {
    frameMs = target.frameMs ?? 20
    if (target.audio === 'udp' && udpSockets.length === 0) await openUdp()
    const connect = target.kind === 'bare' ? connectBare : connectParley
    const from = clients.length
    for (let id = from; id < from + target.sessions; id += CONCURRENCY) {
      const batch = Array.from({ length: Math.min(CONCURRENCY, from + target.sessions - id) }, (_, n) => id + n)
      clients.push(...(await Promise.all(batch.map((each) => connect(target, each)))))
    }
    if (target.kind === 'parley') startHeartbeats()
  },
  start: () => {
    const startMs = performance.now()
    const startWallMs = wallMs()
    let sent = 0
    timer = setInterval(() => {
      const due = Math.floor(((performance.now() - startMs) * clients.length) / frameMs)
      for (; sent < due; sent++) {
        sendFrame(clients[sent % clients.length] as Client, startWallMs + (sent * frameMs) / clients.length)
      }
    }, 1)
  },
  stop: () => clearInterval(timer),
  /** Lags since the last time this was asked. */
  lag: () => {
    const told = { count: lags.length, p50Ms: quantile(lags, 0.5), p95Ms: quantile(lags, 0.95) }
    lags = []
    return told
  },
  counts: () => ({
    frames: clients.reduce((sum, client) => sum + client.seq, 0),
    captions,
    watched,
    open: clients.filter(
      (client) => client.socket.readyState === WebSocket.OPEN && client.watcher.readyState === WebSocket.OPEN,
    ).length,
  }),
})
