// A typed emitter whose listeners cannot hurt each other.

type Listener<T> = (value: T) => void

/**
 * `Events` maps names to payload types. A listener that throws does not stop the others nor reach the emitter's caller:
 * the failure goes to `onListenerError` (default: rethrown on a microtask, so that it is never silent).
 */
export class Emitter<Events extends object> {
  readonly #listeners = new Map<keyof Events, Set<Listener<never>>>()
  readonly #onListenerError: (error: unknown) => void

  constructor(onListenerError?: (error: unknown) => void) {
    this.#onListenerError =
      onListenerError ??
      ((error) =>
        queueMicrotask(() => {
          throw error
        }))
  }

  /** Subscribes; returns the function that unsubscribes. */
  on<Name extends keyof Events>(name: Name, listener: Listener<Events[Name]>): () => void {
    let listeners = this.#listeners.get(name)
    if (!listeners) {
      listeners = new Set()
      this.#listeners.set(name, listeners)
    }
    listeners.add(listener as Listener<never>)
    return () => {
      listeners.delete(listener as Listener<never>)
      if (listeners.size === 0 && this.#listeners.get(name) === listeners) this.#listeners.delete(name)
    }
  }

  emit<Name extends keyof Events>(name: Name, value: Events[Name]): void {
    const listeners = this.#listeners.get(name)
    if (!listeners) return
    for (const listener of [...listeners]) {
      try {
        ;(listener as Listener<Events[Name]>)(value)
      } catch (error) {
        this.#onListenerError(error)
      }
    }
  }

  /** Number of listeners, of one event or of all; leak tests assert on it. */
  listenerCount(name?: keyof Events): number {
    if (name !== undefined) return this.#listeners.get(name)?.size ?? 0
    let count = 0
    for (const listeners of this.#listeners.values()) count += listeners.size
    return count
  }

  removeAll(): void {
    this.#listeners.clear()
  }
}
