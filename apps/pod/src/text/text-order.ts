// Which engines there are for a text, in their order, and how each stands now: the configuration, what workers have, and breakers put together.
import type { Scope } from '@parley/kernel'
import type { TextEngineInfo, TextKind } from '@parley/protocol'
import {
  bareLanguage,
  type EngineLine,
  engineOrder,
  fitOf,
  isSameLanguage,
  MODEL_LANGUAGES,
  type ProviderLimits,
  type TextNeed,
  type TextSupport,
  usableLimits,
} from '@parley/text'
import type { EngineOption } from './choose-engine.ts'
import type { EngineStates } from './engine-states.ts'
import type { JobLane, TextJob } from './text-job.ts'
import { TextLane, type TextLaneOptions } from './text-lane.ts'
import type { TextWorkers } from './text-workers.ts'

export interface TextProvider extends ProviderLimits {
  readonly id: string
  readonly roles: readonly string[]
  readonly timeoutMs?: number
}

export interface TextOrderOptions extends Omit<TextLaneOptions<TextJob>, 'id' | 'shared'> {
  readonly lines: readonly EngineLine[]
  readonly providers: readonly TextProvider[]
  readonly workers: TextWorkers
  readonly states: EngineStates
  readonly share: Omit<NonNullable<TextLaneOptions<TextJob>['shared']>, 'limits'>
}

export class TextOrder {
  readonly #scope: Scope
  readonly #options: TextOrderOptions
  readonly #lanes = new Map<string, JobLane>()

  constructor(scope: Scope, options: TextOrderOptions) {
    this.#scope = scope
    this.#options = options
    for (const { id, roles } of options.providers) {
      if (roles.includes('translate') || roles.includes('polish')) this.#providerLane(id)
    }
  }

  lanes(): readonly JobLane[] {
    return [...this.#lanes.values()]
  }

  /** What workers have, ready or not. */
  engines(): readonly TextEngineInfo[] {
    return this.#options.workers.engines()
  }

  timeoutMs(engine: string): number | undefined {
    return this.#provider(engine)?.timeoutMs
  }

  /** Where calls to an engine are counted. */
  laneOf(kind: TextKind, engine: string): JobLane {
    const info = this.#info(kind, engine)
    const provider = info?.provider ?? this.#provider(engine)?.id
    return provider === undefined ? this.#lane(`${kind}:${engine}`, undefined) : this.#providerLane(provider)
  }

  /** Those that could do the text now or may be able to later, best first; `tokens` are estimated per lane. */
  options(job: TextJob, nowMs: number): readonly EngineOption[] {
    const { need, sessionId, callClass, textBytes } = job
    return this.#standings(need).map(({ engine, standing }) => {
      if (standing !== 'ready') return { engine, standing, expectedWaitMs: Number.POSITIVE_INFINITY }
      const lane = this.laneOf(need.kind, engine)
      const tokens = lane.estimate(need.kind, textBytes)
      return { engine, standing, expectedWaitMs: lane.queue.expectedWaitMs({ sessionId, callClass, tokens }, nowMs) }
    })
  }

  support(need: TextNeed): TextSupport {
    const what = need.kind === 'polish' ? `polish ${need.from}` : `translate ${need.from} to ${need.to}`
    const standings = this.#standings(need)
    const ready = standings.find(({ standing }) => standing === 'ready')
    if (ready) return { is: 'supported', engine: ready.engine, via: ready.via }
    if (standings.length > 0) {
      const whys = standings.map(({ engine, why }) => `${engine}: ${why}`)
      return { is: 'unavailable', message: `nothing can ${what} now (${whys.join('; ')})` }
    }
    if (!this.isKnown(need.kind)) {
      return { is: 'unavailable', message: `nothing can ${what} now: no speech worker has said that it does such work` }
    }
    const targets = need.kind === 'translate' ? this.targets(need.from) : []
    const hint = targets.length > 0 ? `; from ${need.from} there are ${targets.join(', ')}` : ''
    return { is: 'unsupported', message: `no engine can ${what}${hint}` }
  }

  /** Some worker has said what it has for that kind of work, ready or not. */
  isKnown(kind: TextKind): boolean {
    return this.#options.workers.engines().some((each) => each.kind === kind)
  }

  targets(from: string): readonly string[] {
    const targets = new Set<string>()
    for (const { kind, ready, pairs } of this.#options.workers.engines()) {
      if (kind !== 'translate' || !ready) continue
      if (pairs === undefined) for (const language of MODEL_LANGUAGES) targets.add(language)
      else for (const pair of pairs) if (isSameLanguage(pair.from, from)) targets.add(pair.to)
    }
    const can = (to: string) =>
      this.#standings({ kind: 'translate', from, to }).some(({ standing }) => standing === 'ready')
    return [...targets].filter((to) => bareLanguage(to) !== bareLanguage(from) && can(to)).sort()
  }

  /** What `support` answers from; the same while nothing has changed. */
  fingerprint(): string {
    const { workers, states } = this.#options
    const cutOff = states
      .all()
      .map(({ kind, engine }) => `${kind} ${engine} ${states.standing(kind, engine) === 'open'}`)
    return JSON.stringify([workers.engines(), cutOff])
  }

  #standings(
    need: TextNeed,
  ): readonly (Omit<EngineOption, 'expectedWaitMs'> & { via: readonly string[]; why: string })[] {
    const { lines, providers, workers, states } = this.#options
    const engines = workers.engines()
    const found: { engine: string; standing: EngineOption['standing']; via: readonly string[]; why: string }[] = []
    for (const engine of engineOrder({ lines, providers, engines }, need)) {
      const info = this.#info(need.kind, engine)
      const fit = info && fitOf(info, need)
      if (!info) {
        // A provider does any language; what is not there and not configured may be a mistyped name.
        if (this.#provider(engine)?.roles.includes(need.kind))
          found.push({ engine, standing: 'absent', via: [], why: 'no worker that is connected has it' })
      } else if (fit) {
        const { via } = fit
        const breaker = states.standing(need.kind, engine)
        if (!info.ready) found.push({ engine, standing: 'absent', via, why: info.problem ?? 'loading' })
        else if (breaker === 'closed' || breaker === 'due') found.push({ engine, standing: 'ready', via, why: '' })
        else
          found.push({
            engine,
            standing: 'cutOff',
            via,
            why: 'it failed several times in a row and is left alone for a while',
          })
      }
    }
    return found
  }

  #info(kind: TextKind, engine: string): TextEngineInfo | undefined {
    return this.#options.workers.engines().find((each) => each.kind === kind && each.name === engine)
  }

  #provider(id: string): TextProvider | undefined {
    return this.#options.providers.find((each) => each.id === id)
  }

  #providerLane(id: string): JobLane {
    const limits = usableLimits(this.#provider(id) ?? {})
    return this.#lane(id, { ...this.#options.share, limits })
  }

  #lane(id: string, shared: TextLaneOptions<TextJob>['shared']): JobLane {
    let lane = this.#lanes.get(id)
    if (!lane) {
      const { clock, onSlice } = this.#options
      lane = new TextLane<TextJob>(this.#scope, { clock, id, shared, onSlice })
      this.#lanes.set(id, lane)
    }
    return lane
  }
}
