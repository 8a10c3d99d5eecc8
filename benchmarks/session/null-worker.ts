// A speech worker that hears nothing, for what the link costs the pod: takes every record, settles what came, and says captions at a steady
// rate. Each caption carries how long the newest frame was on its way here and when it was said, so that the client can tell the time
// spent in pod and links from the time a recogniser would need.
import { createHmac } from 'node:crypto'
import type { AddressInfo } from 'node:net'
import { LINK_SUBPROTOCOL, type PodToWorker, readLinkRecords, type WorkerToPod } from '@parley/protocol'
import { type WebSocket, WebSocketServer } from 'ws'
import { serveBench } from '../lib/child.ts'

interface Stream {
  index: number
  said: number
  mediaTime: number
  upMs: number
}

const SLOTS = 100_000
const SAMPLES_PER_MS = 16
const CAPTIONS_PER_UTTERANCE = 3
const TICK_MS = 20
const WORDS = 'so what we saw last week was nothing like the week before it'
const wallMs = () => performance.timeOrigin + performance.now()

const streams = new Map<number, Stream>()
let socket: WebSocket | undefined
let records = 0
let order: number[] = []
let due = 0
let next = 0

const send = (message: WorkerToPod): void => void socket?.send(JSON.stringify(message))

function onAudio(data: Buffer): void {
  const nowMs = wallMs()
  readLinkRecords(data, (number, mediaTime, payload) => {
    records++
    const stream = streams.get(number)
    if (!stream) return
    stream.mediaTime = mediaTime
    if (payload.length >= 8) stream.upMs = nowMs - (payload as Buffer).readDoubleBE(0)
  })
}

function onMessage(message: PodToWorker, secret: string, workerId: string): void {
  switch (message.type) {
    case 'link.hello': {
      const proof = createHmac('sha256', secret).update(message.nonce).digest('base64url')
      const engines = [{ name: 'null', languages: ['en'], ready: true }]
      send({ type: 'worker.hello', version: 1, workerId, proof, engines, slots: SLOTS })
      // The pod uses a worker once it has said how loaded it is.
      send({ type: 'worker.load', slots: SLOTS, slotsUsed: 0, decodersWarm: 0, engines, cpuRatio: 0, rssBytes: 0 })
      break
    }
    case 'stream.open':
      streams.set(message.stream, { index: message.firstIndex, said: 0, mediaTime: 0, upMs: 0 })
      order.push(message.stream)
      send({ type: 'stream.opened', stream: message.stream })
      break
    case 'stream.flush':
      send({ type: 'stream.flushed', stream: message.stream, flushId: message.flushId, settledMs: 0 })
      break
    case 'stream.close':
      streams.delete(message.stream)
      order = order.filter((number) => number !== message.stream)
      break
    case 'ping':
      send({ type: 'pong', id: message.id })
      break
    case 'stream.hold':
      break
  }
}

function say(number: number): void {
  const stream = streams.get(number)
  if (!stream) return
  const endMs = stream.mediaTime / SAMPLES_PER_MS
  const text = `${WORDS} |${stream.upMs.toFixed(2)}|${wallMs().toFixed(2)}`
  stream.said++
  const common = { stream: number, index: stream.index, text, startMs: Math.max(0, endMs - 900), endMs }
  if (stream.said < CAPTIONS_PER_UTTERANCE) {
    send({ type: 'partial', ...common, stable: 20 })
    return
  }
  stream.said = 0
  stream.index++
  send({ type: 'final', ...common, settledMs: endMs, decideMs: 5 })
}

serveBench({
  listen: async (options: { secret: string; captionsPerSecond: number }) => {
    const workerId = 'wrk_null'
    const server = new WebSocketServer({
      host: '127.0.0.1',
      port: 0,
      perMessageDeflate: false,
      handleProtocols: () => LINK_SUBPROTOCOL,
    })
    server.on('connection', (connected) => {
      socket = connected
      connected.on('error', () => {})
      connected.on('message', (data, isBinary) => {
        if (isBinary) onAudio(data as Buffer)
        else onMessage(JSON.parse(String(data)) as PodToWorker, options.secret, workerId)
      })
    })
    setInterval(() => {
      due += (order.length * options.captionsPerSecond * TICK_MS) / 1000
      for (; due >= 1 && order.length > 0; due--) {
        next %= order.length
        say(order[next++] as number)
      }
    }, TICK_MS)
    await new Promise<void>((resolve) => server.once('listening', resolve))
    return { workerId, url: `ws://127.0.0.1:${(server.address() as AddressInfo).port}` }
  },
  counts: () => ({ streams: streams.size, records }),
})
