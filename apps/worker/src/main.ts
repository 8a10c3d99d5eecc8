// The speech worker as it is shipped: its engines, and what is mounted beside links of pods.
import { systemClock } from '@parley/kernel'
import { createEngines } from './engines.ts'
import { workerTitle } from './machine-share.ts'
import { runWorker } from './process.ts'

process.exitCode = await runWorker((context) => {
  process.title = workerTitle(context.config.worker.roles)
  return createEngines({ ...context, clock: systemClock })
})
process.exit()
