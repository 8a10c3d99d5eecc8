/** Where sessions are put to the test: the impairment relay. */
export type { ActiveCut, CutChange, CutOrigin, CutState, PathState } from './impairment/cut-book.ts'
export {
  type Burst,
  CUT_MANNERS,
  CUT_TARGETS,
  type Cut,
  type CutManner,
  type CutTarget,
  DIRECTIONS,
  type Direction,
  formatImpairmentMistake,
  type Impairment,
  type ImpairmentMistake,
  type ImpairmentOptions,
  JITTER_SHAPES,
  type JitterShape,
  type LinkImpairment,
  NO_IMPAIRMENT,
  type PeriodicCut,
  resolveImpairment,
} from './impairment/impairment.ts'
export { type Address, formatAddress } from './impairment/path.ts'
export {
  type DirectionReport,
  ImpairmentError,
  type Relay,
  type RelayEnds,
  type RelayEvents,
  type RelayOptions,
  type RelayReport,
  startRelay,
} from './impairment/relay.ts'
export { DROP_REASONS, type DropReason } from './impairment/relay-counters.ts'
