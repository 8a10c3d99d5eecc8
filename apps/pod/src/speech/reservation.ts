// A slot that is promised to a session which has not opened its stream yet. It outlives the worker it was promised on (FO2).

import type { SlotBook } from './slot-book.ts'
import type { SlotReservation } from './speech-port.ts'
import type { PlaceWish } from './stream-placer.ts'
import type { WorkerLink } from './worker-link.ts'

export class Reservation implements SlotReservation {
  readonly language: string
  readonly wish: PlaceWish<SlotBook>
  readonly #onRelease: (reservation: Reservation) => void
  #link: WorkerLink | undefined
  #isOver = false

  constructor(language: string, wish: PlaceWish<SlotBook>, onRelease: (reservation: Reservation) => void) {
    this.language = language
    this.wish = wish
    this.#onRelease = onRelease
  }

  /** Where the slot is; undefined when that worker has gone meanwhile. */
  get link(): WorkerLink | undefined {
    return this.#link
  }

  /** Takes a slot of `link`. */
  take(link: WorkerLink): void {
    this.#link = link
    this.wish.book(link).reserve()
    link.health.take(this)
  }

  /** Gives the slot back, if there is one; another may be taken. */
  leave(): void {
    if (!this.#link) return
    this.wish.book(this.#link).unreserve()
    this.#link.health.leave(this)
    this.#link = undefined
  }

  release(): void {
    if (this.#isOver) return
    this.#isOver = true
    this.leave()
    this.#onRelease(this)
  }
}
