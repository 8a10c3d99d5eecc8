// Speech on the clock of the audio: a test writes down what is said when, and captions come as the audio pushed passes
// those points of media time, as a recogniser's would. For a double driven by hand see testing/sessions/manual-speech.ts.
import { type Clock, systemClock } from '@parley/kernel'
import type {
  OpenSpeechOptions,
  SlotReservation,
  SpeechListener,
  SpeechPort,
  SpeechStream,
} from '../../speech/speech-port.ts'
import { SlotCounter } from './slot-counter.ts'

/** One utterance: its words come evenly spread between `startMs` and `endMs` of media time. */
export interface ScriptedUtterance {
  readonly startMs: number
  readonly endMs: number
  readonly text: string
}

export interface ScriptedSpeechOptions {
  /** What each session says; the same for all unless a function of the session id. Utterances in order of time. */
  readonly script: readonly ScriptedUtterance[] | ((sessionId: string) => readonly ScriptedUtterance[])
  readonly slots?: number
  readonly languages?: readonly string[]
  /** Audio after the end of the speech until the final; 300 ms unless told. */
  readonly endpointMs?: number
  readonly clock?: Clock
}

export function createScriptedSpeech(options: ScriptedSpeechOptions): SpeechPort {
  const { script, slots = 8, languages = ['en'], endpointMs = 300, clock = systemClock } = options
  const counter = new SlotCounter('scripted', slots, languages)
  const streams = new Set<ScriptedStream>()
  return {
    languages: () => counter.languages,
    status: () => counter.status(),
    reserve: (language) => counter.reserve(language),
    open(reservation: SlotReservation, opened: OpenSpeechOptions, listener: SpeechListener) {
      const giveBack = counter.take(reservation)
      const lines = typeof script === 'function' ? script(opened.sessionId) : script
      const stream: ScriptedStream = new ScriptedStream(opened, lines, listener, clock, endpointMs, () => {
        giveBack()
        streams.delete(stream)
      })
      streams.add(stream)
      return stream
    },
    async close() {
      for (const stream of streams) stream.close()
    },
  }
}

class ScriptedStream implements SpeechStream {
  readonly #listener: SpeechListener
  readonly #script: readonly ScriptedUtterance[]
  readonly #clock: Clock
  readonly #endpointMs: number
  readonly #onClose: () => void
  readonly #samplesPerMs: number
  readonly #frameMs: number
  readonly #firstIndex: number
  #line = 0
  #wordsSaid = 0
  #heardMs = 0
  #isClosed = false

  constructor(
    options: OpenSpeechOptions,
    script: readonly ScriptedUtterance[],
    listener: SpeechListener,
    clock: Clock,
    endpointMs: number,
    onClose: () => void,
  ) {
    this.#samplesPerMs = options.format.sampleRateHz / 1000
    this.#frameMs = options.format.frameMs
    this.#firstIndex = options.firstIndex
    this.#script = script
    this.#listener = listener
    this.#clock = clock
    this.#endpointMs = endpointMs
    this.#onClose = onClose
    queueMicrotask(() => {
      if (!this.#isClosed) listener.onState('ready')
    })
  }

  push(mediaTime: number, _payload: Uint8Array, receivedAtWallMs: number): void {
    if (this.#isClosed) return
    this.#heardMs = mediaTime / this.#samplesPerMs + this.#frameMs
    for (let line = this.#current(); line && !this.#isClosed; line = this.#current()) {
      this.#sayWords(line)
      if (this.#heardMs < line.endMs + this.#endpointMs) return
      this.#end(line, receivedAtWallMs)
    }
  }

  hold(): void {}

  flush(flushId: number): void {
    const line = this.#current()
    if (line && this.#heardMs > line.startMs) this.#end(line, this.#clock.wallMs())
    if (!this.#isClosed) this.#listener.onFlushed(flushId)
  }

  close(): void {
    if (this.#isClosed) return
    this.#isClosed = true
    this.#onClose()
  }

  #current(): ScriptedUtterance | undefined {
    return this.#script[this.#line]
  }

  #sayWords(line: ScriptedUtterance): void {
    const words = line.text.split(' ')
    const heard = Math.floor(((this.#heardMs - line.startMs) / (line.endMs - line.startMs)) * words.length)
    const count = Math.max(0, Math.min(words.length, heard))
    if (count <= this.#wordsSaid) return
    this.#wordsSaid = count
    const text = words.slice(0, count).join(' ')
    const stable = words.slice(0, count - 1).join(' ').length
    const endMs = Math.min(this.#heardMs, line.endMs)
    this.#listener.onPartial({ index: this.#index(), text, stable, startMs: line.startMs, endMs })
  }

  #end(line: ScriptedUtterance, receivedAtMs: number): void {
    const index = this.#index()
    this.#line++
    this.#wordsSaid = 0
    const wallMs = this.#clock.wallMs()
    const marks = { receivedAtMs, endOfSpeechMs: wallMs, finalAtMs: wallMs }
    const { startMs, endMs, text } = line
    this.#listener.onFinal({ index, text, startMs, endMs, marks })
    if (!this.#isClosed) this.#listener.onSettled(Math.min(this.#heardMs, endMs) * this.#samplesPerMs)
  }

  #index(): number {
    return this.#firstIndex + this.#line
  }
}
