// What the client needs from where it runs: sockets, HTTP, time. Node and browsers each give their own; tests give theirs.
import type { Clock } from '@parley/kernel'
import type { Ticker } from './ticker.ts'

/** Calls arrive one at a time; after `onClosed` nothing comes any more. */
export interface SocketListener {
  onOpened(subprotocol: string): void
  onText(text: string): void
  /** The protocol has no binary messages towards a client. */
  onBinary(): void
  /** `failure` when it never opened or broke; `code` is the WebSocket close code (1006 = none came). */
  onClosed(code: number, failure?: Error): void
}

export interface ClientSocket {
  /** Bytes accepted by `send` and not yet handed to the operating system. */
  readonly bufferedBytes: number
  send(message: string | Uint8Array): void
  /** Closing handshake. */
  close(code: number): void
  /** At once, without a handshake. */
  terminate(): void
}

/** Opens a WebSocket that offers the subprotocol of the protocol. Never throws: failures come by `onClosed`. */
export type OpenSocket = (url: string, listener: SocketListener) => ClientSocket

export interface HttpRequest {
  readonly method: 'GET' | 'POST' | 'DELETE'
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
  readonly body?: string
}

export interface HttpAnswer {
  readonly status: number
  readonly contentType: string
  readonly retryAfterMs: number | undefined
  readonly location: string | undefined
  readonly body: string
}

/** Rejects with whatever the platform throws when there was no answer; follows no redirects; heeds `signal`. */
export type SendHttp = (request: HttpRequest, signal: AbortSignal) => Promise<HttpAnswer>

export interface ClientPlatform {
  readonly clock: Clock
  readonly ticker: Ticker
  readonly openSocket: OpenSocket
  readonly sendHttp: SendHttp
  /** `true` when credentials in a cookie are added by the platform itself (browsers). */
  readonly sendsCookies: boolean
}

/** Longest answer to a REST request that is read, bytes; longer ones are refused. */
export const MAX_ANSWER_BYTES = 1_048_576
/** Longest message of a pod that is read, bytes. */
export const MAX_SERVER_MESSAGE_BYTES = 1_048_576
