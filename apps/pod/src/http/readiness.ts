// Whether this pod can take new sessions, in the words of the open health endpoints. Pure.

import type { RecordsReport } from '../records/records-report.ts'
import type { SessionStats } from '../sessions/session-service.ts'
import type { SpeechStatus } from '../speech/speech-port.ts'

/** Life of a pod. `draining` is both emptying on request and stopping: nothing new is admitted. */
export type PodPhase = 'starting' | 'serving' | 'draining'

export interface Readiness {
  readonly isReady: boolean
  readonly status: 'ok' | 'degraded' | 'starting' | 'draining'
  readonly checks: Readonly<Record<string, 'ok' | 'failing'>>
}

/**
 * Ready = serving, and speech can be recognised. A pod without a free seat stays ready: its sessions' clients must still reach
 * it, and whoever asks for a new one is refused with advice; it is reported as degraded. So is
 * one whose database of records is lost, or whose store of shared budgets: nobody waits for either.
 */
export function readinessOf(
  phase: PodPhase,
  speech: Pick<SpeechStatus, 'ready'>,
  sessions: Pick<SessionStats, 'opening' | 'active' | 'suspended' | 'seats'>,
  records?: Pick<RecordsReport, 'lostForMs'>,
  /** The store of shared budgets does not answer; undefined where none are shared. */
  isBudgetStoreLost?: boolean,
): Readiness {
  const hasSeat = sessions.opening + sessions.active + sessions.suspended < sessions.seats
  const hasRecords = records?.lostForMs === undefined
  const word = (isOk: boolean) => (isOk ? ('ok' as const) : ('failing' as const))
  const hasBudgets = isBudgetStoreLost !== true
  const checks = {
    speech: word(speech.ready),
    seats: word(hasSeat),
    ...(records ? { records: word(hasRecords) } : {}),
    ...(isBudgetStoreLost === undefined ? {} : { budgets: word(hasBudgets) }),
  }
  if (phase !== 'serving') return { isReady: false, status: phase, checks }
  return {
    isReady: speech.ready,
    status: speech.ready && hasSeat && hasRecords && hasBudgets ? 'ok' : 'degraded',
    checks,
  }
}
