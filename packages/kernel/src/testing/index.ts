export { bareEnvironment } from './bare-environment.ts'
export { type EventuallyOptions, eventually, PATIENCE } from './eventually.ts'
export { ManualClock } from './manual-clock.ts'
export { temporaryFolder } from './temporary-folder.ts'
