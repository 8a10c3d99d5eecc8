// Where captions go: drawn in place on a terminal, one final per line in a pipe, one object per line as JSON.
import {
  KEPT_AUDIO_MS,
  type MissedEvents,
  type ParleyClientError,
  type ReceivedCaption,
  type Resumed,
  type Transport,
} from '@parley/client'
import { type Style, style } from '../output/index.ts'
import type { TextOut } from '../terminal-io.ts'
import { layOut, printable, rowsTaken } from './caption-layout.ts'
import type { CaptionSummary } from './summary.ts'

export interface CaptionPrinter {
  partial(caption: ReceivedCaption): void
  final(caption: ReceivedCaption, lagMs: number | undefined): void
  abandoned(utterance: number, reason: string): void
  speech(state: 'ready' | 'waiting'): void
  /** The connection broke, for `why`, and is being made anew. */
  interrupted(why: ParleyClientError): void
  resumed(resumed: Resumed): void
  transport(transport: Transport): void
  missed(range: MissedEvents): void
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

  interrupted(why: ParleyClientError): void {
    // The plain break needs no reason; whatever the platform said does.
    const reason = why.code === 'CONNECTION_LOST' ? '' : `: ${printable(why.detail)}`
    this.note(`connection lost${reason}; trying again (keeps ${seconds(KEPT_AUDIO_MS, 0)} of speech)`)
  }

  resumed({ awayMs, resentMs, lostMs }: Resumed): void {
    const sent = resentMs > 0 ? `; ${seconds(resentMs)} of speech sent again` : ''
    const lost = lostMs > 0 ? `; ${seconds(lostMs)} could not be kept` : ''
    this.note(`back after ${seconds(awayMs)}${sent}${lost}`)
  }

  transport(transport: Transport): void {
    this.note(transportText(transport))
  }

  missed({ firstSeq, lastSeq }: MissedEvents): void {
    this.note(`${count(lastSeq - firstSeq + 1, 'line')} of the transcript could not be had any more`)
  }

  watchLink(url: string): void {
    this.note(`watch: ${url}`)
  }

  error(error: ParleyClientError): void {
    this.note(`${this.errStyle.red('parley:')} ${printable(error.message)} (${error.code})`)
  }

  summary(summary: CaptionSummary): void {
    const { words, finals, lagP50Ms, lagP95Ms, interruptions, resentMs, transport } = summary
    const lag = lagP50Ms === undefined ? '' : `, lag p50 ${lagP50Ms} ms, p95 ${lagP95Ms} ms`
    this.note(`${count(words, 'word')} in ${count(finals, 'final')}${lag}, audio over ${TRANSPORT_NAMES[transport]}`)
    const resent = resentMs > 0 ? `, ${seconds(resentMs)} of speech sent again` : ''
    if (interruptions > 0) this.note(`${count(interruptions, 'interruption')}${resent}`)
    if (summary.abandoned > 0) this.note(`${count(summary.abandoned, 'utterance')} ended without words`)
    if (summary.unanswered > 0) this.note(`${count(summary.unanswered, 'utterance')} unanswered`)
    if (summary.droppedMs > 0) this.note(`${summary.droppedMs} ms of audio dropped`)
  }
}

const TRANSPORT_NAMES = { udp: 'UDP', ws: 'WebSocket' } as const
/** Over UDP everything is as it should be; over WebSocket the reason is what matters. */
const transportText = ({ kind, reason }: Transport): string =>
  kind === 'udp' ? 'audio over UDP' : `audio over WebSocket: ${reason}`
const seconds = (ms: number, digits = 1): string => `${(ms / 1000).toFixed(digits)} s`
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
  interrupted({ code, detail }: ParleyClientError): void {
    this.#write({ type: 'connection', state: 'reconnecting', code, detail })
  }
  resumed({ awayMs, resentMs, lostMs }: Resumed): void {
    const rounded = { awayMs: Math.round(awayMs), resentMs: Math.round(resentMs), lostMs: Math.round(lostMs) }
    this.#write({ type: 'connection', state: 'resumed', ...rounded })
  }
  transport({ kind, reason }: Transport): void {
    this.#write({ type: 'transport', transport: kind, reason })
  }
  missed(range: MissedEvents): void {
    this.#write({ type: 'missed', ...range })
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
