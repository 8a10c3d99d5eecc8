// Reading a chat request as a provider does: what is missing is refused in its words; what the platform's prompts ask for is found. Pure.
import { err, ok, type Result } from '@parley/kernel'
import type { ChatTask } from './backing.ts'

export interface ReadChatRequest {
  readonly model: string
  readonly isStream: boolean
  readonly hasUsageInStream: boolean
  /** Undefined for prompts that are not the platform's own: they are echoed. */
  readonly task: ChatTask | undefined
  readonly lastUserText: string
  readonly promptTokens: number
  /** Of the answer. */
  readonly maxTokens: number
}

export interface RequestProblem {
  readonly message: string
  readonly field: string
}

/** About four characters to a token, as for English; at least one. */
export const tokensOf = (text: string): number => Math.max(1, Math.ceil(Buffer.byteLength(text) / 4))
/** What each message costs beside its text. */
const TOKENS_PER_MESSAGE = 4
const DEFAULT_MAX_TOKENS = 4_096

export function readChatRequest(body: unknown): Result<ReadChatRequest, RequestProblem> {
  const fields = record(body)
  if (typeof fields.model !== 'string') return err({ field: 'model', message: 'you must provide a model parameter' })
  if (!Array.isArray(fields.messages) || fields.messages.length === 0) {
    return err({ field: 'messages', message: 'messages must be a list that is not empty' })
  }
  const messages = fields.messages.map(record)
  const texts = messages.map(({ content }) => (typeof content === 'string' ? content : JSON.stringify(content ?? '')))
  const lastUser = messages.findLastIndex(({ role }) => role === 'user')
  const lastUserText = texts[lastUser] ?? ''
  const limit = [fields.max_completion_tokens, fields.max_tokens].find((value) => typeof value === 'number')
  return ok({
    model: fields.model,
    isStream: fields.stream === true,
    hasUsageInStream: record(fields.stream_options).include_usage === true,
    task: readTask(lastUserText),
    lastUserText,
    promptTokens: texts.reduce((sum, text) => sum + tokensOf(text) + TOKENS_PER_MESSAGE, 0),
    maxTokens: typeof limit === 'number' ? limit : DEFAULT_MAX_TOKENS,
  })
}

function readTask(text: string): ChatTask | undefined {
  let parsed: unknown
  try {
    parsed = JSON.parse(text)
  } catch {
    return undefined
  }
  const { task, text: given, from, to, language } = record(parsed)
  if (typeof given !== 'string') return undefined
  if (task === 'translate' && typeof from === 'string' && typeof to === 'string') {
    return { task, text: given, from: tagOf(from), to: tagOf(to) }
  }
  if (task === 'polish' && typeof language === 'string') {
    return { task, text: given, from: tagOf(language), to: tagOf(language) }
  }
  return undefined
}

/** `ca` from `Catalan (ca)`. */
const tagOf = (named: string): string => /\(([A-Za-z0-9-]+)\)$/.exec(named)?.[1] ?? named

const record = (value: unknown): Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : {}
