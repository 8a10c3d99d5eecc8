// Several engines as one: the name of a voice says which of them speaks, else the language does.
import { err, type Result } from '@parley/kernel'
import type { SpeakRequest, Speech, Synthesiser, SynthesiserRefusal, SynthesiserStatus } from '../synthesiser.ts'
import { languageFit } from './speak-request.ts'

export interface SynthesiserSetOptions {
  /** In the order of preference; each with at least as many slots as the set is ever to have. */
  readonly engines: readonly Synthesiser[]
  /** Speeches at once, of all engines together; >= 0. */
  readonly slots: number
  /** Names of those that may speak a language, in order; undefined = all that have it, in the order above. */
  readonly order?: ((language: string) => readonly string[] | undefined) | undefined
}

const RETRY_AFTER_MS = 500
const DEFAULT_LANGUAGE = 'en'
/** One is the other with a region added: closer than another region of the same language. */
const CLOSE_FIT = 2
const SOME_FIT = 1

export class SynthesiserSet implements Synthesiser {
  readonly name = 'synthesis'
  readonly #engines: readonly Synthesiser[]
  readonly #order: SynthesiserSetOptions['order']
  #slots: number
  #isStarted = false

  constructor({ engines, slots, order }: SynthesiserSetOptions) {
    this.#engines = engines
    this.#order = order
    this.#slots = slots
  }

  /** Ready when one engine is; the problems of the others are told all the same. */
  status(): SynthesiserStatus {
    const statuses = this.engineStatuses()
    const problems = statuses.flatMap(({ problem }) => (problem === undefined ? [] : [problem]))
    return {
      name: this.name,
      languages: [...new Set(statuses.flatMap(({ languages }) => languages))],
      voices: statuses.flatMap(({ voices }) => voices),
      ready: statuses.some(({ ready }) => ready),
      isLoading: this.#isStarted && statuses.some(({ ready, problem }) => !ready && problem === undefined),
      slots: this.#slots,
      slotsUsed: statuses.reduce((sum, { slotsUsed }) => sum + slotsUsed, 0),
      ...(problems.length > 0 ? { problem: problems.join('; ') } : {}),
    }
  }

  /** Each engine for itself, in the order of preference. */
  engineStatuses(): readonly SynthesiserStatus[] {
    return this.#engines.map((engine) => engine.status())
  }

  /** Fewer than are taken ends none of them: there are no new ones until enough are over. */
  resize(slots: number): void {
    this.#slots = slots
  }

  async start(): Promise<void> {
    this.#isStarted = true
    await Promise.all(this.#engines.map((engine) => engine.start()))
  }

  speak(request: SpeakRequest): Result<Speech, SynthesiserRefusal> {
    const engine = this.#engineFor(request)
    if (!engine) return err(this.#refusal(request))
    const used = this.#engines.reduce((sum, each) => sum + each.status().slotsUsed, 0)
    if (used >= this.#slots) {
      const message = `all ${this.#slots} slots for speeches are taken`
      return err({ code: 'NO_SLOT', message, retryAfterMs: RETRY_AFTER_MS })
    }
    return engine.speak(request)
  }

  async close(): Promise<void> {
    await Promise.all(this.#engines.map((engine) => engine.close()))
  }

  #engineFor({ voice, language }: SpeakRequest): Synthesiser | undefined {
    const ready = this.#engines.filter((engine) => engine.status().ready)
    if (voice !== undefined) {
      return ready.find((engine) => engine.status().voices.some(({ name }) => name === voice))
    }
    const asked = language ?? DEFAULT_LANGUAGE
    const speaks = (engine: Synthesiser, wanted: number) =>
      engine.status().languages.some((spoken) => languageFit(spoken, asked) >= wanted)
    const names = this.#order?.(asked)
    // Whoever wrote an order down wants that engine, also for another region of the language.
    if (names) {
      const ordered = names.flatMap((name) => ready.filter((engine) => engine.name === name))
      return ordered.find((engine) => speaks(engine, SOME_FIT))
    }
    return ready.find((engine) => speaks(engine, CLOSE_FIT)) ?? ready.find((engine) => speaks(engine, SOME_FIT))
  }

  /** Why none of them can. An engine that is not ready might have; asking it also makes it try again what failed. */
  #refusal(request: SpeakRequest): SynthesiserRefusal {
    const { voices, languages } = this.status()
    const notReady = this.#engines.flatMap((engine) => {
      const answer = engine.status().ready ? undefined : engine.speak(request)
      return answer && !answer.ok ? [{ refusal: answer.error, isBroken: engine.status().problem !== undefined }] : []
    })
    const loading = notReady.find(({ isBroken }) => !isBroken) ?? (voices.length === 0 ? notReady[0] : undefined)
    if (loading) return loading.refusal
    const also = notReady.map(({ refusal }) => `; ${refusal.message}`).join('')
    if (request.voice !== undefined) {
      const allowed = voices.map(({ name }) => name)
      const message = `there is no voice "${request.voice}" among ${allowed.length}, such as ${allowed.slice(0, 8).join(', ')}${also}`
      return { code: 'VOICE_UNKNOWN', field: 'voice', message, allowed }
    }
    const message = `no voice speaks "${request.language ?? DEFAULT_LANGUAGE}"; there are ${languages.join(', ')}${also}`
    return { code: 'LANGUAGE_UNSUPPORTED', field: 'language', message, allowed: languages }
  }
}
