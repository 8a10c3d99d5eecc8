// One text being spoken for a pod: opens it on the synthesiser, pulls audio as the pod's credit allows, and reports under its own number.
// Everything it holds dies with it; a fault in it ends it and nothing else.
import { withDeadline } from '@parley/kernel'
import type { PodToWorker, WorkerToPod } from '@parley/protocol'
import type { Speech } from '@parley/speech'
import type { HostContext } from './host-context.ts'
import { SpeechFlow } from './speech-flow.ts'

/** From asking for audio to getting it; engines have shorter deadlines of their own. */
const CHUNK_DEADLINE_MS = 20_000

export type SpeakMessage = Extract<PodToWorker, { type: 'speak.open' }>

/** Where a speech puts what it says. */
export interface SpeechLink {
  send(message: WorkerToPod): void
  readonly isStalled: boolean
  audio(stream: number, sample: number, samples: Int16Array): void
  /** What was given by `audio` is sent now, before the next message. */
  flushAudio(): void
  /** What was given by `audio` and is not sent yet is forgotten. */
  forgetAudio(stream: number): void
}

interface Live {
  readonly kind: 'live'
  readonly speech: Speech
  readonly flow: SpeechFlow
}

export class HostedSpeech {
  readonly #context: HostContext
  readonly #open: SpeakMessage
  readonly #link: SpeechLink
  readonly #onEnded: () => void
  #state: Live | { readonly kind: 'ended' } = { kind: 'ended' }
  #isPumping = false

  /** Takes a slot and answers at once, with speak.opened or stream.refused. `onEnded` is called when it ends by itself. */
  constructor(context: HostContext, open: SpeakMessage, link: SpeechLink, onEnded: () => void) {
    this.#context = context
    this.#open = open
    this.#link = link
    this.#onEnded = onEnded
    this.#start()
  }

  /** Whether it goes on: false once it was refused, has ended or failed, or was closed. */
  get isLive(): boolean {
    return this.#state.kind === 'live'
  }

  credit(creditMs: number): void {
    if (this.#state.kind !== 'live') return
    this.#state.flow.grant(creditMs)
    this.resume()
  }

  /** Something it may have waited for is there. */
  resume(): void {
    if (this.#state.kind !== 'live' || this.#isPumping) return
    this.#isPumping = true
    void this.#pump(this.#state)
  }

  /** Frees the slot; nothing is sent after this, audio included. Idempotent. */
  close(): void {
    const speech = this.#leave()
    if (!speech) return
    this.#link.forgetAudio(this.#open.stream)
    speech.cancel()
    this.#context.onSlotsChanged()
  }

  #start(): void {
    const { counters, synthesiser, logger } = this.#context
    const { stream, fromSample = 0, creditMs } = this.#open
    try {
      const refusal = this.#context.refusal('synthesise')
      const spoken = refusal || !synthesiser ? undefined : synthesiser.speak(requestOf(this.#open))
      if (spoken?.ok) {
        const { voice, sampleRateHz } = spoken.value
        this.#state = { kind: 'live', speech: spoken.value, flow: new SpeechFlow(sampleRateHz, fromSample, creditMs) }
        counters.speechesOpenedTotal++
        this.#link.send({ type: 'speak.opened', stream, sampleRateHz, voice })
        this.#context.onSlotsChanged()
        this.resume()
        return
      }
      this.#refuse(spoken?.error ?? refusal ?? UNAVAILABLE)
    } catch (error) {
      logger.error({ err: error, stream }, 'a speech could not be opened')
      this.#refuse(UNAVAILABLE)
    }
  }

  #refuse({ code, message, retryAfterMs }: Refusal): void {
    this.#context.counters.speechesRefusedTotal++
    const { stream } = this.#open
    this.#link.send({
      type: 'stream.refused',
      stream,
      code,
      message,
      ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
    })
    this.#onEnded()
  }

  /** Sends what may be sent, then asks for more, until the credit is used up or the pod does not read. */
  async #pump(live: Live): Promise<void> {
    const { flow, speech } = live
    try {
      while (this.#state === live && !this.#link.isStalled) {
        const piece = flow.take()
        if (piece) this.#give(piece, speech.sampleRateHz)
        else if (!flow.wantsMore) return
        else {
          const chunk = await this.#next(speech)
          if (this.#state !== live) return
          if (chunk) flow.add(chunk)
          else this.#end(flow.made)
        }
      }
    } catch (error) {
      this.#fail(error)
    } finally {
      // In the same turn in which nothing was left to do: credit that comes right after is not overlooked.
      this.#isPumping = false
    }
  }

  async #next(speech: Speech): Promise<Int16Array | undefined> {
    const { clock, speechWaits } = this.#context
    const endWait = speechWaits.begin(clock.nowMs())
    try {
      return await withDeadline(clock, CHUNK_DEADLINE_MS, 'synthesis', speech.next())
    } finally {
      endWait()
    }
  }

  #give({ sample, samples }: { readonly sample: number; readonly samples: Int16Array }, sampleRateHz: number): void {
    this.#context.counters.speechAudioMsTotal += (samples.length * 1000) / sampleRateHz
    this.#link.audio(this.#open.stream, sample, samples)
  }

  #end(samples: number): void {
    this.#leave()
    this.#link.flushAudio()
    this.#link.send({ type: 'speak.ended', stream: this.#open.stream, samples })
    this.#context.onSlotsChanged()
    this.#onEnded()
  }

  /** The pod has what was made so far, and asks another worker for the rest. */
  #fail(error: unknown): void {
    const speech = this.#leave()
    if (!speech) return
    const { counters, logger } = this.#context
    const { stream, requestId } = this.#open
    counters.speechesFailedTotal++
    logger.error({ err: error, stream, requestId }, 'a speech failed')
    speech.cancel()
    this.#link.flushAudio()
    this.#link.send({ type: 'stream.failed', stream, message: 'synthesis failed' })
    this.#context.onSlotsChanged()
    this.#onEnded()
  }

  #leave(): Speech | undefined {
    const state = this.#state
    this.#state = { kind: 'ended' }
    return state.kind === 'live' ? state.speech : undefined
  }
}

type Refusal = Omit<Extract<WorkerToPod, { type: 'stream.refused' }>, 'type' | 'stream'>

const UNAVAILABLE: Refusal = {
  code: 'SPEECH_UNAVAILABLE',
  message: 'the speech could not be opened',
  retryAfterMs: 1_000,
}

function requestOf({ requestId, text, voice, language, rateRatio }: SpeakMessage) {
  return {
    requestId,
    text,
    ...(voice === undefined ? {} : { voice }),
    ...(language === undefined ? {} : { language }),
    ...(rateRatio === undefined ? {} : { rateRatio }),
  }
}
