// What a session makes of its captions, for whoever follows: texts (refinements.ts) and voices (voices.ts), and what each follower is
// told of what it wants. There is none of it before somebody wants something. Owns no timer: the session's tick comes by.
import type { CaptionsSet } from '@parley/protocol'
import type { CaptionFeed } from './caption-feed.ts'
import { encodeServer } from './encode.ts'
import type { SessionChannel, SpeechSource } from './ports.ts'
import { Refinements } from './refinements.ts'
import type { SessionCounters } from './session-counters.ts'
import type { SpeechNumbers } from './speech-outlet.ts'
import type { RefinedCaption, TextClient, TextSource } from './text-port.ts'
import { Voices } from './voices.ts'

/** Followers are told that something can or cannot be had any more at most this often, ms. */
export const TELL_ABILITIES_MS = 1_000

export interface RefiningHost {
  readonly text: TextSource
  readonly speech: SpeechSource
  readonly counters: SessionCounters
  readonly numbers: SpeechNumbers
  /** Languages of translations at a time. */
  readonly maxTargets: number
  readonly finalDeadlineMs: number
  /** Rises whenever something can be had, or cannot any more, that could not or could before. */
  abilitiesVersion(): number
  nowMs(): number
}

export class Refining {
  readonly #host: RefiningHost
  readonly #feed: CaptionFeed
  readonly #refinements: Refinements
  readonly #voices: Voices
  /** The last captions.set of each follower. */
  readonly #told = new WeakMap<SessionChannel, string>()
  #abilities: number
  #isStale = false
  #toldAtMs = Number.NEGATIVE_INFINITY

  constructor(client: TextClient, host: RefiningHost, feed: CaptionFeed) {
    this.#host = host
    this.#feed = feed
    const { speech: source, counters, numbers } = host
    const { audience } = feed
    const nowMs = (): number => host.nowMs()
    this.#voices = new Voices({ source, counters, numbers, audience, nowMs })
    this.#abilities = host.abilitiesVersion()
    this.#refinements = new Refinements(client, host, {
      audience,
      utterance: (index) => feed.utterance(index),
      revise: (index) => feed.revise(index),
      refinedPartial: (readers, key, message) => feed.refinedPartial(readers, key, message),
      refinedFinal: (kind, readers, supersedes, message) => feed.refinedFinal(kind, readers, supersedes, message),
      onRefined: () => feed.onRefined(),
      said: (kind, caption, language, text) => feed.said(kind, caption, language, text),
      onSayable: (language, index, text) => this.#voices.say(language, feed.utterance(index), text),
    })
  }

  get lastSerial(): number {
    return this.#refinements.lastSerial
  }
  get due(): Refinements['due'] {
    return this.#refinements.due
  }
  isDone(serial: number): boolean {
    return this.#refinements.isDone(serial)
  }

  /** Who is here, or what they want, may have changed. */
  rewant(): void {
    this.#refinements.rewant()
    this.#voices.rewant()
    this.#isStale = true
  }

  /** What is in force for `follower`, who is told it by the caller. */
  inForce(follower: SessionChannel): CaptionsSet {
    const unsayable = (language: string): string | undefined => this.#host.speech.unsayable(language)
    const message: CaptionsSet = { type: 'captions.set', ...this.#refinements.inForce(follower, unsayable) }
    this.#told.set(follower, JSON.stringify(message))
    return message
  }

  partial(caption: RefinedCaption): void {
    this.#refinements.partial(caption)
  }
  final(caption: RefinedCaption): void {
    this.#refinements.final(caption)
  }
  abandoned(index: number): void {
    this.#refinements.abandoned(index)
  }

  tick(nowMs: number): void {
    this.#refinements.tick(nowMs)
    this.#voices.tick()
    const abilities = this.#host.abilitiesVersion()
    const isStale = this.#isStale || abilities !== this.#abilities
    if (!isStale || nowMs - this.#toldAtMs < TELL_ABILITIES_MS) return
    this.#abilities = abilities
    this.#isStale = false
    this.#toldAtMs = nowMs
    for (const channel of this.#feed.audience.channels()) this.#tellChange(channel)
  }

  /** To who wants anything, when it is not what it was told last. */
  #tellChange(channel: SessionChannel): void {
    const before = this.#told.get(channel)
    if (before === undefined || this.#feed.audience.wishesOf(channel).version === 0) return
    const message = this.inForce(channel)
    if (this.#told.get(channel) !== before) channel.keep(encodeServer(message))
  }

  /** What is due ends and is told; voices are silent. Idempotent. */
  close(): void {
    this.#voices.close()
    this.#refinements.close()
  }
}
