// The decoding of one speaker's utterances: feeding, finding the voice in the first one, ending, cutting. Owns no decision about
// where utterances begin and end.

import type { HeardBlock } from '../../block-history.ts'
import { isFiller, wordsOf } from '../../caption-text.ts'
import { chooseCut } from '../../cut-point.ts'
import { CEPSTRUM_LENGTH, type CepstralState } from './cepstral-state.ts'
import type { Decoder } from './decoder.ts'

/** How much of a new speaker is heard before the first guess at the voice: pre-roll and about a second. */
const CALIBRATION_BLOCKS = 65
/** Weight of the initial idea of a voice against what was heard, in frames of 10 ms. */
const PRIOR_FRAMES = 60
const FRAMES_PER_BLOCK = 2

export class UtteranceDecoding {
  readonly #decoder: Decoder
  /** Blocks of the utterance so far, kept until the voice is known; undefined once it is. */
  #heard: HeardBlock[] | undefined
  #fedBlocks = 0
  #isOpen = false

  /** `speaker`: state of the same speaker from an earlier stream. The decoder must have forgotten all others. */
  constructor(decoder: Decoder, speaker: CepstralState | undefined) {
    this.#decoder = decoder
    if (speaker) decoder.adoptSpeaker(speaker)
    else if (decoder.isReusable) this.#heard = []
  }

  /** False while the first utterance is being decoded with an idea of the voice that will be thrown away. */
  get isCalibrated(): boolean {
    return this.#heard === undefined
  }

  async begin(blocks: readonly HeardBlock[]): Promise<void> {
    this.#decoder.begin()
    this.#isOpen = true
    this.#fedBlocks = 0
    for (const block of blocks) await this.feed(block)
  }

  async feed(block: HeardBlock): Promise<void> {
    this.#fedBlocks++
    await this.#decoder.feed(block.samples)
    if (!this.#heard) return
    this.#heard.push(block)
    if (this.#heard.length >= CALIBRATION_BLOCKS) await this.#calibrate(this.#heard)
  }

  hypothesis(): string {
    return this.#decoder.hypothesis()
  }

  /** Ends the utterance: its words, raw. */
  async end(): Promise<string> {
    if (this.#heard && this.#heard.length > 0) await this.#calibrate(this.#heard)
    this.#isOpen = false
    return this.#decoder.end()
  }

  /** Ends the utterance near its quietest point: the words before the cut, and how many of the last blocks lie after it. */
  async cut(
    quietestBlocksAgo: number,
    blocksAtHand: number,
  ): Promise<{ readonly words: readonly string[]; readonly carriedBlocks: number }> {
    const everything = wordsOf(await this.end())
    const segments = (await this.#decoder.segments()).map((segment) => ({
      ...segment,
      word: wordsOf(segment.word)[0] ?? '',
      isFiller: isFiller(segment.word),
    }))
    const blocks = this.#fedBlocks
    const quietestFrame = (blocks - quietestBlocksAgo) * FRAMES_PER_BLOCK - 1
    const earliestFrame = Math.max(1, blocks - blocksAtHand) * FRAMES_PER_BLOCK
    const cut = chooseCut(segments, quietestFrame, earliestFrame)
    if (!cut) return { words: everything, carriedBlocks: 0 }
    return { words: cut.words, carriedBlocks: blocks - Math.round(cut.frame / FRAMES_PER_BLOCK) }
  }

  speaker(): CepstralState | undefined {
    return this.#decoder.speaker()
  }

  /** Leaves the decoder between utterances, whatever it was doing; false when it cannot be used any more. */
  async abort(): Promise<boolean> {
    if (!this.#isOpen) return true
    this.#isOpen = false
    return this.#decoder.end().then(
      () => true,
      () => false,
    )
  }

  /**
   * The initial mean is a guess about every voice and microphone there is; the first second of speech is a better one. What was
   * heard so far is decoded again with it.
   */
  async #calibrate(heard: readonly HeardBlock[]): Promise<void> {
    this.#heard = undefined
    const first = this.#decoder.speaker()
    await this.#decoder.end()
    if (first && first.frames > 0) this.#decoder.adoptSpeaker(blend(first))
    this.#decoder.begin()
    for (const { samples } of heard) await this.#decoder.feed(samples)
  }
}

function blend({ mean, sum, frames }: CepstralState): CepstralState {
  const blended = mean.map((prior, at) => ((sum[at] as number) + PRIOR_FRAMES * prior) / (frames + PRIOR_FRAMES))
  return { mean: blended, sum: new Float32Array(CEPSTRUM_LENGTH), frames: 0 }
}
