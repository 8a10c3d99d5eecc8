// What the worker tells pods about itself.
import type { Clock } from '@parley/kernel'
import type { WorkerToPod } from '@parley/protocol'
import type { Recogniser } from '@parley/speech'
import { readProcessStats } from '@parley/telemetry'

const CPU_WINDOW_MS = 900

export class LoadMeter {
  readonly #clock: Clock
  readonly #recogniser: Recogniser
  #cpuMs: number
  #atMs: number
  #cpuRatio = 0

  constructor(clock: Clock, recogniser: Recogniser) {
    this.#clock = clock
    this.#recogniser = recogniser
    this.#cpuMs = cpuMs()
    this.#atMs = clock.nowMs()
  }

  /** The load now. `cpuRatio` is CPU time per time over about the last second: 1 = one core, more with several. */
  read(): Extract<WorkerToPod, { type: 'worker.load' }> {
    const nowMs = this.#clock.nowMs()
    if (nowMs - this.#atMs >= CPU_WINDOW_MS) {
      const nowCpuMs = cpuMs()
      this.#cpuRatio = (nowCpuMs - this.#cpuMs) / (nowMs - this.#atMs)
      this.#cpuMs = nowCpuMs
      this.#atMs = nowMs
    }
    const { name, languages, ready, problem, slots, slotsUsed, decodersWarm } = this.#recogniser.status()
    const engine = { name, languages, ready, ...(problem === undefined ? {} : { problem }) }
    const rssBytes = readProcessStats().rssBytes
    return {
      type: 'worker.load',
      slots,
      slotsUsed,
      decodersWarm,
      engines: [engine],
      cpuRatio: this.#cpuRatio,
      rssBytes,
    }
  }
}

function cpuMs(): number {
  const { cpuUserMs, cpuSystemMs } = readProcessStats()
  return cpuUserMs + cpuSystemMs
}
