// The page session's cookie: its name, its attributes, and finding it in a request.

export const PAGE_COOKIE = 'parley_page'
/** With TLS the browser itself then refuses the cookie from anything but this very host over TLS. */
export const SECURE_PAGE_COOKIE = `__Host-${PAGE_COOKIE}`

export const pageCookieName = (secure: boolean): string => (secure ? SECURE_PAGE_COOKIE : PAGE_COOKIE)

/** Value of a page session cookie in a Cookie header, the secure name first; undefined when there is none. */
export function pageCookieOf(header: string | undefined): string | undefined {
  if (header === undefined) return undefined
  const found = new Map<string, string>()
  for (const pair of header.split(';')) {
    const at = pair.indexOf('=')
    if (at < 0) continue
    const name = pair.slice(0, at).trim()
    // The first of two cookies of one name is the more specific one.
    if ((name === PAGE_COOKIE || name === SECURE_PAGE_COOKIE) && !found.has(name)) {
      found.set(name, pair.slice(at + 1).trim())
    }
  }
  return found.get(SECURE_PAGE_COOKIE) ?? found.get(PAGE_COOKIE)
}
