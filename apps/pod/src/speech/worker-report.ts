// What this pod knows of one worker from its own word: engines, load, state, and how old that is. Plain values.
import type { WorkerEngine, WorkerState, WorkerToPod } from '@parley/protocol'
import { matchLanguage } from './language-match.ts'

export type WorkerLoad = Extract<WorkerToPod, { readonly type: 'worker.load' }>

export class WorkerReport {
  #load: WorkerLoad | undefined
  #ageMs = 0
  #engines: readonly WorkerEngine[] = []
  #languages: readonly string[] = []
  #drainByMs: number | undefined

  /** Undefined while the link is not up. */
  get load(): WorkerLoad | undefined {
    return this.#load
  }
  /** Age of `load`. A pause of this process does not count. */
  get ageMs(): number {
    return this.#ageMs
  }
  get engines(): readonly WorkerEngine[] {
    return this.#engines
  }
  /** `draining` also when only this pod has been told so. A worker of an earlier version says nothing and is ready. */
  get state(): WorkerState {
    return this.#drainByMs === undefined ? (this.#load?.state ?? 'ready') : 'draining'
  }
  /** When a drain that this pod was told of is to be over, on its clock; never, when only the worker knows of it. */
  get drainByMs(): number {
    return this.#drainByMs ?? Number.POSITIVE_INFINITY
  }

  /** What the worker's engines that are ready call `language`; undefined when none recognises it. */
  languageFor(language: string): string | undefined {
    return matchLanguage(language, this.#languages)
  }

  onEngines(engines: readonly WorkerEngine[]): void {
    this.#engines = engines
    this.#languages = engines.filter((engine) => engine.ready).flatMap((engine) => engine.languages)
  }

  onLoad(load: WorkerLoad): void {
    this.onEngines(load.engines)
    // Voices are told when they change.
    const voices = load.voices ?? this.#load?.voices
    this.#load = voices === undefined ? load : { ...load, voices }
    this.#ageMs = 0
  }

  grewOlder(ms: number): void {
    this.#ageMs += ms
  }

  /** No new streams; those there are may be moved, and by `byMs` they should be. Undefined: as the worker itself says. */
  drain(byMs: number | undefined): void {
    this.#drainByMs = byMs
  }

  /** The link is gone: what the worker said does not hold any more. A drain this pod was told of does. */
  clear(): void {
    this.onEngines([])
    this.#load = undefined
    this.#ageMs = 0
  }
}
