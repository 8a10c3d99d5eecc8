/**
 * Endpoints of speech without sessions: our own plain WebSockets, and those that clients of Deepgram and OpenAI speak to. Knows neither sessions
 * nor engines; brings a small backend port.
 */
export { ASR_PATH, ENDPOINTS, type EndpointName, TTS_PATH } from './admission.ts'
export { type AsrOptions, type EndpointConnection, serveAsr } from './asr-connection.ts'
export { ASR_SERVER_MESSAGES, type AsrCommand, type AsrConfig, decodeAsrCommand } from './asr-messages.ts'
export * from './backends.ts'
export { type RefusalForm, refusalOf } from './http-refusal.ts'
export {
  type CredentialSource,
  StreamEndpoints,
  type StreamEndpointsOptions,
  type StreamEndpointsStats,
} from './stream-endpoints.ts'
export { serveTts, type TtsOptions } from './tts-connection.ts'
export { decodeTtsCommand, TTS_SERVER_MESSAGES, type TtsCommand } from './tts-messages.ts'
