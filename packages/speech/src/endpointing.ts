// Where utterances begin, end and are cut, decided from voiced and unvoiced blocks of 20 ms. Pure: no audio, no clock, no
// decoder; the same blocks always give the same decisions.

export const BLOCK_MS = 20

export interface EndpointingOptions {
  /** Silence that ends an utterance. */
  readonly endpointMs: number
  /** Longest utterance; a longer one is cut (UT5). */
  readonly maxUtteranceMs: number
}

export const DEFAULT_ENDPOINTING: EndpointingOptions = { endpointMs: 300, maxUtteranceMs: 20_000 }

/** Speech has begun when this many of the last START_WINDOW_BLOCKS blocks are voiced. */
const START_VOICED_BLOCKS = 3
const START_WINDOW_BLOCKS = 5
/** Audio before the decision that is handed over too: the window itself and a soft first consonant. */
export const PRE_ROLL_BLOCKS = 15
/** The stretch before a cut in which its place is looked for. */
export const CUT_SEARCH_BLOCKS = 3_000 / BLOCK_MS
/** The quietest point is the middle of the quietest run of this many blocks. */
const QUIET_RUN_BLOCKS = 3

export type EndpointDecision =
  /** No utterance is open and none begins. */
  | 'silence'
  /** An utterance begins; it owns the pre-roll too. */
  | 'start'
  /** The open utterance goes on. */
  | 'speech'
  /** The open utterance ended with its last voiced block. */
  | 'end'
  /** The open utterance is as long as it may be: cut it (`quietestBlocksAgo`) and go on. */
  | 'cut'

export class Endpointer {
  readonly #endpointBlocks: number
  readonly #maxBlocks: number
  readonly #levels = new Float32Array(CUT_SEARCH_BLOCKS)
  #blocksSeen = 0
  /** Bit n set: the block n blocks ago was voiced. */
  #recentVoiced = 0
  #isOpen = false
  #openBlocks = 0
  #unvoicedBlocks = 0

  constructor(options: EndpointingOptions) {
    this.#endpointBlocks = Math.max(1, Math.round(options.endpointMs / BLOCK_MS))
    // Shorter than the search window plus the pre-roll, a cut could not move on.
    this.#maxBlocks = Math.max(CUT_SEARCH_BLOCKS, Math.round(options.maxUtteranceMs / BLOCK_MS))
  }

  get isOpen(): boolean {
    return this.#isOpen
  }

  /** Blocks since the last voiced one: what is subtracted for the end of speech (UT6). */
  get hangoverBlocks(): number {
    return this.#unvoicedBlocks
  }

  next(isVoiced: boolean, levelDbfs: number): EndpointDecision {
    this.#levels[this.#blocksSeen++ % CUT_SEARCH_BLOCKS] = levelDbfs
    this.#recentVoiced = ((this.#recentVoiced << 1) | (isVoiced ? 1 : 0)) & ((1 << START_WINDOW_BLOCKS) - 1)
    this.#unvoicedBlocks = isVoiced ? 0 : this.#unvoicedBlocks + 1
    if (!this.#isOpen) return this.#whileSilent()
    this.#openBlocks++
    if (this.#unvoicedBlocks >= this.#endpointBlocks) {
      this.finish()
      return 'end'
    }
    return this.#openBlocks >= this.#maxBlocks ? 'cut' : 'speech'
  }

  /** How many blocks ago (0 = the last one) the quietest point of the last 3 s was; of equals the latest. */
  quietestBlocksAgo(): number {
    const searched = Math.min(this.#blocksSeen, CUT_SEARCH_BLOCKS, this.#maxBlocks >> 1)
    let bestAgo = 0
    let bestSum = Number.POSITIVE_INFINITY
    for (let ago = 0; ago + QUIET_RUN_BLOCKS <= searched; ago++) {
      let sum = 0
      for (let run = 0; run < QUIET_RUN_BLOCKS; run++) sum += this.#level(ago + run)
      if (sum >= bestSum) continue
      bestSum = sum
      bestAgo = ago + (QUIET_RUN_BLOCKS >> 1)
    }
    return bestAgo
  }

  /** After a cut: the next utterance is open already and owns the last `carriedBlocks` blocks. */
  continueAfterCut(carriedBlocks: number): void {
    this.#isOpen = true
    this.#openBlocks = carriedBlocks
  }

  /** Ends the open utterance, if any, without waiting for silence (flush, gap). What was heard no longer starts one. */
  finish(): void {
    this.#isOpen = false
    this.#openBlocks = 0
    this.#recentVoiced = 0
  }

  /** Forgets everything heard. */
  reset(): void {
    this.finish()
    this.#unvoicedBlocks = 0
    this.#blocksSeen = 0
  }

  #whileSilent(): EndpointDecision {
    if (bitCount(this.#recentVoiced) < START_VOICED_BLOCKS) return 'silence'
    this.#isOpen = true
    this.#openBlocks = PRE_ROLL_BLOCKS
    return 'start'
  }

  #level(blocksAgo: number): number {
    return this.#levels[(this.#blocksSeen - 1 - blocksAgo) % CUT_SEARCH_BLOCKS] as number
  }
}

function bitCount(bits: number): number {
  let count = 0
  for (let rest = bits; rest > 0; rest &= rest - 1) count++
  return count
}
