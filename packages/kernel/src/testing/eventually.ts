import { systemClock } from '../clock.ts'

/** Tests run beside others, on machines that are busy: what takes a second alone may take as many times that. */
export const PATIENCE = 3

export interface EventuallyOptions {
  /** How long it takes at most on a machine with nothing else to do; 5,000 ms unless told. It gives up after three times that. */
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
  const withinMs = (options.withinMs ?? 5_000) * PATIENCE
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
