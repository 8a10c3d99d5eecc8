import { after } from 'node:test'
import { concat, SENTENCES, silence, synthesise, VOICES } from '@parley/audio/testing'
import { earsProblem, providerSubject } from '../../testing/provider-subject.ts'
import { recogniserContract } from '../../testing/recogniser-contract.ts'
import { createDeepgramRecogniser } from './deepgram-recogniser.ts'

const problem = await earsProblem()
// The clock of the suite stands still, and no KeepAlive is sent: on a busy machine the fake would tire of a stream between two sentences.
const fake = await providerSubject({
  hasEars: problem === undefined,
  earsSlots: 6,
  settings: { protocol: 'deepgram' },
  fake: { quietLimitMs: 600_000 },
})
after(() => fake.close())

async function talk(speaker: number, sentences: readonly number[]) {
  const parts: Int16Array[] = []
  for (const number of sentences) {
    parts.push(await synthesise(SENTENCES[number] as string, VOICES[speaker]), silence(1_000))
  }
  return { samples: concat(...parts), sentences: sentences.map((number) => (SENTENCES[number] as string).split(' ')) }
}

recogniserContract('a provider of the Deepgram protocol', {
  ...(problem === undefined ? {} : { skip: problem }),
  async create(clock, slots) {
    const settings = { ...fake.settings, baseUrl: fake.provider.url }
    return { recogniser: createDeepgramRecogniser({ clock, slots, settings }), prepare: talk }
  },
})
