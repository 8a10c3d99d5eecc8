// The engines behind `parley fake-provider`: those of the platform, as far as they are installed.
import { availableParallelism } from 'node:os'
import type { Clock } from '@parley/kernel'
import type { FakeBacking, FakeEars } from '@parley/providers/fake'
import {
  createFliteSynthesiser,
  createRecogniserEars,
  createSynthesiserVoice,
  machineRoom,
  PocketSphinxRecogniser,
  slotsFor,
} from '@parley/speech'
import { ApertiumTranslator, createTextChat, HarperPolisher } from '@parley/text/engines'

export interface BackingEngines {
  readonly backing: FakeBacking
  /** What is there, and what is not and why; one line each. */
  readonly lines: readonly string[]
  close(): Promise<void>
}

const MAX_SPEECHES = 256
/** Model answers are not to be held back by what the embedded polisher would dare. */
const MAX_CHANGED_WORDS = 100

export type FakeProtocol = 'openai' | 'deepgram'

/** Loads what `protocol` needs. What cannot be loaded is absent, and the server says so to who asks. */
export async function createBacking(protocol: FakeProtocol, clock: Clock): Promise<BackingEngines> {
  const slots = Math.max(2, slotsFor(await machineRoom(), 1))
  const sphinx = new PocketSphinxRecogniser({ clock, slots: 1 })
  const others = protocol === 'openai' ? openAiEngines(clock) : undefined
  await Promise.all([sphinx.start(), others?.start()])
  const { ready: canHear, problem } = sphinx.status()
  const ears = canHear ? growing(createRecogniserEars(sphinx, clock), () => sphinx.setSlots(slots)) : undefined
  const hearing = canHear ? `hears English (PocketSphinx), ${slots} at a time` : `hears nothing: ${problem}`
  return {
    backing: { ears, ...others?.backing() },
    lines: [...(others?.lines() ?? []), hearing],
    async close() {
      await Promise.all([sphinx.close(), others?.close()])
    },
  }
}

/** Whoever only translates or speaks does not pay for decoders: all but one are loaded when the first of its audio comes. */
function growing(ears: FakeEars, grow: () => void): FakeEars {
  return {
    get languages() {
      return ears.languages
    },
    transcribe(file, language) {
      grow()
      return ears.transcribe(file, language)
    },
    open(language, sampleRateHz, listener) {
      grow()
      return ears.open(language, sampleRateHz, listener)
    },
  }
}

function openAiEngines(clock: Clock) {
  const flite = createFliteSynthesiser({ clock, slots: MAX_SPEECHES, threads: availableParallelism() })
  const apertium = new ApertiumTranslator({ clock })
  const harper = new HarperPolisher({ clock, maxChangedWords: MAX_CHANGED_WORDS })
  const all = [flite, apertium, harper]
  return {
    start: () => Promise.all(all.map((engine) => engine.start())),
    close: () => Promise.all(all.map((engine) => engine.close())),
    backing: (): Pick<FakeBacking, 'voice' | 'chat'> => ({
      voice: flite.status().ready ? createSynthesiserVoice(flite) : undefined,
      chat: createTextChat({ translators: [apertium], polishers: [harper] }),
    }),
    lines: () => [
      apertium.status().ready
        ? `translates ${apertium.status().pairs?.length ?? 0} pairs (Apertium)`
        : `translates nothing: ${apertium.status().problem}`,
      harper.status().ready ? 'polishes English (harper)' : `polishes nothing: ${harper.status().problem}`,
      flite.status().ready ? 'speaks English (flite)' : `speaks nothing: ${flite.status().problem}`,
    ],
  }
}
