// Ends of audio that were asked for and are not answered: each with its deadline, asked anew after every reconnection.
import type { Clock, Timer } from '@parley/kernel'
import type { AudioEnded } from '@parley/protocol'
import { ParleyClientError } from './errors.ts'

interface PendingEnd {
  readonly requestId: string
  readonly answer: PromiseWithResolvers<AudioEnded>
  readonly timer: Timer
  isSent: boolean
}

export class PendingEnds {
  readonly #clock: Clock
  readonly #pending = new Map<string, PendingEnd>()
  #count = 0

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** Resolves with the answer; rejects after `deadlineMs` or with what `fail` is told. */
  add(deadlineMs: number): Promise<AudioEnded> {
    const requestId = `end-${++this.#count}`
    const answer = Promise.withResolvers<AudioEnded>()
    const timer = this.#clock.after(deadlineMs, () => {
      const detail = `the end of the audio was not answered within ${deadlineMs} ms`
      this.fail(requestId, new ParleyClientError('DEADLINE_EXCEEDED', { detail }))
    })
    this.#pending.set(requestId, { requestId, answer, timer, isSent: false })
    return answer.promise
  }

  /** Calls `send` for each that was not sent on this connection; it gives false when that was not possible. */
  send(send: (requestId: string) => boolean): void {
    for (const pending of this.#pending.values()) {
      if (!pending.isSent) pending.isSent = send(pending.requestId)
    }
  }

  /** A new connection knows of none of them. */
  unsend(): void {
    for (const pending of this.#pending.values()) pending.isSent = false
  }

  /** The answer to the one it names, or to the oldest that was sent. */
  resolve(ended: AudioEnded): void {
    const requestId = ended.requestId ?? [...this.#pending.values()].find(({ isSent }) => isSent)?.requestId
    this.#take(requestId)?.answer.resolve(ended)
  }

  /** False when there is none of this id. */
  fail(requestId: string, error: ParleyClientError): boolean {
    const pending = this.#take(requestId)
    pending?.answer.reject(error)
    return pending !== undefined
  }

  failAll(error: ParleyClientError): void {
    for (const requestId of [...this.#pending.keys()]) this.fail(requestId, error)
  }

  #take(requestId: string | undefined): PendingEnd | undefined {
    const pending = requestId === undefined ? undefined : this.#pending.get(requestId)
    if (!pending) return undefined
    pending.timer.cancel()
    this.#pending.delete(pending.requestId)
    return pending
  }
}
