// A TextSource that records what a session asks of it; the test makes the texts.
import type { Ability } from '../caption-wishes.ts'
import type { CaptionDesk, RefinedCaption, TextClient, TextSink, TextSource } from '../text-port.ts'

export class FakeDesk implements CaptionDesk {
  readonly client: TextClient
  readonly sink: TextSink
  readonly #source: FakeText
  warmed: readonly string[] = []
  partialTargets: readonly string[] = []
  polishesPartials = false
  readonly partials: RefinedCaption[] = []
  readonly finals: { caption: RefinedCaption; targets: readonly string[]; isPolished: boolean }[] = []
  readonly abandonedIndices: number[] = []
  readonly givenUp: string[] = []
  isClosed = false
  ticks = 0

  constructor(client: TextClient, sink: TextSink, source: FakeText) {
    this.client = client
    this.sink = sink
    this.#source = source
  }

  warm(targets: readonly string[], isPolished: boolean): void {
    this.warmed = [...targets, ...(isPolished ? ['polish'] : [])]
  }
  wantPartials(targets: readonly string[], isPolished: boolean): void {
    this.partialTargets = targets
    this.polishesPartials = isPolished
  }
  partial(caption: RefinedCaption): void {
    this.partials.push(caption)
  }
  final(caption: RefinedCaption, targets: readonly string[], isPolished: boolean): void {
    this.finals.push({ caption, targets, isPolished })
  }
  abandoned(index: number): void {
    this.abandonedIndices.push(index)
  }
  giveUp(index: number, target: string | undefined): void {
    this.givenUp.push(`${index} ${target ?? 'polish'}`)
  }
  tick(): void {
    this.ticks++
  }
  translation(to: string): Ability {
    const via = this.#source.via[to] ?? []
    const message = this.#source.missing.get(to)
    return message === undefined ? { is: 'supported', via } : { is: 'unsupported', message }
  }
  polishing(): Ability {
    const message = this.#source.missing.get('polish')
    return message === undefined ? { is: 'supported', via: [] } : { is: 'unavailable', message }
  }
  close(): void {
    this.isClosed = true
  }

  /** The caption of the final of an utterance. */
  finalOf(index: number): RefinedCaption {
    const final = this.finals.find(({ caption }) => caption.index === index)
    if (!final) throw new Error(`no final of utterance ${index} came to the desk`)
    return final.caption
  }
  /** Translates the final of an utterance: `es: text`. */
  translate(index: number, ...languages: string[]): void {
    const caption = this.finalOf(index)
    for (const language of languages) this.sink.translated(caption, true, language, `${language}: ${caption.text}`)
  }
  /** Translates the newest partial. */
  translatePartial(language: string): void {
    const caption = this.partials.at(-1)
    if (!caption) throw new Error('no partial came to the desk')
    this.sink.translated(caption, false, language, `${language}: ${caption.text}`)
  }
}

export class FakeText implements TextSource {
  readonly desks: FakeDesk[] = []
  /** What cannot be had, and why: languages, and `polish`. */
  readonly missing = new Map<string, string>()
  readonly via: Record<string, readonly string[]> = {}

  get desk(): FakeDesk {
    const desk = this.desks.at(-1)
    if (!desk) throw new Error('no session works on its texts')
    return desk
  }
  open(client: TextClient, sink: TextSink): CaptionDesk {
    const desk = new FakeDesk(client, sink, this)
    this.desks.push(desk)
    return desk
  }
}
