// A real worker process whose recogniser is the spelling one; tests fork it. `config.speech.slotsPerWorker` is its slots.
import { systemClock } from '@parley/kernel'
import { runWorker } from '../process.ts'
import { SpellingRecogniser } from './spelling-recogniser.ts'

process.exitCode = await runWorker(({ config }) => ({
  recogniser: new SpellingRecogniser(systemClock, { slots: config.speech.slotsPerWorker || 4 }),
}))
process.exit()
