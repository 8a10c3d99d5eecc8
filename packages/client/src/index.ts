/** Parley's client for Node: sessions, watching, REST. Browsers: `@parley/client/browser`. */
import { type Clock, systemClock } from '@parley/kernel'
import {
  type ApiOptions,
  type ClientPlatform,
  createSessionOn,
  type OpenSocket,
  ParleyApi,
  type ParleySession,
  ParleyWatcher,
  type SessionOptions,
  sharedTicker,
  type Ticker,
  type WatchOptions,
} from './core/index.ts'
import { nodeHttp } from './node/node-http.ts'
import { nodeSockets } from './node/node-socket.ts'

export type { Abandoned, AudioEnded, AudioFormat, Caption, Welcome } from '@parley/protocol'
export * from './core/index.ts'

/** Where it runs; everything has a default. */
export interface NodeOptions {
  /** PEM of the authorities to trust instead of the system's: for a platform with its own certificate. */
  readonly ca?: string
  readonly clock?: Clock
  /** Watches over the clients' liveness; all clients of one clock share one unless told. */
  readonly ticker?: Ticker
  /** Another WebSocket implementation than `ws`. */
  readonly openSocket?: OpenSocket
}

export function nodePlatform(options: NodeOptions = {}): ClientPlatform {
  const clock = options.clock ?? systemClock
  return {
    clock,
    ticker: options.ticker ?? sharedTicker(clock),
    openSocket: options.openSocket ?? nodeSockets({ ca: options.ca }),
    sendHttp: nodeHttp(options.ca),
    sendsCookies: false,
    datagrams: { unavailable: 'UDP is not there yet' },
  }
}

/** Reserves a session. Subscribe to its events, then `connect`. Rejects with ParleyClientError. */
export function createSession(options: SessionOptions & NodeOptions): Promise<ParleySession> {
  return createSessionOn(nodePlatform(options), options)
}

/** Follows a session by its watch link, read only. Subscribe to its events, then `connect`. */
export function watch(options: WatchOptions & NodeOptions): ParleyWatcher {
  return new ParleyWatcher(nodePlatform(options), options)
}

/** The REST surface alone: sessions, watch links, user tokens. */
export function parleyApi(options: ApiOptions & NodeOptions): ParleyApi {
  return new ParleyApi(nodePlatform(options), options)
}
