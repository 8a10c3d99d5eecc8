// How a provider can fail, as a value. Messages are for operators: they name the provider, never a key and never a text.

/**
 * rate_limited: asked too often. key_refused: the credential is wrong, absent or may not do this. refused: this request will never do.
 * too_large: it is longer than the provider takes. server: it is in trouble (5xx). unreachable: no connection. timeout: too slow.
 * broken: the connection ended in the middle of an answer. nonsense: what it answered is not what the protocol says. cancelled: by who asked.
 */
export type ProviderFailureKind =
  | 'rate_limited'
  | 'key_refused'
  | 'refused'
  | 'too_large'
  | 'server'
  | 'unreachable'
  | 'timeout'
  | 'broken'
  | 'nonsense'
  | 'cancelled'

export interface ProviderFailure {
  readonly kind: ProviderFailureKind
  readonly message: string
  /** HTTP status, when there was one. */
  readonly status?: number
  /** When it wants to be asked again, ms from now; at most MAX_RETRY_AFTER_MS. */
  readonly retryAfterMs?: number
  /** The field of the request that it did not like. */
  readonly field?: string
}

const MAX_REASON_CHARS = 200

/** What a provider said, made fit for a log: one line, short, and without `secrets`, which some servers repeat. */
export function quoted(text: string, secrets: readonly (string | undefined)[]): string {
  let clean = text
  for (const secret of secrets) if (secret) clean = clean.replaceAll(secret, '(key)')
  // Some servers repeat a part of the key: whatever looks like one goes too.
  clean = clean.replace(/\b(sk|pk|dg|key)[-_][\w*.-]{6,}/gi, '(key)')
  clean = clean.replace(/[\p{Cc}\p{Cf}\p{Cs}\s]+/gu, ' ').trim()
  return clean.length > MAX_REASON_CHARS ? `${clean.slice(0, MAX_REASON_CHARS)}...` : clean
}
