/** Slots of one kind of work at one worker. */
export interface SlotCounts {
  readonly slots: number
  readonly used: number
}
