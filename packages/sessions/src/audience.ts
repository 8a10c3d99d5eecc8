// Who follows one session and what each of them wants: the owner, who may be away for a while, and the watchers. Passes on what
// it is given; what there is to say is caption-feed.ts's affair.
import type { CaptionSet, PolishMode, SubscriptionSet } from '@parley/protocol'
import {
  type CaptionWishes,
  type FollowerWishes,
  type MergedWishes,
  mergeWishes,
  NO_WISHES,
  onCaptions,
  polishInForce,
} from './caption-wishes.ts'
import { encodeServer } from './encode.ts'
import type { Hearing } from './hearing.ts'
import { MICROPHONE_KEY, type SessionChannel, WATCHERS_KEY } from './ports.ts'
import { EVERYTHING, onSubscribe, type Subscriptions, wantsMicrophone } from './subscriptions.ts'

/** What one of them wants. */
interface Wants {
  subscriptions: Subscriptions
  captions: CaptionWishes
}

/** What a follower brings along. */
export interface WishesOfHello {
  readonly subscriptions?: SubscriptionSet | undefined
  readonly captions?: CaptionSet | undefined
}

/** Whom a message is for, of those who take finals or partials at all. */
export type Readers = { readonly language: string } | 'polish'

export class Audience {
  #owner: SessionChannel | undefined
  /** Kept while the owner is away: who comes back wants what it wanted. */
  readonly #ownerWants: Wants = { subscriptions: EVERYTHING, captions: NO_WISHES }
  #watchers: Map<SessionChannel, Wants> | undefined
  #microphoneWanted = true
  /** Called when who is here, or what they want, may have changed. */
  onWants: (() => void) | undefined

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
  /** Does anybody want, or has wanted, anything to be made of captions? */
  get hasWishes(): boolean {
    if (this.#ownerWants.captions.version > 0) return true
    if (this.#watchers) for (const { captions } of this.#watchers.values()) if (captions.version > 0) return true
    return false
  }
  get ownerPolish(): PolishMode {
    return this.#ownerWants.captions.polish
  }

  // ---- who is here ----

  /** What `wishes` has counts when it is newer than what the owner wanted before. Nothing is told: the welcome does. */
  attachOwner(owner: SessionChannel, wishes: WishesOfHello): void {
    adopt(this.#ownerWants, wishes)
    this.#deriveMicrophone()
    this.#owner = owner
    this.onWants?.()
  }

  /** What the owner wanted at the pod that had the session before. Nothing is told. */
  recallOwner(wishes: WishesOfHello): void {
    adopt(this.#ownerWants, wishes)
    this.#deriveMicrophone()
  }

  /** What is in force for the owner, here or away. */
  get ownerWishes(): { readonly subscriptions: Subscriptions; readonly captions: CaptionWishes } {
    return this.#ownerWants
  }

  detachOwner(): void {
    this.#owner = undefined
    this.onWants?.()
  }

  addWatcher(channel: SessionChannel, wishes: WishesOfHello): void {
    this.#watchers ??= new Map()
    const wants: Wants = { subscriptions: EVERYTHING, captions: NO_WISHES }
    adopt(wants, wishes)
    this.#watchers.set(channel, wants)
    this.#tellCount()
    this.#derive()
  }

  removeWatcher(channel: SessionChannel): void {
    if (!this.#watchers?.delete(channel)) return
    this.#tellCount()
    this.#derive()
  }

  /** Hands over the watchers; there are none afterwards. */
  takeWatchers(): SessionChannel[] {
    const watchers = this.#watchers ? [...this.#watchers.keys()] : []
    this.#watchers = undefined
    return watchers
  }

  /** Everybody who is here. */
  *channels(): Generator<SessionChannel> {
    if (this.#owner) yield this.#owner
    if (this.#watchers) yield* this.#watchers.keys()
  }

  // ---- what they want ----

  /** What is in force for `channel` after it asked for `wants`. */
  subscribe(channel: SessionChannel, subscriptions: SubscriptionSet): Subscriptions {
    this.#adopt(channel, { subscriptions })
    return this.wantsOf(channel)
  }

  wantsOf(channel: SessionChannel): Subscriptions {
    return this.#wantsOf(channel).subscriptions
  }

  /** What `channel` wants to be made of captions after it asked for `captions`. */
  wish(channel: SessionChannel, captions: CaptionSet): CaptionWishes {
    this.#adopt(channel, { captions })
    return this.wishesOf(channel)
  }

  wishesOf(channel: SessionChannel): CaptionWishes {
    return this.#wantsOf(channel).captions
  }

  hearingOf(channel: SessionChannel): Hearing {
    const { subscriptions, captions } = this.#wantsOf(channel)
    const { partials, finals } = subscriptions
    const polish = polishInForce(captions.polish, this.ownerPolish)
    return { partials, finals, languages: captions.translateTo, polish }
  }

  /** What is made for all of them together. */
  merged(spokenLanguage: string, maxTargets: number): MergedWishes {
    const followers = [wishesOf(this.#ownerWants, this.#owner !== undefined)]
    if (this.#watchers) for (const wants of this.#watchers.values()) followers.push(wishesOf(wants, true))
    return mergeWishes(followers, spokenLanguage, maxTargets)
  }

  #wantsOf(channel: SessionChannel): Wants {
    return this.#watchers?.get(channel) ?? this.#ownerWants
  }

  #adopt(channel: SessionChannel, wishes: WishesOfHello): void {
    const watcher = this.#watchers?.get(channel)
    if (watcher) adopt(watcher, wishes)
    else if (channel === this.#owner) adopt(this.#ownerWants, wishes)
    this.#derive()
  }

  #derive(): void {
    this.#deriveMicrophone()
    this.onWants?.()
  }

  #tellCount(): void {
    this.#owner?.latest(WATCHERS_KEY, encodeServer({ type: 'watchers', count: this.watcherCount }))
  }

  #deriveMicrophone(): void {
    let wanted = needsMicrophone(this.#ownerWants)
    if (!wanted && this.#watchers) for (const wants of this.#watchers.values()) wanted ||= needsMicrophone(wants)
    if (wanted === this.#microphoneWanted) return
    this.#microphoneWanted = wanted
    this.#owner?.latest(MICROPHONE_KEY, encodeServer({ type: 'microphone', wanted }))
  }

  // ---- what they are told ----

  /** True when somebody who is here wants partials: else none need be encoded. */
  wantsPartials(): boolean {
    if (this.#owner !== undefined && this.#ownerWants.subscriptions.partials) return true
    if (this.#watchers) for (const { subscriptions } of this.#watchers.values()) if (subscriptions.partials) return true
    return false
  }

  partial(key: number, message: Buffer): void {
    if (this.#ownerWants.subscriptions.partials) this.#owner?.latest(key, message)
    if (this.#watchers) {
      for (const [channel, { subscriptions }] of this.#watchers)
        if (subscriptions.partials) channel.latest(key, message)
    }
  }

  /** What was made of a partial. */
  refinedPartial(readers: Readers, key: number, message: Buffer): void {
    for (const channel of this.channels()) {
      const hearing = this.hearingOf(channel)
      if (hearing.partials && reads(hearing, readers, 'partials')) channel.latest(key, message)
    }
  }

  /** Of the state of things, to everybody whatever they want. */
  state(key: number, message: Buffer): void {
    this.#owner?.latest(key, message)
    if (this.#watchers) for (const channel of this.#watchers.keys()) channel.latest(key, message)
  }

  /** An event of the history; `isAnswer`: the owner asked for it and gets it in any case. */
  event(message: Buffer, supersedes: number | undefined, isAnswer: boolean): void {
    if (this.#ownerWants.subscriptions.finals || isAnswer) this.#owner?.keep(message, supersedes)
    if (this.#watchers) {
      for (const [channel, { subscriptions }] of this.#watchers) {
        if (subscriptions.finals) channel.keep(message, supersedes)
      }
    }
  }

  /** What was made of a final: an event of the history. */
  refinedFinal(readers: Readers, message: Buffer, supersedes: number | undefined): void {
    for (const channel of this.channels()) {
      const hearing = this.hearingOf(channel)
      if (hearing.finals && reads(hearing, readers, 'finals')) channel.keep(message, supersedes)
    }
  }

  /** Those who are here and want to hear finals said in `language`. */
  hearers(language: string): SessionChannel[] {
    return [...this.channels()].filter((channel) => this.hears(channel, language))
  }

  /** Is `channel` here, and does it want to hear `language`? */
  hears(channel: SessionChannel, language: string): boolean {
    const isHere = channel === this.#owner || this.#watchers?.has(channel) === true
    return isHere && this.wishesOf(channel).speak.includes(language)
  }
}

function adopt(wants: Wants, { subscriptions, captions }: WishesOfHello): void {
  wants.subscriptions = onSubscribe(wants.subscriptions, subscriptions)
  wants.captions = onCaptions(wants.captions, captions)
}

function wishesOf({ subscriptions, captions }: Wants, isHere: boolean): FollowerWishes {
  return { captions, partials: subscriptions.partials, finals: subscriptions.finals, isHere }
}

/** To hear what is said in another language is to want the microphone, whatever is read. */
const needsMicrophone = ({ subscriptions, captions }: Wants): boolean =>
  wantsMicrophone(subscriptions) || captions.speak.length > 0

function reads(hearing: Hearing, readers: Readers, kind: 'partials' | 'finals'): boolean {
  if (readers !== 'polish') return hearing.languages.includes(readers.language)
  return kind === 'finals' ? hearing.polish !== 'off' : hearing.polish === 'partials'
}
