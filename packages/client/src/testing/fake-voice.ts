// What a fake session says when it is asked to: samples made up of the text, at once and in frames of 20 ms, or held back until a test lets
// them go.
import {
  type ErrorCode,
  type ErrorDetails,
  encodeSpeechFrame,
  errorMessage,
  type ServerMessage,
  type Speak,
} from '@parley/protocol'

export const FAKE_VOICE = { name: 'fake', language: 'en', engine: 'fake' } as const
export const FAKE_SPEECH_RATE_HZ = 16_000
const SAMPLES_PER_CHAR = 320
const FRAME_SAMPLES = 320

/** The samples a fake pod makes of `text`: 20 ms for each character, whatever stands before it. */
export function fakeSpeechOf(text: string): Int16Array {
  const samples = new Int16Array(text.length * SAMPLES_PER_CHAR)
  for (let n = 0; n < samples.length; n++) {
    const code = text.charCodeAt(Math.floor(n / SAMPLES_PER_CHAR))
    samples[n] = ((code * 97 + (n % SAMPLES_PER_CHAR) * 7) % 60_000) - 30_000
  }
  return samples
}

export interface FakeVoiceOutlet {
  say(message: ServerMessage): void
  sayRaw(frame: Uint8Array): void
}

interface FakeSpeech {
  readonly request: Speak
  readonly samples: Int16Array
  number: number | undefined
  sent: number
}

export class FakeVoice {
  readonly #outlet: FakeVoiceOutlet
  /** Those that wait or are said, oldest first. */
  #queue: FakeSpeech[] = []
  #nextNumber = 0
  /** What was asked for so far, in order of arrival. */
  readonly requests: Speak[] = []
  readonly cancels: string[] = []
  /** Frames it may say before it waits to be told (`release`); all of them unless told. */
  allowedFrames = Number.POSITIVE_INFINITY
  /** Never answers a cancel. */
  ignoresCancel = false
  /** Fails the next text with this. */
  refusal: { readonly code: ErrorCode; readonly details?: ErrorDetails } | undefined
  /** Hz it says it speaks at. */
  sampleRateHz = FAKE_SPEECH_RATE_HZ

  constructor(outlet: FakeVoiceOutlet) {
    this.#outlet = outlet
  }

  speak(request: Speak): void {
    this.requests.push(request)
    const sent = request.fromSample ?? 0
    this.#queue.push({ request, samples: fakeSpeechOf(request.text), number: undefined, sent })
    this.#go()
  }

  cancel(requestId: string): void {
    this.cancels.push(requestId)
    const speech = this.#queue.find(({ request }) => request.requestId === requestId)
    if (!speech || this.ignoresCancel) return
    this.#queue = this.#queue.filter((one) => one !== speech)
    this.#outlet.say({ type: 'speak.cancelled', requestId, samples: speech.sent })
    this.#go()
  }

  /** Lets `frames` more be said. */
  release(frames = Number.POSITIVE_INFINITY): void {
    this.allowedFrames = frames
    this.#go()
  }

  /** The connection is gone, and with it what was being said. */
  drop(): void {
    this.#queue = []
  }

  #go(): void {
    for (;;) {
      const speech = this.#queue[0]
      if (!speech) return
      const { requestId } = speech.request
      if (this.refusal) {
        this.#queue.shift()
        const { code, details } = this.refusal
        this.refusal = undefined
        this.#outlet.say(errorMessage(code, { ...details, requestId }))
        continue
      }
      if (speech.number === undefined) this.#start(speech)
      this.#frames(speech)
      if (speech.sent < speech.samples.length) return
      this.#queue.shift()
      this.#outlet.say({ type: 'speak.ended', requestId, samples: speech.samples.length })
    }
  }

  #start(speech: FakeSpeech): void {
    speech.number = this.#nextNumber++
    const { name: voice, language } = FAKE_VOICE
    const { requestId } = speech.request
    const started = { requestId, speech: speech.number, sampleRateHz: this.sampleRateHz, voice, language }
    this.#outlet.say({ type: 'speak.started', ...started })
  }

  #frames(speech: FakeSpeech): void {
    while (speech.sent < speech.samples.length && this.allowedFrames > 0) {
      const samples = speech.samples.slice(speech.sent, speech.sent + FRAME_SAMPLES)
      this.#outlet.sayRaw(encodeSpeechFrame(speech.number ?? 0, speech.sent, new Uint8Array(samples.buffer)))
      speech.sent += samples.length
      this.allowedFrames--
    }
  }
}
