// What a fake session makes of its captions when it is asked to: translations that name their language, mended texts, voices. At once, or
// held back until a test lets it go.
import {
  type Caption,
  type CaptionSet,
  type CaptionsSet,
  encodeSpeechFrame,
  type Polished,
  type ServerMessage,
  type Translation,
  type TranslationFailed,
} from '@parley/protocol'
import { FAKE_SPEECH_RATE_HZ, FAKE_VOICE, fakeSpeechOf } from './fake-voice.ts'

const FRAME_SAMPLES = 320
/** Numbers of voices are not those of texts the owner has said. */
const FIRST_VOICE = 1_000_000

export interface FakeCaptionsOutlet {
  readonly language: string
  say(message: ServerMessage): void
  sayRaw(frame: Uint8Array): void
  nextSeq(): number
  /** An event of the history, told to everybody. */
  keep(event: (Translation | TranslationFailed | Polished) & { readonly seq: number }): void
}

/** What a fake pod makes of a text in another language. */
export const fakeTranslation = (language: string, text: string): string => `${language}: ${text}`
export const fakePolish = (text: string): string => `${text.charAt(0).toUpperCase()}${text.slice(1)}.`

export class FakeCaptions {
  readonly #outlet: FakeCaptionsOutlet
  /** Sets that were asked for, in order of arrival. */
  readonly asked: CaptionSet[] = []
  /** Languages that cannot be had, and why. */
  unavailable: CaptionsSet['unavailable'] = []
  via: CaptionsSet['via'] = []
  /** Languages whose finals fail. */
  readonly failing = new Set<string>()
  /** False: finals are not refined until `release`. */
  isPrompt = true
  /** False: never answers `captions`. */
  isAnswering = true
  #set: CaptionSet | undefined
  #held: (() => void)[] = []
  #nextVoice = FIRST_VOICE

  constructor(outlet: FakeCaptionsOutlet) {
    this.#outlet = outlet
  }

  want(set: CaptionSet): void {
    this.asked.push(set)
    if (set.version > (this.#set?.version ?? 0)) this.#set = set
  }

  tell(requestId?: string): void {
    if (!this.#set || !this.isAnswering) return
    const { version, translateTo, polish, speak } = this.#set
    const { unavailable, via } = this
    const echo = requestId === undefined ? {} : { requestId }
    this.#outlet.say({ type: 'captions.set', ...echo, version, translateTo, polish, speak, unavailable, via })
  }

  /** What can be had is another thing from now on. */
  change(unavailable: CaptionsSet['unavailable']): void {
    this.unavailable = unavailable
    this.tell()
  }

  onCaption(caption: Caption): void {
    const set = this.#set
    if (!set) return
    if (caption.kind === 'partial') {
      for (const language of set.translateTo) this.#outlet.say(this.#translation(caption, language, {}))
      return
    }
    const refine = (): void => {
      for (const language of set.translateTo) this.#final(caption, language)
      if (set.polish !== 'off') this.#polished(caption)
      for (const language of set.speak) this.sayAloud(caption, language)
    }
    if (this.isPrompt) refine()
    else this.#held.push(refine)
  }

  release(): void {
    for (const refine of this.#held.splice(0)) refine()
  }

  /** A final is heard in a language: started, frames, ended. */
  sayAloud({ utterance, text }: Caption, language: string): void {
    const speech = this.#nextVoice++
    const { name: voice } = FAKE_VOICE
    const samples = fakeSpeechOf(language === this.#outlet.language ? text : fakeTranslation(language, text))
    const about = { speech, utterance, language }
    this.#outlet.say({ type: 'voice.started', ...about, sampleRateHz: FAKE_SPEECH_RATE_HZ, voice })
    for (let at = 0; at < samples.length; at += FRAME_SAMPLES) {
      const frame = samples.slice(at, at + FRAME_SAMPLES)
      this.#outlet.sayRaw(encodeSpeechFrame(speech, at, new Uint8Array(frame.buffer)))
    }
    this.#outlet.say({ type: 'voice.ended', ...about, samples: samples.length, reason: 'said' })
  }

  #final(caption: Caption, language: string): void {
    const seq = this.#outlet.nextSeq()
    const { utterance } = caption
    if (this.failing.has(language)) {
      this.#outlet.keep({ type: 'translation.failed', utterance, seq, language, reason: 'budget' })
    } else this.#outlet.keep({ ...this.#translation(caption, language, { translateMs: 12 }), seq })
  }

  #translation(caption: Caption, language: string, more: { translateMs?: number }): Translation {
    const { kind, utterance, revision: of, startMs, endMs } = caption
    const text = fakeTranslation(language, caption.text)
    return { type: 'translation', kind, utterance, revision: of + 1, language, text, of, startMs, endMs, ...more }
  }

  #polished({ utterance, revision: of, text }: Caption): void {
    const { language } = this.#outlet
    const seq = this.#outlet.nextSeq()
    this.#outlet.keep({ type: 'polished', utterance, revision: of + 2, seq, of, text: fakePolish(text), language })
  }
}
