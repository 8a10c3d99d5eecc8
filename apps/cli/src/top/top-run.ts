// The beat of `parley top` and of what else is watched: asks the platform once a second and hands what it says to whoever shows it, until it is told to stop or the
// platform is gone. A missed answer is shown, not fatal.
import type { Clock } from '@parley/kernel'
import { CliError, EXIT } from '../exit-codes.ts'

export const REFRESH_MS = 1_000

export interface TopRun<Snapshot> {
  readonly clock: Clock
  /** Asks once; throws a CliError when the platform does not answer, with exit code `missing` when there is none. */
  ask(): Promise<Snapshot>
  show(snapshot: Snapshot): void
  /** The last snapshot stays; `reason` says why it is old. */
  showStale(reason: string): void
  /** Resolves when a person or the reader of the output wants no more. */
  readonly stopped: Promise<void>
}

/** Resolves when stopped; throws the CliError that says that no platform is there, or not any more. */
export async function runTop<Snapshot>({ clock, ask, show, showStale, stopped }: TopRun<Snapshot>): Promise<void> {
  let isOver = false
  const over = stopped.then(() => {
    isOver = true
  })
  for (let isFirst = true; !isOver; isFirst = false) {
    try {
      const snapshot = await ask()
      if (!isOver) show(snapshot)
    } catch (failure) {
      if (isOver) return
      if (!(failure instanceof CliError) || isFirst || failure.exitCode === EXIT.missing) throw failure
      showStale(failure.message)
    }
    const beat = Promise.withResolvers<void>()
    const timer = clock.after(REFRESH_MS, beat.resolve)
    await Promise.race([beat.promise, over])
    timer.cancel()
  }
}
