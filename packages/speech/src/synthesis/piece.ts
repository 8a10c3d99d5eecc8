// What engines are made of: something that makes the audio of one piece of text at a time (a thread, a lane of processes). Pools hold
// several; speeches ask them piece by piece.
import type { Result } from '@parley/kernel'
import type { VoiceInfo } from '@parley/protocol'
import type { SentenceOptions } from './sentences.ts'

/** A voice as its engine knows it. */
export interface EngineVoice extends VoiceInfo {
  /** What the engine calls it. */
  readonly id: string
  readonly sampleRateHz: number
}

/** What can be said in one go. */
export interface Piece {
  readonly text: string
  readonly voice: EngineVoice
  readonly rateRatio: number
}

/** Makes one piece at a time. One that has broken rejects every further piece and is replaced by whoever holds it. */
export interface PieceMaker {
  /** Whether what it has loaded fits this piece better than what the others have. */
  isWarmFor(piece: Piece): boolean
  /** Audio (PCM16 at the voice's rate, the receiver's to keep) as it is made; resolves after the last of it. */
  make(piece: Piece, onAudio: (samples: Int16Array) => void): Promise<void>
  /** Nobody wants the piece under way: be done with it as soon as may be. `make` then resolves or rejects. */
  abort(): void
  /** True when it will never make a piece again. */
  readonly isBroken: boolean
  /** Ends its thread or processes, whatever they do. Idempotent. */
  close(): Promise<void>
}

/** What is wrong with an engine, and the command that mends it. */
export interface PieceEngineProblem {
  readonly message: string
}

/** An engine without the port round it. */
export interface PieceEngine {
  readonly name: string
  /** Makers it works with at most: what the machine has to give to it, not what is asked of it. */
  readonly makers: number
  /** Longest time one piece may take, from when it is begun. */
  readonly pieceDeadlineMs: number
  /** Voices in the order of preference. Rejects never. */
  load(): Promise<Result<readonly EngineVoice[], PieceEngineProblem>>
  /** Called after `load`. What it cannot do shows at the first piece. */
  createMaker(): PieceMaker
  /** How texts are cut for it. */
  readonly sentences: Omit<SentenceOptions, 'language'>
  /** False where even a few words cost money: then it is ready when it is loaded, and nothing is said to nobody. */
  readonly isWarmedUp?: boolean
  /** `text` in the characters the engine reads; empty when there is nothing in it that it could say. */
  sayable(text: string): string
}
