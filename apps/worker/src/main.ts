// The speech worker as it is shipped: PocketSphinx, as many streams as the configuration or the machine says.
import { availableParallelism } from 'node:os'
import type { ResolvedConfig } from '@parley/config'
import { systemClock } from '@parley/kernel'
import { machineRoom, PocketSphinxRecogniser, slotsFor } from '@parley/speech'
import { streamEndpointsOf } from './bridges/mount-stream-endpoints.ts'
import { runWorker } from './process.ts'

/** This process's part of the machine, when slots are sized by it: workers share it evenly. */
function share({ speech }: ResolvedConfig): number {
  return 1 / (speech.workers || Math.max(1, Math.floor(availableParallelism() / 2)))
}

process.exitCode = await runWorker(async (config, logger) => {
  const { slotsPerWorker, endpointMs, maxUtteranceMs } = config.speech
  const slots = slotsPerWorker || slotsFor(await machineRoom(), share(config))
  return {
    recogniser: new PocketSphinxRecogniser({ clock: systemClock, slots, endpointing: { endpointMs, maxUtteranceMs } }),
    endpoints: await streamEndpointsOf(config, logger),
  }
})
process.exit()
