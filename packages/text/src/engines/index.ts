/** Engines for texts and the guards around them: what a worker needs, and a pod need not load. */

export { createTextChat, type TextChatOptions } from '../fake-provider/text-chat.ts'
export { guardedPolisher, guardedTranslator } from '../guarded-engines.ts'
export { type GuardedText, type GuardRefusal, polishRefusal, translationRefusal } from '../guards.ts'
export { type LanguageJudge, type LanguageVerdict, loadLanguageJudge } from '../language-judge.ts'
export {
  APERTIUM_INSTALL_COMMAND,
  APERTIUM_PACKAGES,
  type ApertiumOptions,
  ApertiumTranslator,
} from './apertium/apertium-translator.ts'
export { type HarperOptions, HarperPolisher } from './harper/harper-polisher.ts'
export { OpenAiPolisher } from './openai/openai-polisher.ts'
export { OpenAiTranslator } from './openai/openai-translator.ts'
export {
  createProviderTextEngines,
  type ProviderTextDeps,
  type ProviderTextEngines,
} from './openai/provider-text-engines.ts'
