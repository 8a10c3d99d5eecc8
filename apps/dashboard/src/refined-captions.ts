// What is made of captions, from the client library's events to the page's: translations, mended text, voices. Shared by both runs.
import {
  type CaptionWish as LibraryWish,
  type ParleyVoice,
  playSpeech,
  type RefinedEvents,
  type SpeechPlayback,
} from '@parley/client/browser'
import type { CaptionWish, RunEvent } from './caption-client.ts'
import { utteranceKey } from './client-words.ts'

type Tell = (event: RunEvent) => void

/** A session or a watcher. */
interface Refined {
  on<Name extends keyof RefinedEvents>(name: Name, listener: (value: RefinedEvents[Name]) => void): () => void
}

/** The page's wish as the library takes it. */
export function setOf({ translateTo, isMended, hear }: CaptionWish): LibraryWish {
  return { translateTo, polish: isMended ? 'finals' : 'off', speak: hear === undefined ? [] : [hear] }
}

/** `historyTo`: seq of the last event that was said before this page came. */
export function followRefined(source: Refined, hearing: Hearing, tell: Tell, historyTo: () => number = () => 0): void {
  source.on('translation', ({ kind, utterance, language, text, seq = 0 }) =>
    tell({
      type: 'translation',
      kind,
      utterance: utteranceKey(utterance),
      language,
      text,
      isHistory: kind === 'final' && seq <= historyTo(),
    }),
  )
  source.on('translationFailed', ({ utterance, language }) =>
    tell({ type: 'translation.failed', utterance: utteranceKey(utterance), language }),
  )
  source.on('polished', ({ utterance, text, seq }) => {
    // Of a line that is still open what was heard is shown: it changes anyway.
    if (seq !== undefined) tell({ type: 'mended', utterance: utteranceKey(utterance), text })
  })
  source.on('captions', ({ unavailable, via }) => tell({ type: 'wish', unavailable, via }))
  source.on('voice', (voice) => hearing.add(voice))
}

/** Voices waiting to be heard beyond which the oldest are passed over: whoever hears must not fall ever further behind. */
const MAX_WAITING = 4

/** Plays one voice after the other. */
export class Hearing {
  readonly #tell: Tell
  #waiting: ParleyVoice[] = []
  #playback: SpeechPlayback | undefined
  #current: ParleyVoice | undefined
  #context: AudioContext | undefined

  constructor(tell: Tell) {
    this.#tell = tell
  }

  add(voice: ParleyVoice): void {
    this.#waiting.push(voice)
    if (this.#waiting.length > MAX_WAITING) this.#waiting.shift()?.cancel()
    this.#next()
  }

  /** Only this language is heard from now on; nothing when undefined. */
  only(language: string | undefined): void {
    for (const voice of this.#waiting) if (voice.language !== language) voice.cancel()
    this.#waiting = this.#waiting.filter((voice) => voice.language === language)
    if (this.#current?.language !== language) this.#playback?.stop()
  }

  close(): void {
    this.only(undefined)
    this.#context?.close().catch(() => {})
    this.#context = undefined
  }

  #next(): void {
    if (this.#current) return
    const voice = this.#waiting.shift()
    this.#current = voice
    this.#tell({ type: 'hearing', language: voice?.language })
    if (!voice) return
    this.#context ??= new AudioContext()
    this.#playback = playSpeech(voice, { context: this.#context })
    void this.#playback.done.then(() => {
      this.#current = undefined
      this.#playback = undefined
      this.#next()
    })
  }
}
