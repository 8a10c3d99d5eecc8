// A value, a reducer and its listeners: what React's useSyncExternalStore and plain tests both read.

export class Store<State, Action> {
  readonly #reduce: (state: State, action: Action) => State
  readonly #listeners = new Set<() => void>()
  #state: State

  constructor(reduce: (state: State, action: Action) => State, initial: State) {
    this.#reduce = reduce
    this.#state = initial
  }

  readonly get = (): State => this.#state

  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener)
    return () => {
      this.#listeners.delete(listener)
    }
  }

  dispatch(action: Action): void {
    const next = this.#reduce(this.#state, action)
    if (next === this.#state) return
    this.#state = next
    for (const listener of [...this.#listeners]) listener()
  }
}
