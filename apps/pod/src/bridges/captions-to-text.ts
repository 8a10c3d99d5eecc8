// Where sessions meet the text service: captions become wishes, partials as far as they are worth one (the gate of @parley/text), finals
// always; outcomes go back to their session. One desk per session; it holds what is under way and calls it off.
import type { Clock } from '@parley/kernel'
import type { Ability, CaptionDesk, RefinedCaption, TextClient, TextSink, TextSource } from '@parley/sessions'
import {
  IDLE_LANE,
  type LanePartial,
  type LaneStep,
  onAnswered,
  onOver,
  onPartial,
  onTick,
  type PartialLane,
  type TextOutcome,
  type TextService,
  type TextSupport,
  type TextWish,
} from '@parley/text'

export class CaptionsToText implements TextSource {
  readonly #service: TextService
  readonly #clock: Clock

  constructor(service: TextService, clock: Clock) {
    this.#service = service
    this.#clock = clock
  }

  open(client: TextClient, sink: TextSink): CaptionDesk {
    return new Desk(client, sink, this.#service, this.#clock)
  }
}

/** Target of a translation; undefined = polishing. */
type Target = string | undefined

interface Lane {
  state: PartialLane<RefinedCaption>
  underWay: { cancel(): void } | undefined
}

class Desk implements CaptionDesk {
  readonly #client: TextClient
  readonly #sink: TextSink
  readonly #service: TextService
  readonly #clock: Clock
  /** What is made of partials, one lane for each. */
  readonly #lanes = new Map<Target, Lane>()
  /** What was loaded for, if it had to be. */
  #warmed: ReadonlySet<Target> = new Set()
  /** Finals under way. */
  readonly #finals = new Map<string, { cancel(): void }>()

  constructor(client: TextClient, sink: TextSink, service: TextService, clock: Clock) {
    this.#client = client
    this.#sink = sink
    this.#service = service
    this.#clock = clock
  }

  warm(targets: readonly string[], isPolished: boolean): void {
    const { language } = this.#client
    const wanted = new Set<Target>(targets)
    if (isPolished) wanted.add(undefined)
    for (const target of wanted) {
      if (this.#warmed.has(target)) continue
      if (target === undefined) this.#service.warm('polish', language)
      else this.#service.warm('translate', language, target)
    }
    this.#warmed = wanted
  }

  // ---- partials ----

  wantPartials(targets: readonly string[], isPolished: boolean): void {
    const wanted = new Set<Target>(targets)
    if (isPolished) wanted.add(undefined)
    for (const [target, lane] of this.#lanes) {
      if (wanted.has(target)) continue
      lane.underWay?.cancel()
      this.#lanes.delete(target)
    }
    for (const target of wanted) {
      if (!this.#lanes.has(target)) this.#lanes.set(target, { state: IDLE_LANE, underWay: undefined })
    }
  }

  partial(caption: RefinedCaption): void {
    const partial: LanePartial<RefinedCaption> = { index: caption.index, text: caption.text, caption }
    const nowMs = this.#clock.nowMs()
    for (const [target, lane] of this.#lanes) this.#take(target, lane, onPartial(lane.state, partial, nowMs))
  }

  abandoned(index: number): void {
    for (const [target, lane] of this.#lanes) this.#take(target, lane, onOver(lane.state, index))
  }

  tick(nowMs: number): void {
    for (const [target, lane] of this.#lanes) this.#take(target, lane, onTick(lane.state, nowMs))
  }

  #take(target: Target, lane: Lane, step: LaneStep<RefinedCaption>): void {
    lane.state = step.lane
    if (step.cancels) {
      lane.underWay?.cancel()
      lane.underWay = undefined
    }
    if (!step.ask) return
    const { caption } = step.ask
    lane.underWay = this.#ask(target, caption, false, (outcome) => {
      lane.underWay = undefined
      // Told before the next is asked: it may be the last that is seen of this text.
      this.#onPartialOutcome(target, caption, outcome)
      if (this.#lanes.get(target) === lane) this.#take(target, lane, onAnswered(lane.state, this.#clock.nowMs()))
    })
  }

  #onPartialOutcome(target: Target, caption: RefinedCaption, outcome: TextOutcome): void {
    if (outcome.is !== 'done') return
    if (target !== undefined) this.#sink.translated(caption, false, target, outcome.text)
    else if (outcome.text !== caption.text) this.#sink.polished(caption, false, outcome.text)
  }

  // ---- finals ----

  final(caption: RefinedCaption, targets: readonly string[], isPolished: boolean): void {
    this.abandoned(caption.index)
    for (const target of targets) this.#final(caption, target)
    if (isPolished) this.#final(caption, undefined)
  }

  #final(caption: RefinedCaption, target: Target): void {
    const key = keyOf(caption.index, target)
    const job = this.#ask(target, caption, true, (outcome) => {
      this.#finals.delete(key)
      this.#onFinalOutcome(target, caption, outcome)
    })
    this.#finals.set(key, job)
  }

  #onFinalOutcome(target: Target, caption: RefinedCaption, outcome: TextOutcome): void {
    const sink = this.#sink
    if (target === undefined) {
      // An answer equal to the text means that there was nothing to mend.
      if (outcome.is === 'done' && outcome.text !== caption.text) sink.polished(caption, true, outcome.text)
      else sink.unpolished(caption)
    } else if (outcome.is === 'done') sink.translated(caption, true, target, outcome.text)
    else sink.translationFailed(caption, target, outcome.is === 'failed' ? outcome.reason : 'unavailable')
  }

  giveUp(index: number, target: Target): void {
    const key = keyOf(index, target)
    this.#finals.get(key)?.cancel()
    this.#finals.delete(key)
  }

  close(): void {
    this.wantPartials([], false)
    for (const job of this.#finals.values()) job.cancel()
    this.#finals.clear()
  }

  // ---- what can be had ----

  translation(to: string): Ability {
    return abilityOf(this.#service.support('translate', this.#client.language, to))
  }

  polishing(): Ability {
    return abilityOf(this.#service.support('polish', this.#client.language))
  }

  #ask(
    target: Target,
    { text }: RefinedCaption,
    isFinal: boolean,
    onOutcome: (outcome: TextOutcome) => void,
  ): { cancel(): void } {
    const { tenant, sessionId, language: from } = this.#client
    const wish: TextWish = {
      tenant,
      sessionId,
      kind: target === undefined ? 'polish' : 'translate',
      isFinal,
      text,
      from,
      ...(target === undefined ? {} : { to: target }),
    }
    return this.#service.ask(wish, onOutcome)
  }
}

const keyOf = (index: number, target: Target): string => `${index} ${target ?? ''}`

function abilityOf(support: TextSupport): Ability {
  if (support.is === 'supported') return { is: 'supported', via: support.via }
  return { is: support.is, message: support.message }
}
