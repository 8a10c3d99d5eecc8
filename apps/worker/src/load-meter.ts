// What the worker knows of its own load: what it tells pods, and whether it takes streams of a role now.
import { availableParallelism } from 'node:os'
import type { Clock } from '@parley/kernel'
import type { RoleLoad, WorkerEngine, WorkerRole, WorkerState, WorkerToPod } from '@parley/protocol'
import type { Recogniser, RecogniserStatus, Synthesiser, SynthesiserStatus } from '@parley/speech'
import { readProcessStats } from '@parley/telemetry'
import type { RoleRefusal } from './endpoints-port.ts'
import { judge, NOT_OVERLOADED, type Overload } from './overload.ts'
import type { TextHost } from './text-host.ts'
import type { WaitGauge } from './wait-gauge.ts'

const CPU_WINDOW_MS = 900
/** A worker that drains or is overloaded is left alone for this long. */
const STATE_RETRY_MS = 2_000

export type LoadReport = Extract<WorkerToPod, { type: 'worker.load' }>

export interface MeterOptions {
  readonly clock: Clock
  readonly recogniser: Recogniser | undefined
  readonly synthesiser: Synthesiser | undefined
  /** What it does with texts; asked when there is something to tell. */
  readonly texts: () => TextHost
  /** Speeches that wait for their next audio. */
  readonly speechWaits: WaitGauge
}

export class LoadMeter {
  readonly #options: MeterOptions
  #isLoaded = false
  #isDraining = false
  #overload: Overload = NOT_OVERLOADED
  #wasOverloaded = false
  #cpuMs: number
  #atMs: number
  #cpuRatio = 0

  constructor(options: MeterOptions) {
    this.#options = options
    this.#cpuMs = cpuMs()
    this.#atMs = options.clock.nowMs()
  }

  get state(): WorkerState {
    if (this.#isDraining) return 'draining'
    if (!this.#isLoaded) return 'loading'
    return this.#overload.isOverloaded ? 'overloaded' : 'ready'
  }

  /** Something can be taken now, or is known not to come. */
  onLoaded(): void {
    this.#isLoaded = true
  }

  setDraining(isDraining: boolean): void {
    this.#isDraining = isDraining
  }

  /** Looks at the load; to be called a few times per second. True when it is overloaded since the last call, or not any more. */
  sample(): boolean {
    this.#judge()
    const hasChanged = this.#overload.isOverloaded !== this.#wasOverloaded
    this.#wasOverloaded = this.#overload.isOverloaded
    return hasChanged
  }

  #judge(): void {
    this.#measureCpu()
    const { recogniser, synthesiser } = this.#options
    const waits = this.waits()
    const sample = {
      recogniseWaitMs: waits.recogniseMs,
      synthesiseWaitMs: waits.synthesiseMs,
      cpuBusyRatio: this.#cpuRatio / availableParallelism(),
      isIdle: (recogniser?.status().slotsUsed ?? 0) + (synthesiser?.status().slotsUsed ?? 0) === 0,
    }
    this.#overload = judge(this.#overload, sample, this.#options.clock.nowMs())
  }

  /** For how long the oldest has waited, by role. */
  waits(): { readonly recogniseMs: number; readonly synthesiseMs: number } {
    const { clock, recogniser, speechWaits } = this.#options
    return {
      recogniseMs: recogniser?.status().backlog?.oldestMs ?? 0,
      synthesiseMs: speechWaits.longestMs(clock.nowMs()),
    }
  }

  /** Undefined when a stream of `role` may be opened, as far as the state of the worker goes. */
  refusal(role: WorkerRole): RoleRefusal | undefined {
    if (!this.#has(role)) return { code: 'NO_SLOT', message: `this worker has no slots to ${role}` }
    if (this.state === 'draining' || this.state === 'overloaded') {
      return { code: 'NO_SLOT', message: `this worker is ${this.state}`, retryAfterMs: STATE_RETRY_MS }
    }
    return undefined
  }

  #has(role: WorkerRole): boolean {
    const { recogniser, synthesiser, texts } = this.#options
    switch (role) {
      case 'recognise':
        return recogniser !== undefined
      case 'synthesise':
        return synthesiser !== undefined
      default:
        return texts().has(role)
    }
  }

  /** The load now. `cpuRatio` is CPU time per time over about the last second: 1 = one core, more with several. */
  read(): LoadReport {
    // The report that says that the last slot is free says at once that there is no overload any more.
    this.#judge()
    const recognition = this.#options.recogniser?.status()
    const synthesis = this.#options.synthesiser?.status()
    const texts = this.#options.texts()
    const translation = texts.load('translate')
    const polish = texts.load('polish')
    return {
      type: 'worker.load',
      slots: recognition?.slots ?? 0,
      slotsUsed: recognition?.slotsUsed ?? 0,
      decodersWarm: recognition?.decodersWarm ?? 0,
      // Of recognition alone: pods match languages by them. What is spoken is in the voices.
      engines: recognition ? [engineOf(recognition)] : [],
      cpuRatio: this.#cpuRatio,
      rssBytes: process.memoryUsage.rss(),
      state: this.state,
      roles: {
        ...(recognition ? { recognise: roleLoad(recognition) } : {}),
        ...(synthesis ? { synthesise: roleLoad(synthesis) } : {}),
        ...(translation ? { translate: translation } : {}),
        ...(polish ? { polish } : {}),
      },
      voices: synthesis?.voices ?? [],
      ...(synthesis?.isLoading ? { voicesLoading: true } : {}),
    }
  }

  #measureCpu(): void {
    const nowMs = this.#options.clock.nowMs()
    if (nowMs - this.#atMs < CPU_WINDOW_MS) return
    const nowCpuMs = cpuMs()
    this.#cpuRatio = (nowCpuMs - this.#cpuMs) / (nowMs - this.#atMs)
    this.#cpuMs = nowCpuMs
    this.#atMs = nowMs
  }
}

/** An engine that is not ready has no slots to offer. */
function roleLoad({ ready, slots, slotsUsed }: RecogniserStatus | SynthesiserStatus): RoleLoad {
  return { slots: ready ? slots : 0, slotsUsed }
}

function engineOf({ name, languages, ready, problem }: WorkerEngine): WorkerEngine {
  return { name, languages, ready, ...(problem === undefined ? {} : { problem }) }
}

function cpuMs(): number {
  const { cpuUserMs, cpuSystemMs } = readProcessStats()
  return cpuUserMs + cpuSystemMs
}
