// One speech on its way to its listener: asks whichever worker has it for audio, passes on each sample once, and runs what the
// transitions decide. Which worker that is, is decided elsewhere (speak-links.ts).
import { assertNever, type Clock } from '@parley/kernel'
import { extendUint32, type ParleyError } from '@parley/protocol'
import type { Logger } from '@parley/telemetry'
import type { LinkedSpeech, SpeakMessage } from './link-speeches.ts'
import type { SpeakEffect, SpeakState, SpeakTransition } from './speak-state.ts'
import * as transitions from './speak-transitions.ts'
import type { Speaking, SpeakListener, SpeakRequest } from './speech-port.ts'
import type { WorkerLink } from './worker-link.ts'

const SAMPLE_BYTES = 2
/** Longest audio of one chunk that a worker sends (MAX_SPEECH_CHUNK_MS of @parley/speech). */
const MAX_CHUNK_MS = 40

export interface SpeakCounters {
  speechesTotal: number
  speechesFailedTotal: number
  /** Speeches that went on at another worker, or had to be opened anew. */
  speechSetbacksTotal: number
  speechAudioBytesTotal: number
}

export interface SpeakContext {
  readonly policy: transitions.SpeakPolicy
  readonly clock: Clock
  readonly logger: Logger
  readonly counters: SpeakCounters
  /** The speech has no worker and would take one. */
  onWaiting(stream: SpeakStream): void
  /** Why nobody takes it. */
  unplaced(stream: SpeakStream, waitedMs: number): ParleyError | undefined
  onOver(stream: SpeakStream): void
}

export class SpeakStream implements Speaking, LinkedSpeech {
  readonly request: SpeakRequest
  readonly #context: SpeakContext
  readonly #listener: SpeakListener
  #state: SpeakState
  #worker: WorkerLink | undefined
  /** The worker that failed it last: asked again only when there is no other. */
  #failedOn: WorkerLink | undefined
  #number = 0
  #creditMs: number

  constructor(context: SpeakContext, request: SpeakRequest, listener: SpeakListener) {
    this.#context = context
    this.request = request
    this.#listener = listener
    this.#creditMs = request.creditMs
    this.#state = transitions.newSpeakState(request.fromSample ?? 0, this.#nowMs())
  }

  get state(): SpeakState {
    return this.#state
  }
  get failedOn(): WorkerLink | undefined {
    return this.#failedOn
  }
  /** What a worker must have: the voice it began with, else what was asked for. */
  get wants(): { readonly voice?: string | undefined; readonly language?: string | undefined } {
    const { voice, language } = this.request
    return this.#state.chosen ? { voice: this.#state.chosen.voice.name } : { voice, language }
  }

  grant(creditMs: number): void {
    if (creditMs <= this.#creditMs || this.#state.kind === 'over') return
    const wasAllCome = !this.#isOwed()
    this.#creditMs = creditMs
    this.#state = transitions.onGranted(this.#state, wasAllCome, this.#nowMs())
    if (this.#state.kind !== 'waiting') this.#worker?.speeches.credit(this.#number, creditMs)
  }

  cancel(): void {
    this.#apply(transitions.onCancel(this.#state))
  }

  /** Ends it before any worker was asked. */
  refuse(error: ParleyError): void {
    this.#apply(transitions.onInvalid(this.#state, error))
  }

  /** Puts the speech on `worker`: it goes on with the sample after the last that was passed on. */
  assign(worker: WorkerLink): void {
    if (this.#state.kind !== 'waiting') return
    this.#state = transitions.onAssigned(this.#state, this.#nowMs()).state
    const { requestId, text, voice, language, rateRatio } = this.request
    const { chosen, nextSample } = this.#state
    const named = chosen ? chosen.voice.name : voice
    this.#worker = worker
    this.#number = worker.speeches.open(this, {
      requestId,
      text,
      ...(named === undefined ? {} : { voice: named }),
      ...(language === undefined ? {} : { language }),
      ...(rateRatio === undefined ? {} : { rateRatio }),
      ...(nextSample === 0 ? {} : { fromSample: nextSample }),
      creditMs: this.#creditMs,
    })
  }

  onMessage(message: SpeakMessage): void {
    const nowMs = this.#nowMs()
    switch (message.type) {
      case 'speak.opened': {
        const { sampleRateHz, voice } = message
        this.#apply(transitions.onOpened(this.#state, { sampleRateHz, voice }, nowMs, this.#context.policy))
        return
      }
      case 'stream.refused': {
        const { code: told } = message
        const code = told === 'AUDIO_FORMAT_UNSUPPORTED' || told === 'FENCED' ? 'SPEECH_UNAVAILABLE' : told
        this.#apply(transitions.onRefused(this.#state, { ...message, code }, nowMs, this.#context.policy))
        return
      }
      case 'stream.failed':
        this.#apply(transitions.onFailed(this.#state, nowMs, this.#context.policy, true))
        return
      case 'speak.ended':
        this.#apply(transitions.onEnded(this.#state, message.samples, nowMs, this.#context.policy))
        return
      default:
        assertNever(message)
    }
  }

  onAudio(mediaTime: number, payload: Uint8Array): void {
    const state = this.#state
    if (state.kind !== 'speaking') return
    const count = payload.byteLength / SAMPLE_BYTES
    const fromSample = extendUint32(mediaTime, state.nextSample)
    const known = Number.isInteger(count) ? transitions.knownSamples(state, fromSample, count) : undefined
    if (known === undefined) {
      this.#apply(transitions.onFailed(state, this.#nowMs(), this.#context.policy))
      return
    }
    if (known === count) return
    this.#state = transitions.onPassed(state, count - known, this.#nowMs())
    this.#context.counters.speechAudioBytesTotal += payload.byteLength
    this.#listener.onAudio(state.nextSample, payload.subarray(known * SAMPLE_BYTES))
  }

  onLinkLost(wasWanted: boolean): void {
    this.#apply(transitions.onLost(this.#state, this.#nowMs(), this.#context.policy, wasWanted))
  }

  /** Called a few times per second. */
  check(nowMs: number): void {
    const unplaced = (waitedMs: number) => this.#context.unplaced(this, waitedMs)
    this.#apply(transitions.onTick(this.#state, nowMs, this.#isOwed(), unplaced, this.#context.policy))
  }

  /** Audio is allowed that has not come. */
  #isOwed(): boolean {
    const { chosen, nextSample } = this.#state
    // The worker sends whole chunks: less than one of them may be left over for a long time.
    return chosen !== undefined && this.#creditMs - (nextSample * 1000) / chosen.sampleRateHz >= MAX_CHUNK_MS
  }

  #apply(transition: SpeakTransition): void {
    if (transition.state === this.#state && transition.effects.length === 0) return
    const before = this.#state
    this.#state = transition.state
    if (transition.state.setbacks > before.setbacks) this.#noteSetback()
    for (const effect of transition.effects) this.#run(effect)
    if (this.#state.kind === 'over' && before.kind !== 'over') {
      this.#worker = undefined
      this.#context.onOver(this)
    }
  }

  #noteSetback(): void {
    const { counters, logger } = this.#context
    counters.speechSetbacksTotal++
    this.#failedOn = this.#worker
    logger.warn({ requestId: this.request.requestId, sample: this.#state.nextSample }, 'a speech lost its worker')
  }

  #run(effect: SpeakEffect): void {
    switch (effect.type) {
      case 'started':
        this.#listener.onStarted(effect.chosen)
        return
      case 'ended':
        this.#listener.onEnded(effect.samples)
        return
      case 'failed':
        this.#context.counters.speechesFailedTotal++
        this.#listener.onFailed(effect.error)
        return
      case 'closeOnWorker':
        this.#worker?.speeches.close(this.#number)
        return
      case 'failOnWorker':
        this.#worker?.speeches.fail(this.#number)
        return
      case 'place':
        this.#worker = undefined
        this.#context.onWaiting(this)
        return
      default:
        assertNever(effect)
    }
  }

  #nowMs(): number {
    return this.#context.clock.nowMs()
  }
}
