// A slot that is taken now may be free in a moment: who can wait a little asks again.
import { type Clock, type Result, sleep } from '@parley/kernel'
import type { ParleyError } from '@parley/protocol'

/** How long is waited before a request for which there is no slot is refused, and how often it asks. */
const SLOT_WAIT_MS = 2_000
const SLOT_RETRY_MS = 50

/** What `take` answers, once it is not NO_SLOT or the wait is over. Undefined: `isOver` came first. */
export async function waitForSlot<Slot>(
  clock: Clock,
  isOver: () => boolean,
  take: () => Promise<Result<Slot, ParleyError>>,
): Promise<Result<Slot, ParleyError> | undefined> {
  const untilMs = clock.nowMs() + SLOT_WAIT_MS
  while (!isOver()) {
    const taken = await take()
    if (taken.ok || taken.error.code !== 'NO_SLOT' || clock.nowMs() >= untilMs) return taken
    if (isOver()) return undefined
    await sleep(clock, SLOT_RETRY_MS)
  }
  return undefined
}
