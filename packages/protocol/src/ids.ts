import type { Id } from '@parley/kernel'

export type SessionId = Id<'ses'>
export type PodId = Id<'pod'>
export type WorkerId = Id<'wrk'>
export type RequestId = Id<'req'>
export type WatchLinkId = Id<'wat'>
export type KeyId = Id<'key'>

/** The shape of every identifier on the wire: a prefix, an underscore, 20 characters of Crockford base 32. */
export const ID_PATTERN = '^[a-z]{3}_[0-9a-hjkmnp-tv-z]{20}$'
