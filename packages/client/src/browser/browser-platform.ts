// The browser's own WebSocket and fetch behind the client's ports.
import { type Clock, systemClock } from '@parley/kernel'
import { CLIENT_SUBPROTOCOL } from '@parley/protocol'
import {
  type ClientPlatform,
  type HttpAnswer,
  MAX_ANSWER_BYTES,
  type OpenSocket,
  ParleyClientError,
  type SendHttp,
  sharedTicker,
  type Ticker,
} from '../core/index.ts'

export interface BrowserOptions {
  readonly clock?: Clock
  readonly ticker?: Ticker
  readonly openSocket?: OpenSocket
}

const openBrowserSocket: OpenSocket = (url, listener) => {
  let socket: WebSocket
  try {
    socket = new WebSocket(url, CLIENT_SUBPROTOCOL)
  } catch (thrown) {
    queueMicrotask(() => listener.onClosed(1006, thrown instanceof Error ? thrown : new Error(String(thrown))))
    return { bufferedBytes: 0, send() {}, close() {}, terminate() {} }
  }
  let isOver = false
  const end = (code: number): void => {
    if (isOver) return
    isOver = true
    listener.onClosed(code)
  }
  socket.binaryType = 'arraybuffer'
  socket.onopen = () => {
    if (!isOver) listener.onOpened(socket.protocol)
  }
  socket.onmessage = (event: MessageEvent) => {
    if (isOver) return
    if (typeof event.data === 'string') listener.onText(event.data)
    else listener.onBinary(new Uint8Array(event.data as ArrayBuffer))
  }
  socket.onclose = (event) => end(event.code)
  // What a content security policy forbids ends with an error and, in Chromium, without a close.
  socket.onerror = () => {
    systemClock.after(0, () => {
      if (socket.readyState === WebSocket.CLOSED) end(1006)
    })
  }
  return {
    get bufferedBytes() {
      return socket.bufferedAmount
    },
    send(message) {
      if (socket.readyState !== WebSocket.OPEN) return
      socket.send(message as string | Uint8Array<ArrayBuffer>)
    },
    close: (code) => socket.close(code),
    terminate() {
      // A browser cannot break a socket off: it is closed and no longer listened to.
      socket.close()
      end(1006)
    },
  }
}

const sendByFetch: SendHttp = async (request, signal) => {
  let response: Response
  try {
    response = await fetch(request.url, {
      method: request.method,
      headers: request.headers,
      credentials: request.cookiesElsewhere ? 'include' : 'same-origin',
      redirect: 'error',
      cache: 'no-store',
      signal,
      ...(request.body === undefined ? {} : { body: request.body }),
    })
  } catch (thrown) {
    // Browsers hide why: no network, no server, a certificate, a foreign origin.
    const detail = `${new URL(request.url).origin} could not be reached from this page`
    throw new ParleyClientError('CONNECT_FAILED', { detail, cause: thrown })
  }
  const body = await response.text()
  if (body.length > MAX_ANSWER_BYTES) throw new ParleyClientError('BAD_ANSWER', { detail: 'an answer is far too long' })
  const retryAfterSeconds = Number(response.headers.get('retry-after') ?? Number.NaN)
  const answer: HttpAnswer = {
    status: response.status,
    contentType: response.headers.get('content-type') ?? '',
    retryAfterMs: Number.isFinite(retryAfterSeconds) ? retryAfterSeconds * 1000 : undefined,
    location: undefined,
    body,
  }
  return answer
}

/** Back on a network, or back in sight after the system may have put the page to sleep. */
function onNetworkChange(fn: () => void): () => void {
  const onVisible = (): void => {
    if (document.visibilityState === 'visible') fn()
  }
  window.addEventListener('online', fn)
  window.addEventListener('offline', fn)
  document.addEventListener('visibilitychange', onVisible)
  return () => {
    window.removeEventListener('online', fn)
    window.removeEventListener('offline', fn)
    document.removeEventListener('visibilitychange', onVisible)
  }
}

export function browserPlatform(options: BrowserOptions = {}): ClientPlatform {
  const clock = options.clock ?? systemClock
  return {
    clock,
    ticker: options.ticker ?? sharedTicker(clock),
    openSocket: options.openSocket ?? openBrowserSocket,
    sendHttp: sendByFetch,
    sendsCookies: true,
    datagrams: { unavailable: 'browsers cannot send UDP' },
    onNetworkChange,
  }
}
