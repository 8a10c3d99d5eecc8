// What the admin listener answers about the fleet, as this command reads it. A newer platform may say more.

export interface FleetSlots {
  readonly used: number
  readonly total: number
  readonly reserved?: number
}

export interface FleetMember {
  readonly id: string
  readonly kind: 'pod' | 'worker'
  readonly name?: string
  readonly pid: number | null
  readonly state: string
  readonly url: string | null
  readonly directUrl?: string
  readonly sessions: number
  readonly slots: Readonly<Record<string, FleetSlots>>
  readonly ageMs?: number
  readonly standing?: string
  readonly voices?: readonly string[]
  readonly problem?: string
  readonly roles?: readonly string[]
  readonly version?: string
  /** Of each resource, 0 to 1. */
  readonly headroom?: Readonly<Record<string, number>>
  readonly drainLeftMs?: number
}

export interface FleetDirectoryState {
  readonly directory: 'memory' | 'redis'
  readonly state: string
  readonly problem?: string
  readonly warnings: readonly string[]
}

export interface FleetReport {
  readonly members: readonly FleetMember[]
  readonly directory?: FleetDirectoryState
  readonly records?: { readonly problem: string }
}

export function isFleetReport(body: unknown): body is FleetReport {
  return typeof body === 'object' && body !== null && Array.isArray((body as { members?: unknown }).members)
}
