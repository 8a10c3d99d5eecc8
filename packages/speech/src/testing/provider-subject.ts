// A fake provider with real engines behind it, for engines that are clients of one. Its clock is the system's: it is another machine.
import { createHash } from 'node:crypto'
import { type Clock, systemClock } from '@parley/kernel'
import { type ClientLease, OpenAiClient, type ProviderSettings } from '@parley/providers'
import { type FakeEars, type FakeProvider, type FakeProviderOptions, startFakeProvider } from '@parley/providers/fake'
import { createFliteSynthesiser } from '../engines/flite/flite-synthesiser.ts'
import { loadPocketSphinx } from '../engines/pocketsphinx/library.ts'
import { PocketSphinxRecogniser } from '../engines/pocketsphinx/pocketsphinx-recogniser.ts'
import { createRecogniserEars } from '../fake-provider/recogniser-ears.ts'
import { createSynthesiserVoice } from '../fake-provider/synthesiser-voice.ts'

export interface ProviderSubject {
  readonly provider: FakeProvider
  readonly settings: ProviderSettings
  /** One that is closed with the subject, whoever gives it back. */
  lease(clock?: Clock): ClientLease
  close(): Promise<void>
}

export interface ProviderSubjectOptions {
  readonly hasVoice?: boolean
  readonly hasEars?: boolean
  /** Streams that the fake recognises at once. */
  readonly earsSlots?: number
  readonly settings?: Partial<ProviderSettings>
  readonly fake?: Partial<FakeProviderOptions>
}

export const API_KEY = 'key-of-the-tests'

/** Undefined unless PocketSphinx is there: the reason why it is not. */
export async function earsProblem(): Promise<string | undefined> {
  const library = await loadPocketSphinx()
  return library.ok ? undefined : library.error.message
}

export async function providerSubject(options: ProviderSubjectOptions): Promise<ProviderSubject> {
  const { hasVoice = false, hasEars = false, earsSlots = 6 } = options
  const flite = hasVoice ? createFliteSynthesiser({ clock: systemClock, slots: 64, threads: 2 }) : undefined
  const sphinx = hasEars ? new PocketSphinxRecogniser({ clock: systemClock, slots: earsSlots }) : undefined
  await Promise.all([flite?.start(), sphinx?.start()])
  const provider = await startFakeProvider({
    clock: systemClock,
    apiKey: API_KEY,
    backing: {
      voice: flite && createSynthesiserVoice(flite),
      ears: sphinx && remembering(createRecogniserEars(sphinx, systemClock)),
    },
    ...options.fake,
  })
  const settings: ProviderSettings = {
    id: 'fake',
    protocol: 'openai',
    baseUrl: `${provider.url}/v1`,
    apiKey: API_KEY,
    roles: ['recognise', 'synthesise'],
    speechModel: 'fake-voice',
    transcriptionModel: 'fake-ears',
    voices: ['alloy', 'echo'],
    languages: ['en-US', 'en'],
    timeoutMs: 20_000,
    ...options.settings,
  }
  const clients: OpenAiClient[] = []
  return {
    provider,
    settings,
    lease(clock = systemClock) {
      const client = new OpenAiClient({ clock, settings })
      clients.push(client)
      return { client, release: async () => {} }
    },
    async close() {
      await Promise.all(clients.map((client) => client.close()))
      await provider.close()
      await Promise.all([flite?.close(), sphinx?.close()])
    },
  }
}

/** The same file is recognised once: suites have the same sentences heard many times, and decoding them is what takes long. */
function remembering(ears: FakeEars): FakeEars {
  const heard = new Map<string, ReturnType<FakeEars['transcribe']>>()
  return {
    languages: ears.languages,
    open: ears.open.bind(ears),
    transcribe(wav, language) {
      const key = createHash('sha256').update(wav).digest('hex')
      const known = heard.get(key) ?? ears.transcribe(wav, language)
      heard.set(key, known)
      return known
    },
  }
}
