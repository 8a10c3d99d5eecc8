// Whether a worker is trusted with new streams. Pure: state, event and time in, next state out.
//
//   state    check failed        stream failed       check passed  stream progressed  trial taken    trial ended
//   in       in, out at 3 *      in, out at 3 *      row ends      row ends           -              -
//   out      trial put off       -                   -             -                  trial, if due  -
//   trial    out                 out                 -             in                 -              out, due now
//   * of one kind in a row
import { assertNever } from '@parley/kernel'
import type { Standing } from './candidate.ts'

export type HealthGate =
  | { readonly kind: 'in'; readonly checksFailed: number; readonly streamsFailed: number }
  /** One stream may be tried from `untilMs` on. */
  | { readonly kind: 'out'; readonly untilMs: number }
  /** One stream is being tried. */
  | { readonly kind: 'trial' }

export type HealthEvent =
  | 'checkPassed'
  | 'checkFailed'
  /** Lost with its link, refused though there was room, failed, not answered in time, or far behind. */
  | 'streamFailed'
  /** In a trial: of the stream that is tried. */
  | 'streamProgressed'
  /** The worker was picked while its standing was `trial`. */
  | 'trialTaken'
  /** The stream that was tried ended before it could show anything. */
  | 'trialEnded'

export interface GatePolicy {
  /** Failures of one kind in a row. */
  readonly failuresToOut: number
  readonly outMs: number
  /** How long a failed check puts off a trial that is due. */
  readonly putOffMs: number
}

export const DEFAULT_GATE_POLICY: GatePolicy = { failuresToOut: 3, outMs: 30_000, putOffMs: 2_000 }

/** Nothing is held against the worker. */
export const NEW_GATE: HealthGate = { kind: 'in', checksFailed: 0, streamsFailed: 0 }

type In = Extract<HealthGate, { kind: 'in' }>

/** What `event` at `nowMs` (monotonic) makes of `gate`; the same object when nothing changes. */
export function advanceGate(
  gate: HealthGate,
  event: HealthEvent,
  nowMs: number,
  policy: GatePolicy = DEFAULT_GATE_POLICY,
): HealthGate {
  switch (gate.kind) {
    case 'in':
      return whileIn(gate, event, nowMs, policy)
    case 'out':
      if (event === 'checkFailed') return { kind: 'out', untilMs: Math.max(gate.untilMs, nowMs + policy.putOffMs) }
      return event === 'trialTaken' && nowMs >= gate.untilMs ? { kind: 'trial' } : gate
    case 'trial':
      if (event === 'checkFailed' || event === 'streamFailed') return out(nowMs, policy)
      if (event === 'trialEnded') return { kind: 'out', untilMs: nowMs }
      return event === 'streamProgressed' ? NEW_GATE : gate
    default:
      return assertNever(gate)
  }
}

export function standingOf(gate: HealthGate, nowMs: number): Standing {
  if (gate.kind === 'in') return 'in'
  return gate.kind === 'out' && nowMs >= gate.untilMs ? 'trial' : 'out'
}

function whileIn(gate: In, event: HealthEvent, nowMs: number, policy: GatePolicy): HealthGate {
  switch (event) {
    case 'checkPassed':
      return lessFailed(gate, { checksFailed: 0 })
    case 'streamProgressed':
      return lessFailed(gate, { streamsFailed: 0 })
    case 'checkFailed':
      return unlessTooMany({ ...gate, checksFailed: gate.checksFailed + 1 }, nowMs, policy)
    case 'streamFailed':
      return unlessTooMany({ ...gate, streamsFailed: gate.streamsFailed + 1 }, nowMs, policy)
    case 'trialTaken':
    case 'trialEnded':
      return gate
    default:
      return assertNever(event)
  }
}

/** `NEW_GATE` itself once nothing is held against the worker, so that this is cheap to see. */
function lessFailed(gate: In, less: Partial<In>): HealthGate {
  const next = { ...gate, ...less }
  return next.checksFailed + next.streamsFailed === 0 ? NEW_GATE : next
}

function unlessTooMany(gate: In, nowMs: number, policy: GatePolicy): HealthGate {
  const worst = Math.max(gate.checksFailed, gate.streamsFailed)
  return worst >= policy.failuresToOut ? out(nowMs, policy) : gate
}

const out = (nowMs: number, { outMs }: GatePolicy): HealthGate => ({ kind: 'out', untilMs: nowMs + outMs })
