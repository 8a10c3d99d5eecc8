// Whose request this is: bearer API key, bearer user token, or page session cookie. It does not decide what they may do.
import { err, ok, type Result } from '@parley/kernel'
import { ParleyError } from '@parley/protocol'
import type { ApiKeys } from './api-keys.ts'
import { pageCookieOf } from './cookies.ts'
import type { Authenticator, CredentialSource, Principal } from './identity-port.ts'
import type { SignedTokens } from './tokens.ts'

const BEARER = /^Bearer +(\S+) *$/i
const MAX_CREDENTIAL_CHARS = 4_096

export type Credential =
  | { readonly kind: 'none' }
  | { readonly kind: 'bearer'; readonly value: string }
  | { readonly kind: 'cookie'; readonly value: string }
  /** An Authorization header that is not `Bearer <credential>`. */
  | { readonly kind: 'unreadable' }

/** The credential a request presents. An Authorization header counts before a cookie: it was sent on purpose. */
export function credentialOf({ headers }: CredentialSource): Credential {
  const { authorization, cookie } = headers
  if (authorization !== undefined) {
    const value = typeof authorization === 'string' ? BEARER.exec(authorization)?.[1] : undefined
    const isReadable = value !== undefined && value.length <= MAX_CREDENTIAL_CHARS
    return isReadable ? { kind: 'bearer', value } : { kind: 'unreadable' }
  }
  const value = pageCookieOf(typeof cookie === 'string' ? cookie : undefined)
  return value === undefined ? { kind: 'none' } : { kind: 'cookie', value }
}

export function createAuthenticator(
  keys: ApiKeys,
  tokens: Pick<SignedTokens, 'verifyUserToken' | 'verifyPageSession'>,
): Authenticator {
  async function ofBearer(value: string): Promise<Principal | undefined> {
    const keyHolder = keys.find(value)
    if (keyHolder) return keyHolder
    const claims = await tokens.verifyUserToken(value)
    return claims && { tenant: claims.tenant, role: 'user', user: claims.user, keyId: undefined }
  }

  async function ofCookie(value: string): Promise<Principal | undefined> {
    const claims = await tokens.verifyPageSession(value)
    return claims && { tenant: claims.tenant, role: 'page', user: claims.user, keyId: undefined }
  }

  return {
    async authenticate(source): Promise<Result<Principal, ParleyError>> {
      const credential = credentialOf(source)
      switch (credential.kind) {
        case 'none':
          return refused(undefined)
        case 'unreadable':
          return refused('the Authorization header must be: Bearer <API key or user token>')
        case 'bearer':
          return (await found(ofBearer(credential.value))) ?? refused('the API key or user token is not valid')
        case 'cookie':
          return (await found(ofCookie(credential.value))) ?? refused('the page session is not valid or has ended')
      }
    },
  }
}

async function found(lookup: Promise<Principal | undefined>): Promise<Result<Principal, ParleyError> | undefined> {
  const principal = await lookup
  return principal && ok(principal)
}

function refused(message: string | undefined): Result<Principal, ParleyError> {
  return err(new ParleyError('UNAUTHENTICATED', message === undefined ? {} : { message }))
}
