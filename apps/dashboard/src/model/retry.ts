// When the page tries again by itself, and how long it waits. Pure but for the jitter, which is injected.
import { backoffMs, type Random } from '@parley/kernel'
import type { Trouble } from '../caption-client.ts'

/** After this many refusals in a row the page stops and asks. */
export const MAX_RETRIES = 20
/** Bounds of a wait, whatever the pod advises. */
const MIN_WAIT_MS = 1_000
const MAX_WAIT_MS = 60_000

const OWNER_CODES: ReadonlySet<string> = new Set([
  'NO_SLOT',
  'NO_SEAT',
  'RATE_LIMITED',
  'TOO_MANY_CONNECTIONS',
  'SPEECH_UNAVAILABLE',
  'DRAINING',
])
const WATCHER_CODES: ReadonlySet<string> = new Set([
  ...OWNER_CODES,
  ...['HELLO_TIMEOUT', 'SLOW_CONSUMER', 'INTERNAL'],
  // Its pod is gone, and the one that goes on with it is not known yet.
  ...['SESSION_SUSPENDED', 'WRONG_POD', 'DIRECTORY_AWAY', 'STATE_UNREADABLE'],
])
const WATCHER_CLOSES: ReadonlySet<string> = new Set(['client_silent', 'socket_lost', 'slow_consumer', 'rate_limited'])

/**
 * Delay before the next attempt in ms, or undefined when the page should not try by itself. `attempt` counts from 0.
 * An owner is retried only before speech has begun: a session that broke is never restarted behind the speaker's back.
 */
export function retryDelayMs(
  role: 'owner' | 'watcher',
  trouble: Trouble,
  attempt: number,
  wasLive: boolean,
  random: Random = Math.random,
): number | undefined {
  if (attempt >= MAX_RETRIES || !mayRetry(role, trouble, wasLive)) return undefined
  const advisedMs = trouble.kind === 'refused' ? trouble.retryAfterMs : undefined
  const waitMs = advisedMs ?? backoffMs(attempt, { firstMs: 2_000, maxMs: 15_000 }, random)
  return Math.min(MAX_WAIT_MS, Math.max(MIN_WAIT_MS, waitMs))
}

function mayRetry(role: 'owner' | 'watcher', trouble: Trouble, wasLive: boolean): boolean {
  if (role === 'owner') return !wasLive && trouble.kind === 'refused' && OWNER_CODES.has(trouble.code)
  switch (trouble.kind) {
    case 'lost':
    case 'unreachable':
      return true
    case 'refused':
      return WATCHER_CODES.has(trouble.code)
    case 'closed':
      return WATCHER_CLOSES.has(trouble.reason)
    default:
      return false
  }
}
