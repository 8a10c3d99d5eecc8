// Messages of /v1/listen, both ways, as clients of Deepgram know them: seconds, snake_case, numbers for everything.
import { err, ok, type Result } from '@parley/kernel'
import { ParleyError, type RecognisedWord, shown } from '@parley/protocol'
import { bareWord, meanConfidence, secondsOf } from '../word-times.ts'

/** There is one model here, and it has no id of its own. */
export const MODEL_UUID = '00000000-0000-0000-0000-000000000000'
export const MODEL_INFO = { name: 'parley', version: '1', arch: 'parley' } as const
export const CHANNEL = [0, 1] as const

export type ListenCommand = 'KeepAlive' | 'Finalize' | 'CloseStream'
const COMMANDS: readonly string[] = ['KeepAlive', 'Finalize', 'CloseStream'] satisfies ListenCommand[]

/** Reads one text message of a client. Never throws. */
export function decodeListenCommand(text: string): Result<ListenCommand, ParleyError> {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    return err(new ParleyError('BAD_REQUEST', { message: 'the message is not valid JSON' }))
  }
  const type = typeof value === 'object' && value !== null ? (value as { type?: unknown }).type : undefined
  if (typeof type === 'string' && COMMANDS.includes(type)) return ok(type as ListenCommand)
  const message = `unknown message type "${shown(type)}"; known: ${COMMANDS.join(', ')}`
  return err(new ParleyError('UNKNOWN_MESSAGE', { field: 'type', value: shown(type), allowed: COMMANDS, message }))
}

export interface ListenWord {
  readonly word: string
  readonly start: number
  readonly end: number
  readonly confidence: number
  readonly punctuated_word?: string
}

export interface Alternative {
  readonly transcript: string
  readonly confidence: number
  readonly words: readonly ListenWord[]
}

export type ListenMessage =
  | {
      readonly type: 'Results'
      readonly channel_index: readonly number[]
      readonly duration: number
      readonly start: number
      readonly is_final: boolean
      readonly speech_final: boolean
      readonly from_finalize: boolean
      readonly channel: { readonly alternatives: readonly Alternative[] }
      readonly metadata: {
        readonly request_id: string
        readonly model_info: typeof MODEL_INFO
        readonly model_uuid: string
      }
    }
  | { readonly type: 'SpeechStarted'; readonly channel: readonly number[]; readonly timestamp: number }
  | { readonly type: 'UtteranceEnd'; readonly channel: readonly number[]; readonly last_word_end: number }
  | {
      readonly type: 'Metadata'
      readonly transaction_key: 'deprecated'
      readonly request_id: string
      readonly sha256: string
      readonly created: string
      readonly duration: number
      readonly channels: 1
      readonly models: readonly string[]
      readonly model_info: Readonly<Record<string, typeof MODEL_INFO>>
      readonly warnings?: readonly ListenWarning[]
    }
  | { readonly type: 'Error'; readonly variant: string; readonly description: string; readonly message: string }

/** A field that was given and is not used. */
export interface ListenWarning {
  readonly parameter: string
  readonly type: 'unsupported_parameter'
  readonly message: string
}

export function warningsOf(ignored: readonly string[]): { readonly warnings?: readonly ListenWarning[] } {
  if (ignored.length === 0) return {}
  const message = (parameter: string) => `${parameter} is not used here`
  return {
    warnings: ignored.map((parameter) => ({ parameter, type: 'unsupported_parameter', message: message(parameter) })),
  }
}

/**
 * A text with what is known of its words. `confidence` is the mean of theirs; 0 where nobody measured it (partials, engines that cannot
 * tell), because clients expect a number.
 */
export function alternativeOf(text: string, words: readonly RecognisedWord[], isPunctuated: boolean): Alternative {
  const shownWords = text.split(' ').filter((word) => word !== '')
  return {
    transcript: isPunctuated ? text : shownWords.map((word) => bareWord({ text: word })).join(' '),
    confidence: meanConfidence(words) ?? 0,
    words: words.map((word) => ({
      word: bareWord(word),
      start: secondsOf(word.startMs),
      end: secondsOf(word.endMs),
      confidence: word.confidence ?? 0,
      ...(isPunctuated ? { punctuated_word: word.text } : {}),
    })),
  }
}
