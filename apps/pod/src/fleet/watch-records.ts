// What crosses a link between two pods by which watchers at one follow a session at the other. Control is JSON text; what watchers are told is binary: a
// head with the channels it is for, and the bytes as they go to clients. Pure.
import { err, ok, type Result } from '@parley/kernel'
import {
  CaptionSetSchema,
  CaptionsSchema,
  CLOSE_REASON_NAMES,
  type CloseReason,
  compileCheck,
  ERROR_CODES,
  type ErrorCode,
  type ErrorDetails,
  POD_WATCH_PATH,
  SubscribeSchema,
  SubscriptionSetSchema,
  type WatchLinkId,
  type Welcome,
} from '@parley/protocol'
import type { WatcherHello, WatcherWish } from '../sessions/watch-port.ts'

/** From the pod with the watchers. Channels are its own numbers, each used once. */
export type ToSessionPod =
  | { readonly is: 'join'; readonly channel: number; readonly linkId: WatchLinkId; readonly hello: WatcherHello }
  | { readonly is: 'want'; readonly channel: number; readonly wish: WatcherWish }
  | { readonly is: 'leave'; readonly channel: number }
  | { readonly is: 'ping' }

/** From the pod with the session, beside the records. */
export type ToWatcherPod =
  | { readonly is: 'refused'; readonly channel: number; readonly code: ErrorCode; readonly details: ErrorDetails }
  | { readonly is: 'closed'; readonly channel: number; readonly reason: CloseReason }
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

/** The payload is a view of `bytes`. Undefined when they are no record. */
export function decodeRecord(bytes: Buffer): WatchRecord | undefined {
  const kind = RECORD_KINDS[bytes[0] ?? RECORD_KINDS.length]
  if (kind === undefined || bytes.length < HEAD_BYTES) return undefined
  const count = bytes.readUInt32BE(KIND_BYTES + KEY_BYTES)
  const payloadAt = HEAD_BYTES + count * CHANNEL_BYTES
  if (payloadAt > bytes.length) return undefined
  const channels = Array.from({ length: count }, (_, n) => bytes.readUInt32BE(HEAD_BYTES + n * CHANNEL_BYTES))
  return { kind, key: bytes.readDoubleBE(KIND_BYTES), channels, payload: bytes.subarray(payloadAt) }
}

const checkSubscribe = compileCheck<WatcherWish>(SubscribeSchema)
const checkCaptions = compileCheck<WatcherWish>(CaptionsSchema)
const checkSubscriptions = compileCheck<NonNullable<WatcherHello['subscriptions']>>(SubscriptionSetSchema)
const checkCaptionSet = compileCheck<NonNullable<WatcherHello['captions']>>(CaptionSetSchema)

/** The other pod is of this fleet, perhaps of another version: what does not fit is refused, what is unknown is told apart. */
export function readToSessionPod(text: string): Result<ToSessionPod, string> {
  const message = parsed(text)
  if (!message) return err('a message is no JSON object')
  const { is, channel } = message
  if (is === 'ping') return ok({ is })
  if (!isChannel(channel)) return err('a message names no channel')
  if (is === 'leave') return ok({ is, channel })
  if (is === 'want') {
    const wish = checkWish(message.wish)
    return wish ? ok({ is, channel, wish }) : err('a wish does not fit')
  }
  const hello = is === 'join' ? helloOf(message.hello) : undefined
  if (is !== 'join' || !hello || typeof message.linkId !== 'string')
    return err(`${String(is).slice(0, 20)} does not fit`)
  return ok({ is, channel, linkId: message.linkId as WatchLinkId, hello })
}

function checkWish(value: unknown): WatcherWish | undefined {
  const subscribe = checkSubscribe(value)
  if (subscribe.ok) return subscribe.value
  const captions = checkCaptions(value)
  return captions.ok ? captions.value : undefined
}

function helloOf(value: unknown): WatcherHello | undefined {
  if (typeof value !== 'object' || value === null) return undefined
  const { requestId, subscriptions, captions } = value as Record<string, unknown>
  const isFine =
    (requestId === undefined || typeof requestId === 'string') &&
    (subscriptions === undefined || checkSubscriptions(subscriptions).ok) &&
    (captions === undefined || checkCaptionSet(captions).ok)
  return isFine ? (value as WatcherHello) : undefined
}

export function readToWatcherPod(text: string): ToWatcherPod | undefined {
  const message = parsed(text)
  if (!message) return undefined
  const { is, channel, code, reason, details } = message
  if (is === 'ping') return { is }
  if (!isChannel(channel)) return undefined
  if (is === 'refused' && ERROR_CODES.includes(code as ErrorCode)) {
    return { is, channel, code: code as ErrorCode, details: (details ?? {}) as ErrorDetails }
  }
  if (is === 'closed' && CLOSE_REASON_NAMES.includes(reason as CloseReason)) {
    return { is, channel, reason: reason as CloseReason }
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
