// Texts said one after the other, at the pace they are heard. Audio comes from a SpeechSource as far as it is allowed to (speech-pace.ts)
// and goes to an outlet as soon as that takes it: to the owner who asked (speech-outlet.ts), or to all who want to hear a language
// (voices.ts). Nothing of it is kept, so that a client that comes back asks again from the sample it has. Owns no timer: the session's tick comes by.
import { err, ok, type Result } from '@parley/kernel'
import { encodeSpeechFrame, MAX_SPEECHES, ParleyError, type Speak } from '@parley/protocol'
import type { Speaking, SpeechSink, SpeechSource, SpeechStart } from './ports.ts'
import { countUp, type SessionCounters, type SpeechEnd } from './session-counters.ts'
import type { SpeechNumbers, SpeechOutcome, SpeechOutlet } from './speech-outlet.ts'
import { heardFromMs, SPEECH_LEAD_MS, speechCreditMs } from './speech-pace.ts'

const SAMPLE_BYTES = 2
/** A connection that has taken no frame for so long while some wait does not listen: its speech gives its slot back. */
export const SPEECH_STALL_MS = 15_000

/** What was asked for, less what only the wire needs. */
export type SpeakOrder = Omit<Speak, 'type'>

/** The speech that is being said. */
class Current implements SpeechSink {
  readonly order: SpeakOrder
  readonly leadMs: number
  readonly #speaker: Speaker
  number = -1
  speaking: Speaking | undefined
  started: SpeechStart | undefined
  /** When it begins to be heard; undefined before its first audio. */
  startedAtMs: number | undefined
  grantedMs = 0
  /** Frames that the connection has not taken yet: what was allowed before it stopped taking them. */
  readonly frames: { readonly message: Buffer; readonly samples: number }[] = []
  receivedSamples: number
  sentSamples: number
  /** Since when the connection has taken none of `frames`. */
  stalledSinceMs: number | undefined
  outcome: SpeechOutcome | undefined

  constructor(order: SpeakOrder, speaker: Speaker) {
    this.order = order
    this.leadMs = order.leadMs ?? SPEECH_LEAD_MS
    this.#speaker = speaker
    this.receivedSamples = order.fromSample ?? 0
    this.sentSamples = this.receivedSamples
  }

  toMs(samples: number): number {
    return this.started ? (samples * 1000) / this.started.sampleRateHz : 0
  }

  speechStarted(start: SpeechStart): void {
    this.started = start
    this.#speaker.onStarted(this)
  }
  speechAudio(fromSample: number, payload: Uint8Array): void {
    this.#speaker.onAudio(this, fromSample, payload)
  }
  speechEnded(samples: number): void {
    this.outcome = { kind: 'ended', samples }
    this.#speaker.onOutcome(this)
  }
  speechFailed(error: ParleyError): void {
    this.outcome = { kind: 'failed', samples: this.receivedSamples, error }
    this.#speaker.onOutcome(this)
  }
}

export interface SpeakerHost {
  readonly source: SpeechSource
  readonly counters: SessionCounters
  /** Where what is over is counted. */
  readonly totals: Partial<Record<SpeechEnd, number>>
  readonly numbers: SpeechNumbers
  nowMs(): number
}

export class Speaker {
  readonly #host: SpeakerHost
  readonly #nowMs: () => number
  #outlet: SpeechOutlet | undefined
  #current: Current | undefined
  #queue: SpeakOrder[] = []
  /** When everything sent so far will have been heard. */
  #heardUntilMs = Number.NEGATIVE_INFINITY

  constructor(host: SpeakerHost) {
    this.#host = host
    this.#nowMs = () => host.nowMs()
  }

  /** Speeches said or waiting. */
  get size(): number {
    return this.#queue.length + (this.#current ? 1 : 0)
  }

  /** Who hears from now on. What was said to another is over: it ends without an answer. */
  attach(outlet: SpeechOutlet | undefined): void {
    this.#drop()
    this.#outlet = outlet
  }

  /** SPEAK_BUSY when as many as may wait do, INVALID_FIELD when `requestId` names one of them already. */
  say(order: SpeakOrder): Result<void, ParleyError> {
    const { requestId } = order
    if (this.#current?.order.requestId === requestId || this.#queue.some((one) => one.requestId === requestId)) {
      const message = `field "requestId" names a speech that is under way, got ${requestId}; use another`
      return err(new ParleyError('INVALID_FIELD', { field: 'requestId', value: requestId, message }))
    }
    if (this.size >= MAX_SPEECHES) {
      const message = `${this.size} speeches are under way, the most allowed; wait for speak.ended or cancel one`
      return err(new ParleyError('SPEAK_BUSY', { message, retryAfterMs: SPEECH_LEAD_MS }))
    }
    this.#queue.push(order)
    if (!this.#current) this.#next()
    return ok(undefined)
  }

  /** Stops it, wherever it is; one that is over is ignored. No frame of it is sent after this. */
  cancel(requestId: string): void {
    const current = this.#current
    if (current?.order.requestId === requestId) {
      current.speaking?.cancel()
      this.#over(current, 'cancelled')
      // What has been sent of it and not heard is thrown away by whoever cancels.
      this.#heardUntilMs = this.#nowMs()
      this.#outlet?.over(requestId, { kind: 'cancelled', samples: current.sentSamples })
      this.#next()
      return
    }
    const before = this.#queue.length
    this.#queue = this.#queue.filter((one) => one.requestId !== requestId)
    if (this.#queue.length === before) return
    countUp(this.#host.totals, 'cancelled')
    this.#outlet?.over(requestId, { kind: 'cancelled', samples: 0 })
  }

  /** Time has passed, and the connection may take more. */
  tick(): void {
    const current = this.#current
    if (!current) return
    this.#send(current)
    if (this.#current !== current) return
    const { stalledSinceMs = Number.POSITIVE_INFINITY } = current
    if (this.#nowMs() - stalledSinceMs >= SPEECH_STALL_MS) this.#giveUp(current)
    else this.#grant(current)
  }

  /** Ends everything without an answer. */
  close(): void {
    this.attach(undefined)
  }

  // ---- what the source says ----

  onStarted(current: Current): void {
    if (this.#current !== current || !current.started) return
    const { requestId, fromSample = 0 } = current.order
    current.grantedMs = Math.max(current.grantedMs, current.toMs(fromSample))
    this.#outlet?.started(requestId, current.number, current.started)
    this.#grant(current)
  }

  onAudio(current: Current, fromSample: number, payload: Uint8Array): void {
    if (this.#current !== current) return
    current.startedAtMs ??= heardFromMs(this.#nowMs(), this.#heardUntilMs, current.leadMs)
    const samples = payload.byteLength / SAMPLE_BYTES
    const frame = encodeSpeechFrame(current.number, fromSample, payload)
    const message = Buffer.from(frame.buffer, frame.byteOffset, frame.byteLength)
    current.frames.push({ message, samples })
    current.receivedSamples += samples
    this.#send(current)
    if (this.#current === current) this.#grant(current)
  }

  onOutcome(current: Current): void {
    if (this.#current === current) this.#send(current)
  }

  // ---- to the outlet ----

  /** As many frames as the connection takes; then, behind the last, how it ended. */
  #send(current: Current): void {
    const { frames } = current
    const before = current.sentSamples
    let sent = 0
    for (const { message, samples } of frames) {
      if (!this.#outlet?.frame(message)) break
      sent++
      current.sentSamples += samples
    }
    frames.splice(0, sent)
    this.#host.counters.speechFramesTotal += sent
    if (frames.length === 0) current.stalledSinceMs = undefined
    else if (sent > 0 || current.stalledSinceMs === undefined) current.stalledSinceMs = this.#nowMs()
    if (sent > 0) this.#noteSent(current, before)
    if (frames.length === 0 && current.outcome) this.#finish(current, current.outcome)
  }

  #noteSent(current: Current, before: number): void {
    const { fromSample = 0 } = current.order
    const { startedAtMs = 0 } = current
    // When all that was sent had been heard, what comes now is heard from now on: late audio gives no claim to a longer lead.
    const dryMs = before > fromSample ? Math.max(0, this.#nowMs() - this.#heardUntilMs) : 0
    current.startedAtMs = startedAtMs + dryMs
    this.#heardUntilMs = current.startedAtMs + current.toMs(current.sentSamples - fromSample)
  }

  #giveUp(current: Current): void {
    current.speaking?.cancel()
    const message = `the connection took no audio of the speech for ${SPEECH_STALL_MS} ms`
    const error = new ParleyError('SLOW_CONSUMER', { message })
    this.#finish(current, { kind: 'failed', samples: current.sentSamples, error })
  }

  #finish(current: Current, outcome: SpeechOutcome): void {
    this.#over(current, outcome.kind)
    this.#outlet?.over(current.order.requestId, outcome)
    this.#next()
  }

  /** Allows more audio, unless there is some already that the connection does not take. */
  #grant(current: Current): void {
    if (current.frames.length > 0 || !current.started) return
    const creditMs = this.#creditMs(current)
    if (creditMs <= current.grantedMs) return
    current.grantedMs = creditMs
    current.speaking?.grant(creditMs)
  }

  #creditMs(current: Current): number {
    return speechCreditMs({
      nowMs: this.#nowMs(),
      heardUntilMs: this.#heardUntilMs,
      fromMs: current.toMs(current.order.fromSample ?? 0),
      startedAtMs: current.startedAtMs,
      leadMs: current.leadMs,
      receivedMs: current.toMs(current.receivedSamples),
      grantedMs: current.grantedMs,
    })
  }

  #next(): void {
    const order = this.#current ? undefined : this.#queue.shift()
    if (!order) return
    const current = new Current(order, this)
    current.number = this.#host.numbers.next++
    this.#current = current
    const { requestId, text, voice, language, rateRatio, fromSample } = order
    // Where sample `fromSample` is in time is known with the rate: until then nothing is allowed.
    current.grantedMs = fromSample ? 0 : this.#creditMs(current)
    const creditMs = current.grantedMs
    const request = { requestId, text, voice, language, rateRatio, fromSample, creditMs }
    current.speaking = this.#host.source.speak(request, current)
  }

  #over(current: Current, how: SpeechEnd): void {
    countUp(this.#host.totals, how)
    if (this.#current === current) this.#current = undefined
  }

  #drop(): void {
    for (const _ of this.#queue) countUp(this.#host.totals, 'dropped')
    this.#queue = []
    const current = this.#current
    if (!current) return
    current.speaking?.cancel()
    this.#over(current, 'dropped')
    this.#heardUntilMs = Number.NEGATIVE_INFINITY
  }
}
