// The text engines that a configuration names providers for.
import type { Clock } from '@parley/kernel'
import { ProviderClients, type ProviderSettings } from '@parley/providers'
import type { Polisher, Translator } from '../../text-engine.ts'
import { OpenAiPolisher } from './openai-polisher.ts'
import { OpenAiTranslator } from './openai-translator.ts'

export interface ProviderTextDeps {
  readonly clock: Clock
  /** Connections shared with engines of other kinds; own ones unless told. Either way they go with the last engine that uses them. */
  readonly clients?: ProviderClients | undefined
}

export interface ProviderTextEngines {
  /** In the order of the configuration; a provider that does both is in both, under its id. */
  readonly translators: readonly Translator[]
  readonly polishers: readonly Polisher[]
}

/** Engines of the providers with the roles translate and polish, not started; whoever gets them closes each. Their names are the providers' ids. */
export function createProviderTextEngines(
  providers: readonly ProviderSettings[],
  { clock, clients = new ProviderClients({ clock, providers }) }: ProviderTextDeps,
): ProviderTextEngines {
  const translators: Translator[] = []
  const polishers: Polisher[] = []
  for (const { id, roles } of providers) {
    const forTranslation = roles.includes('translate') ? clients.lease(id) : undefined
    if (forTranslation) translators.push(new OpenAiTranslator(forTranslation))
    const forPolish = roles.includes('polish') ? clients.lease(id) : undefined
    if (forPolish) polishers.push(new OpenAiPolisher(forPolish))
  }
  return { translators, polishers }
}
