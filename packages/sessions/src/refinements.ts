// What is made of the captions of one session: which languages are wanted now, what each final is still due, and that every bit of it
// ends once. The work itself is done at a desk (text-port.ts); whoever follows is audience.ts's affair. Owns no timer.
import type { ServerMessage, TranslationFailReason, UtteranceId } from '@parley/protocol'
import type { Audience, Readers } from './audience.ts'
import {
  type Abilities,
  captionsInForce,
  type InForceInput,
  type MergedWishes,
  NOTHING_WANTED,
} from './caption-wishes.ts'
import type { HistoryEvent } from './event-history.ts'
import { MAX_REFINEMENT_PLACE, refinementKey, type SessionChannel } from './ports.ts'
import { countUp, type SessionCounters } from './session-counters.ts'
import type { CaptionDesk, RefinedCaption, TextSink, TextSource } from './text-port.ts'

/** The desk keeps the deadline itself; this much later the session stops believing in it, ms. */
export const DEADLINE_BELIEF_MS = 1_000
/** Place of polishing in the keys of partials; languages have the ones above it. */
const POLISH_PLACE = 0

export interface RefinementHost {
  readonly text: TextSource
  readonly counters: SessionCounters
  readonly maxTargets: number
  /** When a final that came to nothing is given up, ms. */
  readonly finalDeadlineMs: number
  nowMs(): number
}

/** Where what was made goes: the feed of the session. */
export interface RefinementOutlet {
  readonly audience: Audience
  utterance(index: number): UtteranceId
  /** Next revision of an utterance that is open; 0 when it is settled. */
  revise(index: number): number
  refinedPartial(readers: Readers, key: number, message: ServerMessage): void
  /** `message`: with the seq it is given. */
  refinedFinal(
    kind: HistoryEvent['kind'],
    readers: Readers,
    supersedes: number | undefined,
    message: (seq: number) => ServerMessage,
  ): void
  /** Something that was due has ended. */
  onRefined(): void
  /** A final was made into `text`: for the records. */
  said(kind: 'translation' | 'polished', caption: RefinedCaption, language: string, text: string): void
  /** A final is there in `language`, for whoever wants to hear it. */
  onSayable(language: string, index: number, text: string): void
}

/** One thing a final is due: its translation into `language`, or its polishing. */
interface Due {
  readonly serial: number
  readonly caption: RefinedCaption
  readonly language: string | undefined
  readonly sinceMs: number
  readonly deadlineMs: number
}

export class Refinements implements TextSink {
  readonly #client: { readonly sessionId: string; readonly tenant: string; readonly language: string }
  readonly #host: RefinementHost
  readonly #outlet: RefinementOutlet
  readonly #desk: CaptionDesk
  #merged: MergedWishes = NOTHING_WANTED
  /** Languages wanted now, each with its place in the keys of partials: a new one for each time it is wanted anew. */
  readonly #places = new Map<string, number>()
  #nextPlace = POLISH_PLACE + 1
  /** Oldest first. Bounded by time: each goes at its deadline. */
  readonly #due = new Map<string, Due>()
  /** Settled utterances that are due something: the revision last given out, and how much is due. */
  readonly #settled = new Map<number, { revision: number; due: number }>()
  #lastSerial = 0
  #isClosed = false

  constructor(
    client: { readonly sessionId: string; readonly tenant: string; readonly language: string },
    host: RefinementHost,
    outlet: RefinementOutlet,
  ) {
    this.#client = client
    this.#host = host
    this.#outlet = outlet
    this.#desk = host.text.open(client, this)
    this.rewant()
  }

  /** Number of what became due last: `isDone` of it tells when all of that has ended. */
  get lastSerial(): number {
    return this.#lastSerial
  }

  /** Translations of finals that are under way. */
  get due(): { readonly index: number; readonly language: string }[] {
    return [...this.#due.values()].flatMap(({ caption: { index }, language }) =>
      language === undefined ? [] : [{ index, language }],
    )
  }

  isDone(serial: number): boolean {
    const [oldest] = this.#due.values()
    return oldest === undefined || oldest.serial > serial
  }

  // ---- what is wanted ----

  /** Who is here, or what they want, may have changed. Finals that are under way go on. */
  rewant(): void {
    if (this.#isClosed) return
    const { language } = this.#client
    const merged = this.#outlet.audience.merged(language, this.#host.maxTargets)
    this.#merged = merged
    for (const known of this.#places.keys()) if (!merged.targets.has(known)) this.#places.delete(known)
    for (const target of merged.targets.keys()) if (!this.#places.has(target)) this.#places.set(target, this.#place())
    const partials = [...merged.targets].filter(([, wantsPartials]) => wantsPartials).map(([target]) => target)
    this.#desk.warm([...merged.targets.keys()], merged.polishesFinals)
    this.#desk.wantPartials(partials, merged.polishesPartials)
  }

  #place(): number {
    const place = this.#nextPlace
    this.#nextPlace = place === MAX_REFINEMENT_PLACE ? POLISH_PLACE + 1 : place + 1
    return place
  }

  /** What `follower` wants and what of it can be had. */
  inForce(follower: SessionChannel, unsayable: Abilities['unsayable']): ReturnType<typeof captionsInForce> {
    const { audience } = this.#outlet
    const input: InForceInput = {
      wishes: audience.wishesOf(follower),
      ownerPolish: audience.ownerPolish,
      merged: this.#merged,
      spokenLanguage: this.#client.language,
      maxTargets: this.#host.maxTargets,
    }
    const desk = this.#desk
    return captionsInForce(input, {
      translation: (to) => desk.translation(to),
      polishing: () => desk.polishing(),
      unsayable,
    })
  }

  // ---- captions ----

  partial(caption: RefinedCaption): void {
    const { targets, polishesPartials } = this.#merged
    if (targets.size > 0 || polishesPartials) this.#desk.partial(caption)
  }

  final(caption: RefinedCaption): void {
    const { targets, polishesFinals } = this.#merged
    const languages = [...targets.keys()]
    const due = languages.length + Number(polishesFinals)
    if (due > 0) this.#settled.set(caption.index, { revision: caption.revision, due })
    for (const language of languages) this.#add(caption, language)
    if (polishesFinals) this.#add(caption, undefined)
    // Also when nothing is due: its partials are void.
    this.#desk.final(caption, languages, polishesFinals)
    this.#outlet.onSayable(this.#client.language, caption.index, caption.text)
  }

  abandoned(index: number): void {
    this.#desk.abandoned(index)
  }

  #add(caption: RefinedCaption, language: string | undefined): void {
    const sinceMs = this.#host.nowMs()
    const deadlineMs = sinceMs + this.#host.finalDeadlineMs + DEADLINE_BELIEF_MS
    const due = { serial: ++this.#lastSerial, caption, language, sinceMs, deadlineMs }
    this.#due.set(keyOf(caption.index, language), due)
  }

  tick(nowMs: number): void {
    if (this.#isClosed) return
    this.#desk.tick(nowMs)
    for (const { caption, language, deadlineMs } of this.#due.values()) {
      // Each is as long under way as it is behind the first: the rest is younger.
      if (deadlineMs > nowMs) return
      this.#desk.giveUp(caption.index, language)
      if (language === undefined) this.unpolished(caption)
      else this.#fail(caption, language, 'deadline')
    }
  }

  /** Everything that is due ends now, and is told; nothing is made any more. Idempotent. */
  close(): void {
    if (this.#isClosed) return
    this.#isClosed = true
    this.#desk.close()
    for (const { caption, language } of [...this.#due.values()]) {
      if (language === undefined) this.unpolished(caption)
      else this.#fail(caption, language, 'closed')
    }
  }

  // ---- what was made ----

  translated(caption: RefinedCaption, isFinal: boolean, language: string, text: string): void {
    const { index, revision: of, startMs, endMs } = caption
    const outlet = this.#outlet
    const place = this.#places.get(language)
    const key = place === undefined ? undefined : refinementKey(index, place)
    const words = { language, text, of, startMs, endMs }
    if (!isFinal) {
      const revision = key === undefined ? 0 : outlet.revise(index)
      if (revision === 0 || key === undefined) return
      countUp(this.#host.counters.translationsTotal, 'partial')
      const partial = { type: 'translation', kind: 'partial', utterance: outlet.utterance(index), revision } as const
      outlet.refinedPartial({ language }, key, { ...partial, ...words })
      return
    }
    const due = this.#take(index, language)
    if (!due) return
    countUp(this.#host.counters.translationsTotal, 'final')
    const translateMs = Math.round(this.#host.nowMs() - due.sinceMs)
    outlet.refinedFinal('translation', { language }, key, (seq) => ({
      type: 'translation',
      kind: 'final',
      utterance: outlet.utterance(index),
      revision: due.revision,
      seq,
      ...words,
      translateMs,
    }))
    outlet.said('translation', { ...caption, revision: due.revision }, language, text)
    outlet.onSayable(language, index, text)
    outlet.onRefined()
  }

  translationFailed(caption: RefinedCaption, language: string, reason: TranslationFailReason): void {
    this.#fail(caption, language, reason)
  }

  #fail({ index }: RefinedCaption, language: string, reason: TranslationFailReason): void {
    if (!this.#take(index, language)) return
    countUp(this.#host.counters.translationsTotal, 'failed')
    const outlet = this.#outlet
    const place = this.#places.get(language)
    const key = place === undefined ? undefined : refinementKey(index, place)
    outlet.refinedFinal('translation', { language }, key, (seq) => ({
      type: 'translation.failed',
      utterance: outlet.utterance(index),
      seq,
      language,
      reason,
    }))
    outlet.onRefined()
  }

  polished(caption: RefinedCaption, isFinal: boolean, text: string): void {
    const { index, revision: of } = caption
    const outlet = this.#outlet
    const key = refinementKey(index, POLISH_PLACE)
    const words = { of, text, language: this.#client.language }
    if (!isFinal) {
      const revision = this.#merged.polishesPartials ? outlet.revise(index) : 0
      if (revision === 0) return
      countUp(this.#host.counters.polishedTotal, 'partial')
      outlet.refinedPartial('polish', key, { type: 'polished', utterance: outlet.utterance(index), revision, ...words })
      return
    }
    const due = this.#take(index, undefined)
    if (!due) return
    countUp(this.#host.counters.polishedTotal, 'final')
    const { revision } = due
    const utterance = outlet.utterance(index)
    outlet.refinedFinal('polished', 'polish', key, (seq) => ({ type: 'polished', utterance, revision, seq, ...words }))
    outlet.said('polished', { ...caption, revision }, words.language, text)
    outlet.onRefined()
  }

  unpolished({ index }: RefinedCaption): void {
    if (this.#take(index, undefined)) this.#outlet.onRefined()
  }

  /** It has ended, and with which revision; undefined when it is not due (any more). */
  #take(index: number, language: string | undefined): (Due & { readonly revision: number }) | undefined {
    const key = keyOf(index, language)
    const due = this.#due.get(key)
    const settled = this.#settled.get(index)
    if (!due || !settled) return undefined
    this.#due.delete(key)
    settled.revision++
    settled.due--
    if (settled.due === 0) this.#settled.delete(index)
    return { ...due, revision: settled.revision }
  }
}

const keyOf = (index: number, language: string | undefined): string => `${index} ${language ?? ''}`
