// A session as soon as there is a place for it.
import { createSession, ParleyClientError, type ParleySession } from '@parley/client'
import type { Clock } from '@parley/kernel'

/** Places come free by themselves, and workers load: beyond this the platform is full. */
const ROOM_WITHIN_MS = 15_000
const AGAIN_AFTER_MS = 1_000
const NO_ROOM: ReadonlySet<string> = new Set(['NO_SLOT', 'NO_SEAT', 'DRAINING'])

/**
 * Rejects with the refusal when there is none in time, or `leaving` resolves first. `note` is told of each wait. A platform
 * that has answered once is there: when it cannot be reached after that, it is asked again all the same.
 */
export async function sessionWhenThereIsRoom(
  options: Parameters<typeof createSession>[0],
  clock: Clock,
  note: (text: string) => void,
  leaving: Promise<unknown>,
): Promise<ParleySession> {
  const untilMs = clock.nowMs() + ROOM_WITHIN_MS
  let hasLeft = false
  let hasAnswered = false
  void leaving.then(() => {
    hasLeft = true
  })
  for (;;) {
    try {
      return await createSession(options)
    } catch (error) {
      if (!(error instanceof ParleyClientError)) throw error
      const isFull = NO_ROOM.has(error.code)
      if (!isFull && !(hasAnswered && error.code === 'CONNECT_FAILED')) throw error
      hasAnswered = true
      const waitMs = error.retryAfterMs ?? AGAIN_AFTER_MS
      if (hasLeft || clock.nowMs() + waitMs > untilMs) throw error
      const why = isFull ? 'no free place yet' : 'the platform cannot be reached'
      note(`${why}; trying again in ${(waitMs / 1_000).toFixed(1)} s`)
      await Promise.race([pause(clock, waitMs, leaving), leaving])
    }
  }
}

/** The timer does not outlive the wish to leave. */
function pause(clock: Clock, delayMs: number, leaving: Promise<unknown>): Promise<void> {
  return new Promise((resolve) => {
    const timer = clock.after(delayMs, resolve)
    void leaving.then(() => timer.cancel())
  })
}
