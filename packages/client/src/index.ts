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
import type { UdpEndpoint } from './node/udp-path.ts'

export type {
  Abandoned,
  AudioEnded,
  AudioFormat,
  Caption,
  Polished,
  PolishMode,
  Translation,
  TranslationFailed,
  UserMessage,
  UtteranceId,
  Welcome,
} from '@parley/protocol'
export * from './core/index.ts'
export type { UdpEndpoint } from './node/udp-path.ts'

/** Where it runs; everything has a default. */
export interface NodeOptions {
  /** PEM of the authorities to trust instead of the system's: for a platform with its own certificate. */
  readonly ca?: string
  readonly clock?: Clock
  /** Watches over the clients' liveness; all clients of one clock share one unless told. */
  readonly ticker?: Ticker
  /** Another WebSocket implementation than `ws`. */
  readonly openSocket?: OpenSocket
  /** Where sealed UDP packets go instead of where the platform says: a relay, an address translator. */
  readonly udpEndpoint?: UdpEndpoint
}

export function nodePlatform(options: NodeOptions = {}): ClientPlatform {
  const clock = options.clock ?? systemClock
  return {
    clock,
    ticker: options.ticker ?? sharedTicker(clock),
    openSocket: options.openSocket ?? nodeSockets({ ca: options.ca }),
    sendHttp: nodeHttp(options.ca),
    sendsCookies: false,
    datagrams: { unavailable: 'UDP was not asked for' },
  }
}

/** Loaded when it is wanted: sealing needs a library in machine code, which not every machine has. */
async function nodeDatagrams(clock: Clock, endpoint: UdpEndpoint | undefined): Promise<ClientPlatform['datagrams']> {
  try {
    const { udpDatagrams } = await import('./node/udp-path.ts')
    return udpDatagrams({ clock, endpoint })
  } catch {
    return { unavailable: 'the library that seals packets (sodium-native) is not installed here' }
  }
}

/** Reserves a session. Subscribe to its events, then `connect`. Rejects with ParleyClientError. */
export async function createSession(options: SessionOptions & NodeOptions): Promise<ParleySession> {
  const platform = nodePlatform(options)
  if (options.udp === 'off') return await createSessionOn(platform, options)
  const datagrams = await nodeDatagrams(platform.clock, options.udpEndpoint)
  return await createSessionOn({ ...platform, datagrams }, options)
}

/** Follows a session by its watch link, read only. Subscribe to its events, then `connect`. */
export function watch(options: WatchOptions & NodeOptions): ParleyWatcher {
  return new ParleyWatcher(nodePlatform(options), options)
}

/** The REST surface alone: sessions, watch links, user tokens. */
export function parleyApi(options: ApiOptions & NodeOptions): ParleyApi {
  return new ParleyApi(nodePlatform(options), options)
}
