// Several recognisers as one: the language says who may hear a stream, an order says who is asked first, and the next is asked when one cannot.
import { type Clock, err, ok, type Result } from '@parley/kernel'
import type {
  OpenStreamOptions,
  Recogniser,
  RecogniserRefusal,
  RecogniserStatus,
  RecognitionListener,
  RecognitionStream,
} from './recogniser.ts'
import { languageFit } from './synthesis/speak-request.ts'

export interface RecogniserSetOptions {
  readonly clock: Clock
  /** In the order of preference. */
  readonly engines: readonly Recogniser[]
  /** Names of those that may be asked for a language, in order; undefined = all that know it, in the order above. */
  readonly order?: ((language: string) => readonly string[] | undefined) | undefined
  /** Streams at once, of all together; as many as the engines have unless told. */
  readonly slots?: number | undefined
}

/** One whose stream broke is asked last for this long: what broke it is likely still there. */
const AVOID_MS = 30_000
const NO_SLOT_RETRY_MS = 2_000

export class RecogniserSet implements Recogniser {
  readonly name = 'recognition'
  readonly #options: RecogniserSetOptions
  readonly #avoidUntilMs = new Map<Recogniser, number>()

  constructor(options: RecogniserSetOptions) {
    this.#options = options
  }

  /** Ready when one is; the problems of the others are told all the same. */
  status(): RecogniserStatus {
    const statuses = this.#options.engines.map((engine) => engine.status())
    const ready = statuses.filter((status) => status.ready)
    const problems = statuses.flatMap(({ problem }) => (problem === undefined ? [] : [problem]))
    const sum = (of: (status: RecogniserStatus) => number) => statuses.reduce((total, status) => total + of(status), 0)
    const has = sum(({ slots }) => slots)
    return {
      name: this.name,
      languages: [...new Set((ready.length > 0 ? ready : statuses).flatMap(({ languages }) => languages))],
      ready: ready.length > 0,
      ...(problems.length > 0 ? { problem: problems.join('; ') } : {}),
      slots: Math.min(has, this.#options.slots ?? has),
      slotsUsed: sum(({ slotsUsed }) => slotsUsed),
      decodersWarm: sum(({ decodersWarm }) => decodersWarm),
      backlog: {
        audioMs: sum(({ backlog }) => backlog?.audioMs ?? 0),
        oldestMs: Math.max(0, ...statuses.map(({ backlog }) => backlog?.oldestMs ?? 0)),
        lostMsTotal: sum(({ backlog }) => backlog?.lostMsTotal ?? 0),
      },
    }
  }

  /** Each for itself, in the order of preference. */
  engineStatuses(): readonly RecogniserStatus[] {
    return this.#options.engines.map((engine) => engine.status())
  }

  /** Resolves when one of them takes streams, or none ever will by itself. */
  async start(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>()
    const starting = this.#options.engines.map((engine) =>
      engine.start().then(() => {
        if (engine.status().ready) resolve()
      }),
    )
    void Promise.all(starting).then(() => resolve(), resolve)
    await promise
  }

  async openStream(
    options: OpenStreamOptions,
    listener: RecognitionListener,
  ): Promise<Result<RecognitionStream, RecogniserRefusal>> {
    const candidates = this.#candidates(options.language)
    if (candidates.length === 0) {
      const { languages } = this.status()
      const message = `"${options.language}" is not recognised here; ${languages.join(', ') || 'nothing'} is`
      return err({ code: 'LANGUAGE_UNSUPPORTED', message })
    }
    const { slots } = this.#options
    if (slots !== undefined && this.status().slotsUsed >= slots) {
      const message = `all ${slots} slots are taken`
      return err({ code: 'NO_SLOT', message, retryAfterMs: NO_SLOT_RETRY_MS })
    }
    const refusals: RecogniserRefusal[] = []
    for (const engine of candidates) {
      const opened = await engine.openStream(options, this.#watched(engine, listener))
      if (opened.ok) return ok(opened.value)
      refusals.push(opened.error)
    }
    // One that only has no room may have some soon.
    return err((refusals.find(({ code }) => code === 'NO_SLOT') ?? refusals[0]) as RecogniserRefusal)
  }

  async close(): Promise<void> {
    await Promise.all(this.#options.engines.map((engine) => engine.close()))
  }

  #candidates(language: string): Recogniser[] {
    const { engines, order, clock } = this.#options
    const names = order?.(language)
    const wanted = names ? names.flatMap((name) => engines.filter((engine) => engine.name === name)) : engines
    const knowing = wanted.filter((engine) =>
      engine.status().languages.some((known) => languageFit(known, language) > 0),
    )
    const nowMs = clock.nowMs()
    const isAvoided = (engine: Recogniser) => (this.#avoidUntilMs.get(engine) ?? 0) > nowMs
    return [...knowing.filter((engine) => !isAvoided(engine)), ...knowing.filter(isAvoided)]
  }

  #watched(engine: Recogniser, listener: RecognitionListener): RecognitionListener {
    return {
      onPartial: (partial) => listener.onPartial(partial),
      onFinal: (final) => listener.onFinal(final),
      onAbandoned: (abandoned) => listener.onAbandoned(abandoned),
      onSettled: (settledMs) => listener.onSettled(settledMs),
      onFlushed: (flushId, settledMs) => listener.onFlushed(flushId, settledMs),
      onFailed: (message) => {
        this.#avoidUntilMs.set(engine, this.#options.clock.nowMs() + AVOID_MS)
        listener.onFailed(message)
      },
    }
  }
}
