// Which web pages may call: those of this very host and those the configuration names. Pure.

export interface OriginPolicy {
  /** `host` is the request's Host header. The opaque origin "null" is never allowed. */
  isAllowed(origin: string, host: string | undefined): boolean
}

/**
 * `publicUrl` is the address clients use when a proxy stands in front; its origin is our own too. `pageOrigins`: those of the fleet's other pods, whose
 * pages may have a session here, for a caller that came to `host`.
 */
export function createOriginPolicy(
  allowedOrigins: readonly string[],
  publicUrl: string,
  pageOrigins: (host: string | undefined) => readonly string[] = () => [],
): OriginPolicy {
  const allowed = new Set(allowedOrigins)
  const own = publicUrl === '' ? undefined : URL.parse(publicUrl)?.origin
  return {
    isAllowed(origin, host) {
      if (allowed.has(origin) || origin === own) return true
      const url = URL.parse(origin)
      if (!url || (url.protocol !== 'http:' && url.protocol !== 'https:') || host === undefined) return false
      // The scheme is the page's own affair: a proxy that does TLS without telling must not shut its own page out.
      return URL.parse(`${url.protocol}//${host}`)?.host === url.host || pageOrigins(host).includes(origin)
    },
  }
}
