// What an address of the page asks for. The secret parts are in the fragment, which no server sees. Pure.

export type Entry =
  | { readonly kind: 'owner'; readonly code: string | undefined }
  | { readonly kind: 'watch'; readonly token: string | undefined }

/** `hash` is the fragment with its "#": `#code=...` for the owner, the bare token behind /watch. */
export function entryOf(pathname: string, hash: string): Entry {
  const fragment = hash.replace(/^#/, '')
  if (/\/watch\/?$/.test(pathname)) return { kind: 'watch', token: fragment || undefined }
  return { kind: 'owner', code: new URLSearchParams(fragment).get('code') || undefined }
}
