// Is there speech in this 20 ms block? A voice detector says what sounds like speech, an adaptive floor says what stands out
// from the room; both must agree. Decides nothing about utterances: that is endpointing.

/** What is needed of a voice detector; @parley/audio's Vad is one. */
export interface VoiceActivity {
  /** Whether this block of 320 samples, which follows the last one, sounds like speech. */
  isSpeech(block: Int16Array): boolean
  reset(): void
  close(): void
}

export interface BlockActivity {
  readonly isVoiced: boolean
  readonly levelDbfs: number
}

/** Level given to digital silence. */
export const SILENT_DBFS = -96
/** What must be heard above the floor before a block counts as voiced. */
const ABOVE_FLOOR_DB = 7
/** Sound below this is never speech: it is under the noise of any microphone that hears a person. */
const AUDIBLE_DBFS = -58
/** However loud the room, somebody louder than this is heard. */
const MAX_FLOOR_DBFS = -30
/** The floor is the quietest moment of about this long, so that a new hum is part of the room after it. */
const FLOOR_WINDOW_BLOCKS = 100
/** Two windows of half the length are kept, so that the minimum never has to be searched for. */
const HALF_WINDOW_BLOCKS = FLOOR_WINDOW_BLOCKS / 2
/** Smoothing over about three blocks: one quiet block between two syllables is not the room. */
const SMOOTHING = 0.4

export class SpeechActivity {
  readonly #voice: VoiceActivity
  #smoothedDbfs: number | undefined
  #previousMinDbfs = Number.POSITIVE_INFINITY
  #currentMinDbfs = Number.POSITIVE_INFINITY
  #blocksInWindow = 0

  constructor(voice: VoiceActivity) {
    this.#voice = voice
  }

  /** Level of the quietest recent moment, limited to what still lets loud speech through; -96 before the first block. */
  get floorDbfs(): number {
    const min = Math.min(this.#previousMinDbfs, this.#currentMinDbfs)
    return min === Number.POSITIVE_INFINITY ? SILENT_DBFS : Math.min(min, MAX_FLOOR_DBFS)
  }

  /** Takes the next block of 320 samples. */
  next(block: Int16Array): BlockActivity {
    const levelDbfs = levelOf(block)
    this.#learn(levelDbfs)
    // Asked even when the level decides, because the detector learns from every block.
    const soundsLikeSpeech = this.#voice.isSpeech(block)
    const isVoiced = soundsLikeSpeech && levelDbfs > AUDIBLE_DBFS && levelDbfs > this.floorDbfs + ABOVE_FLOOR_DB
    return { isVoiced, levelDbfs }
  }

  /**
   * Starts the detector afresh and takes `floorDbfs` for the room's level. Done at every end of an utterance, so that a
   * stream that goes on elsewhere from there judges its audio alike (UT7).
   */
  restart(floorDbfs: number | undefined): void {
    this.#voice.reset()
    this.#smoothedDbfs = undefined
    this.#previousMinDbfs = floorDbfs ?? Number.POSITIVE_INFINITY
    this.#currentMinDbfs = Number.POSITIVE_INFINITY
    this.#blocksInWindow = 0
  }

  close(): void {
    this.#voice.close()
  }

  #learn(levelDbfs: number): void {
    const smoothed = this.#smoothedDbfs ?? levelDbfs
    this.#smoothedDbfs = smoothed + SMOOTHING * (levelDbfs - smoothed)
    if (this.#smoothedDbfs < this.#currentMinDbfs) this.#currentMinDbfs = this.#smoothedDbfs
    if (++this.#blocksInWindow < HALF_WINDOW_BLOCKS) return
    this.#previousMinDbfs = this.#currentMinDbfs
    this.#currentMinDbfs = Number.POSITIVE_INFINITY
    this.#blocksInWindow = 0
  }
}

/** Root mean square of a block about its mean, in dB below full scale: what a cheap sound card adds to every sample is no sound. */
export function levelOf(block: Int16Array): number {
  let sum = 0
  let squares = 0
  for (let at = 0; at < block.length; at++) {
    const sample = block[at] as number
    sum += sample
    squares += sample * sample
  }
  const variance = (squares - (sum * sum) / block.length) / block.length
  if (!(variance > 0)) return SILENT_DBFS
  return Math.max(SILENT_DBFS, 10 * Math.log10(variance / 32_768 ** 2))
}
