// The providers of a configuration with their connections: one client for each, whatever it is used for, until nobody uses it any more.
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

export interface ClientLease {
  readonly client: OpenAiClient
  /** The client is not used here any more; it is closed with the last lease. Idempotent. */
  release(): Promise<void>
}

interface Held {
  readonly client: OpenAiClient
  users: number
}

export class ProviderClients {
  readonly #options: ProviderClientsOptions
  readonly #held = new Map<string, Held>()

  constructor(options: ProviderClientsOptions) {
    this.#options = options
  }

  /** The client of a provider of the openai protocol, one for all who ask; undefined when there is none of this id. */
  lease(id: string): ClientLease | undefined {
    const { clock, providers, ca } = this.#options
    const settings = providers.find((provider) => provider.id === id && provider.protocol === 'openai')
    if (!settings) return undefined
    const held = this.#held.get(id) ?? { client: new OpenAiClient({ clock, settings, ca }), users: 0 }
    this.#held.set(id, held)
    held.users++
    let isReleased = false
    return {
      client: held.client,
      release: async () => {
        if (isReleased) return
        isReleased = true
        if (--held.users > 0) return
        this.#held.delete(id)
        await held.client.close()
      },
    }
  }
}
