// What is made of captions, as owner and watcher see it alike: what is wanted and what of it is in force, translations and mended texts as
// they come, voices. Holds no socket and no timer.
import type {
  CaptionsSet,
  ClientMessage,
  Hello,
  Polished,
  Translation,
  TranslationFailed,
  VoiceEnded,
  VoiceStarted,
} from '@parley/protocol'
import { type CaptionWish, DesiredCaptions } from './captions.ts'
import type { ParleyClientError } from './errors.ts'
import { type ParleyVoice, type Unsaid, Voices } from './voices.ts'

/** What is made of captions now, for this client, and what cannot be had. */
export type CaptionsInForce = Omit<CaptionsSet, 'type' | 'requestId'>
/** With the instant it arrived, monotonic ms of the client's clock. */
export type ReceivedTranslation = Translation & { readonly receivedAtMs: number }
export type ReceivedPolish = Polished & { readonly receivedAtMs: number }

export interface RefinedEvents {
  /** What is in force after `setCaptions`, and whenever more or less of it can be had. */
  captions: CaptionsInForce
  /** A partial may be replaced by the next of its utterance and language; a final never changes. Nothing arrives twice. */
  translation: ReceivedTranslation
  /** A final will not be had in a language. */
  translationFailed: TranslationFailed
  /** Mended text of an utterance; the raw caption stays what was recognised. */
  polished: ReceivedPolish
  /** A final begins to be said in a language of `speak`. Without a listener nothing is kept of it. */
  voice: ParleyVoice
  /** A final of such a language will not be heard. */
  unsaid: Unsaid
}

export type RefinedEvent = Translation | TranslationFailed | Polished
export type RefinedNotice = CaptionsSet | VoiceStarted | VoiceEnded

export interface RefinedPort {
  /** False when there is no connection to send on. */
  send(message: ClientMessage): boolean
  isConnected(): boolean
  nowMs(): number
}

/** Whose events they are: an emitter of RefinedEvents and others. */
export interface RefinedEmitter {
  emit(name: never, value: never): void
  listenerCount(name: 'voice'): number
}

/** `endAudio` waits so long unless told, ms. */
const END_DEADLINE_MS = 15_000
/** The same where finals are translated or polished: each of them may take 30 s. */
const REFINED_END_DEADLINE_MS = 45_000

export class Refined {
  readonly #port: RefinedPort
  readonly #events: RefinedEmitter
  readonly #desired = new DesiredCaptions()
  readonly #voices: Voices
  #inForce: CaptionsInForce | undefined
  #translations = 0
  #translationsFailed = 0

  /** `wish`: from the beginning. Throws INVALID_FIELD when it cannot be asked for. */
  constructor(port: RefinedPort, events: RefinedEmitter, wish: CaptionWish | undefined) {
    this.#port = port
    this.#events = events
    this.#voices = new Voices({
      onVoice: (voice) => {
        this.#emit('voice', voice)
        return events.listenerCount('voice') > 0
      },
      onUnsaid: (unsaid) => this.#emit('unsaid', unsaid),
    })
    if (wish) this.#desired.want(wish)
  }

  /** Undefined before the platform has said so. */
  get inForce(): CaptionsInForce | undefined {
    return this.#inForce
  }
  /** Finals of translations, and finals that will not be had in a language. */
  get counts(): { readonly translations: number; readonly translationsFailed: number } {
    return { translations: this.#translations, translationsFailed: this.#translationsFailed }
  }
  /** How long the end of the audio may take, ms. */
  get endDeadlineMs(): number {
    return this.#desired.wantsMore ? REFINED_END_DEADLINE_MS : END_DEADLINE_MS
  }

  /** Throws INVALID_FIELD when it cannot be asked for. */
  want(wish: CaptionWish): void {
    this.#desired.want(wish)
    this.tick()
  }

  hello(): Pick<Hello, 'captions'> {
    const captions = this.#desired.sentWithHello(this.#port.nowMs())
    return captions ? { captions } : {}
  }

  /** Sends what is due; comes by with every tick. */
  tick(): void {
    const port = this.#port
    const set = port.isConnected() ? this.#desired.due(port.nowMs()) : undefined
    if (set) port.send({ type: 'captions', ...set })
  }

  onNotice(notice: RefinedNotice): void {
    if (notice.type !== 'captions.set') {
      this.#voices.onNotice(notice)
      return
    }
    const { type: _, requestId: _id, ...inForce } = notice
    this.#inForce = inForce
    this.#desired.onSet(inForce.version)
    this.#emit('captions', inForce)
  }

  /** `event` is news. */
  onEvent(event: RefinedEvent, receivedAtMs: number): void {
    // The history that is read by REST has the languages of everybody who follows.
    const isWanted = event.type === 'polished' || this.#inForce?.translateTo.includes(event.language) !== false
    if (!isWanted) return
    if (event.type === 'translation.failed') this.#translationsFailed++
    else if (event.type === 'translation' && event.kind === 'final') this.#translations++
    if (event.type === 'translation') this.#emit('translation', Object.assign(event, { receivedAtMs }))
    else if (event.type === 'polished') this.#emit('polished', Object.assign(event, { receivedAtMs }))
    else this.#emit('translationFailed', event)
  }

  #emit<Name extends keyof RefinedEvents>(name: Name, value: RefinedEvents[Name]): void {
    this.#events.emit(name as never, value as never)
  }

  hasVoice(message: Uint8Array): boolean {
    return this.#voices.has(message)
  }
  onFrame(message: Uint8Array): string | undefined {
    return this.#voices.onFrame(message)
  }

  /** The connection that voices came by is gone, or all is over. */
  failVoices(error: ParleyClientError): void {
    this.#voices.failAll(error)
  }
}
