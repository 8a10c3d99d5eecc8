// One speech made piece by piece: asks for the next piece while the one before is heard, cuts audio into chunks, ends in one way.
import type { VoiceInfo } from '@parley/protocol'
import { MAX_SPEECH_CHUNK_MS, type Speech, type SynthesisError } from '../synthesiser.ts'
import { AudioQueue } from './audio-queue.ts'
import type { EngineVoice, Piece } from './piece.ts'
import type { PiecePool } from './piece-pool.ts'

export interface PieceSpeechOptions {
  readonly pool: PiecePool
  readonly voice: EngineVoice
  readonly rateRatio: number
  /** Texts of the pieces, looked for as they are needed. */
  readonly texts: Iterator<string>
  /** Called once, when it is over. */
  readonly onOver: () => void
}

/** Audio of one piece. */
interface PieceAudio {
  readonly audio: AudioQueue
  isComplete: boolean
}

/** The one that is heard and the one ahead of it. */
const MAX_PIECES = 2

export class PieceSpeech implements Speech {
  readonly voice: VoiceInfo
  readonly sampleRateHz: number
  readonly #options: PieceSpeechOptions
  readonly #chunkSamples: number
  readonly #pieces: PieceAudio[] = []
  /** Cancels what is being made; nothing is, while undefined. */
  #cancelTask: (() => void) | undefined
  #hasMore = true
  #failure: SynthesisError | undefined
  #pending: PromiseWithResolvers<Int16Array | undefined> | undefined
  #isOver = false

  constructor(options: PieceSpeechOptions) {
    const { name, language, engine, sampleRateHz } = options.voice
    this.voice = { name, language, engine }
    this.sampleRateHz = sampleRateHz
    this.#options = options
    this.#chunkSamples = (sampleRateHz * MAX_SPEECH_CHUNK_MS) / 1000
  }

  next(): Promise<Int16Array | undefined> {
    if (this.#pending)
      return Promise.reject(new Error('one call at a time: the chunk asked for before has not come yet'))
    const pending = Promise.withResolvers<Int16Array | undefined>()
    this.#pending = pending
    this.#advance()
    return pending.promise
  }

  cancel(): void {
    this.#end()
  }

  /** Answers the `next` that waits if it can be, and sees to it that the next piece is on its way. */
  #advance(): void {
    this.#order()
    if (!this.#pending) return
    const chunk = this.#takeChunk()
    const isToCome = !chunk && (this.#pieces.length > 0 || this.#cancelTask !== undefined)
    if (isToCome) return
    if (chunk) this.#answer(chunk)
    else this.#end(this.#failure)
  }

  /** A whole chunk, or what is left of a piece that is complete. */
  #takeChunk(): Int16Array | undefined {
    const heard = this.#pieces[0]
    if (!heard) return undefined
    if (heard.audio.length < this.#chunkSamples && !heard.isComplete) return undefined
    const chunk = heard.audio.take(this.#chunkSamples)
    if (heard.isComplete && heard.audio.length === 0) {
      this.#pieces.shift()
      this.#order()
    }
    return chunk.length > 0 ? chunk : this.#takeChunk()
  }

  /** Asks for the next piece, unless one is being made or enough is made ahead. */
  #order(): void {
    if (this.#cancelTask || !this.#hasMore || this.#pieces.length >= MAX_PIECES) return
    const { value: text, done } = this.#options.texts.next()
    if (done === true) {
      this.#hasMore = false
      return
    }
    const { voice, rateRatio } = this.#options
    const made: PieceAudio = { audio: new AudioQueue(), isComplete: false }
    const piece: Piece = { text, voice, rateRatio }
    this.#pieces.push(made)
    // Taken at once: a maker may bring audio before `submit` has returned.
    this.#cancelTask = () => {}
    this.#cancelTask = this.#options.pool.submit({
      piece,
      isAwaited: () => this.#pending !== undefined,
      onAudio: (samples) => {
        made.audio.push(samples)
        this.#advance()
      },
      onDone: (failure) => {
        made.isComplete = true
        this.#cancelTask = undefined
        if (failure) {
          this.#failure = failure
          this.#hasMore = false
        }
        this.#advance()
      },
    })
  }

  #end(failure?: SynthesisError): void {
    if (!this.#isOver) {
      this.#isOver = true
      this.#cancelTask?.()
      this.#cancelTask = undefined
      this.#pieces.length = 0
      this.#hasMore = false
      this.#failure = undefined
      this.#options.onOver()
    }
    this.#answer(undefined, failure)
  }

  #answer(chunk: Int16Array | undefined, failure?: SynthesisError): void {
    const pending = this.#pending
    this.#pending = undefined
    if (failure) pending?.reject(failure)
    else pending?.resolve(chunk)
  }
}
