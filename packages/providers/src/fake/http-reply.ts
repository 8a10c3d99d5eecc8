// Answers of the fake provider on the wire, right ones and those that go wrong half-way. HTTP/1.1 and HTTP/2 alike.
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Http2ServerRequest, Http2ServerResponse } from 'node:http2'
import type { Duplex } from 'node:stream'
import { type Clock, err, ok, type Result, type Scope } from '@parley/kernel'
import { SLOW_BYTE_MS } from './faults.ts'

export type AnyRequest = IncomingMessage | Http2ServerRequest
export type AnyResponse = ServerResponse | Http2ServerResponse

/** One request under way. */
export interface Exchange {
  readonly clock: Clock
  /** Ends with the exchange. */
  readonly scope: Scope
  readonly request: AnyRequest
  readonly response: AnyResponse
  /** Aborted when the client goes away before the end, and when the server closes. */
  readonly signal: AbortSignal
}

/** The body, or how long it is when that is too long. */
export async function readBody(request: AnyRequest, maxBytes: number): Promise<Result<Buffer, string>> {
  const parts: Buffer[] = []
  let bytes = 0
  for await (const part of request as AsyncIterable<Buffer>) {
    bytes += part.length
    if (bytes > maxBytes) return err(`the request has more than ${maxBytes} bytes`)
    parts.push(part)
  }
  return ok(Buffer.concat(parts))
}

type HeaderMap = Readonly<Record<string, string>>

export function send(response: AnyResponse, status: number, headers: HeaderMap, body: string | Uint8Array): void {
  if (response.writableEnded || response.destroyed) return
  const bytes = Buffer.from(body)
  ;(response as ServerResponse).writeHead(status, { ...headers, 'content-length': String(bytes.length) })
  ;(response as ServerResponse).end(bytes)
}

export const sendJson = (response: AnyResponse, status: number, value: unknown, headers: HeaderMap = {}): void =>
  send(response, status, { 'content-type': 'application/json', ...headers }, JSON.stringify(value))

export interface ApiProblem {
  readonly status: number
  readonly message: string
  readonly type?: string
  readonly code?: string
  readonly field?: string
  readonly headers?: HeaderMap
}

/** An error in the shape of the protocol. */
export function sendProblem(response: AnyResponse, problem: ApiProblem): void {
  const { status, message, type = 'invalid_request_error', code = null, field = null, headers } = problem
  sendJson(response, status, { error: { message, type, param: field, code } }, headers)
}

/** Half of the answer, and then the connection is gone. */
export function sendHalf(response: AnyResponse, headers: HeaderMap, body: string | Uint8Array): void {
  const bytes = Buffer.from(body)
  ;(response as ServerResponse).writeHead(200, { ...headers, 'content-length': String(bytes.length) })
  ;(response as ServerResponse).write(bytes.subarray(0, bytes.length >> 1), () => cut(response))
}

/** Ends the connection, or the stream where others share it, as a crash would. */
export function cut(response: AnyResponse): void {
  if ('stream' in response) response.stream?.destroy(new Error('closed in the middle on demand'))
  else response.socket?.resetAndDestroy()
}

/** A byte at a time. Resolves when all is sent or nobody listens any more. */
export function sendSlowly(exchange: Exchange, headers: HeaderMap, body: string | Uint8Array): Promise<void> {
  const { response, scope, signal } = exchange
  const bytes = Buffer.from(body)
  const { promise, resolve } = Promise.withResolvers<void>()
  ;(response as ServerResponse).writeHead(200, headers)
  ;(response as ServerResponse).flushHeaders()
  let at = 0
  scope.every(SLOW_BYTE_MS, () => {
    if (at < bytes.length) (response as ServerResponse).write(bytes.subarray(at, ++at))
    else {
      ;(response as ServerResponse).end()
      resolve()
    }
  })
  signal.addEventListener('abort', () => resolve(), { once: true })
  return promise
}

/** Resolves after `delayMs`, or when nobody waits any more. */
export function pause({ scope, signal }: Exchange, delayMs: number): Promise<void> {
  if (delayMs <= 0 || signal.aborted) return Promise.resolve()
  const { promise, resolve } = Promise.withResolvers<void>()
  scope.after(delayMs, resolve)
  signal.addEventListener('abort', () => resolve(), { once: true })
  return promise
}

/** Resolves when the client has gone. */
export function untilGone({ signal }: Exchange): Promise<void> {
  if (signal.aborted) return Promise.resolve()
  return new Promise((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }))
}

/** A WebSocket that is not taken: status line and words. */
export interface UpgradeRefusal {
  readonly status: string
  readonly message: string
  readonly headers?: HeaderMap
}

export function refuseUpgrade(socket: Duplex, { status, message, headers }: UpgradeRefusal): void {
  const body = JSON.stringify({ err_code: status.slice(4), err_msg: message })
  const lines = Object.entries({
    ...headers,
    'content-type': 'application/json',
    'content-length': Buffer.byteLength(body),
    connection: 'close',
  })
  socket.end(`HTTP/1.1 ${status}\r\n${lines.map(([name, value]) => `${name}: ${value}\r\n`).join('')}\r\n${body}`)
}
