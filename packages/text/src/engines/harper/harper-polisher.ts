// English grammar by harper.js, in a thread of its own: agreement, articles, stuttered words. What it changes is little, and counted: a text
// it would change much was misheard, and is better left alone.
import { type Clock, Emitter, err, ok, type Result, Scope } from '@parley/kernel'
import type { TextEngineInfo } from '@parley/protocol'
import type { Polisher, PolishRequest, TextAnswer, TextFailure, WantedText } from '../../text-engine.ts'
import { hasWords, slicesOf } from '../plain-text.ts'
import { type QueueListener, type QueueRunner, RestartingQueue } from '../restarting-queue.ts'
import { TextWorks } from '../text-works.ts'
import { changedWordCount, chosenChanges, type FoundLint, withChanges } from './chosen-changes.ts'
import { HarperRunner } from './harper-runner.ts'

const LANGUAGE = 'en'
const WARM_UP_TEXT = 'This is a test.'
/** How often one that does not come back is tried. */
const PROBE_PERIOD_MS = 5_000

export interface HarperOptions {
  readonly clock: Clock
  /** Texts in which more words would change are left as they are. */
  readonly maxChangedWords: number
  /** How harper is run; in a thread unless a test says otherwise. */
  readonly startRunner?: (listener: QueueListener<readonly FoundLint[]>) => QueueRunner<string>
  /** The thread broke and is started again; for logs. */
  readonly onBroken?: (reason: string) => void
}

type Outcome = Result<TextAnswer, TextFailure>
/** `ready` also while its thread does not run yet: it takes two seconds of a processor and 250 MB, for which it is loaded when it is wanted. */
type State = 'new' | 'ready' | 'broken' | 'closed'

export class HarperPolisher implements Polisher {
  readonly name = 'harper'
  readonly kind = 'polish'
  readonly #maxChangedWords: number
  readonly #queue: RestartingQueue<string, readonly FoundLint[]>
  readonly #works: TextWorks
  readonly #scope: Scope
  readonly #changes = new Emitter<{ change: undefined }>()
  #state: State = 'new'
  #reason = ''
  #isWarm = false

  constructor(options: HarperOptions) {
    const { clock } = options
    this.#maxChangedWords = options.maxChangedWords
    this.#scope = new Scope(clock)
    this.#works = new TextWorks(clock, this.name)
    this.#queue = new RestartingQueue({
      clock,
      name: this.name,
      maxFlying: 1,
      startRunner: options.startRunner ?? ((listener) => new HarperRunner(listener)),
      onBroken: (reason) => {
        options.onBroken?.(reason)
        this.#onBroken(reason)
      },
    })
  }

  status(): TextEngineInfo {
    const ready = this.#state === 'ready'
    const problem = ready || this.#state === 'new' ? {} : { problem: this.#problem() }
    return { name: this.name, kind: this.kind, ready, ...problem, languages: [LANGUAGE] }
  }

  onChange(listener: () => void): () => void {
    return this.#changes.on('change', listener)
  }

  async start(): Promise<void> {
    if (this.#state === 'new') this.#become('ready')
  }

  warm({ from }: WantedText): void {
    if (this.#isWarm || this.#refusal(from)) return
    this.#isWarm = true
    this.#queue.ask(WARM_UP_TEXT, () => {})
  }

  polish(request: PolishRequest, signal?: AbortSignal): Promise<Outcome> {
    const { text, language } = request
    const refusal = this.#works.refusal(request, signal) ?? this.#refusal(language)
    if (refusal) return Promise.resolve(err(refusal))
    if (!hasWords(text)) return Promise.resolve(ok({ text, changedWords: 0 }))
    return this.#works.run(request, signal, (work) => {
      const slices = slicesOf(withoutControls(text), LANGUAGE)
      this.#slices(slices, (found) => this.#polished(text, slices, found), work)
    })
  }

  async close(): Promise<void> {
    this.#become('closed')
    void this.#scope.close()
    this.#works.close()
    await this.#queue.close()
  }

  /** One slice at a time, so that a long text does not hold up the short ones beside it. */
  #slices(
    slices: readonly string[],
    onDone: (found: readonly (readonly FoundLint[])[]) => TextAnswer,
    work: { settle(outcome: Outcome): void; leave: () => void },
  ): void {
    const found: (readonly FoundLint[])[] = []
    const next = (): void => {
      const slice = slices[found.length]
      if (slice === undefined) {
        work.settle(ok(onDone(found)))
        return
      }
      work.leave = this.#queue.ask(slice, (answer) => {
        if (!answer.ok) {
          work.settle(answer)
          return
        }
        this.#become('ready')
        found.push(answer.value)
        next()
      })
    }
    next()
  }

  #polished(text: string, slices: readonly string[], found: readonly (readonly FoundLint[])[]): TextAnswer {
    const changes = slices.map((slice, at) => chosenChanges(slice, found[at] ?? []))
    const changedWords = slices.reduce((sum, slice, at) => sum + changedWordCount(slice, changes[at] ?? []), 0)
    const isLeft = changes.every((each) => each.length === 0) || changedWords > this.#maxChangedWords
    if (isLeft) return { text, changedWords: 0 }
    return { text: slices.map((slice, at) => withChanges(slice, changes[at] ?? [])).join(''), changedWords }
  }

  #refusal(language: string): TextFailure | undefined {
    if (this.#state !== 'ready') return { code: 'ENGINE_UNAVAILABLE', message: this.#problem(), retryAfterMs: 1_000 }
    if (/^en(-|$)/i.test(language)) return undefined
    return { code: 'PAIR_UNSUPPORTED', message: `harper polishes English (en) only, not "${language}"` }
  }

  #onBroken(reason: string): void {
    this.#reason = reason
    if (this.#state === 'closed') return
    this.#become('broken')
    // It comes back by itself: by the texts it had, else by one of our own.
    queueMicrotask(() => this.#queue.isIdle && this.#state === 'broken' && this.#probe())
  }

  #probe(): void {
    this.#queue.ask(WARM_UP_TEXT, (answer) => {
      if (answer.ok) this.#become('ready')
      else this.#scope.after(PROBE_PERIOD_MS, () => this.#state === 'broken' && this.#probe())
    })
  }

  #problem(): string {
    switch (this.#state) {
      case 'closed':
        return 'harper was closed'
      case 'broken':
        return `harper broke and is being started again: ${this.#reason}`
      default:
        return 'harper has not been started'
    }
  }

  #become(state: State): void {
    if (this.#state === state || this.#state === 'closed') return
    this.#state = state
    this.#changes.emit('change', undefined)
  }
}

/** Control characters and halves of characters count as spaces; nothing moves. */
const withoutControls = (text: string): string => text.toWellFormed().replace(/[\p{Cc}\ufffd]/gu, ' ')
