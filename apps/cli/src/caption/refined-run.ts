// The part of a run that is about what is made of captions: whether it can be had before anything is sent, what comes of it, and that
// voices are heard to their end.
import { type CaptionsInForce, ParleyClientError, type ParleySession, type ParleyVoice } from '@parley/client'
import { type Clock, withDeadline } from '@parley/kernel'
import { CliError } from '../exit-codes.ts'
import type { CaptionPrinter } from './printers.ts'
import type { RefineWish } from './refine-options.ts'
import { type RefinedSummary, RefinedTally } from './refined-tally.ts'
import { SpokenFile } from './spoken-file.ts'

/** Engines that are being loaded may take so long until what was asked for can be had, ms. */
const ABLE_WITHIN_MS = 15_000
/** Voices that wait are heard to their end; without a sign of them for so long they are given up, ms. */
const VOICES_SILENT_MS = 30_000

export class RefinedRun {
  readonly #wish: RefineWish
  readonly #printer: CaptionPrinter
  readonly #clock: Clock
  readonly #tally: RefinedTally
  readonly #files = new Map<string, SpokenFile>()
  #wake = Promise.withResolvers<void>()
  #inForce: CaptionsInForce | undefined
  #told = ''
  readonly #speaking = new Set<ParleyVoice>()
  #unwritten = 0
  /** Everything that was asked for could be had once. */
  #isAble = false

  constructor(wish: RefineWish, printer: CaptionPrinter, clock: Clock) {
    this.#wish = wish
    this.#printer = printer
    this.#clock = clock
    this.#tally = new RefinedTally(wish.captions?.speak ?? [])
    for (const [language, path] of wish.speechFiles) this.#files.set(language, new SpokenFile(path))
  }

  /** Finals that did not become what was asked for, and files that could not be written. */
  get failed(): number {
    return this.#tally.failed + this.#unwritten
  }

  listen(session: ParleySession): void {
    if (!this.#wish.captions) return
    const printer = this.#printer
    const tally = this.#tally
    session.on('captions', (inForce) => this.#onInForce(inForce))
    session.on('caption', ({ kind, utterance, language, text }) => {
      if (kind === 'final') tally.sayable(language, utterance.index, text)
    })
    session.on('translation', (translation) => {
      const { kind, utterance, language, text, translateMs } = translation
      if (kind === 'final') tally.translated(language, utterance.index, text, translateMs)
      printer.translation(translation)
    })
    session.on('translationFailed', (failed) => {
      tally.translationFailed(failed.language)
      printer.translationFailed(failed)
    })
    session.on('polished', (polished) => {
      if (polished.seq !== undefined) tally.polished()
      printer.polished(polished)
    })
    session.on('voice', (voice) => void this.#hear(voice))
    session.on('unsaid', ({ language, utterance, reason }) => this.#onVoiceEnded(language, utterance.index, reason))
    session.on('resumed', () => {
      tally.forgetVoices()
      this.#stir()
    })
  }

  /** Throws LANGUAGE_UNSUPPORTED when something that was asked for cannot be had, SPEECH_UNAVAILABLE when it cannot be had yet. */
  async able(): Promise<void> {
    if (!this.#wish.captions) return
    const able = this.#untilAble()
    await withDeadline(this.#clock, ABLE_WITHIN_MS, 'what was asked for', able).catch(() => {})
    const missing = this.#inForce?.unavailable
    if (missing?.length === 0) {
      this.#isAble = true
      return
    }
    const detail = missing?.map(({ message }) => message).join('; ') ?? 'the platform did not say what can be had'
    const mayCome = missing === undefined || missing.every(({ retryable }) => retryable)
    if (mayCome)
      throw new ParleyClientError('SPEECH_UNAVAILABLE', { detail, nextStep: 'Try again in a moment, or leave it out.' })
    const nextStep = 'Leave it out, or install what it takes (./parley doctor).'
    throw new ParleyClientError('LANGUAGE_UNSUPPORTED', { detail, nextStep })
  }

  async #untilAble(): Promise<void> {
    // Until it all can be had, or something never will.
    while (this.#inForce?.unavailable.length !== 0) {
      if (this.#inForce?.unavailable.some(({ retryable }) => !retryable)) return
      await this.#wake.promise
    }
  }

  /** Resolves when all that is to be heard was, or nothing is heard any more. */
  async heardOut(): Promise<void> {
    while (this.#tally.toHear > 0) {
      const { promise } = this.#wake
      const isSilent = await withDeadline(this.#clock, VOICES_SILENT_MS, 'a voice', promise).then(
        () => false,
        () => true,
      )
      if (!isSilent) continue
      this.#printer.note(`parley: nothing was heard of ${this.#tally.toHear} finals that were to be said`)
      this.#tally.forgetVoices()
    }
  }

  /** What is being said is heard no further; makes the files whole, and answers with what became of everything. */
  async finish(): Promise<RefinedSummary | undefined> {
    if (!this.#wish.captions) return undefined
    for (const voice of this.#speaking) voice.cancel()
    for (const file of this.#files.values()) await this.#finish(file)
    return this.#tally.result()
  }

  async #finish(file: SpokenFile): Promise<void> {
    try {
      await file.finish()
    } catch (thrown) {
      if (!(thrown instanceof CliError)) throw thrown
      this.#unwritten++
      this.#printer.note(`parley: ${thrown.message}`)
      return
    }
    if (file.spokenMs > 0) this.#printer.spoken(file.path, file.spokenMs)
    else this.#printer.note(`nothing was said; ${file.path} is not written`)
  }

  #onInForce(inForce: CaptionsInForce): void {
    this.#inForce = inForce
    const told = JSON.stringify([inForce.unavailable, inForce.via])
    // What ends the command is said by its error.
    const isRefused = !this.#isAble && inForce.unavailable.some(({ retryable }) => !retryable)
    if (told !== this.#told && !isRefused) this.#printer.captionsInForce(inForce)
    this.#told = told
    this.#stir()
  }

  async #hear(voice: ParleyVoice): Promise<void> {
    const { language, utterance } = voice
    this.#speaking.add(voice)
    this.#files.get(language)?.add(voice)
    const outcome = await voice.done
    this.#speaking.delete(voice)
    const reason = ({ ended: 'said', cancelled: 'skipped', failed: 'failed' } as const)[outcome.kind]
    this.#onVoiceEnded(language, utterance.index, reason)
  }

  #onVoiceEnded(language: string, utterance: number, reason: 'said' | 'skipped' | 'failed'): void {
    this.#tally.voiceEnded(language, utterance, reason)
    this.#printer.voice(language, utterance, reason)
    this.#stir()
  }

  /** Whoever waits for a change looks again. */
  #stir(): void {
    this.#wake.resolve()
    this.#wake = Promise.withResolvers()
  }
}
