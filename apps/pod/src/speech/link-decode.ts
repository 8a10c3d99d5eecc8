// Text of a worker -> checked message. Unknown types and fields are ignored, so that a newer worker is understood; a known
// type with a wrong field is a fault.
import { ABANDON_REASONS, type AdaptationState, type WorkerEngine, type WorkerToPod } from '@parley/protocol'

export type Decoded = WorkerToPod | 'unknown' | 'faulty'

type Fields = Readonly<Record<string, unknown>>
type Check = (value: unknown) => boolean

const count: Check = (value) => Number.isSafeInteger(value) && (value as number) >= 0
const quantity: Check = (value) => typeof value === 'number' && Number.isFinite(value)
const text: Check = (value) => typeof value === 'string'
const optional =
  (check: Check): Check =>
  (value) =>
    value === undefined || check(value)
const isFields = (value: unknown): value is Fields =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

function isEngine(value: unknown): value is WorkerEngine {
  if (!isFields(value)) return false
  const { name, languages, ready, problem } = value
  return (
    text(name) &&
    Array.isArray(languages) &&
    languages.every(text) &&
    typeof ready === 'boolean' &&
    optional(text)(problem)
  )
}
const engines: Check = (value) => Array.isArray(value) && value.every(isEngine)
const adaptation = optional((value): value is AdaptationState => {
  return isFields(value) && text(value.engine) && text(value.data)
})
const reason: Check = (value) => (ABANDON_REASONS as readonly unknown[]).includes(value)
const refusal: Check = (value) =>
  ['NO_SLOT', 'LANGUAGE_UNSUPPORTED', 'SPEECH_UNAVAILABLE', 'AUDIO_FORMAT_UNSUPPORTED'].includes(value as string)

const SHAPES: { readonly [Type in WorkerToPod['type']]: Readonly<Record<string, Check>> } = {
  'worker.hello': { version: count, workerId: text, proof: text, engines, slots: count },
  'worker.load': {
    slots: count,
    slotsUsed: count,
    decodersWarm: count,
    engines,
    cpuRatio: quantity,
    rssBytes: quantity,
  },
  'stream.opened': { stream: count },
  'stream.refused': { stream: count, code: refusal, message: text, retryAfterMs: optional(quantity) },
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
  },
  abandoned: { stream: count, index: count, reason, settledMs: quantity },
  settled: { stream: count, settledMs: quantity },
  'stream.flushed': { stream: count, flushId: count, settledMs: quantity },
  'stream.failed': { stream: count, message: text },
  pong: { id: count },
}

/** Never throws. */
export function decodeWorkerMessage(message: string): Decoded {
  let value: unknown
  try {
    value = JSON.parse(message)
  } catch {
    return 'faulty'
  }
  if (!isFields(value) || typeof value.type !== 'string') return 'faulty'
  if (!Object.hasOwn(SHAPES, value.type)) return 'unknown'
  const shape = SHAPES[value.type as WorkerToPod['type']]
  for (const field in shape) {
    if (!shape[field]?.(value[field])) return 'faulty'
  }
  return value as unknown as WorkerToPod
}
