// The engines for texts that this pod reaches over its links: what there is, and which worker is asked. Whom to ask, and when, is decided by
// who asks (text-desk.ts).
import type { TextEngineInfo, TextKind } from '@parley/protocol'
import type { TextNeed } from '@parley/text'
import type { PlaceWish, StreamPlacer } from '../speech/stream-placer.ts'
import type { WorkerLink } from '../speech/worker-link.ts'
import type { CallEnd, TextAsk } from './link-texts.ts'

/** `free`: a worker takes it now. `full`: one could, and has no slot. `none`: none could. */
export type Room = 'free' | 'full' | 'none'

export interface TextWorkers {
  /** One entry per kind and name over all workers: ready when it is so anywhere, with what it can do there. */
  engines(): readonly TextEngineInfo[]
  room(engine: string, need: TextNeed): Room
  /**
   * Asks a worker with a free slot; one whose key is in `avoid` only when there is no other. Undefined when none has one. `onEnd` is called
   * once, never before this has returned, and not at all after `cancel`.
   */
  call(ask: TextAsk, onEnd: (end: CallEnd) => void, avoid: ReadonlySet<string>): TextCall | undefined
  /** Tells the worker that would be asked next to load what such texts take. */
  warm(engine: string, need: TextNeed): void
  /** Texts under way. */
  readonly size: number
  /** Calls back when workers, engines or free slots have changed; returns what ends that. */
  onChange(listener: () => void): () => void
}

export interface TextCall {
  /** The same for the same worker. */
  readonly workerKey: string
  cancel(): void
}

export interface LinkTextWorkersOptions {
  readonly placer: StreamPlacer
  /** All there are. */
  links(): Iterable<WorkerLink>
}

export class LinkTextWorkers implements TextWorkers {
  readonly #options: LinkTextWorkersOptions
  readonly #listeners = new Set<() => void>()
  /** Merged anew when a worker has said something else. */
  #engines: readonly TextEngineInfo[] | undefined

  constructor(options: LinkTextWorkersOptions) {
    this.#options = options
  }

  get size(): number {
    let size = 0
    for (const { texts } of this.#options.links()) size += texts.size
    return size
  }

  engines(): readonly TextEngineInfo[] {
    this.#engines ??= mergeEngines([...this.#options.links()].flatMap(({ isUp, texts }) => (isUp ? texts.engines : [])))
    return this.#engines
  }

  room(engine: string, need: TextNeed): Room {
    const wish = wishOf(engine, need)
    if (this.#options.placer.hasRoom(wish)) return 'free'
    const able = this.#options.placer.candidates(wish).filter(({ state, slots }) => state === 'ready' && slots > 0)
    return able.length > 0 ? 'full' : 'none'
  }

  call(ask: TextAsk, onEnd: (end: CallEnd) => void, avoid: ReadonlySet<string>): TextCall | undefined {
    const wish = wishOf(ask.engine, ask.need)
    const { placer } = this.#options
    const link = placer.pick(wish, ({ key }) => !avoid.has(key)) ?? placer.pick(wish)
    return link && { workerKey: link.key, cancel: link.texts.ask(ask, onEnd) }
  }

  warm(engine: string, need: TextNeed): void {
    this.#options.placer.pick(wishOf(engine, need))?.texts.warm(engine, need)
  }

  onChange(listener: () => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  /** A link came up, went down, or its worker said what it has or how much of it is in use. */
  changed(): void {
    this.#engines = undefined
    for (const listener of this.#listeners) listener()
  }

  close(): void {
    this.#listeners.clear()
  }
}

const wishOf = (engine: string, need: TextNeed): PlaceWish => ({
  fits: ({ texts }) => texts.canDo(engine, need),
  book: ({ texts }) => texts.slots(need.kind),
})

/** What one of a name can do anywhere; what none has ready is not. */
export function mergeEngines(all: readonly TextEngineInfo[]): readonly TextEngineInfo[] {
  const merged = new Map<string, TextEngineInfo>()
  for (const engine of all) {
    const key = `${engine.kind satisfies TextKind} ${engine.name}`
    const known = merged.get(key)
    if (!known || (engine.ready && !known.ready)) merged.set(key, engine)
    else if (engine.ready === known.ready) merged.set(key, united(known, engine))
  }
  return [...merged.values()]
}

/** Absent lists mean anything, so that one absent makes the whole so. */
function united(one: TextEngineInfo, other: TextEngineInfo): TextEngineInfo {
  const { pairs: _pairs, languages: _languages, ...rest } = one
  const pairs = one.pairs && other.pairs && [...one.pairs, ...other.pairs]
  const languages = one.languages && other.languages && [...new Set([...one.languages, ...other.languages])]
  return { ...rest, ...(pairs && { pairs }), ...(languages && { languages }) }
}
