// A maker that does what a test tells it, piece by piece.
import type { Piece, PieceMaker } from '../synthesis/piece.ts'

export class ManualMaker implements PieceMaker {
  isBroken = false
  isClosed = false
  aborts = 0
  warmText: string | undefined
  /** Of all that it was asked to make. */
  readonly texts: string[] = []
  #making: { readonly onAudio: (samples: Int16Array) => void; readonly done: PromiseWithResolvers<void> } | undefined

  get isMaking(): boolean {
    return this.#making !== undefined
  }

  isWarmFor(piece: Piece): boolean {
    return this.warmText === piece.text
  }

  make(piece: Piece, onAudio: (samples: Int16Array) => void): Promise<void> {
    this.texts.push(piece.text)
    const done = Promise.withResolvers<void>()
    this.#making = { onAudio, done }
    return done.promise
  }

  bring(...samples: number[]): void {
    this.#making?.onAudio(Int16Array.from(samples))
  }

  async finish(): Promise<void> {
    this.#end()?.done.resolve()
    await settled()
  }

  async break(message = 'it broke'): Promise<void> {
    this.isBroken = true
    this.#end()?.done.reject(new Error(message))
    await settled()
  }

  abort(): void {
    this.aborts++
  }

  async close(): Promise<void> {
    this.isClosed = true
    await this.break('it was closed')
  }

  #end() {
    const making = this.#making
    this.#making = undefined
    return making
  }
}

/** Lets promises settle. */
export const settled = (): Promise<void> => new Promise((resolve) => void setImmediate(resolve))
