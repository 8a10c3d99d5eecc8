import { concat, SENTENCES, silence, synthesise, VOICES } from '@parley/audio/testing'
import { recogniserContract } from '../../testing/recogniser-contract.ts'
import { loadPocketSphinx } from './library.ts'
import { PocketSphinxRecogniser } from './pocketsphinx-recogniser.ts'

const library = await loadPocketSphinx()

recogniserContract('PocketSphinx', {
  ...(library.ok ? {} : { skip: library.error.message }),
  async create(clock, slots) {
    return {
      recogniser: new PocketSphinxRecogniser({ clock, slots }),
      async prepare(speaker, sentences) {
        const parts: Int16Array[] = []
        for (const number of sentences) {
          parts.push(await synthesise(SENTENCES[number] as string, VOICES[speaker]), silence(1_000))
        }
        return {
          samples: concat(...parts),
          sentences: sentences.map((number) => (SENTENCES[number] as string).split(' ')),
        }
      },
    }
  },
})
