export { type EventuallyOptions, eventually } from './eventually.ts'
export { ManualClock } from './manual-clock.ts'
