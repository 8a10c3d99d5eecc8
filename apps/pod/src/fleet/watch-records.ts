// What crosses a link between two pods by which watchers at one follow a session at the other. Control is JSON text; what watchers are told is binary: a
// head with the channels it is for, and the bytes as they go to clients. Pure.
import { err, ok, type Result } from '@parley/kernel'
import {
  CaptionSetSchema,
  CaptionsSchema,
  CLOSE_REASON_NAMES,
  type CloseReason,
  compileLooseCheck,
  ERROR_CODES,
  type ErrorCode,
  type ErrorDetails,
  POD_WATCH_PATH,
  ResumeSchema,
  SUBSCRIPTION_STREAMS,
  SubscribeSchema,
  SubscriptionSetSchema,
  type WatchLinkId,
  type Welcome,
} from '@parley/protocol'
import type { WatcherHello, WatcherWish } from '../sessions/watch-port.ts'

/**
 * From the pod with the watchers. Channels are its own numbers, each used once. Pods one version apart share a link (PF18): what is not known of a message is
 * let pass, a message of an unknown kind is answered with `unknown` and has no effect, a record of an unknown kind has none.
 */
export type ToSessionPod =
  | { readonly is: 'join'; readonly channel: number; readonly linkId: WatchLinkId; readonly hello: WatcherHello }
  | { readonly is: 'want'; readonly channel: number; readonly wish: WatcherWish }
  | { readonly is: 'leave'; readonly channel: number }
  | { readonly is: 'ping' }

/** From the pod with the session, beside the records. */
export type ToWatcherPod =
  | { readonly is: 'refused'; readonly channel: number; readonly code: ErrorCode; readonly details: ErrorDetails }
  | { readonly is: 'closed'; readonly channel: number; readonly reason: CloseReason }
  /** What was said is of no kind that is known there, or does not fit: it had no effect. */
  | { readonly is: 'unknown'; readonly channel?: number; readonly of: string }
  | { readonly is: 'ping' }

export const RECORD_KINDS = ['welcome', 'keep', 'latest', 'speech'] as const
export interface WatchRecord {
  readonly kind: (typeof RECORD_KINDS)[number]
  /** Of `latest` its key, of `keep` what it supersedes; see SessionChannel. */
  readonly key: number
  readonly channels: readonly number[]
  readonly payload: Buffer
}

export const watchPath = (sessionId: string): string => `${POD_WATCH_PATH}/${sessionId}`
export const sessionOfWatchPath = (path: string): string | undefined =>
  path.startsWith(`${POD_WATCH_PATH}/`) && /^[a-z]{3}_[0-9a-z]{20}$/.test(path.slice(POD_WATCH_PATH.length + 1))
    ? path.slice(POD_WATCH_PATH.length + 1)
    : undefined

const KIND_BYTES = 1
const KEY_BYTES = 8
const COUNT_BYTES = 4
const CHANNEL_BYTES = 4
/** Of a kind that is not known, when it is told. */
const MAX_SHOWN_CHARS = 20
const HEAD_BYTES = KIND_BYTES + KEY_BYTES + COUNT_BYTES

export function encodeRecord({ kind, key, channels, payload }: WatchRecord): Buffer {
  const bytes = Buffer.allocUnsafe(HEAD_BYTES + channels.length * CHANNEL_BYTES + payload.length)
  bytes[0] = RECORD_KINDS.indexOf(kind)
  bytes.writeDoubleBE(key, KIND_BYTES)
  bytes.writeUInt32BE(channels.length, KIND_BYTES + KEY_BYTES)
  let at = HEAD_BYTES
  for (const channel of channels) at = bytes.writeUInt32BE(channel, at)
  payload.copy(bytes, at)
  return bytes
}

/** The payload is a view of `bytes`. Undefined when they are no record; `passed` when it is of a kind that only a newer version knows. */
export function decodeRecord(bytes: Buffer): WatchRecord | 'passed' | undefined {
  if (bytes.length < HEAD_BYTES) return undefined
  const kind = RECORD_KINDS[bytes[0] ?? RECORD_KINDS.length]
  if (kind === undefined) return 'passed'
  const count = bytes.readUInt32BE(KIND_BYTES + KEY_BYTES)
  const payloadAt = HEAD_BYTES + count * CHANNEL_BYTES
  if (payloadAt > bytes.length) return undefined
  const channels = Array.from({ length: count }, (_, n) => bytes.readUInt32BE(HEAD_BYTES + n * CHANNEL_BYTES))
  return { kind, key: bytes.readDoubleBE(KIND_BYTES), channels, payload: bytes.subarray(payloadAt) }
}

// The pod of the watchers has checked what clients say as strictly as its version says; fields that only that one knows are let pass.
const checkSubscribe = compileLooseCheck<WatcherWish>(SubscribeSchema)
const checkCaptions = compileLooseCheck<WatcherWish>(CaptionsSchema)
const checkSubscriptions = compileLooseCheck<NonNullable<WatcherHello['subscriptions']>>(SubscriptionSetSchema)
const checkCaptionSet = compileLooseCheck<NonNullable<WatcherHello['captions']>>(CaptionSetSchema)
const checkResume = compileLooseCheck<NonNullable<WatcherHello['resume']>>(ResumeSchema)

/** Why a message has no effect, and the answer to it, if there is one: `unknown` when its kind is not known, `refused` when it is a join that does not fit. */
export interface Passed {
  readonly why: string
  readonly answer: ToWatcherPod | undefined
}

const passed = (why: string, answer?: ToWatcherPod): Result<never, Passed> => err({ why, answer })

/** The other pod is of this fleet, perhaps of another version: what does not fit has no effect, and that is told. */
export function readToSessionPod(text: string): Result<ToSessionPod, Passed> {
  const message = parsed(text)
  if (!message) return passed('a message is no JSON object')
  const { is, channel } = message
  if (is === 'ping') return ok({ is })
  const of = String(is).slice(0, MAX_SHOWN_CHARS)
  if (!isChannel(channel)) return passed(`${of} names no channel`, { is: 'unknown', of })
  if (is === 'leave') return ok({ is, channel })
  if (is === 'want') {
    const wish = wishOf(message.wish)
    return wish ? ok({ is, channel, wish }) : passed('a wish does not fit', { is: 'unknown', channel, of })
  }
  if (is !== 'join') return passed(`${of} is not known`, { is: 'unknown', channel, of })
  const hello = helloOf(message.hello)
  if (hello && typeof message.linkId === 'string') {
    return ok({ is, channel, linkId: message.linkId as WatchLinkId, hello })
  }
  return passed('a join does not fit', { is: 'refused', channel, code: 'UNKNOWN_MESSAGE', details: {} })
}

function wishOf(value: unknown): WatcherWish | undefined {
  const subscribe = checkSubscribe(inOurStreams(value))
  if (subscribe.ok) return subscribe.value
  const captions = checkCaptions(value)
  return captions.ok ? captions.value : undefined
}

function helloOf(value: unknown): WatcherHello | undefined {
  if (typeof value !== 'object' || value === null) return undefined
  const { requestId, captions, resume } = value as Record<string, unknown>
  const subscriptions = inOurStreams((value as Record<string, unknown>).subscriptions)
  const isFine =
    (requestId === undefined || typeof requestId === 'string') &&
    (subscriptions === undefined || checkSubscriptions(subscriptions).ok) &&
    (captions === undefined || checkCaptionSet(captions).ok) &&
    (resume === undefined || checkResume(resume).ok)
  return isFine ? ({ ...value, ...(subscriptions === undefined ? {} : { subscriptions }) } as WatcherHello) : undefined
}

/** Streams that are not known here nobody here can give. */
function inOurStreams(value: unknown): unknown {
  const { streams } = (value ?? {}) as Record<string, unknown>
  if (!Array.isArray(streams)) return value
  return { ...(value as object), streams: streams.filter((each) => SUBSCRIPTION_STREAMS.includes(each)) }
}

export function readToWatcherPod(text: string): ToWatcherPod | undefined {
  const message = parsed(text)
  if (!message) return undefined
  const { is, channel, code, reason, details, of } = message
  if (is === 'ping') return { is }
  if (is === 'unknown' && typeof of === 'string') {
    return { is, of: of.slice(0, MAX_SHOWN_CHARS), ...(isChannel(channel) ? { channel } : {}) }
  }
  if (!isChannel(channel)) return undefined
  if (is === 'refused') {
    const known = ERROR_CODES.includes(code as ErrorCode) ? (code as ErrorCode) : 'UNKNOWN_MESSAGE'
    return { is, channel, code: known, details: (details ?? {}) as ErrorDetails }
  }
  if (is === 'closed') {
    // For a reason that is not known here: the watcher comes again, and hears at first hand.
    const known = CLOSE_REASON_NAMES.includes(reason as CloseReason) ? (reason as CloseReason) : 'socket_lost'
    return { is, channel, reason: known }
  }
  return undefined
}

/** Undefined when it is none. */
export function readWelcome(payload: Buffer): Welcome | undefined {
  const message = parsed(String(payload))
  return message?.type === 'welcome' ? (message as unknown as Welcome) : undefined
}

const isChannel = (value: unknown): value is number =>
  Number.isInteger(value) && (value as number) >= 0 && (value as number) <= 0xffff_ffff

function parsed(text: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : undefined
  } catch {
    return undefined
  }
}
