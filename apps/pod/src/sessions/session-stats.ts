// The counters of a pod's sessions as one value, read at scrape time.
import type { SessionCounters, SessionRegistry } from '@parley/sessions'
import type { ClientConnection } from './client-connection.ts'
import type { SessionStats } from './session-service.ts'

export interface StatsSources {
  readonly registry: SessionRegistry
  readonly connections: ReadonlySet<ClientConnection>
  readonly counters: SessionCounters
  readonly seats: number
  readonly historyBytes: number
}

export function sessionStats({ registry, connections, counters, seats, historyBytes }: StatsSources): SessionStats {
  const states = { opening: 0, active: 0, suspended: 0, closed: 0 }
  for (const session of registry.values()) states[session.state.kind]++
  let watchers = 0
  for (const connection of connections) if (connection.isWatcher) watchers++
  const { opening, active, suspended } = states
  return {
    opening,
    active,
    suspended,
    seats,
    sockets: connections.size,
    watchers,
    historyBytes,
    ...counters,
    refusedTotal: numbers(counters.refusedTotal),
    closedTotal: { ...counters.closedTotal },
    translationsTotal: { ...counters.translationsTotal },
    polishedTotal: { ...counters.polishedTotal },
    speechesTotal: { ...counters.speechesTotal },
    voicesTotal: { ...counters.voicesTotal },
    errorsTotal: numbers(counters.errorsTotal),
  }
}

const numbers = (table: Readonly<Partial<Record<string, number>>>): Record<string, number> => ({
  ...(table as Record<string, number>),
})
