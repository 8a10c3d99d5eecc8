import type { Clock } from './clock.ts'

export class DeadlineError extends Error {
  readonly what: string
  readonly limitMs: number
  constructor(what: string, limitMs: number) {
    super(`${what} did not finish within ${limitMs} ms`)
    this.name = 'DeadlineError'
    this.what = what
    this.limitMs = limitMs
  }
}

/**
 * `work`, or a DeadlineError naming `what` after `limitMs`. The work itself is not stopped: give it an owner.
 * Its late rejection is swallowed here, because the caller has already been told.
 */
export function withDeadline<T>(clock: Clock, limitMs: number, what: string, work: Promise<T>): Promise<T> {
  return new Promise<T>((resolve, reject) => {
    const timer = clock.after(limitMs, () => reject(new DeadlineError(what, limitMs)))
    work.then(
      (value) => {
        timer.cancel()
        resolve(value)
      },
      (error) => {
        timer.cancel()
        reject(error)
      },
    )
  })
}
