// What a Deepgram-compatible server says on a live connection, read into what a listener needs. Pure. Unknown messages and fields are left
// out, so that a newer server is understood.

export interface LiveResult {
  readonly type: 'result'
  readonly transcript: string
  /** Seconds of the audio of this connection. */
  readonly startS: number
  readonly endS: number
  /** It will not change any more. */
  readonly isFinal: boolean
  /** The speech has ended with it. */
  readonly isSpeechFinal: boolean
  /** Answers a Finalize. */
  readonly isFromFinalize: boolean
  /** Of the first and last word; absent without words. */
  readonly speech?: { readonly startS: number; readonly endS: number }
}

export type LiveMessage =
  | LiveResult
  | { readonly type: 'utteranceEnd' }
  | { readonly type: 'speechStarted'; readonly atS: number }
  | { readonly type: 'metadata' }
  | { readonly type: 'error'; readonly message: string }
  | { readonly type: 'other' }

/** Undefined for what is not of this protocol at all. */
export function readLiveMessage(text: string): LiveMessage | undefined {
  let parsed: unknown
  try {
    parsed = JSON.parse(text)
  } catch {
    return undefined
  }
  const fields = record(parsed)
  switch (fields.type) {
    case 'Results':
      return readResults(fields)
    case 'UtteranceEnd':
      return { type: 'utteranceEnd' }
    case 'SpeechStarted':
      return isTime(fields.timestamp) ? { type: 'speechStarted', atS: fields.timestamp } : undefined
    case 'Metadata':
      return { type: 'metadata' }
    case 'Error':
      return { type: 'error', message: String(fields.description ?? fields.message ?? 'an error') }
    default:
      return typeof fields.type === 'string' ? { type: 'other' } : undefined
  }
}

function readResults(fields: Record<string, unknown>): LiveResult | undefined {
  const { start, duration, channel } = fields
  const alternatives = record(channel).alternatives
  const best = record(Array.isArray(alternatives) ? alternatives[0] : undefined)
  if (!isTime(start) || !isTime(duration) || typeof best.transcript !== 'string') return undefined
  const words = Array.isArray(best.words) ? best.words.map(record) : []
  const first = words[0]?.start
  const last = words.at(-1)?.end
  return {
    type: 'result',
    transcript: best.transcript.trim(),
    startS: start,
    endS: start + duration,
    isFinal: fields.is_final === true,
    isSpeechFinal: fields.speech_final === true,
    isFromFinalize: fields.from_finalize === true,
    ...(isTime(first) && isTime(last) && last >= first ? { speech: { startS: first, endS: last } } : {}),
  }
}

const isTime = (value: unknown): value is number => typeof value === 'number' && value >= 0 && value < 1e7

const record = (value: unknown): Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : {}
