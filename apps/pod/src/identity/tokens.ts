// Signed tokens: session tickets, resume tokens, watch links, user tokens, page sessions. One key, one algorithm (HS256); the
// audience keeps them apart, so that a token of one kind is never taken for another.
import { createHmac, createSecretKey } from 'node:crypto'
import { type Clock, err, ok, type Result, randomToken } from '@parley/kernel'
import { ParleyError, type SessionId, TICKET_LIFETIME_MS, type WatchLinkId } from '@parley/protocol'
import { decodeJwt, errors, type JWTPayload, jwtVerify } from 'jose'
import type { Redeemed, ResumeClaims, Tokens, WatchClaims } from './identity-port.ts'
import { UsedTickets } from './used-tickets.ts'

const ALGORITHM = 'HS256'
const HEADER = Buffer.from(JSON.stringify({ alg: ALGORITHM, typ: 'JWT' })).toString('base64url')
const ISSUER = 'parley'
/** A token longer than this is not one of ours; spares the decoding. */
const MAX_TOKEN_CHARS = 4_096
export const PAGE_SESSION_LIFETIME_MS = 12 * 3_600_000
/** Longer than any session: what ends the use of a resume token is the end of its session. Each welcome brings a new one. */
export const RESUME_TOKEN_LIFETIME_MS = 30 * 24 * 3_600_000

type Audience = 'ticket' | 'resume' | 'watch' | 'user' | 'page'

export interface UserClaims {
  readonly tenant: string
  readonly user: string
}

/** The port that sessions use, and what only the HTTP layer needs. */
export interface SignedTokens extends Tokens {
  verifyUserToken(token: string): Promise<UserClaims | undefined>
  issuePageSession(claims: UserClaims): Promise<{ readonly token: string; readonly expiresAtMs: number }>
  verifyPageSession(token: string): Promise<UserClaims | undefined>
}

export interface TokensOptions {
  readonly clock: Clock
  /** At least 32 bytes. */
  readonly signingKey: Uint8Array
  readonly usedTickets?: UsedTickets
}

export async function createTokens(options: TokensOptions): Promise<SignedTokens> {
  const { clock } = options
  const usedTickets = options.usedTickets ?? new UsedTickets()
  const sealer = await createSealer(options.signingKey, clock)

  async function redeemTicket(token: string): Promise<Result<Redeemed, ParleyError>> {
    const opened = await sealer.open(token, 'ticket')
    if (opened.kind === 'expired') return err(new ParleyError('TICKET_EXPIRED'))
    if (opened.kind === 'bad') return err(new ParleyError('TICKET_INVALID'))
    const { sid, tenant, sub, jti, exp } = opened.payload
    if (!isText(sid) || !isText(tenant) || !isText(sub) || !isText(jti) || exp === undefined) {
      return err(new ParleyError('TICKET_INVALID'))
    }
    const use = usedTickets.use(jti, exp * 1000, clock.wallMs())
    if (use === 'full') {
      return err(new ParleyError('TICKET_INVALID', { message: 'too many tickets are in use; ask for a new one' }))
    }
    const claims = { sessionId: sid as SessionId, tenant, user: sub }
    return ok({ kind: use === 'again' ? 'used_ticket' : 'ticket', claims })
  }

  async function redeemResumeToken(token: string): Promise<Result<Redeemed, ParleyError>> {
    const opened = await sealer.open(token, 'resume')
    if (opened.kind === 'expired') return err(new ParleyError('TICKET_EXPIRED'))
    const claims = opened.kind === 'good' ? resumeClaims(opened.payload) : undefined
    if (claims) return ok({ kind: 'resume', claims })
    return err(new ParleyError('TICKET_INVALID', { message: 'the resume token is not valid here' }))
  }

  async function redeemWatchToken(token: string): Promise<Result<Redeemed, ParleyError>> {
    const opened = await sealer.open(token, 'watch')
    if (opened.kind !== 'good') return err(new ParleyError('WATCH_LINK_INVALID'))
    const { sid, jti, exp } = opened.payload
    if (!isText(sid) || !isText(jti) || exp === undefined) return err(new ParleyError('WATCH_LINK_INVALID'))
    const claims: WatchClaims = { sessionId: sid as SessionId, linkId: jti as WatchLinkId, expiresAtMs: exp * 1000 }
    return ok({ kind: 'watch', claims })
  }

  const issueFor = async (audience: 'user' | 'page', { tenant, user }: UserClaims, lifetimeMs: number) => {
    const expiresAtMs = expiryMs(clock.wallMs() + lifetimeMs)
    return { token: await sealer.seal(audience, { sub: user, tenant }, expiresAtMs), expiresAtMs }
  }

  return {
    async issueTicket({ sessionId, tenant, user }) {
      const expiresAtMs = expiryMs(clock.wallMs() + TICKET_LIFETIME_MS)
      const payload = { sid: sessionId, tenant, sub: user, jti: randomToken(20) }
      return { token: await sealer.seal('ticket', payload, expiresAtMs), expiresAtMs }
    },
    issueResumeToken({ sessionId, tenant, user, podId, token }) {
      const expiresAtMs = clock.wallMs() + RESUME_TOKEN_LIFETIME_MS
      const fence = token ? { tok: [token.epoch, token.counter] } : {}
      return sealer.seal('resume', { sid: sessionId, tenant, sub: user, pod: podId, ...fence }, expiresAtMs)
    },
    issueWatchToken: ({ sessionId, linkId, expiresAtMs }) =>
      sealer.seal('watch', { sid: sessionId, jti: linkId }, expiresAtMs),
    issueUserToken: (tenant, user, lifetimeMs) => issueFor('user', { tenant, user }, lifetimeMs),
    issuePageSession: (claims) => issueFor('page', claims, PAGE_SESSION_LIFETIME_MS),
    verifyUserToken: async (token) => userClaims(await sealer.open(token, 'user')),
    verifyPageSession: async (token) => userClaims(await sealer.open(token, 'page')),
    redeem(token) {
      const audience = audienceOf(token)
      if (audience === 'watch') return redeemWatchToken(token)
      return audience === 'resume' ? redeemResumeToken(token) : redeemTicket(token)
    },
  }
}

type Opened =
  | { readonly kind: 'good'; readonly payload: JWTPayload }
  | { readonly kind: 'expired' }
  | { readonly kind: 'bad' }

interface Sealer {
  seal(audience: Audience, payload: JWTPayload, expiresAtMs: number): Promise<string>
  open(token: string, audience: Audience): Promise<Opened>
}

async function createSealer(signingKey: Uint8Array, clock: Clock): Promise<Sealer> {
  // Copied: importKey wants a buffer that is not shared.
  const raw = new Uint8Array(signingKey)
  const secret = createSecretKey(raw)
  const key = await crypto.subtle.importKey('raw', raw, { name: 'HMAC', hash: 'SHA-256' }, false, ['sign', 'verify'])
  return {
    // By hand, in one go: jose signs through a thread of the pool, which costs a pod that opens thousands of sessions a second a tenth of its time.
    async seal(audience, payload, expiresAtMs) {
      const times = { iat: Math.floor(clock.wallMs() / 1000), exp: Math.ceil(expiresAtMs / 1000) }
      const claims = { ...payload, iss: ISSUER, aud: audience, ...times }
      const signed = `${HEADER}.${Buffer.from(JSON.stringify(claims)).toString('base64url')}`
      return `${signed}.${createHmac('sha256', secret).update(signed).digest('base64url')}`
    },
    async open(token, audience) {
      if (token.length > MAX_TOKEN_CHARS) return { kind: 'bad' }
      const checks = {
        algorithms: [ALGORITHM],
        issuer: ISSUER,
        audience,
        requiredClaims: ['exp'],
        currentDate: new Date(clock.wallMs()),
      }
      try {
        return { kind: 'good', payload: (await jwtVerify(token, key, checks)).payload }
      } catch (error) {
        return { kind: error instanceof errors.JWTExpired ? 'expired' : 'bad' }
      }
    },
  }
}

/** Whole seconds, as the token carries them: what is told is what holds. */
function expiryMs(wallMs: number): number {
  return Math.floor(wallMs / 1000) * 1000
}

function userClaims(opened: Opened): UserClaims | undefined {
  if (opened.kind !== 'good') return undefined
  const { tenant, sub } = opened.payload
  return isText(tenant) && isText(sub) ? { tenant, user: sub } : undefined
}

function resumeClaims({ sid, tenant, sub, pod, tok }: JWTPayload): ResumeClaims | undefined {
  if (!isText(sid) || !isText(tenant) || !isText(sub) || !isText(pod)) return undefined
  const [epoch, counter] = Array.isArray(tok) ? (tok as readonly unknown[]) : []
  const isToken = Number.isSafeInteger(epoch) && Number.isSafeInteger(counter)
  const token = isToken ? { token: { epoch: epoch as number, counter: counter as number } } : {}
  return { sessionId: sid as SessionId, tenant, user: sub, podId: pod, ...token }
}

/** What the token says it is for, unchecked: only to choose the check and its error code. */
function audienceOf(token: string): string | undefined {
  if (token.length > MAX_TOKEN_CHARS) return undefined
  try {
    const { aud } = decodeJwt(token)
    return typeof aud === 'string' ? aud : undefined
  } catch {
    return undefined
  }
}

function isText(value: unknown): value is string {
  return typeof value === 'string' && value !== ''
}
