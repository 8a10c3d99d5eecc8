// Who follows one session and what each of them wants: the owner, who may be away for a while, and the watchers. Passes on what
// it is given; what there is to say is caption-feed.ts's affair.
import type { SubscriptionSet } from '@parley/protocol'
import { encodeServer } from './encode.ts'
import { MICROPHONE_KEY, type SessionChannel, WATCHERS_KEY } from './ports.ts'
import { EVERYTHING, onSubscribe, type Subscriptions, wantsMicrophone } from './subscriptions.ts'

interface Watcher {
  readonly channel: SessionChannel
  wants: Subscriptions
}

export class Audience {
  #owner: SessionChannel | undefined
  /** Kept while the owner is away: who comes back wants what it wanted. */
  #ownerWants: Subscriptions = EVERYTHING
  #watchers: Map<SessionChannel, Watcher> | undefined
  #microphoneWanted = true

  get owner(): SessionChannel | undefined {
    return this.#owner
  }
  get watcherCount(): number {
    return this.#watchers?.size ?? 0
  }
  /** Does anybody, the owner that is away included, want what the microphone hears? */
  get microphoneWanted(): boolean {
    return this.#microphoneWanted
  }
  get isEmpty(): boolean {
    return this.#owner === undefined && this.watcherCount === 0
  }

  // ---- who is here ----

  /** `wants` counts when it is newer than what the owner wanted before. Nothing is told: the welcome does. */
  attachOwner(owner: SessionChannel, wants: SubscriptionSet | undefined): void {
    this.#ownerWants = onSubscribe(this.#ownerWants, wants)
    this.#deriveMicrophone()
    this.#owner = owner
  }

  detachOwner(): void {
    this.#owner = undefined
  }

  addWatcher(channel: SessionChannel, wants: SubscriptionSet | undefined): void {
    this.#watchers ??= new Map()
    this.#watchers.set(channel, { channel, wants: onSubscribe(EVERYTHING, wants) })
    this.#tellCount()
    this.#deriveMicrophone()
  }

  removeWatcher(channel: SessionChannel): void {
    if (!this.#watchers?.delete(channel)) return
    this.#tellCount()
    this.#deriveMicrophone()
  }

  /** Hands over the watchers; there are none afterwards. */
  takeWatchers(): SessionChannel[] {
    const watchers = this.#watchers ? [...this.#watchers.keys()] : []
    this.#watchers = undefined
    return watchers
  }

  /** What is in force for `channel` after it asked for `wants`. */
  subscribe(channel: SessionChannel, wants: SubscriptionSet): Subscriptions {
    const watcher = this.#watchers?.get(channel)
    if (watcher) watcher.wants = onSubscribe(watcher.wants, wants)
    else if (channel === this.#owner) this.#ownerWants = onSubscribe(this.#ownerWants, wants)
    this.#deriveMicrophone()
    return this.wantsOf(channel)
  }

  wantsOf(channel: SessionChannel): Subscriptions {
    return this.#watchers?.get(channel)?.wants ?? this.#ownerWants
  }

  #tellCount(): void {
    this.#owner?.latest(WATCHERS_KEY, encodeServer({ type: 'watchers', count: this.watcherCount }))
  }

  #deriveMicrophone(): void {
    let wanted = wantsMicrophone(this.#ownerWants)
    if (!wanted && this.#watchers) for (const { wants } of this.#watchers.values()) wanted ||= wantsMicrophone(wants)
    if (wanted === this.#microphoneWanted) return
    this.#microphoneWanted = wanted
    this.#owner?.latest(MICROPHONE_KEY, encodeServer({ type: 'microphone', wanted }))
  }

  // ---- what they are told ----

  /** True when somebody who is here wants partials: else none need be encoded. */
  wantsPartials(): boolean {
    if (this.#owner !== undefined && this.#ownerWants.partials) return true
    if (this.#watchers) for (const { wants } of this.#watchers.values()) if (wants.partials) return true
    return false
  }

  partial(key: number, message: Buffer): void {
    if (this.#ownerWants.partials) this.#owner?.latest(key, message)
    if (this.#watchers) {
      for (const { channel, wants } of this.#watchers.values()) if (wants.partials) channel.latest(key, message)
    }
  }

  /** Of the state of things, to everybody whatever they want. */
  state(key: number, message: Buffer): void {
    this.#owner?.latest(key, message)
    if (this.#watchers) for (const { channel } of this.#watchers.values()) channel.latest(key, message)
  }

  /** An event of the history; `isAnswer`: the owner asked for it and gets it in any case. */
  event(message: Buffer, supersedes: number | undefined, isAnswer: boolean): void {
    if (this.#ownerWants.finals || isAnswer) this.#owner?.keep(message, supersedes)
    if (this.#watchers) {
      for (const { channel, wants } of this.#watchers.values()) if (wants.finals) channel.keep(message, supersedes)
    }
  }
}
