// What is known of one provider before it has been asked anything. The configuration's entries have this shape.

export type ProviderProtocol = 'openai' | 'deepgram'
export type ProviderRole = 'recognise' | 'synthesise' | 'translate' | 'polish'

export interface ProviderSettings {
  /** Name in engine lists, budgets and metrics. */
  readonly id: string
  readonly protocol: ProviderProtocol
  /** Such as https://api.openai.com/v1 or wss://api.deepgram.com. */
  readonly baseUrl: string
  /** Absent: the provider asks for none. */
  readonly apiKey?: string | undefined
  readonly roles: readonly ProviderRole[]
  readonly chatModel?: string | undefined
  readonly speechModel?: string | undefined
  /** `name` or `name:language`. */
  readonly voices?: readonly string[] | undefined
  readonly transcriptionModel?: string | undefined
  /** Languages it recognises, BCP 47; absent = English. */
  readonly languages?: readonly string[] | undefined
  /** Longest time of one call; DEFAULT_TIMEOUT_MS unless told. */
  readonly timeoutMs?: number | undefined
}

export const DEFAULT_TIMEOUT_MS = 10_000
