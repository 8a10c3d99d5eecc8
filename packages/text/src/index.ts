/** Text of utterances: ports of translation and polishing, and what stands between a session and an engine. */
export { OpenAiPolisher } from './engines/openai/openai-polisher.ts'
export { OpenAiTranslator } from './engines/openai/openai-translator.ts'
export {
  createProviderTextEngines,
  type ProviderTextDeps,
  type ProviderTextEngines,
} from './engines/openai/provider-text-engines.ts'
export { createTextChat, type TextChatOptions } from './fake-provider/text-chat.ts'
export * from './text-engine.ts'
export * from './text-service.ts'
