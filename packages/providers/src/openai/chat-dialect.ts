// Servers of the chat protocol do not all take the same fields: some refuse a schema, some the old or the new name of the token limit, some
// any temperature. What a server refuses is left out from then on. Pure.
import type { ProviderFailure } from '../failure.ts'

export interface ChatDialect {
  readonly format: 'json_schema' | 'json_object' | 'none'
  readonly limitField: 'max_completion_tokens' | 'max_tokens' | 'none'
  readonly hasTemperature: boolean
}

/** What the newest servers take. */
export const FIRST_DIALECT: ChatDialect = {
  format: 'json_schema',
  limitField: 'max_completion_tokens',
  hasTemperature: true,
}

export interface ChatRequest {
  readonly model: string
  readonly system: string
  readonly user: string
  /** Of the answer, tokens. */
  readonly maxTokens: number
  /** JSON schema that the answer has to fit: an object, all of whose fields are required. */
  readonly schema: { readonly name: string; readonly schema: object }
}

/** The body of a request in this dialect. */
export function chatBody({ model, system, user, maxTokens, schema }: ChatRequest, dialect: ChatDialect): object {
  return {
    model,
    messages: [
      { role: 'system', content: system },
      { role: 'user', content: user },
    ],
    ...(dialect.hasTemperature ? { temperature: 0 } : {}),
    ...(dialect.limitField === 'none' ? {} : { [dialect.limitField]: maxTokens }),
    ...formatField(schema, dialect.format),
  }
}

function formatField({ name, schema }: ChatRequest['schema'], format: ChatDialect['format']): object {
  if (format === 'none') return {}
  if (format === 'json_object') return { response_format: { type: 'json_object' } }
  return { response_format: { type: 'json_schema', json_schema: { name, strict: true, schema } } }
}

/** The dialect to try next after this refusal; undefined when it was about something else. Never leads back. */
export function relearn(dialect: ChatDialect, failure: ProviderFailure): ChatDialect | undefined {
  // 422 is how servers in front of a schema of their own refuse a field.
  if (failure.kind !== 'refused' || (failure.status !== 400 && failure.status !== 422)) return undefined
  const about = `${failure.field ?? ''} ${failure.message}`
  if (/response_format|json_schema|json_object|structured output/i.test(about)) {
    if (dialect.format === 'none') return undefined
    return { ...dialect, format: dialect.format === 'json_schema' ? 'json_object' : 'none' }
  }
  if (/max_completion_tokens|max_tokens/i.test(about)) {
    if (dialect.limitField === 'none') return undefined
    return { ...dialect, limitField: dialect.limitField === 'max_completion_tokens' ? 'max_tokens' : 'none' }
  }
  if (/temperature/i.test(about) && dialect.hasTemperature) return { ...dialect, hasTemperature: false }
  return undefined
}
