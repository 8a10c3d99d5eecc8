// What the transport costs at the least in this runtime: a bare `ws` server that looks a session up per frame, counts it and
// sends each caption, encoded once, to the client and one watcher. No identity, no checks, no bounds.
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { type WebSocket, WebSocketServer } from 'ws'
import { serveBench } from '../lib/child.ts'

interface BareSession {
  client: WebSocket
  watcher: WebSocket | undefined
  frames: number
  bytes: number
  captions: number
}

const sessions = new Map<string, BareSession>()
const http = createServer()
const sockets = new WebSocketServer({ noServer: true, perMessageDeflate: false })
let timer: NodeJS.Timeout | undefined

http.on('upgrade', (request, socket, head) => {
  const url = new URL(request.url ?? '/', 'http://bench')
  sockets.handleUpgrade(request, socket, head, (webSocket) => {
    const id = url.searchParams.get('id') as string
    if (url.pathname === '/watch') {
      const session = sessions.get(id)
      if (session) session.watcher = webSocket
      return
    }
    sessions.set(id, { client: webSocket, watcher: undefined, frames: 0, bytes: 0, captions: 0 })
    webSocket.on('message', (data: Buffer, isBinary) => {
      const session = sessions.get(id)
      if (!session || !isBinary) return
      session.frames++
      session.bytes += data.length
    })
    webSocket.on('close', () => sessions.delete(id))
  })
})

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
  listen: ({ captionsPerSecond }: { captionsPerSecond: number }) => {
    let turn = 0
    const period = Math.round(1000 / 20 / captionsPerSecond)
    timer = setInterval(() => {
      let index = turn++ % period
      for (const session of sessions.values()) if (index++ % period === 0) caption(session)
    }, 20)
    return new Promise((resolve) => {
      http.listen(0, '127.0.0.1', () => {
        resolve({ url: `ws://127.0.0.1:${(http.address() as AddressInfo).port}`, apiKey: '' })
      })
    })
  },
  stop: () => clearInterval(timer),
  counts: () => ({
    sessions: sessions.size,
    frames: [...sessions.values()].reduce((sum, session) => sum + session.frames, 0),
  }),
})
