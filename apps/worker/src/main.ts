// The speech worker as it is shipped: its engines, and what is mounted beside links of pods.
import { systemClock } from '@parley/kernel'
import { streamEndpointsOf } from './bridges/mount-stream-endpoints.ts'
import { createEngines } from './engines.ts'
import { workerTitle } from './machine-share.ts'
import { runWorker } from './process.ts'

process.exitCode = await runWorker(async (context) => {
  process.title = workerTitle(context.config.worker.roles)
  const endpoints = await streamEndpointsOf(context.config, context.logger, systemClock)
  return { ...(await createEngines({ ...context, clock: systemClock })), endpoints }
})
process.exit()
