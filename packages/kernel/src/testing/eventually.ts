import { systemClock } from '../clock.ts'

export interface EventuallyOptions {
  /** Gives up after this long; 5,000 ms unless told. */
  readonly withinMs?: number
  readonly everyMs?: number
}

/**
 * Waits until `whyNotYet` returns nothing. While it returns a sentence, that sentence is the reason; the last one becomes
 * the failure's message, so that a test that times out says what was still missing. For real sockets and processes only.
 */
export async function eventually(
  whyNotYet: () => string | undefined | Promise<string | undefined>,
  options: EventuallyOptions = {},
): Promise<void> {
  const withinMs = options.withinMs ?? 5_000
  const startMs = systemClock.nowMs()
  for (;;) {
    const reason = await whyNotYet()
    if (reason === undefined) return
    if (systemClock.nowMs() - startMs > withinMs) throw new Error(`not within ${withinMs} ms: ${reason}`)
    await new Promise<void>((resolve) => {
      systemClock.after(options.everyMs ?? 10, resolve)
    })
  }
}
