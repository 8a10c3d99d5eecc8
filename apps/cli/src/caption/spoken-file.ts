// What is heard in one language, as a WAV file: the voices one behind the other with a short pause, written as they come. The first voice
// sets the rate; another is brought to it.
import { createResampler } from '@parley/audio'
import type { ParleyVoice } from '@parley/client'
import { FileSink } from '../say/sinks.ts'

const PAUSE_MS = 250

export class SpokenFile {
  readonly path: string
  readonly #sink: FileSink
  #sampleRateHz: number | undefined
  #samples = 0
  /** Voices are written in the order they come; what failed is kept for the end. */
  #chain: Promise<void> = Promise.resolve()
  #failure: unknown

  constructor(path: string) {
    this.path = path
    this.#sink = new FileSink(path)
  }

  /** What is in it so far, ms. */
  get spokenMs(): number {
    return this.#sampleRateHz === undefined ? 0 : (this.#samples * 1000) / this.#sampleRateHz
  }

  /** Takes everything that will come of `voice`. */
  add(voice: ParleyVoice): void {
    this.#chain = this.#chain
      .then(() => this.#write(voice))
      .catch((thrown: unknown) => {
        this.#failure ??= thrown
        voice.cancel()
      })
  }

  /** Whole when this resolves. Throws SinkError: it could not be written. */
  async finish(): Promise<void> {
    await this.#chain
    await this.#sink.finish()
    if (this.#failure !== undefined) throw this.#failure
  }

  async #write(voice: ParleyVoice): Promise<void> {
    if (this.#failure !== undefined) {
      voice.cancel()
      return
    }
    const rateHz = voice.started?.sampleRateHz ?? 0
    if (this.#sampleRateHz === undefined) {
      await this.#sink.start(rateHz)
      this.#sampleRateHz = rateHz
    } else await this.#append(new Int16Array((PAUSE_MS * this.#sampleRateHz) / 1000))
    const resampler = await createResampler(rateHz, this.#sampleRateHz)
    try {
      for await (const { samples } of untilItBreaks(voice)) await this.#append(resampler.process(samples))
      await this.#append(resampler.flush())
    } finally {
      resampler.close()
    }
  }

  async #append(samples: Int16Array): Promise<void> {
    await this.#sink.write(samples)
    this.#samples += samples.length
  }
}

/** The audio that came: a voice that breaks off is told elsewhere, and what was heard of it stays. */
async function* untilItBreaks(voice: ParleyVoice) {
  try {
    yield* voice
  } catch {
    // Its outcome says why.
  }
}
