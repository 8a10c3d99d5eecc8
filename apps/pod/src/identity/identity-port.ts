// Who calls and what they may: the types that the HTTP routes and the WebSocket gateway share with identity.
import type { FencingToken } from '@parley/fleet'
import type { Result } from '@parley/kernel'
import type { ParleyError, SessionId, WatchLinkId } from '@parley/protocol'

export type Role = 'admin' | 'backend' | 'user' | 'page'

/** An authenticated caller. `user` is set for roles user and page; admin and backend name the user per request. */
export interface Principal {
  readonly tenant: string
  readonly role: Role
  readonly user: string | undefined
  readonly keyId: string | undefined
}

export interface TicketClaims {
  readonly sessionId: SessionId
  readonly tenant: string
  readonly user: string
}

/** What the owner of a session comes back with; good for as long as the session lives, on whichever pod has it. */
export interface ResumeClaims extends TicketClaims {
  /** Where it was issued. */
  readonly podId: string
  /** The one the session was held with then: who takes it over gets a greater one. */
  readonly token?: FencingToken | undefined
}

export interface WatchClaims {
  readonly sessionId: SessionId
  readonly linkId: WatchLinkId
  readonly expiresAtMs: number
}

/** Signed, short-lived tokens of this platform (jose, HS256 with a key of the data directory). Times are wall clock. */
export interface Tokens {
  issueTicket(claims: TicketClaims): Promise<{ readonly token: string; readonly expiresAtMs: number }>
  issueResumeToken(claims: ResumeClaims): Promise<string>
  issueWatchToken(claims: WatchClaims): Promise<string>
  issueUserToken(
    tenant: string,
    user: string,
    lifetimeMs: number,
  ): Promise<{ readonly token: string; readonly expiresAtMs: number }>
  /**
   * What the token of a hello stands for. TICKET_INVALID and TICKET_EXPIRED of tickets and resume tokens, WATCH_LINK_INVALID
   * (signature, audience, expiry; revocation is the session's to check). A ticket works once: a second time it is a `used_ticket`,
   * good for nothing but to say what became of its session.
   */
  redeem(token: string): Promise<Result<Redeemed, ParleyError>>
}

export type Redeemed =
  | { readonly kind: 'ticket'; readonly claims: TicketClaims }
  | { readonly kind: 'used_ticket'; readonly claims: TicketClaims }
  | { readonly kind: 'resume'; readonly claims: ResumeClaims }
  | { readonly kind: 'watch'; readonly claims: WatchClaims }

/** Parts of a request that carry credentials. Header names are lower case, as Node gives them. */
export interface CredentialSource {
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
}

export interface Authenticator {
  /** Bearer API key, Bearer user token, or page session cookie. UNAUTHENTICATED otherwise. */
  authenticate(source: CredentialSource): Promise<Result<Principal, ParleyError>>
}
