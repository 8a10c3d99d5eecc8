// What this pod has seen of each engine for texts: its circuit breaker and its counts. An engine of one name is one engine, on whatever worker.
import type { Clock } from '@parley/kernel'
import { TEXT_FAILURE_CODES, type TextFailureCode, type TextKind } from '@parley/protocol'
import {
  advanceBreaker,
  type Breaker,
  type BreakerEvent,
  type BreakerStanding,
  CLOSED,
  standingOfBreaker,
} from '@parley/text'

export interface EngineState {
  readonly kind: TextKind
  readonly engine: string
  breaker: Breaker
  answered: number
  readonly failed: Record<TextFailureCode, number>
  lost: number
}

/** Names come from workers: one that makes up new ones must not fill the memory. */
const MAX_ENGINES = 256

export class EngineStates {
  readonly #clock: Clock
  readonly #states = new Map<string, EngineState>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  of(kind: TextKind, engine: string): EngineState {
    const key = `${kind} ${engine}`
    let state = this.#states.get(key)
    if (!state) {
      const failed = Object.fromEntries(TEXT_FAILURE_CODES.map((code) => [code, 0])) as Record<TextFailureCode, number>
      state = { kind, engine, breaker: CLOSED, answered: 0, failed, lost: 0 }
      if (this.#states.size >= MAX_ENGINES) this.#states.delete(this.#states.keys().next().value as string)
      this.#states.set(key, state)
    }
    return state
  }

  all(): readonly EngineState[] {
    return [...this.#states.values()]
  }

  standing(kind: TextKind, engine: string): BreakerStanding {
    const state = this.#states.get(`${kind} ${engine}`)
    return state ? standingOfBreaker(state.breaker, this.#clock.nowMs()) : 'closed'
  }

  /** The breaker before and after. */
  advance(kind: TextKind, engine: string, event: BreakerEvent): { readonly before: Breaker; readonly after: Breaker } {
    const state = this.of(kind, engine)
    const before = state.breaker
    state.breaker = advanceBreaker(before, event, this.#clock.nowMs())
    return { before, after: state.breaker }
  }
}
