// Addresses of other pods as a caller of this one can reach them. Pure.
import { isLoopbackHost, type ResolvedConfig } from '@parley/config'
import { bareHost, urlHost } from '../http/listen.ts'
import { wsPathOf } from '../http/public-urls.ts'
import type { PublicUrls } from '../sessions/session-service.ts'

/**
 * Base address of a pod that says of itself that it is at `memberUrl`, for whoever has reached this one at `callerHost` (a Host header). A pod that
 * is bound to loopback or to every address shares a machine with this one: it is reached by the same name as this one, at its own port.
 */
export function reachedUrl(memberUrl: string, callerHost: string | undefined): string {
  const url = URL.parse(memberUrl)
  const caller = callerHost === undefined ? null : URL.parse(`http://${callerHost}`)
  if (url === null) return memberUrl
  if (caller !== null && isOfThisMachine(url.hostname)) url.hostname = caller.hostname
  return url.href.replace(/\/+$/, '')
}

/** What a pod tells others: its configured address, else the one it is bound to. */
export const isOfThisMachine = (hostname: string): boolean => {
  const host = bareHost(hostname)
  return isLoopbackHost(host) || host === '::' || host === '0.0.0.0'
}

/** Addresses of pod `podId` whose base is `base`. */
export function urlsAt(base: string, podId: string): PublicUrls {
  return { wsUrl: `${base.replace(/^http/i, 'ws')}${wsPathOf(podId)}`, pageUrl: `${base}/` }
}

/** Where a call about a session is to be made at that pod: behind one host name a proxy routes by the id. */
export const callUrlAt = (base: string, podId: string, path: string): string => `${base}/p/${podId}${path}`

/**
 * Where a proxy reaches the public listener: at the address it is bound to; of one that is bound to every address, or to this machine's own, at the name
 * by which other pods reach this machine.
 */
export function directUrlOf({ server, tls, fleet }: ResolvedConfig, port: number): string {
  const named = fleet.announcedHost || (isOfThisMachine(fleet.host) ? '' : fleet.host)
  const isEverywhere = ['::', '0.0.0.0'].includes(bareHost(server.host))
  const host = isEverywhere && named !== '' ? named : server.host
  return `${tls.mode === 'off' ? 'http' : 'https'}://${isEverywhere && named === '' ? '127.0.0.1' : urlHost(host)}:${port}`
}

/** Address of the listener for calls of other pods. */
export const fleetUrlOf = (host: string, port: number, isTls: boolean): string =>
  `${isTls ? 'https' : 'http'}://${urlHost(host)}:${port}`
