// A TextService without engines: answers by hand, or by itself with words made of the text. For tests and for trying what uses texts
// without a worker. It keeps the port's promises: one outcome each, never before `ask` has returned, none after `cancel`.
import type { TextKind } from '@parley/protocol'
import type { TextOutcome, TextService, TextSupport, TextWish } from '../text-service.ts'

export class ScriptedAsk {
  readonly wish: TextWish
  readonly #onOutcome: (outcome: TextOutcome) => void
  state: 'open' | 'ended' | 'cancelled' = 'open'

  constructor(wish: TextWish, onOutcome: (outcome: TextOutcome) => void) {
    this.wish = wish
    this.#onOutcome = onOutcome
  }

  /** False: it is over already, and nothing is told. */
  end(outcome: TextOutcome): boolean {
    if (this.state !== 'open') return false
    this.state = 'ended'
    this.#onOutcome(outcome)
    return true
  }
  /** As `es: hello`, or `polish: Hello`, unless told. */
  done(text = scriptedText(this.wish)): boolean {
    return this.end({ is: 'done', text, engine: 'scripted', isCached: false })
  }
}

/** What a scripted service makes of a text. */
export const scriptedText = ({ kind, to, text }: Pick<TextWish, 'kind' | 'to' | 'text'>): string =>
  `${kind === 'polish' ? 'polish' : to}: ${text}`

export interface ScriptedServiceOptions {
  /** Targets it can do, from any language; every one unless told. */
  readonly targets?: readonly string[]
  /** Targets it does through others. */
  readonly via?: Readonly<Record<string, readonly string[]>>
  /** Answers each wish at the next microtask; by hand unless told. */
  readonly answers?: boolean
}

export class ScriptedTextService implements TextService {
  readonly asks: ScriptedAsk[] = []
  /** As "translate en es", in the order they were wanted. */
  readonly warmed: string[] = []
  targetLanguages: readonly string[] | undefined
  /** Makes `support` say that an engine is away. */
  isAway = false
  answers: boolean
  readonly #via: Readonly<Record<string, readonly string[]>>
  readonly #listeners = new Set<() => void>()

  constructor(options: ScriptedServiceOptions = {}) {
    this.targetLanguages = options.targets
    this.#via = options.via ?? {}
    this.answers = options.answers ?? false
  }

  /** Those without an outcome, oldest first. */
  get open(): ScriptedAsk[] {
    return this.asks.filter((ask) => ask.state === 'open')
  }
  get listenerCount(): number {
    return this.#listeners.size
  }

  ask(wish: TextWish, onOutcome: (outcome: TextOutcome) => void): { cancel(): void } {
    const ask = new ScriptedAsk(wish, onOutcome)
    this.asks.push(ask)
    if (this.answers) queueMicrotask(() => this.#answer(ask))
    return {
      cancel() {
        if (ask.state === 'open') ask.state = 'cancelled'
      },
    }
  }

  support(kind: TextKind, from: string, to?: string): TextSupport {
    if (this.isAway) return { is: 'unavailable', message: 'its engine is away' }
    if (kind === 'translate' && to !== undefined && !this.#can(to)) {
      return {
        is: 'unsupported',
        message: `nothing translates ${from} to ${to}; there is ${this.targets().join(', ')}`,
      }
    }
    return { is: 'supported', engine: 'scripted', via: (to !== undefined && this.#via[to]) || [] }
  }

  warm(kind: TextKind, from: string, to?: string): void {
    this.warmed.push(to === undefined ? `${kind} ${from}` : `${kind} ${from} ${to}`)
  }

  targets(): readonly string[] {
    return this.targetLanguages ?? []
  }

  onChange(listener: () => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  /** What it can do is another thing from now on. */
  change(targets: readonly string[] | undefined, isAway = false): void {
    this.targetLanguages = targets
    this.isAway = isAway
    for (const listener of this.#listeners) listener()
  }

  #can(to: string): boolean {
    return this.targetLanguages === undefined || this.targetLanguages.includes(to)
  }

  #answer(ask: ScriptedAsk): void {
    const { kind, to } = ask.wish
    if (kind === 'translate' && to !== undefined && !this.#can(to)) {
      ask.end({ is: 'failed', reason: 'unsupported', message: `nothing translates to ${to}` })
    } else ask.done()
  }
}
