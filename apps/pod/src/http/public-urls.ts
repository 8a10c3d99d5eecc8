// The addresses told to a caller: from server.publicUrl, or from how the caller reached us. Pure.
import type { PublicUrls } from '../sessions/session-service.ts'

const HOST = /^(?:\[[0-9a-f:.]+\]|[a-z0-9](?:[a-z0-9._-]{0,252}[a-z0-9.])?)(?::(\d{1,5}))?$/i

/** A Host header that is a name or address and perhaps a port, nothing that could bend a URL. */
export function isSaneHost(host: string | undefined): host is string {
  if (host === undefined || host.length > 262) return false
  const match = HOST.exec(host)
  return match !== null && (match[1] === undefined || Number(match[1]) <= 65_535)
}

/** Path of the WebSocket of a pod; behind one host name a proxy routes by it. */
export const wsPathOf = (podId: string): string => `/p/${podId}/v1/ws`

/** Undefined when there is no publicUrl and the Host header is missing or not sane. */
export function publicUrlsOf(
  publicUrl: string,
  podId: string,
  isTls: boolean,
  host: string | undefined,
): PublicUrls | undefined {
  if (publicUrl === '' && !isSaneHost(host)) return undefined
  const base = publicUrl === '' ? `${isTls ? 'https' : 'http'}://${host}` : publicUrl.replace(/\/+$/, '')
  return { wsUrl: `${base.replace(/^http/i, 'ws')}${wsPathOf(podId)}`, pageUrl: `${base}/` }
}
