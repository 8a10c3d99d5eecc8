// Which numbers there are about a tier, by the names of their definitions.
import type { PlanFile } from '../plan-file.ts'
import type { Builder } from './builder.ts'
import type { WorkloadLayout } from './workloads.ts'

export type Tier = NonNullable<PlanFile['tiers']>[string]

export interface ResourceLayout {
  readonly name: string
  readonly scope: 'instance' | 'shared'
  /** One event loop bounds it. */
  readonly oneLoop: boolean
  /** Names of what is in use before the first session, and of amounts kept of this resource. */
  readonly taken: readonly string[]
}

export interface TierLayout {
  readonly name: string
  readonly label: string
  readonly machine: string | undefined
  readonly resources: readonly ResourceLayout[]
  readonly reserves: readonly string[]
  readonly buffers: readonly string[]
  readonly stated: boolean
  /** Nothing says how many instances there are. */
  readonly assumedOne: boolean
  readonly hasLoad: boolean
  readonly hasRealistic: boolean
  readonly hasPrice: boolean
  readonly surviveFailures: number
  readonly bounds: readonly ('atLeast' | 'atMost')[]
}

/** What is being put together for one tier. */
export interface TierDraft {
  readonly builder: Builder
  readonly name: string
  readonly tier: Tier
  readonly path: string
  readonly served: readonly WorkloadLayout[]
}
