// Identity put together from the configuration and the data directory.
import { hkdfSync } from 'node:crypto'
import type { ResolvedConfig } from '@parley/config'
import type { Clock } from '@parley/kernel'
import { type ApiKeys, createApiKeys } from './api-keys.ts'
import { createAuthenticator } from './authenticator.ts'
import { type DataDirectory, readOrCreateApiKey, readOrCreateSigningKey, SIGNING_KEY_BYTES } from './data-directory.ts'
import type { Authenticator } from './identity-port.ts'
import { createPageCodes, type PageCodes } from './page-codes.ts'
import { Revocations } from './revocations.ts'
import { createTokens, type SignedTokens } from './tokens.ts'

/** The key of tokens of one fleet: what else its secret signs cannot be passed off as a token. */
export const tokenKey = (fleetSecret: string): Uint8Array =>
  new Uint8Array(hkdfSync('sha256', fleetSecret, '', 'parley tokens', SIGNING_KEY_BYTES))

export interface Identity {
  readonly tokens: SignedTokens
  readonly authenticator: Authenticator
  readonly pageCodes: PageCodes
  readonly apiKeys: ApiKeys
  readonly revocations: Revocations
}

/**
 * Makes the machine's secrets at first start. `fleetKey`: pods of one fleet sign with it, so that what one has issued is good at every other; without
 * it with the key of the data directory. Throws StartFailure when the data directory cannot be used.
 */
export async function createIdentity(
  clock: Clock,
  auth: ResolvedConfig['auth'],
  directory: DataDirectory,
  fleetKey?: Uint8Array,
): Promise<Identity> {
  const apiKey = auth.apiKey === '' ? await readOrCreateApiKey(directory) : auth.apiKey
  const tokens = await createTokens({ clock, signingKey: fleetKey ?? (await readOrCreateSigningKey(directory)) })
  const revocations = new Revocations(clock)
  const apiKeys = createApiKeys(apiKey, auth.keys, revocations)
  const authenticator = createAuthenticator(apiKeys, tokens)
  return { tokens, authenticator, pageCodes: createPageCodes(clock), apiKeys, revocations }
}
