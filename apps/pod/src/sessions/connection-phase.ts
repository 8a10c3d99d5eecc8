// Where a client's connection is in its life. client-connection.ts moves it along:
//
//   greeting --hello--> checking --ticket--> owner   --+
//      |                   |     --watch---> watcher --+--> closing --> gone
//      +-------------------+---- refused, timed out ---+
//
// A socket that closes by itself goes to `gone` from anywhere.
import type { WatchLinkId } from '@parley/protocol'
import type { Session } from '@parley/sessions'
import type { Watched } from './watch-port.ts'

export type ConnectionPhase =
  /** No hello yet. */
  | { readonly kind: 'greeting' }
  /** The hello's token is being checked. */
  | { readonly kind: 'checking' }
  | { readonly kind: 'owner'; readonly session: Session }
  /** `untilMs`: when the link expires, monotonic. */
  | { readonly kind: 'watcher'; readonly watched: Watched; readonly linkId: WatchLinkId; readonly untilMs: number }
  /** `closing` is sent; the peer has until then to finish the handshake. */
  | { readonly kind: 'closing'; readonly terminateAtMs: number }
  | { readonly kind: 'gone' }

export const GREETING: ConnectionPhase = { kind: 'greeting' }
export const CHECKING: ConnectionPhase = { kind: 'checking' }
export const GONE: ConnectionPhase = { kind: 'gone' }
