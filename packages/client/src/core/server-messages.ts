// Text of the pod -> checked message. Written by hand instead of compiled from the schemas: no `new Function` (a page's
// content security policy forbids it), a few kilobytes less, and unknown fields and types pass (N works with N - 1).
import { err, ok, type Result } from '@parley/kernel'
import { CLOSE_REASONS, type CloseReason, type ServerMessage, type ServerMessageType } from '@parley/protocol'

type Fields = Readonly<Record<string, unknown>>
type FieldCheck = (value: unknown) => boolean
type MessageCheck = Readonly<Record<string, FieldCheck>>

const isString: FieldCheck = (value) => typeof value === 'string'
const isBoolean: FieldCheck = (value) => typeof value === 'boolean'
const isNumber: FieldCheck = (value) => typeof value === 'number' && Number.isFinite(value)
const isMediaMs: FieldCheck = (value) => isNumber(value) && (value as number) >= 0
const isCount: FieldCheck = (value) => Number.isSafeInteger(value) && (value as number) >= 0
const isPositive: FieldCheck = (value) => Number.isSafeInteger(value) && (value as number) >= 1
const isSeqOrNone: FieldCheck = (value) => Number.isSafeInteger(value) && (value as number) >= -1
const isObject = (value: unknown): value is Fields =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
const isStrings: FieldCheck = (value) => Array.isArray(value) && value.every(isString)
const oneOf =
  (...allowed: readonly string[]): FieldCheck =>
  (value) =>
    allowed.includes(value as string)
const optional =
  (check: FieldCheck): FieldCheck =>
  (value) =>
    value === undefined || check(value)

const isListOf =
  (check: (value: Fields) => boolean): FieldCheck =>
  (value) =>
    Array.isArray(value) && value.every((item) => isObject(item) && check(item))
const isUnavailable = ({ language, stage, message, retryable }: Fields): boolean =>
  isString(language) && isString(stage) && isString(message) && isBoolean(retryable)
const isUtterance: FieldCheck = (value) => isObject(value) && isPositive(value.epoch) && isCount(value.index)
const isFormat: FieldCheck = (value) =>
  isObject(value) && isString(value.codec) && isPositive(value.sampleRateHz) && isPositive(value.frameMs)
const isMarks: FieldCheck = (value) =>
  isObject(value) && isNumber(value.receivedAtMs) && isNumber(value.endOfSpeechMs) && isNumber(value.finalAtMs)
const isSubscriptions: FieldCheck = (value) => isObject(value) && isCount(value.version) && isStrings(value.streams)
const isUdpOffer: FieldCheck = (value) =>
  isObject(value) &&
  isString(value.host) &&
  isPositive(value.port) &&
  isCount(value.channel) &&
  isString(value.key) &&
  isPositive(value.maxPayloadBytes)

const CHECKS: Readonly<Record<ServerMessageType, MessageCheck>> = {
  'speak.started': {
    requestId: isString,
    speech: isCount,
    sampleRateHz: isPositive,
    voice: isString,
    language: isString,
  },
  'speak.ended': { requestId: isString, samples: isCount },
  'speak.cancelled': { requestId: isString, samples: isCount },
  welcome: {
    requestId: optional(isString),
    protocolVersion: isCount,
    role: oneOf('owner', 'watcher'),
    sessionId: isString,
    podId: isString,
    epoch: isPositive,
    language: isString,
    audio: optional(isFormat),
    seq: isCount,
    speech: oneOf('ready', 'waiting'),
    pingIntervalMs: isPositive,
    deadAfterMs: isPositive,
    graceMs: isCount,
    entryUrls: isStrings,
    subscriptions: optional(isSubscriptions),
    replayTo: optional(isCount),
    catchesUp: optional(isBoolean),
    resumed: optional(isBoolean),
    resumeToken: optional(isString),
    resumesAnywhere: optional(isBoolean),
    microphone: optional(isBoolean),
    receivedMediaTime: optional(isMediaMs),
    settledMediaTime: optional(isMediaMs),
    audioPaceRatio: optional(isNumber),
    udp: optional(isUdpOffer),
    udpRefused: optional(isString),
  },
  caption: {
    kind: oneOf('partial', 'final'),
    utterance: isUtterance,
    revision: isPositive,
    seq: optional(isPositive),
    text: isString,
    stable: isCount,
    startMs: isMediaMs,
    endMs: isMediaMs,
    language: isString,
    marks: optional(isMarks),
  },
  'captions.set': {
    requestId: optional(isString),
    version: isCount,
    translateTo: isStrings,
    polish: isString,
    speak: isStrings,
    unavailable: isListOf(isUnavailable),
    via: isListOf((value) => isString(value.language) && isStrings(value.through)),
  },
  translation: {
    kind: oneOf('partial', 'final'),
    utterance: isUtterance,
    revision: isPositive,
    seq: optional(isPositive),
    language: isString,
    text: isString,
    of: isPositive,
    startMs: isMediaMs,
    endMs: isMediaMs,
    translateMs: optional(isMediaMs),
  },
  'translation.failed': { utterance: isUtterance, seq: isPositive, language: isString, reason: isString },
  polished: {
    utterance: isUtterance,
    revision: isPositive,
    seq: optional(isPositive),
    of: isPositive,
    text: isString,
    language: isString,
  },
  'voice.started': {
    speech: isCount,
    utterance: isUtterance,
    language: isString,
    sampleRateHz: isPositive,
    voice: isString,
  },
  'voice.ended': { speech: isCount, utterance: isUtterance, language: isString, samples: isCount, reason: isString },
  abandoned: { utterance: isUtterance, seq: isPositive, reason: isString },
  'audio.ended': {
    requestId: optional(isString),
    lastSeq: isSeqOrNone,
    seq: isPositive,
    finals: isCount,
    abandoned: isCount,
  },
  subscribed: { requestId: optional(isString), version: isCount, streams: isStrings },
  microphone: { wanted: isBoolean },
  settled: { mediaTime: isMediaMs },
  truncated: { firstSeq: isPositive },
  speech: { state: oneOf('ready', 'waiting'), reason: optional(isString) },
  watchers: { count: isCount },
  message: { messageId: isString, sentAtMs: isNumber, data: isObject },
  ping: { id: isCount },
  pong: { id: isCount },
  error: {
    code: isString,
    hop: isString,
    message: isString,
    retryable: isBoolean,
    retryAfterMs: optional(isMediaMs),
    requestId: optional(isString),
  },
  move: { url: isString, withinMs: isCount },
  closing: { reason: isString, message: isString, mayResume: isBoolean },
}

/** A message of a type this client does not know: a newer platform's; to be ignored. */
export interface UnknownMessage {
  readonly type: 'unknown'
  readonly name: string
}

/** Never throws; the error is a sentence that names the field, never its text (it may be speech). */
export function decodeServerMessage(text: string): Result<ServerMessage | UnknownMessage, string> {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    return err('a message is not valid JSON')
  }
  return checkServerMessage(value)
}

/** The same for a value that was parsed already: an event of the history. */
export function checkServerMessage(value: unknown): Result<ServerMessage | UnknownMessage, string> {
  if (!isObject(value)) return err('a message is not a JSON object')
  const { type } = value
  if (typeof type !== 'string') return err('a message has no type')
  if (!Object.hasOwn(CHECKS, type)) return ok({ type: 'unknown', name: type.slice(0, 40) })
  const checks = CHECKS[type as ServerMessageType]
  for (const field in checks) {
    if (!checks[field]?.(value[field])) return err(`field "${field}" of a ${type} message is missing or wrong`)
  }
  const problem = inconsistency(value)
  return problem === undefined ? ok(value as unknown as ServerMessage) : err(problem)
}

/** What no single field shows. */
function inconsistency(message: Fields): string | undefined {
  if (message.type === 'caption') {
    if ((message.stable as number) > (message.text as string).length) return 'a caption is more stable than it is long'
    if (message.kind === 'final' && message.seq === undefined) return 'a final has no seq'
  }
  return undefined
}

/** A close reason this client knows, else `internal`: a newer platform may have more of them. */
export function knownCloseReason(reason: string): CloseReason {
  return Object.hasOwn(CLOSE_REASONS, reason) ? (reason as CloseReason) : 'internal'
}
