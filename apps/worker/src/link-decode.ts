// Text of a pod -> checked message. Unknown types and fields are ignored, so that a newer pod is understood; a known type
// with a wrong field is a fault.
import type { PodToWorker } from '@parley/protocol'

export type Decoded = PodToWorker | 'unknown' | 'faulty'

type Fields = Readonly<Record<string, unknown>>
type Check = (value: unknown) => boolean

const MAX_TEXT_CHARS = 256

const isFields = (value: unknown): value is Fields =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
const count: Check = (value) => Number.isSafeInteger(value) && (value as number) >= 0
const streamNumber: Check = (value) => count(value) && (value as number) <= 0xffff_ffff
const text: Check = (value) => typeof value === 'string' && value.length <= MAX_TEXT_CHARS
const optional =
  (check: Check): Check =>
  (value) =>
    value === undefined || check(value)
const time: Check = (value) => typeof value === 'number' && Number.isFinite(value) && value >= 0
/** Shape only; whether the combination is one we decode is the decoder's answer. */
const format: Check = (value) => {
  return isFields(value) && text(value.codec) && count(value.sampleRateHz) && count(value.frameMs)
}
const adaptation: Check = (value) => {
  return isFields(value) && typeof value.engine === 'string' && typeof value.data === 'string'
}

const SHAPES: { readonly [Type in PodToWorker['type']]: Readonly<Record<string, Check>> } = {
  'link.hello': { version: count, podId: text, nonce: text },
  'stream.open': {
    stream: streamNumber,
    sessionId: text,
    language: text,
    format,
    firstIndex: count,
    settledMs: optional(time),
    adaptation: optional(adaptation),
  },
  'stream.flush': { stream: streamNumber, flushId: count },
  'stream.hold': { stream: streamNumber, isHeld: (value) => typeof value === 'boolean' },
  'stream.close': { stream: streamNumber },
  ping: { id: count },
}

/** Never throws. */
export function decodePodMessage(message: string): Decoded {
  let value: unknown
  try {
    value = JSON.parse(message)
  } catch {
    return 'faulty'
  }
  if (!isFields(value) || typeof value.type !== 'string') return 'faulty'
  if (!Object.hasOwn(SHAPES, value.type)) return 'unknown'
  const shape = SHAPES[value.type as PodToWorker['type']]
  for (const field in shape) {
    if (!shape[field]?.(value[field])) return 'faulty'
  }
  return value as unknown as PodToWorker
}
