// The text engines that a configuration names providers for.
import type { Clock } from '@parley/kernel'
import { OpenAiClient, type ProviderClients, type ProviderSettings } from '@parley/providers'
import type { Polisher, Translator } from '../../text-engine.ts'
import { OpenAiPolisher } from './openai-polisher.ts'
import { OpenAiTranslator } from './openai-translator.ts'

export interface ProviderTextDeps {
  readonly clock: Clock
  /** Connections shared with engines of other kinds, theirs to close; each call of this function has its own unless told. */
  readonly clients?: ProviderClients
}

export interface ProviderTextEngines {
  /** In the order of the configuration; a provider that does both is in both, under its id. */
  readonly translators: readonly Translator[]
  readonly polishers: readonly Polisher[]
  /** Closes them, and the connections when they are their own. */
  close(): Promise<void>
}

/** Engines of the providers with the roles translate and polish, not started. Their names are the providers' ids. */
export function createProviderTextEngines(
  providers: readonly ProviderSettings[],
  { clock, clients }: ProviderTextDeps,
): ProviderTextEngines {
  const own: OpenAiClient[] = []
  const clientOf = (settings: ProviderSettings): OpenAiClient => {
    const shared = clients?.openAi(settings.id)
    if (shared) return shared
    const client = new OpenAiClient({ clock, settings })
    own.push(client)
    return client
  }
  const used = providers.filter(
    ({ protocol, roles }) => protocol === 'openai' && roles.some((role) => role === 'translate' || role === 'polish'),
  )
  const byClient = used.map((settings) => ({ settings, client: clientOf(settings) }))
  const having = (role: 'translate' | 'polish') => byClient.filter(({ settings }) => settings.roles.includes(role))
  const translators = having('translate').map(({ client }) => new OpenAiTranslator(client))
  const polishers = having('polish').map(({ client }) => new OpenAiPolisher(client))
  return {
    translators,
    polishers,
    async close() {
      await Promise.all([...translators, ...polishers].map((engine) => engine.close()))
      await Promise.all(own.map((client) => client.close()))
    },
  }
}
