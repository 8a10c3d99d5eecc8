// The texts that are being said to one session: cut into pieces, asked for one behind the other, put together again; asked for anew from
// the sample that is here when the connection was made anew. Holds no socket and no timer.
import {
  type ClientMessage,
  decodeSpeechFrame,
  MAX_SPEAK_LEAD_MS,
  type SpeakCancelled,
  type SpeakEnded,
  type SpeakStarted,
} from '@parley/protocol'
import { ParleyClientError } from './errors.ts'
import { splitSpeech } from './split-speech.ts'
import { type ParleySpeech, type SpeakOptions, SpokenText } from './spoken-text.ts'

/** Pieces that wait at the platform: enough that one follows the other without a pause. */
const MAX_ASKED = 4
const MAX_TEXT_CHARS = 1_000_000
/** Texts that are said or wait. */
const MAX_WAITING = 64
/** Nothing is heard of a speech that was asked for, ms: longer than the platform itself waits for a worker (30 s unless configured). */
const SILENCE_DEADLINE_MS = 45_000

export interface SpeechesPort {
  /** False when there is no connection to send on. */
  send(message: ClientMessage): boolean
  isConnected(): boolean
  nowMs(): number
}

interface Part {
  readonly requestId: string
  readonly text: string
  readonly speech: SpokenText
  readonly isLast: boolean
  /** Of this piece. */
  receivedSamples: number
  isAsked: boolean
  /** Number in the frames of this connection. */
  number: number | undefined
}

export type SpeakNotice = SpeakStarted | SpeakEnded | SpeakCancelled

export class Speeches {
  readonly #port: SpeechesPort
  /** Oldest first: the order in which they are said. */
  #parts: Part[] = []
  readonly #byNumber = new Map<number, Part>()
  #count = 0
  #heardAtMs = 0

  constructor(port: SpeechesPort) {
    this.#port = port
  }

  /** Throws INVALID_FIELD, TEXT_INVALID or SPEAK_BUSY when it cannot be asked for. */
  say(text: string, options: SpeakOptions): ParleySpeech {
    checkOptions(text, options)
    if (new Set(this.#parts.map(({ speech }) => speech)).size >= MAX_WAITING) {
      const detail = `${MAX_WAITING} texts are being said or wait, the most there may be`
      throw new ParleyClientError('SPEAK_BUSY', { detail, hop: 'client' })
    }
    const requestId = `say-${++this.#count}`
    const speech = new SpokenText(requestId, { ...options }, () => this.#leave(speech))
    const pieces = splitSpeech(text)
    for (const [n, piece] of pieces.entries()) {
      const isLast = n === pieces.length - 1
      const id = pieces.length === 1 ? requestId : `${requestId}.${n + 1}`
      const part = { requestId: id, text: piece, speech, isLast, receivedSamples: 0, isAsked: false, number: undefined }
      this.#parts.push(part)
    }
    this.#ask()
    return speech
  }

  /** A new connection knows of none of them. */
  onWelcome(): void {
    this.#byNumber.clear()
    this.#parts = this.#parts.filter(({ speech }) => !speech.isOver)
    for (const part of this.#parts) {
      part.isAsked = false
      part.number = undefined
    }
    this.#ask()
  }

  onNotice(notice: SpeakNotice): void {
    const part = this.#parts.find(({ requestId }) => requestId === notice.requestId)
    if (!part) return
    this.#heardAtMs = this.#port.nowMs()
    if (notice.type === 'speak.started') this.#onStarted(part, notice)
    else if (notice.type === 'speak.ended') this.#onEnded(part, notice.samples)
    else this.#remove(part)
  }

  /** What was wrong with a binary message; undefined when nothing was. */
  onFrame(message: Uint8Array): string | undefined {
    const frame = decodeSpeechFrame(message)
    if (!frame) return 'a binary message is no frame of a speech'
    const part = this.#byNumber.get(frame.speech)
    // Of one that was cancelled here and is not over there yet.
    if (!part || part.speech.isOver) return undefined
    if (frame.mediaTime !== part.receivedSamples) return this.#broken(part, 'a frame of a speech does not join on')
    this.#heardAtMs = this.#port.nowMs()
    part.receivedSamples += frame.samples.length
    part.speech.deliver(frame.samples)
    return undefined
  }

  /** False when there is none of this id. */
  fail(requestId: string, error: ParleyClientError): boolean {
    const part = this.#parts.find((one) => one.requestId === requestId)
    if (!part) return false
    this.#heardAtMs = this.#port.nowMs()
    this.#remove(part)
    part.speech.fail(error)
    this.#leave(part.speech)
    return true
  }

  failAll(error: ParleyClientError): void {
    const parts = this.#parts
    this.#parts = []
    this.#byNumber.clear()
    for (const { speech } of parts) speech.fail(error)
  }

  tick(nowMs: number): void {
    const asked = this.#parts.find(({ isAsked }) => isAsked)
    if (!asked || !this.#port.isConnected() || nowMs - this.#heardAtMs < SILENCE_DEADLINE_MS) return
    this.#heardAtMs = nowMs
    const detail = `nothing was heard of the speech for ${SILENCE_DEADLINE_MS} ms`
    asked.speech.fail(new ParleyClientError('DEADLINE_EXCEEDED', { detail, requestId: asked.requestId }))
    this.#leave(asked.speech)
    // Whoever does not answer to the speech does not answer to its end either.
    this.#remove(asked)
  }

  #onStarted(part: Part, { speech: number, sampleRateHz, voice, language }: SpeakStarted): void {
    const { speech } = part
    part.number = number
    this.#byNumber.set(number, part)
    if (speech.started && speech.started.sampleRateHz !== sampleRateHz) {
      this.#broken(part, 'the pieces of a speech are of different rates')
      return
    }
    speech.start({ sampleRateHz, voice, language })
    this.#ask()
  }

  #onEnded(part: Part, samples: number): void {
    const { speech } = part
    if (!speech.isOver && samples !== part.receivedSamples) {
      this.#broken(part, `a speech of ${samples} samples ended after ${part.receivedSamples}`)
    } else if (part.isLast) speech.finish({ kind: 'ended', samples: speech.samples })
    this.#remove(part)
  }

  /** Ends the speech over nonsense; answers with what it was. */
  #broken(part: Part, what: string): string {
    const detail = `the platform broke the protocol: ${what}`
    part.speech.fail(new ParleyClientError('BAD_ANSWER', { detail, hop: 'pod', requestId: part.requestId }))
    this.#leave(part.speech)
    return what
  }

  /** The speech is over here: what was asked of it is cancelled there, the rest is never asked. */
  #leave(speech: SpokenText): void {
    this.#parts = this.#parts.filter((part) => part.speech !== speech || part.isAsked)
    for (const part of this.#parts) {
      if (part.speech === speech) this.#port.send({ type: 'speak.cancel', requestId: part.requestId })
    }
    this.#ask()
  }

  #remove(part: Part): void {
    this.#parts = this.#parts.filter((one) => one !== part)
    if (part.number !== undefined) this.#byNumber.delete(part.number)
    this.#ask()
  }

  /** Asks for what comes next, in order; a later piece of a speech once its voice is known. */
  #ask(): void {
    if (!this.#port.isConnected()) return
    let asked = 0
    let isFirst = true
    let before: SpokenText | undefined
    for (const part of this.#parts) {
      const isVoiceOpen = part.speech === before && !part.speech.started
      if (asked >= MAX_ASKED || isVoiceOpen) return
      if (!part.isAsked && this.#send(part)) {
        part.isAsked = true
        if (isFirst) this.#heardAtMs = this.#port.nowMs()
      }
      isFirst = false
      asked++
      before = part.speech
    }
  }

  #send({ requestId, text, speech, receivedSamples }: Part): boolean {
    const { language, rateRatio, leadMs } = speech.options
    const voice = speech.started?.voice ?? speech.options.voice
    return this.#port.send({
      type: 'speak',
      requestId,
      text,
      ...(voice === undefined ? {} : { voice }),
      ...(language === undefined ? {} : { language }),
      ...(rateRatio === undefined ? {} : { rateRatio }),
      ...(leadMs === undefined ? {} : { leadMs }),
      ...(receivedSamples === 0 ? {} : { fromSample: receivedSamples }),
    })
  }
}

function checkOptions(text: string, { rateRatio = 1, leadMs = 400 }: SpeakOptions): void {
  if (text.length > MAX_TEXT_CHARS) {
    const detail = `a text may have ${MAX_TEXT_CHARS} characters, got ${text.length}`
    throw new ParleyClientError('TEXT_INVALID', { detail, field: 'text' })
  }
  if (!(rateRatio >= 0.5 && rateRatio <= 2)) throw invalid('rateRatio', rateRatio, 'from 0.5 to 2')
  if (!(Number.isInteger(leadMs) && leadMs >= 100 && leadMs <= MAX_SPEAK_LEAD_MS)) {
    throw invalid('leadMs', leadMs, `a whole number from 100 to ${MAX_SPEAK_LEAD_MS}`)
  }
}

function invalid(field: string, value: number, allowed: string): ParleyClientError {
  const detail = `${field} must be ${allowed}, got ${value}`
  return new ParleyClientError('INVALID_FIELD', { detail, field, value: String(value) })
}
