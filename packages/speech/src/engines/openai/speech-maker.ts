// Makes the audio of one piece by asking a provider for it, and passes it on as it comes.
import type { OpenAiClient } from '@parley/providers'
import type { Piece, PieceMaker } from '../../synthesis/piece.ts'

const BYTES_PER_SAMPLE = 2

export class SpeechMaker implements PieceMaker {
  readonly #client: OpenAiClient
  #calling: AbortController | undefined
  #isClosed = false

  constructor(client: OpenAiClient) {
    this.#client = client
  }

  get isBroken(): boolean {
    return this.#isClosed
  }

  isWarmFor(): boolean {
    return true
  }

  async make({ text, voice, rateRatio }: Piece, onAudio: (samples: Int16Array) => void): Promise<void> {
    if (this.#isClosed) throw new Error('it is closed')
    if (this.#calling) throw new Error('one piece at a time')
    const calling = new AbortController()
    this.#calling = calling
    const samples = new SampleReader(onAudio)
    const { speechModel = '' } = this.#client.settings
    const request = { model: speechModel, voice: voice.id, text, speed: rateRatio, signal: calling.signal }
    const made = await this.#client.speech(request, (part) => samples.push(part))
    this.#calling = undefined
    if (!made.ok) throw new Error(made.error.message)
    if (samples.isInMidSample) throw new Error(`${this.#client.settings.id} ends its audio in the middle of a sample`)
  }

  abort(): void {
    this.#calling?.abort()
  }

  async close(): Promise<void> {
    this.#isClosed = true
    this.abort()
  }
}

/** Bytes, cut anywhere, to PCM16 samples. */
class SampleReader {
  readonly #onAudio: (samples: Int16Array) => void
  #odd: number | undefined

  constructor(onAudio: (samples: Int16Array) => void) {
    this.#onAudio = onAudio
  }

  get isInMidSample(): boolean {
    return this.#odd !== undefined
  }

  push(part: Buffer): void {
    const bytes = this.#odd === undefined ? part : Buffer.concat([Buffer.of(this.#odd), part])
    const count = bytes.length >> 1
    this.#odd = bytes.length % BYTES_PER_SAMPLE === 1 ? bytes[bytes.length - 1] : undefined
    if (count === 0) return
    const samples = new Int16Array(count)
    for (let at = 0; at < count; at++) samples[at] = bytes.readInt16LE(BYTES_PER_SAMPLE * at)
    this.#onAudio(samples)
  }
}
