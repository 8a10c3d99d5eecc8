// WebSockets in Node by `ws`. An upgrade that is refused with an HTTP answer becomes the error that answer carries.
import { CLIENT_SUBPROTOCOL } from '@parley/protocol'
import { type RawData, WebSocket } from 'ws'
import { errorOfAnswer } from '../core/api.ts'
import { asClientError } from '../core/errors.ts'
import { type ClientSocket, MAX_SERVER_MESSAGE_BYTES, type OpenSocket, type SocketListener } from '../core/platform.ts'
import { connectError } from './connect-error.ts'
import { readAnswer } from './node-http.ts'

const HANDSHAKE_TIMEOUT_MS = 10_000
const NO_CLOSE_CODE = 1006

export interface NodeSocketOptions {
  /** PEM of the authorities to trust instead of the system's. */
  readonly ca: string | undefined
  /** Headers of the upgrade request (Origin, Cookie). */
  readonly headers?: Readonly<Record<string, string>>
}

export function nodeSockets(options: NodeSocketOptions): OpenSocket {
  return (url, listener) => {
    let socket: WebSocket
    try {
      socket = new WebSocket(url, CLIENT_SUBPROTOCOL, {
        perMessageDeflate: false,
        handshakeTimeout: HANDSHAKE_TIMEOUT_MS,
        maxPayload: MAX_SERVER_MESSAGE_BYTES,
        followRedirects: false,
        headers: { ...options.headers },
        ...(options.ca ? { ca: options.ca } : {}),
      })
    } catch (thrown) {
      // An address that is none. Told later, as every failure is: the caller has no socket yet.
      queueMicrotask(() => listener.onClosed(NO_CLOSE_CODE, asClientError(thrown, 'CONNECT_FAILED')))
      return deadSocket
    }
    listen(socket, url, listener)
    return {
      get bufferedBytes() {
        return socket.bufferedAmount
      },
      send(message) {
        if (socket.readyState === WebSocket.OPEN) socket.send(message)
      },
      close: (code) => socket.close(code),
      terminate: () => socket.terminate(),
    }
  }
}

function listen(socket: WebSocket, url: string, listener: SocketListener): void {
  let failure: Error | undefined
  let isRefused = false
  let isOver = false
  const end = (code: number): void => {
    if (isOver) return
    isOver = true
    listener.onClosed(code, failure)
  }
  socket.on('open', () => listener.onOpened(socket.protocol))
  socket.on('message', (data: RawData, isBinary: boolean) => {
    if (isOver) return
    if (isBinary) listener.onBinary(bytesOf(data))
    else listener.onText(data.toString())
  })
  socket.on('unexpected-response', (_request, response) => {
    isRefused = true
    readAnswer(response)
      .then((answer) => errorOfAnswer(answer, url))
      .catch((thrown) => asClientError(thrown, 'CONNECT_FAILED'))
      .then((error) => {
        failure = error
        socket.terminate()
        end(NO_CLOSE_CODE)
      })
  })
  socket.on('error', (error) => {
    failure ??= connectError(error, url)
  })
  socket.on('close', (code) => {
    if (!isRefused) end(code)
  })
}

function bytesOf(data: RawData): Uint8Array {
  if (Array.isArray(data)) return Buffer.concat(data)
  return data instanceof ArrayBuffer ? new Uint8Array(data) : data
}

const deadSocket: ClientSocket = { bufferedBytes: 0, send() {}, close() {}, terminate() {} }
