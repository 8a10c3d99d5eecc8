// One-time codes that let a browser in: printed by the operator, carried in a URL fragment, exchanged once for a cookie.
import { createHash } from 'node:crypto'
import { type Clock, randomToken } from '@parley/kernel'

export const PAGE_CODE_LIFETIME_MS = 600_000
/** Codes that may be outstanding; the oldest is void when one more is minted. */
export const MAX_PAGE_CODES = 64

export interface PageCodes {
  mint(): { readonly code: string; readonly expiresAtMs: number }
  /** True once per code, within ten minutes of minting it. */
  redeem(code: string): boolean
}

/** Codes are kept as hashes: neither a memory dump nor the time a look-up takes gives one away. */
export function createPageCodes(clock: Clock): PageCodes {
  const expiresAtMs = new Map<string, number>()
  return {
    mint() {
      const code = randomToken(26)
      const oldest = expiresAtMs.keys().next()
      if (expiresAtMs.size >= MAX_PAGE_CODES && !oldest.done) expiresAtMs.delete(oldest.value)
      const expiry = clock.wallMs() + PAGE_CODE_LIFETIME_MS
      expiresAtMs.set(hashOf(code), expiry)
      return { code, expiresAtMs: expiry }
    },
    redeem(code) {
      const hash = hashOf(code)
      const expiry = expiresAtMs.get(hash)
      expiresAtMs.delete(hash)
      return expiry !== undefined && expiry > clock.wallMs()
    },
  }
}

function hashOf(code: string): string {
  return createHash('sha256').update(code).digest('base64')
}
