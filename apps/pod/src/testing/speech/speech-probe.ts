// One session as the speech port sees it, for tests: speaks in words of constant samples (see the worker's spelling
// recogniser) and keeps everything that is reported.
import type { Result } from '@parley/kernel'
import type { AudioFormat, ParleyError } from '@parley/protocol'
import type { SlotReservation, SpeechListener, SpeechPort, SpeechStream } from '../../speech/speech-port.ts'

export const PROBE_FORMAT: AudioFormat = { codec: 'pcm16', sampleRateHz: 16_000, frameMs: 20 }
const FRAME_SAMPLES = 320
const FRAMES_PER_WORD = 5
/** More than the endpointing wait: ends an utterance. */
const PAUSE_FRAMES = 20

type Final = Parameters<SpeechListener['onFinal']>[0]
type Partial = Parameters<SpeechListener['onPartial']>[0]
type Abandoned = Parameters<SpeechListener['onAbandoned']>[0]

export class SpeechProbe implements SpeechListener {
  readonly partials: Partial[] = []
  readonly finals: Final[] = []
  readonly abandoned: Abandoned[] = []
  readonly flushed: number[] = []
  readonly states: string[] = []
  readonly settled: number[] = []
  stream: SpeechStream | undefined
  #mediaTime = 0
  readonly #wallMs: () => number

  constructor(wallMs: () => number, firstMediaTime = 0) {
    this.#wallMs = wallMs
    this.#mediaTime = firstMediaTime
  }

  /** Reserves and opens; throws what `reserve` refuses with. */
  open(speech: SpeechPort, sessionId: string, affinityKey?: string): this {
    const reserved: Result<SlotReservation, ParleyError> = speech.reserve('en-US', affinityKey)
    if (!reserved.ok) throw reserved.error
    const options = { sessionId, language: 'en-US', format: PROBE_FORMAT, firstIndex: 0 }
    this.stream = speech.open(reserved.value, options, this)
    return this
  }

  get mediaTime(): number {
    return this.#mediaTime
  }

  /** The words `values`, 100 ms each, with no pause after them. */
  words(...values: number[]): this {
    for (const value of values) this.frames(value, FRAMES_PER_WORD)
    return this
  }

  pause(): this {
    return this.frames(0, PAUSE_FRAMES)
  }

  frames(value: number, count: number): this {
    const frame = new Uint8Array(new Int16Array(FRAME_SAMPLES).fill(value).buffer)
    for (let index = 0; index < count; index++) {
      this.stream?.push(this.#mediaTime, frame, this.#wallMs())
      this.#mediaTime += FRAME_SAMPLES
    }
    return this
  }

  /** Silence that is not sent. */
  gap(frameCount: number): this {
    this.#mediaTime += frameCount * FRAME_SAMPLES
    return this
  }

  /** Texts of the finals, in order. */
  said(): string[] {
    return this.finals.map((final) => final.text)
  }

  onPartial(partial: Partial): void {
    this.partials.push(partial)
  }
  onFinal(final: Final): void {
    this.finals.push(final)
  }
  onAbandoned(abandoned: Abandoned): void {
    this.abandoned.push(abandoned)
  }
  onFlushed(flushId: number): void {
    this.flushed.push(flushId)
  }
  onSettled(mediaTime: number): void {
    this.settled.push(mediaTime)
  }
  onState(state: string, reason?: string): void {
    this.states.push(reason ? `${state} ${reason}` : state)
  }
}
