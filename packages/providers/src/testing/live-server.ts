// A server of the live protocol that says what a test tells it and writes down what it is sent.
import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { type WebSocket, WebSocketServer } from 'ws'

export interface LivePeer {
  readonly socket: WebSocket
  readonly request: IncomingMessage
  /** Types of control messages, and `audio` with the samples of each binary one. */
  readonly received: (string | { readonly audio: Int16Array })[]
  samples(): number
  say(message: object): void
  /** A result in short. */
  result(part: {
    readonly text: string
    readonly fromS: number
    readonly toS: number
    readonly isFinal?: boolean
    readonly isSpeechFinal?: boolean
    readonly isFromFinalize?: boolean
    readonly words?: readonly [number, number]
  }): void
}

export interface LiveServer {
  readonly url: string
  readonly peers: LivePeer[]
  /** Refuses upgrades with this from now on; undefined takes them. */
  refuse(status: string | undefined, headers?: string): void
  close(): Promise<void>
}

export async function startLiveServer(): Promise<LiveServer> {
  const server = createServer((_, reply) => void reply.writeHead(404).end())
  const sockets = new WebSocketServer({ noServer: true })
  const peers: LivePeer[] = []
  let refusal: string | undefined
  server.on('upgrade', (request, socket, head) => {
    socket.on('error', () => {})
    if (refusal !== undefined) {
      socket.end(`HTTP/1.1 ${refusal}\r\nconnection: close\r\n\r\n`)
      return
    }
    sockets.handleUpgrade(request, socket, head, (client) => peers.push(peerOf(client, request)))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    url: `ws://127.0.0.1:${(server.address() as AddressInfo).port}`,
    peers,
    refuse(status, headers = '') {
      refusal = status === undefined ? undefined : `${status}\r\n${headers}`.trimEnd()
    },
    async close() {
      for (const { socket } of peers) socket.terminate()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

function peerOf(socket: WebSocket, request: IncomingMessage): LivePeer {
  const received: LivePeer['received'] = []
  socket.on('error', () => {})
  socket.on('message', (data: Buffer, isBinary) => {
    if (isBinary)
      received.push({ audio: Int16Array.from({ length: data.length >> 1 }, (_, at) => data.readInt16LE(2 * at)) })
    else received.push((JSON.parse(String(data)) as { type: string }).type)
  })
  const say = (message: object) => socket.send(JSON.stringify(message))
  return {
    socket,
    request,
    received,
    samples: () => received.reduce((sum, each) => sum + (typeof each === 'string' ? 0 : each.audio.length), 0),
    say,
    result({ text, fromS, toS, isFinal = false, isSpeechFinal = false, isFromFinalize = false, words }) {
      const timed = words ? [{ word: 'first', start: words[0], end: words[1] }] : []
      say({
        type: 'Results',
        start: fromS,
        duration: toS - fromS,
        is_final: isFinal,
        speech_final: isSpeechFinal,
        from_finalize: isFromFinalize,
        channel: { alternatives: [{ transcript: text, confidence: 1, words: timed }] },
      })
    },
  }
}
