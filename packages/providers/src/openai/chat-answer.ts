// What a chat server answered, read strictly. Pure.
import { err, ok, type Result } from '@parley/kernel'
import type { ProviderFailure } from '../failure.ts'

export interface ChatUsage {
  readonly inputTokens: number
  readonly outputTokens: number
}

export interface ChatAnswer {
  readonly text: string
  /** False when it was cut off at the limit of tokens. */
  readonly isWhole: boolean
  /** Absent when the server does not count. */
  readonly usage?: ChatUsage
}

/** The body of a 2xx answer of /chat/completions; `host` is named in what is wrong with it. */
export function readChatAnswer(body: string, host: string): Result<ChatAnswer, ProviderFailure> {
  const nonsense = (what: string) => err<ProviderFailure>({ kind: 'nonsense', message: `${host} answers ${what}` })
  let parsed: unknown
  try {
    parsed = JSON.parse(body)
  } catch {
    return nonsense('something that is not JSON')
  }
  const { choices, usage } = record(parsed)
  const choice = record(Array.isArray(choices) ? choices[0] : undefined)
  const { content, refusal } = record(choice.message)
  if (typeof refusal === 'string' && refusal !== '') {
    return err({ kind: 'refused', message: `the model at ${host} refuses to answer` })
  }
  if (choice.finish_reason === 'content_filter') {
    return err({ kind: 'refused', message: `${host} has filtered the answer` })
  }
  if (typeof content !== 'string') return nonsense('without a message')
  const counted = readUsage(usage)
  return ok({
    text: content,
    isWhole: choice.finish_reason !== 'length',
    ...(counted ? { usage: counted } : {}),
  })
}

function readUsage(usage: unknown): ChatUsage | undefined {
  const { prompt_tokens: input, completion_tokens: output } = record(usage)
  if (!isCount(input) || !isCount(output)) return undefined
  return { inputTokens: input, outputTokens: output }
}

const isCount = (value: unknown): value is number =>
  typeof value === 'number' && Number.isFinite(value) && value >= 0 && value < 1e9

const record = (value: unknown): Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : {}
