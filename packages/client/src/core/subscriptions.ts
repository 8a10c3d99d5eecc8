// What this client wants to be told: a whole set with a version that rises (desired state). Pure but for the numbers it keeps.
import type { Hello, SubscriptionSet, SubscriptionStream } from '@parley/protocol'

export class DesiredSubscriptions {
  #version = 0
  #streams: readonly SubscriptionStream[] | undefined

  /** The set as hello and subscribe carry it; undefined while nothing was ever asked for: everything. */
  get set(): SubscriptionSet | undefined {
    return this.#streams && { version: this.#version, streams: [...this.#streams] }
  }

  hello(): Pick<Hello, 'subscriptions'> {
    const { set } = this
    return set ? { subscriptions: set } : {}
  }

  want(streams: readonly SubscriptionStream[]): SubscriptionSet {
    this.#version++
    this.#streams = [...new Set(streams)]
    return { version: this.#version, streams: [...this.#streams] }
  }

  /** What is in force after all; the set to ask for once more when a newer one than ours was there. */
  onSubscribed(version: number): SubscriptionSet | undefined {
    if (version <= this.#version || !this.#streams) return undefined
    this.#version = version
    return this.want(this.#streams)
  }
}
