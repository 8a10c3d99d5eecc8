// What is true of a session in each of its states. What may happen next: session-transitions.ts.
import type { CloseReason } from '@parley/protocol'

export type SessionState =
  /** Seat and slot are held; the client has a ticket and has not come yet. */
  | { readonly kind: 'opening'; readonly ticketUntilMs: number }
  /** The owner is connected. */
  | { readonly kind: 'active' }
  /** The owner's connection is gone; seat, slot, watchers and history are kept. */
  | { readonly kind: 'suspended'; readonly resumeUntilMs: number; readonly because: CloseReason }
  /** Nothing is held any more. */
  | { readonly kind: 'closed'; readonly reason: CloseReason }

export interface SessionPolicy {
  /** From creation until the ticket has to be redeemed. */
  readonly ticketLifetimeMs: number
  /** How long a session is kept for an owner that lost its connection. */
  readonly graceMs: number
}
