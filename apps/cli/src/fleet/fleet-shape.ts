// What the admin listener answers about the fleet, as this command reads it. A newer platform may say more.

export interface FleetSlots {
  readonly used: number
  readonly total: number
}

export interface FleetMember {
  readonly id: string
  readonly kind: 'pod' | 'worker'
  readonly name?: string
  readonly pid: number | null
  readonly state: string
  readonly url: string | null
  readonly sessions: number
  readonly slots: Readonly<Record<string, FleetSlots>>
  readonly ageMs?: number
  readonly standing?: string
  readonly voices?: readonly string[]
  readonly problem?: string
}

export interface FleetReport {
  readonly members: readonly FleetMember[]
}

export function isFleetReport(body: unknown): body is FleetReport {
  return typeof body === 'object' && body !== null && Array.isArray((body as { members?: unknown }).members)
}
