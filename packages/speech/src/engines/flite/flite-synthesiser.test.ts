import { SENTENCES } from '@parley/audio/testing'
import { engineSubject } from '../../testing/engine-subject.ts'
import { synthesiserContract } from '../../testing/synthesiser-contract.ts'
import { fliteEngine } from './flite-synthesiser.ts'

synthesiserContract('flite', {
  create: async (clock, slots) => engineSubject(fliteEngine({ threads: 2 }), { clock, slots }),
  voices: ['slt', 'kal'],
  unknownLanguage: 'fr',
  sentences: SENTENCES.map((sentence) => `${sentence}.`),
})
