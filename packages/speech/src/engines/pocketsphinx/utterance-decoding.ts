// The decoding of one speaker's utterances: feeding, finding the voice in the first one, ending, cutting. Owns no decision about
// where utterances begin and end.

import type { HeardBlock } from '../../block-history.ts'
import { isFiller, wordsOf } from '../../caption-text.ts'
import { chooseCut } from '../../cut-point.ts'
import { CEPSTRUM_LENGTH, type CepstralState } from './cepstral-state.ts'
import type { Decoder, WordSegment } from './decoder.ts'

/** How much of a new speaker is heard before the first guess at the voice: pre-roll and about a second. */
const CALIBRATION_BLOCKS = 65
/** Weight of the initial idea of a voice against what was heard, in frames of 10 ms. */
const PRIOR_FRAMES = 60
const FRAMES_PER_BLOCK = 2
const FRAME_MS = 10

/** A word as the decoder spells it, and where it lies in media time. */
export interface DecodedWord {
  readonly word: string
  readonly startMs: number
  readonly endMs: number
  /** Posterior probability in the lattice of the utterance. */
  readonly confidence: number
}

export interface DecodedUtterance {
  readonly words: readonly string[]
  /** One for each of `words`; undefined when they were not asked for. */
  readonly timed: readonly DecodedWord[] | undefined
}

export class UtteranceDecoding {
  readonly #decoder: Decoder
  /** Blocks of the utterance so far, kept until the voice is known; undefined once it is. */
  #heard: HeardBlock[] | undefined
  readonly #wantsWords: boolean
  #fedBlocks = 0
  /** Media time of the first block of the utterance. */
  #firstMs = 0
  #isOpen = false

  /** `speaker`: state of the same speaker from an earlier stream. The decoder must have forgotten all others. */
  constructor(decoder: Decoder, speaker: CepstralState | undefined, wantsWords: boolean) {
    this.#decoder = decoder
    this.#wantsWords = wantsWords
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
    this.#firstMs = blocks[0]?.startMs ?? 0
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

  /** Ends the utterance. */
  async end(): Promise<DecodedUtterance> {
    const words = await this.#end()
    return { words, timed: this.#wantsWords ? this.#timed(await this.#decoder.segments(), words) : undefined }
  }

  async #end(): Promise<readonly string[]> {
    if (this.#heard && this.#heard.length > 0) await this.#calibrate(this.#heard)
    this.#isOpen = false
    return wordsOf(await this.#decoder.end())
  }

  /** Undefined should the segmentation ever say other words than the hypothesis: no word gets another's time. */
  #timed(segments: readonly WordSegment[], words: readonly string[]): readonly DecodedWord[] | undefined {
    const timed = segments.flatMap(({ word, firstFrame, lastFrame, posterior }) => {
      const startMs = this.#firstMs + firstFrame * FRAME_MS
      const endMs = this.#firstMs + (lastFrame + 1) * FRAME_MS
      return wordsOf(word).map((bare) => ({ word: bare, startMs, endMs, confidence: Math.min(1, posterior) }))
    })
    const isSame = timed.length === words.length && timed.every(({ word }, at) => word === words[at])
    return isSame ? timed : undefined
  }

  /** Ends the utterance near its quietest point: the words before the cut, and how many of the last blocks lie after it. */
  async cut(
    quietestBlocksAgo: number,
    blocksAtHand: number,
  ): Promise<DecodedUtterance & { readonly carriedBlocks: number }> {
    const everything = await this.#end()
    const decoded = await this.#decoder.segments()
    const timed = this.#wantsWords ? this.#timed(decoded, everything) : undefined
    const segments = decoded.map((segment) => ({
      ...segment,
      word: wordsOf(segment.word)[0] ?? '',
      isFiller: isFiller(segment.word),
    }))
    const blocks = this.#fedBlocks
    const quietestFrame = (blocks - quietestBlocksAgo) * FRAMES_PER_BLOCK - 1
    const earliestFrame = Math.max(1, blocks - blocksAtHand) * FRAMES_PER_BLOCK
    const cut = chooseCut(segments, quietestFrame, earliestFrame)
    if (!cut) return { words: everything, timed, carriedBlocks: 0 }
    const { words } = cut
    return {
      words,
      timed: timed?.slice(0, words.length),
      carriedBlocks: blocks - Math.round(cut.frame / FRAMES_PER_BLOCK),
    }
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
