// What the two relays share: the clock, the scheduler, the model and the counters of each direction.
import type { Clock } from '@parley/kernel'
import type { Direction } from './impairment.ts'
import type { LinkModel } from './link-model.ts'
import type { DirectionCounters, RelayTotals } from './relay-counters.ts'
import type { Scheduler } from './scheduler.ts'

export interface Address {
  readonly host: string
  /** 0 to listen on a free one. */
  readonly port: number
}

export interface Path {
  /** Counts from the start of the relay, so that a seed means the same in every run. */
  readonly clock: Clock
  readonly scheduler: Scheduler
  readonly links: Readonly<Record<Direction, LinkModel>>
  readonly counters: Readonly<Record<Direction, DirectionCounters>>
  readonly totals: RelayTotals
  /** Something a person should know: a target that does not answer, a socket that failed. */
  onProblem(message: string): void
}

/** Index of a flow in the models: TCP and UDP draw apart. */
export const tcpFlowIndex = (count: number): number => count * 2 + 1
export const udpFlowIndex = (count: number): number => count * 2

export const formatAddress = ({ host, port }: Address): string =>
  host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`
