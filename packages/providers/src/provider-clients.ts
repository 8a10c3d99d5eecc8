// The providers of a configuration with their connections: one client for each, whatever it is used for.
import type { Clock } from '@parley/kernel'
import { OpenAiClient } from './openai/openai-client.ts'
import type { ProviderSettings } from './settings.ts'

export interface ProviderClientsOptions {
  readonly clock: Clock
  /** As configured: checked addresses, ids that differ. */
  readonly providers: readonly ProviderSettings[]
  /** Authorities trusted beside the well-known ones (PEM). */
  readonly ca?: string | undefined
}

export class ProviderClients {
  readonly #openAi: ReadonlyMap<string, OpenAiClient>

  constructor({ clock, providers, ca }: ProviderClientsOptions) {
    this.#openAi = new Map(
      providers
        .filter(({ protocol }) => protocol === 'openai')
        .map((settings) => [settings.id, new OpenAiClient({ clock, settings, ca })]),
    )
  }

  /** The client of a provider of the openai protocol; undefined when there is none of this id. */
  openAi(id: string): OpenAiClient | undefined {
    return this.#openAi.get(id)
  }

  /** Ends every call and connection. Idempotent. */
  async close(): Promise<void> {
    await Promise.all([...this.#openAi.values()].map((client) => client.close()))
  }
}
