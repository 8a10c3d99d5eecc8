// The workers' end of the benchmark, all in one process: takes what comes and says five results per stream and second, four partials and a final each, in messages
// like those of a worker; to the real links after the greeting they expect, to the bare client at once. The same text and times for both.
import { createHmac } from 'node:crypto'
import type { AddressInfo } from 'node:net'
import { LINK_SUBPROTOCOL, type PodToWorker, readLinkRecords, type WorkerToPod } from '@parley/protocol'
import { type WebSocket, WebSocketServer } from 'ws'
import { serveBench } from '../lib/child.ts'

const TICK_MS = 20
const RESULTS_PER_SECOND = 5
const SAMPLES_PER_MS = 16
const TEXT = 'So what we saw last week was nothing like the week before it.'

interface Stream {
  readonly number: number
  index: number
  said: number
  endMs: number
}

const counts = { records: 0, messages: 0 }

interface Identity {
  readonly workerId: string
  readonly secret: string
  readonly slots: number
}

function serve(socket: WebSocket, identity: Identity, streams: Map<number, Stream>): void {
  const send = (message: WorkerToPod): void => void socket.send(JSON.stringify(message))
  let due = 0
  let next = 0
  const timer = setInterval(() => {
    const order = [...streams.values()]
    due += (order.length * RESULTS_PER_SECOND * TICK_MS) / 1000
    for (; due >= 1 && order.length > 0; due--) say(order[next++ % order.length] as Stream, send)
  }, TICK_MS)
  socket.on('close', () => clearInterval(timer))
  socket.on('error', () => {})
  socket.on('message', (data, isBinary) => {
    if (!isBinary) return onMessage(JSON.parse(String(data)) as PodToWorker, identity, streams, send)
    counts.messages++
    readLinkRecords(data as Buffer, (number, mediaTime) => {
      counts.records++
      const stream = streams.get(number)
      if (stream) stream.endMs = mediaTime / SAMPLES_PER_MS
    })
  })
}

function onMessage(
  message: PodToWorker,
  { workerId, secret, slots }: Identity,
  streams: Map<number, Stream>,
  send: (message: WorkerToPod) => void,
): void {
  switch (message.type) {
    case 'link.hello': {
      const proof = createHmac('sha256', secret).update(message.nonce).digest('base64url')
      const engines = [{ name: 'bench', languages: ['en'], ready: true }]
      send({ type: 'worker.hello', version: 1, workerId, proof, engines, slots })
      send({ type: 'worker.load', slots, slotsUsed: 0, decodersWarm: 0, engines, cpuRatio: 0, rssBytes: 0 })
      break
    }
    case 'stream.open':
      streams.set(message.stream, { number: message.stream, index: message.firstIndex, said: 0, endMs: 0 })
      send({ type: 'stream.opened', stream: message.stream })
      break
    case 'stream.close':
      streams.delete(message.stream)
      break
    case 'ping':
      send({ type: 'pong', id: message.id })
      break
  }
}

function say(stream: Stream, send: (message: WorkerToPod) => void): void {
  const { number, index, endMs } = stream
  const common = { stream: number, index, text: TEXT, startMs: Math.max(0, endMs - 900), endMs }
  if (++stream.said % RESULTS_PER_SECOND !== 0) {
    send({ type: 'partial', ...common, stable: 20 })
    return
  }
  stream.index++
  send({ type: 'final', ...common, settledMs: endMs, decideMs: 5 })
}

async function listen(identity: Identity): Promise<{ workerId: string; url: string }> {
  const server = new WebSocketServer({
    host: '127.0.0.1',
    port: 0,
    perMessageDeflate: false,
    handleProtocols: (offered) => (offered.has(LINK_SUBPROTOCOL) ? LINK_SUBPROTOCOL : false),
  })
  server.on('connection', (socket, request) => {
    const bare = Number(/^\/bare\?streams=(\d+)$/.exec(request.url ?? '')?.[1] ?? 0)
    const numbers = Array.from({ length: bare }, (_, number) => number)
    serve(socket, identity, new Map(numbers.map((number) => [number, { number, index: 0, said: 0, endMs: 0 }])))
  })
  await new Promise<void>((resolve) => server.once('listening', resolve))
  return { workerId: identity.workerId, url: `ws://127.0.0.1:${(server.address() as AddressInfo).port}` }
}

serveBench({
  listen: ({ workers, slots, secret }: { workers: number; slots: number; secret: string }) =>
    Promise.all(Array.from({ length: workers }, (_, n) => listen({ workerId: `wrk_bench${n}`, secret, slots }))),
  counts: () => counts,
})
