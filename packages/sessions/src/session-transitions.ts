// What may happen to a session: pure decisions. session.ts runs the effects, in the order given.
//
//   state      | joined | resumed | lost(reason)                     | tick, deadline passed   | ended(reason)  | given up
//   -----------+--------+---------+----------------------------------+-------------------------+----------------+--------------
//   opening    | active | -       | closed(reason)                   | closed(ticket_unused)   | closed(reason) | closed(moved)
//   active     | -      | active, | suspended if the reason may be   | -                       | closed(reason) | closed(moved)
//              |        | replaced| resumed from, else closed(reason)|                         |                |
//   suspended  | -      | active  | -                                | closed(grace_expired)   | closed(reason) | closed(moved)
//   closed     | -      | -       | -                                | -                       | -              | -
//
// Given up is what another pod has now: it has not ended, and nobody is told that it has. What a pod takes over begins as suspended.
// `lost` in opening is a client that redeemed its ticket and was gone before its welcome: nobody can come back with that
// ticket. `resumed` needs the token of a welcome, so it never meets opening; in active the newer connection takes over.
import { assertNever } from '@parley/kernel'
import { CLOSE_REASONS, type CloseReason } from '@parley/protocol'
import type { SessionPolicy, SessionState } from './session-state.ts'

export type SessionEffect =
  /** Turn the held slot into a stream. */
  | 'open_speech'
  /** Forget the owner's connection; it ends by itself. */
  | 'detach_owner'
  /** The owner's connection is told `replaced` and forgotten; its end is nothing to the session. */
  | 'replace_owner'
  /** Give the slot back that was never opened. */
  | 'release_slot'
  /** No further captions; the slot is free. */
  | 'close_speech'
  /** Every utterance still open is abandoned{closed} (UT1), which owner and watchers still hear; then nothing more. */
  | 'close_feed'
  /** Nothing more is told and nothing ends: it goes on elsewhere. */
  | 'drop_feed'
  | 'close_owner'
  | 'close_watchers'
  /** Leave the registry; the seat is free. */
  | 'forget'

export interface Transition {
  readonly state: SessionState
  readonly effects: readonly SessionEffect[]
}

const ACTIVE: Transition = { state: { kind: 'active' }, effects: ['open_speech'] }
const RESUMED: Transition = { state: { kind: 'active' }, effects: [] }
const TAKEN_OVER: Transition = { state: { kind: 'active' }, effects: ['replace_owner'] }
const DETACH: readonly SessionEffect[] = ['detach_owner']
const CLOSE_UNOPENED: readonly SessionEffect[] = [
  'release_slot',
  'close_feed',
  'close_owner',
  'close_watchers',
  'forget',
]
const GIVE_UP: readonly SessionEffect[] = ['drop_feed', 'close_speech', 'close_owner', 'close_watchers', 'forget']
const CLOSE_OPENED: readonly SessionEffect[] = ['close_speech', 'close_feed', 'close_owner', 'close_watchers', 'forget']

export const opening = (nowMs: number, policy: SessionPolicy): SessionState => ({
  kind: 'opening',
  ticketUntilMs: nowMs + policy.ticketLifetimeMs,
})

/** What another pod had and nobody has come for yet. */
export const takenOver = (nowMs: number, policy: SessionPolicy): SessionState => ({
  kind: 'suspended',
  resumeUntilMs: nowMs + policy.graceMs,
  because: 'moved',
})

/** Another pod has it now. */
export const onGivenUp = (state: SessionState): Transition | undefined =>
  state.kind === 'closed' ? undefined : closed('moved', GIVE_UP)

/** The owner redeemed its ticket and its hello is in order. Undefined: the event changes nothing in this state. */
export function onJoined(state: SessionState): Transition | undefined {
  switch (state.kind) {
    case 'opening':
      return ACTIVE
    case 'active':
    case 'suspended':
    case 'closed':
      return undefined
    default:
      return assertNever(state)
  }
}

/** The owner came back with the token of an earlier welcome. Undefined: there is nothing to come back to. */
export function onResumed(state: SessionState): Transition | undefined {
  switch (state.kind) {
    case 'suspended':
      return RESUMED
    case 'active':
      return TAKEN_OVER
    case 'opening':
    case 'closed':
      return undefined
    default:
      return assertNever(state)
  }
}

/** The owner's connection is gone or is being closed for `reason`. */
export function onLost(
  state: SessionState,
  reason: CloseReason,
  nowMs: number,
  policy: SessionPolicy,
): Transition | undefined {
  switch (state.kind) {
    case 'opening':
      return closed(reason, CLOSE_UNOPENED)
    case 'active':
      if (!CLOSE_REASONS[reason].mayResume) return closed(reason, CLOSE_OPENED)
      return {
        state: { kind: 'suspended', resumeUntilMs: nowMs + policy.graceMs, because: reason },
        effects: DETACH,
      }
    case 'suspended':
    case 'closed':
      return undefined
    default:
      return assertNever(state)
  }
}

/** Time has passed. */
export function onTick(state: SessionState, nowMs: number): Transition | undefined {
  switch (state.kind) {
    case 'opening':
      return nowMs >= state.ticketUntilMs ? closed('ticket_unused', CLOSE_UNOPENED) : undefined
    case 'suspended':
      return nowMs >= state.resumeUntilMs ? closed('grace_expired', CLOSE_OPENED) : undefined
    case 'active':
    case 'closed':
      return undefined
    default:
      return assertNever(state)
  }
}

/** Somebody with the right to ends the session for good. */
export function onEnded(state: SessionState, reason: CloseReason): Transition | undefined {
  switch (state.kind) {
    case 'opening':
      return closed(reason, CLOSE_UNOPENED)
    case 'active':
    case 'suspended':
      return closed(reason, CLOSE_OPENED)
    case 'closed':
      return undefined
    default:
      return assertNever(state)
  }
}

function closed(reason: CloseReason, effects: readonly SessionEffect[]): Transition {
  return { state: { kind: 'closed', reason }, effects }
}
