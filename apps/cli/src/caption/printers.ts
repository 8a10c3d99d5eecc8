// Where captions go: drawn in place on a terminal, one final per line in a pipe, one object per line as JSON.
import type { Writable } from 'node:stream'
import type { ParleyClientError, ReceivedCaption } from '@parley/client'
import { type Style, style } from '../output/index.ts'
import { layOut, printable, rowsTaken } from './caption-layout.ts'
import type { CaptionSummary } from './summary.ts'

export type TextOut = Writable & { readonly isTTY?: boolean; readonly columns?: number; readonly rows?: number }

export interface CaptionPrinter {
  partial(caption: ReceivedCaption): void
  final(caption: ReceivedCaption, lagMs: number | undefined): void
  abandoned(utterance: number, reason: string): void
  speech(state: 'ready' | 'waiting'): void
  watchLink(url: string): void
  error(error: ParleyClientError): void
  /** A sentence for the person at the terminal; never part of the result. */
  note(text: string): void
  summary(summary: CaptionSummary): void
  /** Leaves the terminal as a program should. */
  end(): void
}

/** What people and pipes share: everything but the captions goes to standard error. */
abstract class TextPrinter implements CaptionPrinter {
  protected readonly out: TextOut
  protected readonly err: TextOut
  protected readonly errStyle: Style
  #isWaiting = false

  constructor(out: TextOut, err: TextOut, isErrColoured: boolean) {
    this.out = out
    this.err = err
    this.errStyle = style(isErrColoured)
  }

  abstract partial(caption: ReceivedCaption): void
  abstract final(caption: ReceivedCaption, lagMs: number | undefined): void
  abstract abandoned(utterance: number, reason: string): void
  abstract note(text: string): void
  end(): void {}

  speech(state: 'ready' | 'waiting'): void {
    if (state === 'waiting') this.note('recognition waits for a speech worker; what is said meanwhile is kept')
    else if (this.#isWaiting) this.note('recognition goes on')
    this.#isWaiting = state === 'waiting'
  }

  watchLink(url: string): void {
    this.note(`watch: ${url}`)
  }

  error(error: ParleyClientError): void {
    this.note(`${this.errStyle.red('parley:')} ${printable(error.message)} (${error.code})`)
  }

  summary(summary: CaptionSummary): void {
    const { words, finals, lagP50Ms, lagP95Ms } = summary
    const lag = lagP50Ms === undefined ? '' : `, lag p50 ${lagP50Ms} ms, p95 ${lagP95Ms} ms`
    this.note(`${count(words, 'word')} in ${count(finals, 'final')}${lag}`)
    if (summary.abandoned > 0) this.note(`${count(summary.abandoned, 'utterance')} ended without words`)
    if (summary.unanswered > 0) this.note(`${count(summary.unanswered, 'utterance')} unanswered`)
    if (summary.droppedMs > 0) this.note(`${summary.droppedMs} ms of audio dropped`)
  }
}

const count = (amount: number, noun: string): string => `${amount} ${noun}${amount === 1 ? '' : 's'}`

/** Finals only, one per line. */
export class PipePrinter extends TextPrinter {
  partial(): void {}
  abandoned(): void {}

  final(caption: ReceivedCaption): void {
    this.out.write(`${printable(caption.text)}\n`)
  }

  note(text: string): void {
    this.err.write(`${text}\n`)
  }
}

/** Rows of a provisional caption at most; what is older has become stable and will come with the final. */
const MAX_LIVE_ROWS = 6
const FALLBACK_COLUMNS = 80
const FALLBACK_ROWS = 24

/** Partials in place, stable part normal and tail dim; a final replaces them for good. */
export class TerminalPrinter extends TextPrinter {
  readonly #style: Style
  #live: ReceivedCaption | undefined
  /** Cells of each row drawn and not yet erased. */
  #drawn: number[] = []

  constructor(out: TextOut, err: TextOut, isColoured: boolean, isErrColoured: boolean) {
    super(out, err, isErrColoured)
    this.#style = style(isColoured)
    out.on('resize', this.#redraw)
  }

  partial(caption: ReceivedCaption): void {
    this.#live = caption
    this.#redraw()
  }

  final(caption: ReceivedCaption): void {
    this.#settle(caption.utterance.index)
    this.out.write(`${this.#erase()}${printable(caption.text)}\n${this.#draw()}`)
  }

  abandoned(utterance: number): void {
    this.#settle(utterance)
    this.#redraw()
  }

  note(text: string): void {
    // Both streams are usually the same screen: the live rows make way.
    this.out.write(this.#erase())
    this.err.write(`${text}\n`)
    this.out.write(this.#draw())
  }

  override end(): void {
    this.out.off('resize', this.#redraw)
    this.#live = undefined
    this.out.write(this.#erase())
  }

  readonly #redraw = (): void => {
    this.out.write(this.#erase() + this.#draw())
  }

  #settle(utterance: number): void {
    if (this.#live && this.#live.utterance.index <= utterance) this.#live = undefined
  }

  #erase(): string {
    if (this.#drawn.length === 0) return ''
    const rows = rowsTaken(this.#drawn, this.out.columns || FALLBACK_COLUMNS)
    this.#drawn = []
    return `\r${rows > 1 ? `\u001b[${rows - 1}A` : ''}\u001b[J`
  }

  #draw(): string {
    if (!this.#live) return ''
    const maxRows = Math.max(1, Math.min(MAX_LIVE_ROWS, (this.out.rows || FALLBACK_ROWS) - 1))
    const text = printable(this.#live.text)
    const rows = layOut(text, this.#live.stable, this.out.columns || FALLBACK_COLUMNS, maxRows)
    this.#drawn = rows.map((row) => row.cells)
    return rows.map((row) => row.stable + this.#style.dim(row.tail)).join('\n')
  }
}

/** One object per line on standard output; people still get errors and the watch link on standard error. */
export class JsonPrinter implements CaptionPrinter {
  readonly #out: TextOut
  readonly #err: TextOut

  constructor(out: TextOut, err: TextOut) {
    this.#out = out
    this.#err = err
  }

  partial(caption: ReceivedCaption): void {
    this.#caption(caption)
  }
  final(caption: ReceivedCaption, lagMs: number | undefined): void {
    this.#caption(caption, lagMs)
  }
  abandoned(utterance: number, reason: string): void {
    this.#write({ type: 'abandoned', utterance, reason })
  }
  speech(state: 'ready' | 'waiting'): void {
    this.#write({ type: 'speech', state })
  }
  watchLink(url: string): void {
    this.#write({ type: 'watch-link', url })
  }
  error(error: ParleyClientError): void {
    const { code, hop, retryable, retryAfterMs, requestId, message } = error
    this.#write({ type: 'error', code, hop, message, retryable, retryAfterMs, requestId })
    this.note(`parley: ${printable(message)} (${code})`)
  }
  note(text: string): void {
    this.#err.write(`${text}\n`)
  }
  summary(summary: CaptionSummary): void {
    this.#write({ type: 'summary', ...summary })
  }
  end(): void {}

  #caption({ kind, utterance, text, stable, startMs, endMs }: ReceivedCaption, lagMs?: number): void {
    const rounded = lagMs === undefined ? {} : { lagMs: Math.round(lagMs) }
    this.#write({ type: kind, utterance: utterance.index, text, stable, startMs, endMs, ...rounded })
  }

  #write(value: object): void {
    this.#out.write(`${JSON.stringify(value)}\n`)
  }
}
