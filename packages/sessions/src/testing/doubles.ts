// Doubles of a session's ports that record what they are told.
import type { AdaptationState, CloseReason, ServerMessage } from '@parley/protocol'
import type { Hearing } from '../hearing.ts'
import type {
  AudioSink,
  CaptionSink,
  HeldSlot,
  MoveTarget,
  OpenAudio,
  SessionChannel,
  Speaking,
  SpeechRequest,
  SpeechSink,
  SpeechSource,
} from '../ports.ts'

/** Of who wants captions and nothing that is made of them. */
export const HEARS_CAPTIONS: Hearing = { partials: true, finals: true, languages: [], polish: 'off' }

/** A connection that takes everything. */
export class RecordingChannel implements SessionChannel {
  /** The very buffers given, in order. */
  readonly buffers: Buffer[] = []
  pings = 0
  closedFor: CloseReason | undefined

  get messages(): ServerMessage[] {
    return this.buffers.map((buffer) => JSON.parse(buffer.toString()) as ServerMessage)
  }
  keep(message: Buffer, _supersedes?: number): void {
    this.buffers.push(message)
  }
  latest(_key: number, message: Buffer): void {
    this.buffers.push(message)
  }
  /** Set false to take no frames of speeches. */
  takesSpeech = true
  readonly frames: Buffer[] = []
  speech(frame: Buffer): boolean {
    if (this.takesSpeech) this.frames.push(frame)
    return this.takesSpeech
  }
  ping(): void {
    this.pings++
  }
  /** Where it was told to go, as one that came to `ws://own`. */
  readonly moves: string[] = []
  move(target: MoveTarget): void {
    this.moves.push(target.urlFor('ws://own'))
  }
  close(reason: CloseReason): void {
    this.closedFor ??= reason
  }
}

/** A slot whose stream records frames; the test speaks through `captions`. */
export class FakeSlot implements HeldSlot, AudioSink {
  opened: OpenAudio | undefined
  learnt: AdaptationState | undefined
  captions: CaptionSink | undefined
  released = 0
  closed = 0
  readonly frames: { mediaTime: number; payload: Uint8Array; receivedAtWallMs: number }[] = []
  readonly flushes: number[] = []
  /** Pushes, flushes and holds, in order. */
  readonly told: string[] = []

  open(options: OpenAudio, captions: CaptionSink): AudioSink {
    this.opened = options
    this.captions = captions
    return this
  }
  adaptation(): AdaptationState | undefined {
    return this.learnt
  }
  release(): void {
    this.released++
  }
  push(mediaTime: number, payload: Uint8Array, receivedAtWallMs: number): void {
    this.told.push(`frame ${mediaTime}`)
    this.frames.push({ mediaTime, payload: Uint8Array.from(payload), receivedAtWallMs })
  }
  flush(flushId: number): void {
    this.told.push(`flush ${flushId}`)
    this.flushes.push(flushId)
  }
  hold(isHeld: boolean): void {
    this.told.push(isHeld ? 'hold' : 'release')
  }
  close(): void {
    this.closed++
  }
}

/** One text that a FakeSource was asked to say; the test speaks through `sink`. */
export class FakeSpeech implements Speaking {
  readonly request: SpeechRequest
  readonly sink: SpeechSink
  creditMs: number
  isCancelled = false
  #samples: number

  constructor(request: SpeechRequest, sink: SpeechSink) {
    this.request = request
    this.sink = sink
    this.creditMs = request.creditMs
    this.#samples = request.fromSample ?? 0
  }

  grant(creditMs: number): void {
    this.creditMs = creditMs
  }
  cancel(): void {
    this.isCancelled = true
  }
  start(sampleRateHz = 16_000): this {
    this.sink.speechStarted({ sampleRateHz, voice: 'tone', language: 'en' })
    return this
  }
  /** `ms` more of audio at 16 kHz, in frames of 20 ms. */
  say(ms: number): this {
    for (let said = 0; said < ms; said += 20) {
      this.sink.speechAudio(this.#samples, new Uint8Array(640).fill(this.#samples & 0xff))
      this.#samples += 320
    }
    return this
  }
  end(): void {
    this.sink.speechEnded(this.#samples)
  }
}

export class FakeSource implements SpeechSource {
  readonly speeches: FakeSpeech[] = []
  get last(): FakeSpeech {
    const last = this.speeches.at(-1)
    if (!last) throw new Error('nothing was to be said yet')
    return last
  }
  /** Languages that cannot be said. */
  readonly unsaid = new Set<string>()
  unsayable(language: string): string | undefined {
    return this.unsaid.has(language) ? `no voice speaks ${language}` : undefined
  }
  speak(request: SpeechRequest, sink: SpeechSink): Speaking {
    const speech = new FakeSpeech(request, sink)
    this.speeches.push(speech)
    return speech
  }
}
