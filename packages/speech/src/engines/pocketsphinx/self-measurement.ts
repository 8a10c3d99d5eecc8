// What decoding costs on this machine: the CPU time of one decoder over speech that is known to be speech.
import type { Clock } from '@parley/kernel'
import { RECOGNISER_BLOCK_SAMPLES, RECOGNISER_RATE_HZ } from '../../recogniser.ts'
import type { Decoder } from './decoder.ts'

/** On a machine that has little time to spare measuring stops here: what was heard by then must do. */
const MEASURE_LIMIT_MS = 2_000

/**
 * CPU time per time of speech. Decodes on the calling thread, whose CPU time the system counts by itself: what other decoders, threads
 * and processes do at the same time is not counted. Lets the loop turn after every block (1 to 5 ms). `samples` holds at least one block.
 */
export async function measureDecoding(
  decoder: Pick<Decoder, 'begin' | 'feedHere' | 'end'>,
  samples: Int16Array,
  clock: Clock,
  cpuMs: () => number = threadCpuMs,
): Promise<number> {
  let spentMs = 0
  let fed = 0
  const limitMs = clock.nowMs() + MEASURE_LIMIT_MS
  decoder.begin()
  for (; fed + RECOGNISER_BLOCK_SAMPLES <= samples.length; fed += RECOGNISER_BLOCK_SAMPLES) {
    const beforeMs = cpuMs()
    decoder.feedHere(samples.subarray(fed, fed + RECOGNISER_BLOCK_SAMPLES))
    spentMs += cpuMs() - beforeMs
    await new Promise((resolve) => setImmediate(resolve))
    if (clock.nowMs() >= limitMs) {
      fed += RECOGNISER_BLOCK_SAMPLES
      break
    }
  }
  await decoder.end()
  return spentMs / ((fed * 1000) / RECOGNISER_RATE_HZ)
}

function threadCpuMs(): number {
  const { user, system } = process.threadCpuUsage()
  return (user + system) / 1000
}
