// An engine with its makers in view: a test breaks them, and counts what they were asked.

import type { PieceEngine, PieceMaker } from '../synthesis/piece.ts'
import { PieceSynthesiser, type PieceSynthesiserOptions } from '../synthesis/piece-synthesiser.ts'
import type { Synthesiser } from '../synthesiser.ts'
import type { SynthesiserSubject } from './synthesiser-contract.ts'

export interface EngineSubject extends SynthesiserSubject {
  readonly makers: readonly PieceMaker[]
}

/** `breakMaker` is what breaks one that is at work; its own `close` unless told. */
export function engineSubject(
  engine: PieceEngine,
  options: PieceSynthesiserOptions,
  breakMaker: (maker: PieceMaker) => void = (maker) => void maker.close(),
  build: (engine: PieceEngine) => Synthesiser = (each) => new PieceSynthesiser(each, options),
): EngineSubject {
  const makers: PieceMaker[] = []
  const busy = new Set<PieceMaker>()
  let pieces = 0
  const createMaker = () => {
    const maker = engine.createMaker()
    const make = maker.make.bind(maker)
    maker.make = (piece, onAudio) => {
      pieces++
      busy.add(maker)
      return make(piece, onAudio).finally(() => busy.delete(maker))
    }
    makers.push(maker)
    return maker
  }
  return {
    synthesiser: build({ ...engine, createMaker }),
    makers,
    piecesBegun: () => pieces,
    breakDown() {
      for (const maker of busy) breakMaker(maker)
    },
  }
}
