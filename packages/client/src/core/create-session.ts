// A session is reserved by REST first; what it is asked for is checked before anything is sent.
import type { Clock } from '@parley/kernel'
import type { ErrorCode } from '@parley/protocol'
import { ParleyApi } from './api.ts'
import { resolveAudio } from './audio-choice.ts'
import { ParleyClientError } from './errors.ts'
import type { ClientPlatform } from './platform.ts'
import { ParleySession } from './session.ts'
import type { PlaceOptions, SessionOptions } from './session-types.ts'

/** When the platform does not say when to come again, ms. */
const AGAIN_AFTER_MS = 1_000
const NO_PLACE: ReadonlySet<ErrorCode> = new Set(['NO_SLOT', 'NO_SEAT', 'DRAINING'])

/** Reserves a session on the platform. Subscribe to its events, then `connect`. Rejects with ParleyClientError. */
export async function createSessionOn(platform: ClientPlatform, options: SessionOptions): Promise<ParleySession> {
  resolveAudio(options)
  const api = new ParleyApi(platform, options)
  const { language, user, metadata } = options
  const wish = {
    ...(language === undefined ? {} : { language }),
    ...(user === undefined ? {} : { user }),
    ...(metadata === undefined ? {} : { metadata }),
  }
  const created = await whenThereIsPlace(platform.clock, options, () => api.createSession(wish))
  return new ParleySession(platform, api, created, options)
}

/** Rejects with the last refusal when there is no place in time. */
async function whenThereIsPlace<Created>(
  clock: Clock,
  { waitForPlaceMs = 0, onWaiting, signal }: PlaceOptions,
  create: () => Promise<Created>,
): Promise<Created> {
  const untilMs = clock.nowMs() + waitForPlaceMs
  let hasAnswered = false
  for (;;) {
    try {
      return await create()
    } catch (error) {
      if (!(error instanceof ParleyClientError)) throw error
      const isFull = NO_PLACE.has(error.code)
      // A platform that has answered once is there.
      const isBroken = hasAnswered && error.code === 'CONNECT_FAILED'
      hasAnswered ||= isFull
      const waitMs = error.retryAfterMs ?? AGAIN_AFTER_MS
      if (!(isFull || isBroken) || clock.nowMs() + waitMs > untilMs) throw error
      onWaiting?.(isFull ? 'full' : 'unreachable', waitMs)
      if (!signal?.aborted) await pause(clock, waitMs, signal)
      if (signal?.aborted) throw error
    }
  }
}

/** The timer does not outlive the wish to leave. */
function pause(clock: Clock, delayMs: number, signal: AbortSignal | undefined): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>()
  const over = (): void => {
    timer.cancel()
    signal?.removeEventListener('abort', over)
    resolve()
  }
  const timer = clock.after(delayMs, over)
  signal?.addEventListener('abort', over)
  return promise
}
