// How a broken connection is made anew: what a failed attempt means, when the next one comes, and where to. Pure.
import { backoffMs } from '@parley/kernel'
import type { ErrorCode } from '@parley/protocol'
import type { ParleyClientError } from './errors.ts'

/** From an attempt's beginning to its welcome, ms. */
export const ATTEMPT_DEADLINE_MS = 5_000
/** A connection that stood this long was a good one: the next break is tried again at once. */
export const STABLE_AFTER_MS = 5_000
const FIRST_DELAY_MS = 250
const MAX_DELAY_MS = 5_000
/** However long the platform asks to be left alone, ms. */
const MAX_ADVISED_MS = 15_000
/** Times that a pod may say "come again, here" before other pods are tried too: longer than a lost pod keeps what it had. */
export const MAX_ANSWERED = 20
/** When a pod that says so does not say when, ms. */
const COME_AGAIN_MS = 500
/** Times in a row that a platform may send elsewhere. */
export const MAX_REDIRECTS = 3

/**
 * What comes of a failed attempt: `again` after a while; `soon`, at the same pod, when that says so; `elsewhere` = the session lives at the address of the error; `gone` = there
 * is nothing to come back to; `refused` = this client will not be let in, however often it asks.
 */
export type AttemptFate = 'again' | 'soon' | 'elsewhere' | 'gone' | 'refused'

const FATES: Readonly<Partial<Record<ErrorCode, AttemptFate>>> = {
  SESSION_UNKNOWN: 'gone',
  SESSION_REPLACED: 'gone',
  TICKET_INVALID: 'refused',
  TICKET_EXPIRED: 'refused',
  TICKET_USED: 'refused',
  WATCH_LINK_INVALID: 'refused',
  UNAUTHENTICATED: 'refused',
  FORBIDDEN: 'refused',
  ORIGIN_REFUSED: 'refused',
  INVALID_FIELD: 'refused',
  UNKNOWN_FIELD: 'refused',
  AUDIO_FORMAT_UNSUPPORTED: 'refused',
  AUDIO_LIMIT_EXCEEDED: 'refused',
}

/** Anything unknown is tried again, also what is no answer of a platform: the page of a train's Wi-Fi is not the end. */
export function fateOf(error: ParleyClientError): AttemptFate {
  if (error.code === 'WRONG_POD' && error.location !== undefined) return 'elsewhere'
  const isAdvised = error.code === 'WRONG_POD' ? error.retryAfterMs !== undefined : error.code === 'SESSION_SUSPENDED'
  if (isAdvised) return 'soon'
  return FATES[error.code] ?? 'again'
}

/** Wait before attempt number `attempts + 1`, ms: none before the first, then up to 250, 500 and so on up to 5,000, jittered by `random` (0..1). */
export function delayMs(attempts: number, random: number, advisedMs = 0): number {
  const advised = Math.min(MAX_ADVISED_MS, advisedMs)
  if (attempts === 0) return advised
  return Math.max(
    advised,
    backoffMs(attempts - 1, { firstMs: FIRST_DELAY_MS, maxMs: MAX_DELAY_MS }, () => random),
  )
}

/** Wait before the next attempt at a pod that has said when: that long, a quarter more or less by `random` (0..1). */
export const advisedDelayMs = (advisedMs: number | undefined, random: number): number =>
  Math.min(MAX_ADVISED_MS, advisedMs ?? COME_AGAIN_MS) * (0.75 + random / 2)

const SOCKET_PROTOCOLS: Readonly<Record<string, string>> = {
  'ws:': 'ws:',
  'wss:': 'wss:',
  'http:': 'ws:',
  'https:': 'wss:',
}

function socketUrl(address: string): URL | undefined {
  if (!URL.canParse(address)) return undefined
  const url = new URL(address)
  const protocol = SOCKET_PROTOCOLS[url.protocol]
  if (protocol === undefined) return undefined
  url.protocol = protocol
  return url
}

/**
 * Where a platform that says "not here" may send this client: only to an origin among its entry addresses, and never from an
 * encrypted connection to a readable one. Undefined for any other.
 */
export function allowedTarget(location: string, entryUrls: readonly string[], currentUrl: string): string | undefined {
  const target = socketUrl(location)
  if (!target) return undefined
  if (currentUrl.startsWith('wss:') && target.protocol !== 'wss:') return undefined
  const isKnown = entryUrls.some((entry) => {
    const known = socketUrl(entry)
    return known?.protocol === target.protocol && known.host === target.host
  })
  return isKnown ? target.href : undefined
}

/** Addresses to knock at in turn: where the session was last, then the entry addresses (with the same path where they name none). */
export function knockingUrls(currentUrl: string, entryUrls: readonly string[]): string[] {
  const urls = [currentUrl]
  const path = new URL(currentUrl).pathname
  for (const entry of entryUrls) {
    const target = socketUrl(entry)
    if (!target) continue
    if (target.pathname === '/') target.pathname = path
    const allowed = allowedTarget(target.href, entryUrls, currentUrl)
    if (allowed !== undefined && !urls.includes(allowed)) urls.push(allowed)
  }
  return urls
}
