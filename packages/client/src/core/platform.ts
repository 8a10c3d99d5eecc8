// What the client needs from where it runs: sockets, HTTP, time. Node and browsers each give their own; tests give theirs.
import type { Clock } from '@parley/kernel'
import type { UdpOffer } from '@parley/protocol'
import type { Ticker } from './ticker.ts'

/** Calls arrive one at a time; after `onClosed` nothing comes any more. */
export interface SocketListener {
  onOpened(subprotocol: string): void
  onText(text: string): void
  /** A frame of a speech; the listener's to keep. */
  onBinary(message: Uint8Array): void
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
  /** Browsers: the cookie goes with it although it is for another origin, one of the platform's own. */
  readonly cookiesElsewhere?: boolean
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

/** What came of datagrams, counted since the path was opened. */
export interface DatagramStats {
  readonly packetsSent: number
  readonly probesSent: number
  readonly answers: number
  /** Between a probe and its answer; undefined before the first. */
  readonly roundTripMs: number | undefined
}

/** Calls arrive one at a time; none after `close`. */
export interface DatagramListener {
  /** The path works (again). */
  onUsable(): void
  /** No answer for a while: the next one, or `onUnusable`, decides. */
  onDoubt(): void
  /** It does not, or not any more; `reason` in plain words. */
  onUnusable(reason: string): void
  /**
   * A probe was answered: `mediaTime` (modulo 2^32) is the sample after the last frame that came by this path; the probe was sent at
   * `sentAtMs`, monotonic.
   */
  onAnswer(mediaTime: number, sentAtMs: number): void
}

/** Audio beside the socket, for one attach. */
export interface DatagramPath {
  readonly stats: DatagramStats
  /** False when the frame is too long for a packet. `seq` is not modulo. */
  send(seq: number, mediaTime: number, payload: Uint8Array): boolean
  /** Asks at once for a sign of life of a path in use. */
  ask(): void
  /** Asks anew whether it works, from a fresh local address. */
  networkChanged(): void
  close(): void
}

/** Opens a path to where the offer of a welcome says. Never throws: what fails comes by `onUnusable`, later. */
export type OpenDatagrams = (offer: UdpOffer, listener: DatagramListener) => DatagramPath

export interface ClientPlatform {
  readonly clock: Clock
  readonly ticker: Ticker
  readonly openSocket: OpenSocket
  readonly sendHttp: SendHttp
  /** `true` when credentials in a cookie are added by the platform itself (browsers). */
  readonly sendsCookies: boolean
  /** Audio as datagrams, or why there are none here. */
  readonly datagrams: OpenDatagrams | { readonly unavailable: string }
  /** Calls `fn` when the way to the platform may be another one now (browsers: online, visible again); returns the unsubscriber. */
  readonly onNetworkChange?: (fn: () => void) => () => void
}

/** Longest answer to a REST request that is read, bytes; longer ones are refused. */
export const MAX_ANSWER_BYTES = 1_048_576
/** Longest message of a pod that is read, bytes. */
export const MAX_SERVER_MESSAGE_BYTES = 1_048_576
