// One line that tells how far a command is: drawn over itself on a terminal, silent in a pipe.
import type { WriteStream } from 'node:tty'

const FRAMES = ['|', '/', '-', '\\']
const BAR_CELLS = 24

/** `[######------] 50 %` for a ratio in 0..1. */
export function bar(ratio: number, cells = BAR_CELLS): string {
  const clean = Math.min(1, Math.max(0, ratio))
  const full = Math.round(clean * cells)
  return `[${'#'.repeat(full)}${'-'.repeat(cells - full)}] ${Math.round(clean * 100)} %`
}

type Target = { write(text: string): unknown } & Partial<Pick<WriteStream, 'columns'>>

export class Progress {
  readonly #target: Target
  readonly #isDrawn: boolean
  #frame = 0
  #shown = false

  constructor(target: Target, isDrawn: boolean) {
    this.#target = target
    this.#isDrawn = isDrawn
  }

  /** Shows `text`, with a bar when `ratio` (0..1) is known and a spinner when it is not. Call it as often as things change. */
  update(text: string, ratio?: number): void {
    if (!this.#isDrawn) return
    const head = ratio === undefined ? FRAMES[this.#frame++ % FRAMES.length] : bar(ratio)
    const width = Math.max(20, (this.#target.columns ?? 80) - 1)
    this.#target.write(`\r\u001b[K${`${head} ${text}`.slice(0, width)}`)
    this.#shown = true
  }

  /** Takes the line away; whoever writes something that stays calls this first. */
  clear(): void {
    if (!this.#shown) return
    this.#target.write('\r\u001b[K')
    this.#shown = false
  }
}
