// The recognisers and synthesisers that the configuration names providers for, in its order.
import type { ResolvedConfig } from '@parley/config'
import type { Clock } from '@parley/kernel'
import type { ProviderClients } from '@parley/providers'
import {
  createDeepgramRecogniser,
  createOpenAiRecogniser,
  type EndpointingOptions,
  OpenAiSynthesiser,
  type Recogniser,
  type Synthesiser,
} from '@parley/speech'

interface Parts {
  readonly config: ResolvedConfig
  readonly clock: Clock
  readonly clients: ProviderClients
}

/** Streams that one worker holds at one provider: they cost this machine next to nothing, and the provider has limits of its own. */
const STREAMS_PER_PROVIDER = 32

export function providerRecognisers({
  config,
  clock,
  clients,
  endpointing,
}: Parts & { readonly endpointing: EndpointingOptions }): Recogniser[] {
  const slots = STREAMS_PER_PROVIDER
  return config.providers
    .filter(({ roles }) => roles.includes('recognise'))
    .flatMap((settings): Recogniser[] => {
      if (settings.protocol === 'deepgram') return [createDeepgramRecogniser({ clock, slots, settings, endpointing })]
      const lease = clients.lease(settings.id)
      return lease ? [createOpenAiRecogniser({ clock, slots, lease, endpointing })] : []
    })
}

export function providerSynthesisers({
  config,
  clock,
  clients,
  slots,
}: Parts & { readonly slots: number }): Synthesiser[] {
  return config.providers
    .filter(({ roles }) => roles.includes('synthesise'))
    .flatMap(({ id }) => {
      const lease = clients.lease(id)
      return lease ? [new OpenAiSynthesiser({ clock, slots, lease })] : []
    })
}
