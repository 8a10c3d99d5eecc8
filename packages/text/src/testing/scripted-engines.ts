// Engines that do what a test tells them: "[es] text" for a translation, "text." for a polish, at once or when they are let. What they were
// asked is kept. For whatever is built on engines; engines themselves are tried by the contract suites.
import { type Clock, Emitter, err, ok, type Result } from '@parley/kernel'
import type { TextEngineInfo, TextKind, TextPair } from '@parley/protocol'
import type { Polisher, PolishRequest, TextAnswer, TextFailure, TranslateRequest, Translator } from '../text-engine.ts'

export interface ScriptedTextOptions {
  readonly clock: Clock
  readonly name?: string
  readonly pairs?: readonly TextPair[]
  readonly languages?: readonly string[]
  /** Texts wait until `release`; answered at once unless told. */
  readonly isHeld?: boolean
  /** Not ready until `become(undefined)`. */
  readonly problem?: string
  /** What happens to a text, instead of an answer. */
  readonly failure?: (text: string) => TextFailure | undefined
}

type Outcome = Result<TextAnswer, TextFailure>

/** Both kinds of engine behind the same script. */
abstract class ScriptedEngine {
  readonly name: string
  readonly asked: string[] = []
  readonly #options: ScriptedTextOptions
  readonly #changes = new Emitter<{ change: undefined }>()
  readonly #waiting = new Set<{ answer(): void; close(): void }>()
  #isHeld: boolean
  #problem: string | undefined
  #isClosed = false

  constructor(options: ScriptedTextOptions) {
    this.#options = options
    this.name = options.name ?? 'scripted'
    this.#isHeld = options.isHeld ?? false
    this.#problem = options.problem
  }

  /** Texts that wait for `release`. */
  get waiting(): number {
    return this.#waiting.size
  }

  onChange(listener: () => void): () => void {
    return this.#changes.on('change', listener)
  }

  async start(): Promise<void> {}

  async close(): Promise<void> {
    this.#isClosed = true
    for (const each of [...this.#waiting]) each.close()
  }

  /** Ready when `problem` is undefined. */
  become(problem: string | undefined): void {
    this.#problem = problem
    this.#changes.emit('change', undefined)
  }

  /** Answers the oldest `count` that wait; all, and from now on at once, unless told how many. */
  release(count?: number): void {
    if (count === undefined) this.#isHeld = false
    for (const each of [...this.#waiting].slice(0, count ?? this.#waiting.size)) each.answer()
  }

  protected info(kind: TextKind): TextEngineInfo {
    const { pairs, languages } = this.#options
    const problem = this.#isClosed ? 'closed' : this.#problem
    return {
      name: this.name,
      kind,
      ready: problem === undefined,
      ...(problem === undefined ? {} : { problem }),
      ...(pairs ? { pairs } : {}),
      ...(languages ? { languages } : {}),
    }
  }

  protected run(
    text: string,
    deadlineMs: number,
    answer: TextAnswer,
    signal: AbortSignal | undefined,
  ): Promise<Outcome> {
    this.asked.push(text)
    const problem = this.#isClosed ? 'closed' : this.#problem
    if (problem !== undefined) return Promise.resolve(err({ code: 'ENGINE_UNAVAILABLE', message: problem }))
    if (signal?.aborted) return Promise.resolve(err({ code: 'CANCELLED', message: 'cancelled' }))
    const failure = this.#options.failure?.(text)
    const outcome: Outcome = failure ? err(failure) : ok(answer)
    if (!this.#isHeld) return Promise.resolve(outcome)
    const { promise, resolve } = Promise.withResolvers<Outcome>()
    const settle = (settled: Outcome) => {
      if (!this.#waiting.delete(entry)) return
      timer.cancel()
      resolve(settled)
    }
    const entry = {
      answer: () => settle(outcome),
      close: () => settle(err({ code: 'ENGINE_UNAVAILABLE', message: 'closed' })),
    }
    this.#waiting.add(entry)
    const timer = this.#options.clock.after(deadlineMs, () => settle(err({ code: 'DEADLINE', message: 'too late' })))
    signal?.addEventListener('abort', () => settle(err({ code: 'CANCELLED', message: 'cancelled' })), { once: true })
    return promise
  }
}

export class ScriptedTranslator extends ScriptedEngine implements Translator {
  readonly kind = 'translate'

  status(): TextEngineInfo {
    return this.info(this.kind)
  }

  translate({ text, to, deadlineMs }: TranslateRequest, signal?: AbortSignal): Promise<Outcome> {
    return this.run(text, deadlineMs, { text: `[${to}] ${text}` }, signal)
  }
}

export class ScriptedPolisher extends ScriptedEngine implements Polisher {
  readonly kind = 'polish'

  status(): TextEngineInfo {
    return this.info(this.kind)
  }

  polish({ text, deadlineMs }: PolishRequest, signal?: AbortSignal): Promise<Outcome> {
    return this.run(text, deadlineMs, { text: `${text}.`, changedWords: 1 }, signal)
  }
}
