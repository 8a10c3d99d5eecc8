// What is true of a client's connection, per state. Transitions: connection-transitions.ts.
import type { CloseReason } from '@parley/protocol'
import type { ParleyClientError } from './errors.ts'

export type ConnectionState =
  /** Opening the socket, or waiting for the welcome. Audio given meanwhile is held. */
  | { readonly kind: 'connecting'; readonly hasSaidHello: boolean; readonly refusal?: ParleyClientError }
  /** Speech is recognised. */
  | { readonly kind: 'live' }
  /** Connected, but recognition waits for a worker; audio goes on and is kept by the pod. */
  | { readonly kind: 'waiting'; readonly reason?: 'worker_lost' | 'no_worker' }
  /** The socket is gone and is being made anew by itself; the session waits for it, audio is kept here. */
  | {
      readonly kind: 'reconnecting'
      /** Why the connection broke. */
      readonly error: ParleyClientError
      /** When it was noticed, and until when the session waits; monotonic ms. */
      readonly sinceMs: number
      readonly untilMs: number
      /** Attempts begun. */
      readonly attempts: number
      /** Those that a pod answered with when to come again: no reason to come more rarely. */
      readonly answered: number
      readonly attempt: Attempt
    }
  /** The socket is gone for good without a goodbye. The session may still be alive on the platform for the grace period. */
  | { readonly kind: 'lost'; readonly error: ParleyClientError }
  /** Over, for the reason given; `error` when that is a failure. */
  | {
      readonly kind: 'closed'
      readonly reason: CloseReason
      readonly message: string
      readonly mayResume: boolean
      readonly error?: ParleyClientError
    }

/** All instants monotonic ms. */
export type Attempt =
  /** `isHere`: the next one is made where the last was, at a pod that said to come again. */
  | { readonly kind: 'waits'; readonly untilMs: number; readonly isHere?: boolean }
  | {
      readonly kind: 'runs'
      /** From here on it counts as failed. */
      readonly untilMs: number
      readonly hasSaidHello: boolean
      readonly refusal?: ParleyClientError
    }

export type ConnectionKind = ConnectionState['kind']
export type Reconnecting = Extract<ConnectionState, { kind: 'reconnecting' }>

export const INITIAL_STATE: ConnectionState = { kind: 'connecting', hasSaidHello: false }

export const isOver = (state: ConnectionState): state is Extract<ConnectionState, { kind: 'lost' | 'closed' }> =>
  state.kind === 'lost' || state.kind === 'closed'

export const isConnected = (state: ConnectionState): boolean => state.kind === 'live' || state.kind === 'waiting'

/** Both are `reconnecting`, and an attempt has begun or ended in between. */
export function isNewAttempt(before: ConnectionState, state: ConnectionState): boolean {
  if (before.kind !== 'reconnecting' || state.kind !== 'reconnecting') return false
  return before.attempts !== state.attempts || before.attempt.kind !== state.attempt.kind
}
