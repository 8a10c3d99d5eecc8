// A SpeechPort whose streams say what a test tells them to, and nothing else.
import { err, ok, type Result } from '@parley/kernel'
import { ParleyError } from '@parley/protocol'
import type {
  OpenSpeechOptions,
  SlotReservation,
  SpeechListener,
  SpeechPort,
  SpeechStatus,
  SpeechStream,
} from '../../speech/speech-port.ts'

const MARKS = { receivedAtMs: 1, endOfSpeechMs: 2, finalAtMs: 3 }

export class ManualStream implements SpeechStream {
  readonly options: OpenSpeechOptions
  readonly listener: SpeechListener
  readonly #onClose: () => void
  readonly frames: { mediaTime: number; payload: Uint8Array; receivedAtWallMs: number }[] = []
  readonly flushes: number[] = []
  isClosed = false
  isHeld = false
  /** Times it was told to hold or to let go. */
  holds = 0
  /** Set false to count frames only. */
  keepsFrames = true
  frameCount = 0

  constructor(options: OpenSpeechOptions, listener: SpeechListener, onClose: () => void) {
    this.options = options
    this.listener = listener
    this.#onClose = onClose
  }

  push(mediaTime: number, payload: Uint8Array, receivedAtWallMs: number): void {
    this.frameCount++
    if (this.keepsFrames) this.frames.push({ mediaTime, payload: Uint8Array.from(payload), receivedAtWallMs })
  }
  flush(flushId: number): void {
    this.flushes.push(flushId)
  }
  hold(isHeld: boolean): void {
    this.isHeld = isHeld
    this.holds++
  }
  close(): void {
    if (this.isClosed) return
    this.isClosed = true
    this.#onClose()
  }

  partial(index: number, text: string): void {
    this.listener.onPartial({ index, text, stable: 0, startMs: 0, endMs: 20 })
  }
  final(index: number, text: string): void {
    this.listener.onFinal({ index, text, startMs: 0, endMs: 20, marks: MARKS })
  }
  abandon(index: number): void {
    this.listener.onAbandoned({ index, reason: 'no_speech' })
  }
  settled(mediaTime: number): void {
    this.listener.onSettled(mediaTime)
  }
  /** Answers the oldest flush that waits. */
  flushed(): void {
    const flushId = this.flushes.shift()
    if (flushId !== undefined) this.listener.onFlushed(flushId)
  }
}

export class ManualSpeech implements SpeechPort {
  readonly #slots: number
  readonly #languages: readonly string[]
  #slotsUsed = 0
  readonly streams = new Map<string, ManualStream>()
  /** Makes `reserve` refuse. */
  isAway = false
  /** Called for each stream as it opens, before `open` returns. */
  onOpen: ((stream: ManualStream) => void) | undefined

  constructor(slots = 10_000, languages: readonly string[] = ['en']) {
    this.#slots = slots
    this.#languages = languages
  }

  get slotsUsed(): number {
    return this.#slotsUsed
  }

  /** The open stream of a session; throws when there is none. */
  stream(sessionId: string): ManualStream {
    const stream = this.streams.get(sessionId)
    if (!stream) throw new Error(`no stream is open for ${sessionId}`)
    return stream
  }

  languages(): readonly string[] {
    return this.#languages
  }
  status(): SpeechStatus {
    return { ready: true, workers: 1, slots: this.#slots, slotsUsed: this.#slotsUsed, engines: [] }
  }

  reserve(language: string): Result<SlotReservation, ParleyError> {
    if (this.isAway) return err(new ParleyError('SPEECH_UNAVAILABLE', { retryAfterMs: 1_000 }))
    if (!this.#languages.includes(language)) {
      return err(new ParleyError('LANGUAGE_UNSUPPORTED', { value: language, allowed: this.#languages }))
    }
    if (this.#slotsUsed >= this.#slots) return err(new ParleyError('NO_SLOT', { retryAfterMs: 2_000 }))
    this.#slotsUsed++
    return ok(new ManualReservation(language, () => this.#slotsUsed--))
  }

  open(reservation: SlotReservation, options: OpenSpeechOptions, listener: SpeechListener): SpeechStream {
    const taken = reservation as ManualReservation
    taken.take()
    const stream = new ManualStream(options, listener, () => {
      this.streams.delete(options.sessionId)
      this.#slotsUsed--
    })
    this.streams.set(options.sessionId, stream)
    this.onOpen?.(stream)
    return stream
  }

  async close(): Promise<void> {
    for (const stream of this.streams.values()) stream.close()
  }
}

class ManualReservation implements SlotReservation {
  readonly language: string
  #giveBack: (() => void) | undefined

  constructor(language: string, giveBack: () => void) {
    this.language = language
    this.#giveBack = giveBack
  }
  take(): void {
    this.#giveBack = undefined
  }
  release(): void {
    this.#giveBack?.()
    this.#giveBack = undefined
  }
}
