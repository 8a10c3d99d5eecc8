// The worker's half of mutual authentication: checks the pod's token, proves that it knows the fleet secret itself.
import { createHmac } from 'node:crypto'
import { err, ok, type Result } from '@parley/kernel'
import { errors, jwtVerify } from 'jose'

/** Never a signing input of a token (no dot), so that a proof cannot be taken for a token's signature. */
const NONCE_PATTERN = /^[A-Za-z0-9_-]{22,128}$/

/** What is wrong with the credentials of somebody who wants a link; labels of a metric, so a closed list. */
export type TokenProblem = 'missing' | 'expired' | 'other_worker' | 'not_of_this_fleet'

/** For a person: what each means, and what to do. */
export const TOKEN_PROBLEMS: Readonly<Record<TokenProblem, string>> = {
  missing: 'it came without credentials',
  expired: 'its token has expired; the clocks of the two machines may differ by more than a minute',
  other_worker: 'its token is for another worker; something else answered at this address before',
  not_of_this_fleet:
    'its token was not made with the fleet secret of this worker; give both the same PARLEY_FLEET_SECRET',
}

/**
 * The pod id of an Authorization header holding a token for this worker: HS256 under the fleet secret, audience `worker`,
 * not expired.
 */
export async function podOfToken(
  fleetSecret: string,
  workerId: string,
  authorization: string | undefined,
  wallMs: number,
): Promise<Result<string, TokenProblem>> {
  if (!authorization?.startsWith('Bearer ')) return err('missing')
  try {
    const { payload } = await jwtVerify(authorization.slice(7), new TextEncoder().encode(fleetSecret), {
      algorithms: ['HS256'],
      audience: 'worker',
      requiredClaims: ['sub', 'exp', 'worker'],
      currentDate: new Date(wallMs),
    })
    if (payload.worker !== workerId || payload.sub === undefined) return err('other_worker')
    return ok(payload.sub)
  } catch (error) {
    return err(error instanceof errors.JWTExpired ? 'expired' : 'not_of_this_fleet')
  }
}

/**
 * Who answers here, for a pod that knows only the address (LK21): value of a WWW-Authenticate header with the worker's id and HMAC-SHA-256 over
 * `identity.<nonce>.<id>` under the fleet secret. Undefined when `nonce` is none. Its text has two dots: it is neither the signing input of a
 * token nor, a nonce having no dot, what a proof is made of.
 */
export function identityOf(fleetSecret: string, workerId: string, nonce: unknown): string | undefined {
  if (typeof nonce !== 'string' || !NONCE_PATTERN.test(nonce)) return undefined
  const proof = createHmac('sha256', fleetSecret).update(`identity.${nonce}.${workerId}`).digest('base64url')
  return `Parley worker="${workerId}", proof="${proof}"`
}

/** HMAC-SHA-256 of `nonce` under the fleet secret, base64url; undefined when `nonce` is not one. */
export function proofOf(fleetSecret: string, nonce: string): string | undefined {
  if (!NONCE_PATTERN.test(nonce)) return undefined
  return createHmac('sha256', fleetSecret).update(nonce).digest('base64url')
}
