// One PocketSphinx decoder: utterances of 20 ms blocks in, words out. Owns the native object and guards the rule that one call
// at a time may be running on it; knows nothing of streams, endpointing or whose voice it hears.
import { err, ok, type Result } from '@parley/kernel'
import { RECOGNISER_BLOCK_SAMPLES } from '../../recogniser.ts'
import { type CepstralMean, type CepstralState, locateCepstralMean } from './cepstral-state.ts'
import { type EngineProblem, INSTALL_COMMAND, type PocketSphinxLibrary, type Pointer } from './library.ts'

/** One entry of the segmentation: a word or a filler, with the frames of 10 ms it covers (both inclusive). */
export interface WordSegment {
  readonly word: string
  readonly firstFrame: number
  readonly lastFrame: number
  /** Posterior probability in the lattice of the utterance, 0 to 1. */
  readonly posterior: number
}

/** The native decoder refused to go on. It is not to be used again. */
export class DecoderFailure extends Error {
  constructor(what: string) {
    super(`the speech decoder failed: ${what}`)
    this.name = 'DecoderFailure'
  }
}

export class Decoder {
  readonly #library: PocketSphinxLibrary
  readonly #native: Pointer
  readonly #mean: CepstralMean | undefined
  readonly #initial: CepstralState | undefined
  /** The block being decoded: the pool reads it while the caller's goes on living. */
  readonly #block = new Int16Array(RECOGNISER_BLOCK_SAMPLES)
  #isBusy = false
  #isFreed = false

  /** Loads on the pool: about half a second and 100 MB. */
  static async load(
    library: PocketSphinxLibrary,
    settings: Readonly<Record<string, string>>,
    initial: CepstralState,
  ): Promise<Result<Decoder, EngineProblem>> {
    const native = await library.open(settings)
    if (native === null) return err({ message: `PocketSphinx refused its model or settings: ${INSTALL_COMMAND}` })
    return ok(new Decoder(library, native, initial))
  }

  private constructor(library: PocketSphinxLibrary, native: Pointer, initial: CepstralState) {
    this.#library = library
    this.#native = native
    this.#mean = locateCepstralMean(library, native)
    this.#initial = this.#mean && initial
    this.forgetSpeaker()
  }

  /** Whether it can be made as new for another speaker. */
  get isReusable(): boolean {
    return this.#mean !== undefined
  }

  /** What was learnt of the speaker; undefined when the decoder cannot tell. Between calls only. */
  speaker(): CepstralState | undefined {
    this.#check()
    return this.#mean?.read()
  }

  /** Goes on where another decoder left off with this speaker. Between utterances only. */
  adoptSpeaker(state: CepstralState): void {
    this.#check()
    this.#mean?.write(state)
  }

  /** As new: nothing of the last speaker remains. Between utterances only. */
  forgetSpeaker(): void {
    this.#check()
    if (this.#initial) this.#mean?.write(this.#initial)
  }

  /** Begins an utterance. The noise estimate begins afresh too, so that it depends on nothing but the utterance (UT7). */
  begin(): void {
    this.#check()
    const isStarted = this.#library.startStream(this.#native) && this.#library.startUtterance(this.#native)
    if (!isStarted) throw new DecoderFailure('an utterance could not be started')
  }

  /** Decodes one block of RECOGNISER_BLOCK_SAMPLES samples; the block may be reused at once. */
  async feed(block: Int16Array): Promise<void> {
    this.#block.set(block)
    const result = await this.#exclusively(() => this.#library.processRaw(this.#native, this.#block))
    if (result < 0) throw new DecoderFailure('audio could not be decoded')
  }

  /** As `feed`, on the calling thread, which stands still meanwhile: for measuring what a block costs. */
  feedHere(block: Int16Array): void {
    this.#check()
    if (this.#library.processRawHere(this.#native, block) < 0) throw new DecoderFailure('audio could not be decoded')
  }

  /** The best guess so far, raw. */
  hypothesis(): string {
    this.#check()
    return this.#library.hypothesis(this.#native)
  }

  /** Ends the utterance: the decided words, raw. */
  async end(): Promise<string> {
    return this.#exclusively(async () => {
      if (!(await this.#library.endUtterance(this.#native))) throw new DecoderFailure('an utterance could not be ended')
      return this.#library.finalHypothesis(this.#native)
    })
  }

  /** Where the words of the last ended utterance lie. */
  async segments(): Promise<WordSegment[]> {
    return this.#exclusively(async () => {
      const segments: WordSegment[] = []
      let segment = await this.#library.firstSegment(this.#native)
      while (segment !== null) {
        const [firstFrame, lastFrame] = this.#library.segmentFrames(segment)
        const posterior = this.#library.segmentPosterior(this.#native, segment)
        segments.push({ word: this.#library.segmentWord(segment), firstFrame, lastFrame, posterior })
        segment = this.#library.nextSegment(segment)
      }
      return segments
    })
  }

  /** Frees the native object. Idempotent; the caller sees to it that no call is running. */
  async free(): Promise<void> {
    if (this.#isFreed) return
    this.#check()
    this.#isFreed = true
    await this.#library.free(this.#native)
  }

  async #exclusively<T>(call: () => Promise<T>): Promise<T> {
    this.#check()
    this.#isBusy = true
    try {
      return await call()
    } catch (error) {
      throw error instanceof DecoderFailure ? error : new DecoderFailure(String(error))
    } finally {
      this.#isBusy = false
    }
  }

  /** A second call at the same time, or one after the end, would corrupt memory: it is a mistake and stops here. */
  #check(): void {
    if (this.#isFreed) throw new DecoderFailure('it was freed before')
    if (this.#isBusy) throw new DecoderFailure('it was asked two things at once')
  }
}
