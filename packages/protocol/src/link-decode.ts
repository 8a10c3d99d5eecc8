// Text of the link between pod and worker -> checked message. Unknown types and fields are ignored, so that a newer peer is understood;
// a known type with a wrong field is a fault.
import { ABANDON_REASONS } from './close-codes.ts'
import { type PodToWorker, TEXT_FAILURE_CODES, TEXT_KINDS, type WorkerToPod } from './link-messages.ts'

type Fields = Readonly<Record<string, unknown>>
type Check = (value: unknown) => boolean
type Shapes<Type extends string> = { readonly [Name in Type]: Readonly<Record<string, Check>> }

const MAX_NAME_CHARS = 256

const isFields = (value: unknown): value is Fields =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
const count: Check = (value) => Number.isSafeInteger(value) && (value as number) >= 0
const streamNumber: Check = (value) => count(value) && (value as number) <= 0xffff_ffff
const quantity: Check = (value) => typeof value === 'number' && Number.isFinite(value)
const time: Check = (value) => quantity(value) && (value as number) >= 0
const flag: Check = (value) => typeof value === 'boolean'
const text: Check = (value) => typeof value === 'string'
const name: Check = (value) => typeof value === 'string' && value.length <= MAX_NAME_CHARS
const optional =
  (check: Check): Check =>
  (value) =>
    value === undefined || check(value)
const listOf =
  (check: Check): Check =>
  (value) =>
    Array.isArray(value) && value.every(check)
const record =
  (shape: Readonly<Record<string, Check>>): Check =>
  (value) =>
    isFields(value) && fits(value, shape)

function fits(value: Fields, shape: Readonly<Record<string, Check>>): boolean {
  for (const field in shape) {
    if (!shape[field]?.(value[field])) return false
  }
  return true
}

/** Shape only; whether the combination is one we decode is the decoder's answer. */
const format = record({ codec: name, sampleRateHz: count, frameMs: count })
const adaptation = optional(record({ engine: text, data: text }))
const reason: Check = (value) => (ABANDON_REASONS as readonly unknown[]).includes(value)
const engines = listOf(record({ name: text, languages: listOf(text), ready: flag, problem: optional(text) }))
const voice = record({ name: text, language: text, engine: text })
const roleLoad = optional(record({ slots: count, slotsUsed: count }))
const kind: Check = (value) => (TEXT_KINDS as readonly unknown[]).includes(value)
const textCode: Check = (value) => (TEXT_FAILURE_CODES as readonly unknown[]).includes(value)
const usage = optional(record({ inputTokens: time, outputTokens: time }))
const textEngine = record({
  name,
  kind,
  ready: flag,
  problem: optional(text),
  pairs: optional(listOf(record({ from: name, to: name, via: optional(listOf(name)) }))),
  languages: optional(listOf(name)),
  provider: optional(name),
})
const state: Check = (value) => ['loading', 'ready', 'draining', 'overloaded'].includes(value as string)

const FROM_POD: Shapes<PodToWorker['type']> = {
  'link.hello': { version: count, podId: name, nonce: name, keepsVoices: optional(flag) },
  'stream.open': {
    stream: streamNumber,
    sessionId: name,
    language: name,
    format,
    firstIndex: count,
    settledMs: optional(time),
    adaptation,
    wantsWords: optional(flag),
    fence: optional(record({ epoch: count, counter: count })),
  },
  'stream.flush': { stream: streamNumber, flushId: count },
  'stream.hold': { stream: streamNumber, isHeld: flag },
  'stream.close': { stream: streamNumber },
  'speak.open': {
    stream: streamNumber,
    requestId: name,
    text,
    voice: optional(name),
    language: optional(name),
    rateRatio: optional(quantity),
    fromSample: optional(count),
    creditMs: time,
  },
  'speak.credit': { stream: streamNumber, creditMs: time },
  'text.ask': { id: count, kind, engine: name, text, from: name, to: optional(name), isFinal: flag, deadlineMs: time },
  'text.cancel': { id: count },
  'text.warm': { kind, engine: name, from: name, to: optional(name) },
  ping: { id: count },
}

const FROM_WORKER: Shapes<WorkerToPod['type']> = {
  'worker.hello': { version: count, workerId: text, proof: text, engines, slots: count },
  'link.refused': { reason: text, versions: listOf(count), message: text },
  'worker.load': {
    slots: count,
    slotsUsed: count,
    decodersWarm: count,
    engines,
    cpuRatio: quantity,
    rssBytes: quantity,
    state: optional(state),
    roles: optional(record({ recognise: roleLoad, synthesise: roleLoad, translate: roleLoad, polish: roleLoad })),
    voices: optional(listOf(voice)),
    voicesLoading: optional(flag),
  },
  'worker.text': { engines: listOf(textEngine) },
  'text.answered': {
    id: count,
    text,
    via: optional(listOf(name)),
    changedWords: optional(count),
    usage,
    engineMs: time,
  },
  'text.failed': { id: count, code: textCode, message: text, retryAfterMs: optional(time), usage },
  'stream.opened': { stream: count },
  'stream.refused': { stream: count, code: text, message: text, retryAfterMs: optional(quantity) },
  'speak.opened': { stream: count, sampleRateHz: count, voice },
  'speak.ended': { stream: count, samples: count },
  partial: { stream: count, index: count, text, stable: count, startMs: quantity, endMs: quantity },
  final: {
    stream: count,
    index: count,
    text,
    startMs: quantity,
    endMs: quantity,
    settledMs: quantity,
    decideMs: quantity,
    adaptation,
    words: optional(listOf(record({ text, startMs: quantity, endMs: quantity, confidence: optional(quantity) }))),
  },
  abandoned: { stream: count, index: count, reason, settledMs: quantity },
  settled: { stream: count, settledMs: quantity },
  'stream.flushed': { stream: count, flushId: count, settledMs: quantity },
  'stream.failed': { stream: count, message: text, code: optional(text) },
  pong: { id: count },
}

/** Never throws. */
export function decodePodMessage(message: string): PodToWorker | 'unknown' | 'faulty' {
  return decode<PodToWorker>(message, FROM_POD)
}

/** Never throws. */
export function decodeWorkerMessage(message: string): WorkerToPod | 'unknown' | 'faulty' {
  return decode<WorkerToPod>(message, FROM_WORKER)
}

function decode<Message extends { readonly type: string }>(
  message: string,
  shapes: Shapes<Message['type']>,
): Message | 'unknown' | 'faulty' {
  let value: unknown
  try {
    value = JSON.parse(message)
  } catch {
    return 'faulty'
  }
  if (!isFields(value) || typeof value.type !== 'string') return 'faulty'
  if (!Object.hasOwn(shapes, value.type)) return 'unknown'
  return fits(value, shapes[value.type as Message['type']]) ? (value as unknown as Message) : 'faulty'
}
