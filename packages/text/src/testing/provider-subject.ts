// A fake provider of chat for engines that are clients of one. Its clock is the system's: it is another machine.
import { type Clock, systemClock } from '@parley/kernel'
import type { ProviderSettings } from '@parley/providers'
import { type FakeChat, type FakeProvider, type FakeProviderOptions, startFakeProvider } from '@parley/providers/fake'
import { createProviderTextEngines, type ProviderTextEngines } from '../engines/openai/provider-text-engines.ts'

export const API_KEY = 'key-of-the-tests'

export interface ChatSubject {
  readonly provider: FakeProvider
  readonly settings: ProviderSettings
  /** Engines with connections of their own, not started. */
  engines(clock?: Clock, more?: Partial<ProviderSettings>): ProviderTextEngines
}

export async function chatSubject(chat: FakeChat, more: Partial<FakeProviderOptions> = {}): Promise<ChatSubject> {
  const provider = await startFakeProvider({ clock: systemClock, apiKey: API_KEY, backing: { chat }, ...more })
  const settings: ProviderSettings = {
    id: 'acme',
    protocol: 'openai',
    baseUrl: `${provider.url}/v1`,
    apiKey: API_KEY,
    roles: ['translate', 'polish'],
    chatModel: 'fake-chat',
    timeoutMs: 60_000,
  }
  return {
    provider,
    settings,
    engines: (clock = systemClock, changed = {}) => createProviderTextEngines([{ ...settings, ...changed }], { clock }),
  }
}
