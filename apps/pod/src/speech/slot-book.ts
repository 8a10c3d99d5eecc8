// How many streams a pod may still open on one worker. Plain counting, synchronous, on the safe side: a slot given back
// counts as free only when the worker has reported it so.

/** Slots of one kind of work on one worker, and those taken as far as this pod knows. */
export interface SlotCounts {
  readonly slots: number
  readonly used: number
}

export class SlotBook implements SlotCounts {
  #slots = 0
  #reportedUsed = 0
  #reserved = 0
  #opening = 0
  /** Opened after the last report: the report may or may not have counted them. */
  #openedSinceReport = 0
  /** Closed before the opening was answered: the worker may yet count them in its next report, or the one after. */
  #closedEarly = 0
  #closedEarlier = 0

  get slots(): number {
    return this.#slots
  }

  /** Slots taken as far as this pod knows; never more than there are. */
  get used(): number {
    return this.#slots - this.free
  }

  /** Slots that may be taken now; never negative. */
  get free(): number {
    const unreported = this.#openedSinceReport + this.#closedEarly + this.#closedEarlier
    return Math.max(0, this.#slots - this.#reportedUsed - this.#reserved - this.#opening - unreported)
  }

  onReport(slots: number, slotsUsed: number): void {
    this.#slots = slots
    this.#reportedUsed = slotsUsed
    this.#openedSinceReport = 0
    this.#closedEarlier = this.#closedEarly
    this.#closedEarly = 0
  }

  reserve(): void {
    this.#reserved++
  }
  unreserve(): void {
    this.#reserved--
  }
  onOpening(): void {
    this.#opening++
  }
  onOpened(): void {
    this.#opening--
    this.#openedSinceReport++
  }
  onRefused(): void {
    this.#opening--
  }
  onClosedWhileOpening(): void {
    this.#opening--
    this.#closedEarly++
  }
  /** The worker has no free slot, whatever it reported: none is offered until the next report. */
  onFull(): void {
    this.#reportedUsed = this.#slots
  }

  /** The link is gone and everything on it. Reservations stay with their holders, who move them. */
  clear(): void {
    this.#slots = 0
    this.#reportedUsed = 0
    this.#opening = 0
    this.#openedSinceReport = 0
    this.#closedEarly = 0
    this.#closedEarlier = 0
  }
}
