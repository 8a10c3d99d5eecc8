// One connection to Redis, from its opening to its end: it is never mended, only followed by another. @redis/client speaks the protocol; its own
// reconnecting and queueing are off, because an answer has to belong to the server that was opened.
import { createClient } from '@redis/client'

export interface RedisAddress {
  /** `redis://` or `rediss://` (TLS), with `[user]:password@` and `/database` where needed. */
  readonly url: string
  /** TLS: certificates of the authorities to trust, PEM; those of the system unless given. */
  readonly ca?: string
}

export interface RedisConnection {
  /** Rejects with the server's error, or with the connection's. */
  send(args: readonly string[]): Promise<unknown>
  subscribe(channel: string, listener: (message: string) => void): Promise<void>
  /** Ends at once; what waits for an answer is rejected. Idempotent. */
  destroy(): void
}

export const CONNECT_TIMEOUT_MS = 5_000
const KEEP_ALIVE_MS = 5_000

/** `host:port` of the URL, fit for messages. Throws a TypeError that names the fix when it is none of Redis. */
export function whereOf(url: string): string {
  const parsed = URL.canParse(url) ? new URL(url) : undefined
  if (!parsed || !/^rediss?:$/.test(parsed.protocol) || parsed.hostname === '') {
    throw new TypeError(
      'the Redis URL is none: write redis://[user][:password@]host[:port][/database], or rediss:// for TLS',
    )
  }
  return `${parsed.hostname}:${parsed.port || 6379}`
}

/** Not connected yet. `onEnd` is called once, with what ended it, unless it was destroyed here. */
export function newConnection(
  { url, ca }: RedisAddress,
  onEnd: (error: unknown) => void,
): RedisConnection & { readonly connect: () => Promise<unknown> } {
  const common = { connectTimeout: CONNECT_TIMEOUT_MS, keepAlive: true, keepAliveInitialDelay: KEEP_ALIVE_MS }
  const client = createClient({
    url,
    name: 'parley',
    RESP: 3,
    disableOfflineQueue: true,
    maintNotifications: 'disabled',
    socket: url.startsWith('rediss:')
      ? { ...common, reconnectStrategy: false, tls: true, ...(ca === undefined ? {} : { ca }) }
      : { ...common, reconnectStrategy: false },
  })
  let isOver = false
  const end = (error: unknown): void => {
    if (isOver) return
    isOver = true
    onEnd(error)
  }
  client.on('error', end)
  client.on('end', () => end(new Error('the connection was closed')))
  return {
    connect: () => client.connect(),
    send: (args) => client.sendCommand(args),
    subscribe: (channel, listener) => client.subscribe(channel, listener),
    destroy() {
      isOver = true
      if (client.isOpen) client.destroy()
    },
  }
}
