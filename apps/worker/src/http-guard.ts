// Who may know more over HTTP than whether this worker is well. Pure, but for checking a token.
import { createHash, timingSafeEqual } from 'node:crypto'
import type { IncomingHttpHeaders } from 'node:http'
import { isLoopbackHost } from '@parley/config'

/** What a proxy adds: with one of these a request from loopback is somebody else's, handed on by a proxy of this machine. */
const FORWARDING_HEADERS = ['x-forwarded-for', 'x-real-ip', 'forwarded', 'via'] as const

export interface Asker {
  readonly remoteAddress: string | undefined
  readonly headers: IncomingHttpHeaders
}

/**
 * True for who sits at this machine: from loopback, not handed on by a proxy, not from a web page (which is what an Origin, or a name
 * that is not of this machine, tells).
 */
export function isOfThisMachine({ remoteAddress, headers }: Asker): boolean {
  if (remoteAddress === undefined || !isLoopbackHost(remoteAddress)) return false
  if (headers.origin !== undefined || FORWARDING_HEADERS.some((name) => headers[name] !== undefined)) return false
  return isLoopbackHost((headers.host ?? '').replace(/:\d+$/, ''))
}

/** True when the Authorization header carries `token`; never, when that is empty. */
export function hasToken(headers: IncomingHttpHeaders, token: string): boolean {
  const [scheme = '', presented = ''] = (headers.authorization ?? '').split(/ +/, 2)
  return token !== '' && scheme.toLowerCase() === 'bearer' && timingSafeEqual(sha256(presented), sha256(token))
}

function sha256(text: string): Buffer {
  return createHash('sha256').update(text).digest()
}
