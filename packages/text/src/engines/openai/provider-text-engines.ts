// The text engines that a configuration names providers for.
import type { Clock } from '@parley/kernel'
import { OpenAiClient, type ProviderClients, type ProviderSettings } from '@parley/providers'
import type { Polisher, Translator } from '../../text-engine.ts'
import { OpenAiPolisher } from './openai-polisher.ts'
import { OpenAiTranslator } from './openai-translator.ts'

export interface ProviderTextDeps {
  readonly clock: Clock
  /** Connections shared with engines of other kinds, theirs to close; without them there are own ones, closed with the last engine. */
  readonly clients?: ProviderClients | undefined
}

export interface ProviderTextEngines {
  /** In the order of the configuration; a provider that does both is in both, under its id. */
  readonly translators: readonly Translator[]
  readonly polishers: readonly Polisher[]
}

/** Engines of the providers with the roles translate and polish, not started. Their names are the providers' ids. */
export function createProviderTextEngines(
  providers: readonly ProviderSettings[],
  { clock, clients }: ProviderTextDeps,
): ProviderTextEngines {
  const translators: Translator[] = []
  const polishers: Polisher[] = []
  for (const settings of providers) {
    const { id, protocol, roles } = settings
    if (protocol !== 'openai') continue
    const shared = clients?.openAi(id)
    const client = shared ?? new OpenAiClient({ clock, settings })
    let users = 0
    const lease = () => {
      users++
      return async () => {
        if (--users === 0 && !shared) await client.close()
      }
    }
    if (roles.includes('translate')) translators.push(new OpenAiTranslator(client, lease()))
    if (roles.includes('polish')) polishers.push(new OpenAiPolisher(client, lease()))
  }
  return { translators, polishers }
}
