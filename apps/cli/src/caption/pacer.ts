// Sends samples as if they were spoken now: frame k is due at start + k frames, on an absolute schedule that never drifts. A
// late loop catches up; a live source that has nothing to send yet moves the schedule on, because nobody has spoken meanwhile.
import type { Clock } from '@parley/kernel'

export interface PacerOptions {
  readonly clock: Clock
  readonly sampleRateHz: number
  readonly frameMs: number
  /** The source's writer sets the pace too. */
  readonly isLive: boolean
  /** One frame, the last may be short. False ends the sending. */
  send(samples: Int16Array): boolean
  /** The frame at `mediaMs` is due at `dueMs` (monotonic), and those after it at their distance. */
  onSchedule(mediaMs: number, dueMs: number): void
}

/** Waiting for a source less than this is no pause, ms. */
const STARVED_MS = 1

/** Resolves when the source has ended (true), or `signal` or `send` ended it before (false). Rejects with what the source throws. */
export async function sendAtPace(
  source: AsyncIterable<Int16Array>,
  options: PacerOptions,
  signal: AbortSignal,
): Promise<boolean> {
  const { clock, frameMs, send, onSchedule } = options
  let startMs: number | undefined
  let frame = 0
  for await (const { samples, waitedFromMs, cameMs } of frames(source, options, signal)) {
    if (startMs === undefined) {
      startMs = cameMs
      onSchedule(0, startMs)
    }
    const starvedMs = cameMs - Math.max(waitedFromMs, startMs + frame * frameMs)
    if (options.isLive && starvedMs > STARVED_MS) {
      startMs += starvedMs
      onSchedule(frame * frameMs, startMs + frame * frameMs)
    }
    await until(clock, startMs + frame * frameMs, signal)
    if (signal.aborted || !send(samples)) return false
    frame++
  }
  return !signal.aborted
}

interface Frame {
  readonly samples: Int16Array
  /** When the sender began to wait for it, and when it was there; monotonic ms. */
  readonly waitedFromMs: number
  readonly cameMs: number
}

/** Cuts the source into frames. Leaves the source when `signal` fires, also while it has nothing to give. */
async function* frames(
  source: AsyncIterable<Int16Array>,
  options: PacerOptions,
  signal: AbortSignal,
): AsyncGenerator<Frame> {
  const { clock } = options
  const frameSamples = (options.sampleRateHz * options.frameMs) / 1000
  const aborted = onAbort(signal)
  const iterator = source[Symbol.asyncIterator]()
  let block: Int16Array = new Int16Array(frameSamples)
  let fill = 0
  let waitedFromMs = clock.nowMs()
  try {
    for (;;) {
      const next = await Promise.race([iterator.next(), aborted.promise])
      if (next === undefined || next.done) break
      const cameMs = clock.nowMs()
      for (let taken = 0; taken < next.value.length; ) {
        const count = Math.min(next.value.length - taken, frameSamples - fill)
        block.set(next.value.subarray(taken, taken + count), fill)
        fill += count
        taken += count
        if (fill < frameSamples) continue
        yield { samples: block, waitedFromMs, cameMs }
        block = new Int16Array(frameSamples)
        fill = 0
        waitedFromMs = clock.nowMs()
      }
    }
    if (fill > 0 && !signal.aborted) yield { samples: block.subarray(0, fill), waitedFromMs, cameMs: clock.nowMs() }
  } finally {
    aborted.dispose()
    // Not awaited: a generator that waits for a silent writer returns only when that writer is gone.
    void iterator.return?.(undefined)?.catch(() => {})
  }
}

function onAbort(signal: AbortSignal): { readonly promise: Promise<undefined>; dispose(): void } {
  const { promise, resolve } = Promise.withResolvers<undefined>()
  const listener = (): void => resolve(undefined)
  if (signal.aborted) listener()
  signal.addEventListener('abort', listener, { once: true })
  return { promise, dispose: () => signal.removeEventListener('abort', listener) }
}

function until(clock: Clock, dueMs: number, signal: AbortSignal): Promise<void> {
  const waitMs = dueMs - clock.nowMs()
  if (waitMs <= 0 || signal.aborted) return Promise.resolve()
  return new Promise((resolve) => {
    const timer = clock.after(waitMs, () => {
      signal.removeEventListener('abort', onAborted)
      resolve()
    })
    const onAborted = (): void => {
      timer.cancel()
      resolve()
    }
    signal.addEventListener('abort', onAborted, { once: true })
  })
}
