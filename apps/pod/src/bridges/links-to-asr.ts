// Where the recognition endpoint meets the workers: a connection's samples become frames of a stream that survives its worker.
import { pcm16ToBytes } from '@parley/audio'
import { type Clock, err, ok, type Result } from '@parley/kernel'
import type { AudioFormat, ParleyError } from '@parley/protocol'
import {
  BACKEND_RATE_HZ,
  type OpenRecognition,
  type RecogniseBackend,
  type RecogniseListener,
  type RecogniseStream,
} from '@parley/stream-endpoints'
import type { SpeechListener, SpeechPort, SpeechStream } from '../speech/speech-port.ts'

const FORMAT: AudioFormat = { codec: 'pcm16', sampleRateHz: BACKEND_RATE_HZ, frameMs: 20 }
const FRAME_SAMPLES = 320
const SAMPLES_PER_MS = BACKEND_RATE_HZ / 1000

export interface LinksToAsrOptions {
  readonly clock: Clock
  readonly speech: Pick<SpeechPort, 'languages' | 'reserve' | 'open'>
  /** Why the pod takes no stream now. */
  readonly refusal: () => ParleyError | undefined
}

export class LinksToAsr implements RecogniseBackend {
  readonly #options: LinksToAsrOptions

  constructor(options: LinksToAsrOptions) {
    this.#options = options
  }

  refusal(): ParleyError | undefined {
    return this.#options.refusal()
  }

  languages(): readonly string[] {
    return this.#options.speech.languages()
  }

  async open(
    { connectionId, language, firstIndex }: OpenRecognition,
    listener: RecogniseListener,
  ): Promise<Result<RecogniseStream, ParleyError>> {
    const { clock, speech } = this.#options
    const reserved = speech.reserve(language)
    if (!reserved.ok) return err(reserved.error)
    const { language: granted } = reserved.value
    const options = { sessionId: connectionId, language: granted, format: FORMAT, firstIndex, wantsWords: true }
    return ok(new FramedStream(clock, speech.open(reserved.value, options, adapt(listener))))
  }
}

/** Samples of any number in, frames of 20 ms out, each at its media time. */
class FramedStream implements RecogniseStream {
  readonly #clock: Clock
  readonly #stream: SpeechStream
  readonly #frame = new Int16Array(FRAME_SAMPLES)
  #filled = 0
  /** Sample at which the frame being filled begins. */
  #frameStart = 0

  constructor(clock: Clock, stream: SpeechStream) {
    this.#clock = clock
    this.#stream = stream
  }

  push(mediaMs: number, samples: Int16Array): void {
    if (this.#filled === 0) this.#frameStart = Math.round(mediaMs * SAMPLES_PER_MS)
    for (let at = 0; at < samples.length; ) {
      const taken = Math.min(samples.length - at, FRAME_SAMPLES - this.#filled)
      this.#frame.set(samples.subarray(at, at + taken), this.#filled)
      this.#filled += taken
      at += taken
      if (this.#filled === FRAME_SAMPLES) this.#send()
    }
  }

  flush(flushId: number): void {
    this.#send()
    this.#stream.flush(flushId)
  }

  async close(): Promise<void> {
    this.#stream.close()
  }

  /** The last frame before a flush may be short. */
  #send(): void {
    if (this.#filled === 0) return
    const payload = pcm16ToBytes(this.#frame.subarray(0, this.#filled))
    this.#stream.push(this.#frameStart, payload, this.#clock.wallMs())
    this.#frameStart += this.#filled
    this.#filled = 0
  }
}

function adapt(listener: RecogniseListener): SpeechListener {
  let told: 'ready' | 'waiting' = 'ready'
  return {
    onPartial: (partial) => listener.onPartial(partial),
    onFinal: ({ index, text, startMs, endMs, words }) => listener.onFinal({ index, text, startMs, endMs, words }),
    onAbandoned: (abandoned) => listener.onAbandoned(abandoned),
    onFlushed: (flushId) => listener.onFlushed(flushId),
    onSettled: (mediaTime) => listener.onSettled(mediaTime / SAMPLES_PER_MS),
    // A stream begins with a slot reserved: that it has its worker is no news.
    onState: (state) => {
      if (state === told) return
      told = state
      listener.onState(state)
    },
  }
}
