/** Protocols of speech and text providers, as a client speaks them; knows neither sessions nor engines. */
export {
  LiveConnection,
  type LiveListener,
  type LiveOptions,
  listenUrl,
} from './deepgram/live-connection.ts'
export { type LiveMessage, type LiveResult, readLiveMessage } from './deepgram/live-messages.ts'
export { type ProviderFailure, type ProviderFailureKind, quoted } from './failure.ts'
export { type HttpAnswer, type HttpCall, ProviderHttp, type ProviderHttpOptions } from './http/provider-http.ts'
export type { ChatAnswer, ChatUsage } from './openai/chat-answer.ts'
export type { ChatRequest } from './openai/chat-dialect.ts'
export {
  OpenAiClient,
  type OpenAiClientOptions,
  type Reachability,
  SPEECH_RATE_HZ,
  type SpeechRequest,
  type TranscriptionRequest,
} from './openai/openai-client.ts'
export { type ClientLease, ProviderClients, type ProviderClientsOptions } from './provider-clients.ts'
export { MAX_RETRY_AFTER_MS, retryAfterMs } from './retry-after.ts'
export { DEFAULT_TIMEOUT_MS, type ProviderProtocol, type ProviderRole, type ProviderSettings } from './settings.ts'
