/** Text of utterances: ports of translation and polishing, engines, guards, and what stands between a session and an engine. */

export * from './budgets/index.ts'
export * from './cache/index.ts'
export * from './engine-order/index.ts'
export {
  APERTIUM_INSTALL_COMMAND,
  APERTIUM_PACKAGES,
  type ApertiumOptions,
  ApertiumTranslator,
} from './engines/apertium/apertium-translator.ts'
export { type HarperOptions, HarperPolisher } from './engines/harper/harper-polisher.ts'
export { OpenAiPolisher } from './engines/openai/openai-polisher.ts'
export { OpenAiTranslator } from './engines/openai/openai-translator.ts'
export {
  createProviderTextEngines,
  type ProviderTextDeps,
  type ProviderTextEngines,
} from './engines/openai/provider-text-engines.ts'
export { createTextChat, type TextChatOptions } from './fake-provider/text-chat.ts'
export * from './gating/index.ts'
export { guardedPolisher, guardedTranslator } from './guarded-engines.ts'
export { type GuardedText, type GuardRefusal, polishRefusal, translationRefusal } from './guards.ts'
export { type LanguageJudge, type LanguageVerdict, loadLanguageJudge } from './language-judge.ts'
export * from './scheduling/index.ts'
export * from './text-engine.ts'
export * from './text-service.ts'
