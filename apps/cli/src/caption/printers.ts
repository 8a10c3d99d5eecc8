// Where captions go: drawn in place on a terminal, one final per line in a pipe, one object per line as JSON.
import {
  type CaptionsInForce,
  KEPT_AUDIO_MS,
  type MissedEvents,
  type ParleyClientError,
  type ReceivedCaption,
  type ReceivedPolish,
  type ReceivedTranslation,
  type Resumed,
  type TranslationFailed,
  type Transport,
  type UserMessage,
} from '@parley/client'
import { type Style, style } from '../output/index.ts'
import type { TextOut } from '../terminal-io.ts'
import { layOut, printable, rowsTaken } from './caption-layout.ts'
import type { RefinedSummary } from './refined-tally.ts'
import type { CaptionSummary } from './summary.ts'

export interface CaptionPrinter {
  partial(caption: ReceivedCaption): void
  final(caption: ReceivedCaption, lagMs: number | undefined): void
  abandoned(utterance: number, reason: string): void
  translation(translation: ReceivedTranslation): void
  translationFailed(failed: TranslationFailed): void
  polished(polished: ReceivedPolish): void
  /** What is made of captions, when what can be had of it is another. */
  captionsInForce(inForce: CaptionsInForce): void
  voice(language: string, utterance: number, reason: 'said' | 'skipped' | 'failed'): void
  /** A file of what was said is whole. */
  spoken(path: string, spokenMs: number): void
  speech(state: 'ready' | 'waiting'): void
  /** The connection broke, for `why`, and is being made anew. */
  interrupted(why: ParleyClientError): void
  resumed(resumed: Resumed): void
  transport(transport: Transport): void
  missed(range: MissedEvents): void
  watchLink(url: string): void
  /** From whoever runs the service. */
  message(message: UserMessage): void
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
  abstract translation(translation: ReceivedTranslation): void
  abstract polished(polished: ReceivedPolish): void
  abstract note(text: string): void
  end(): void {}
  voice(): void {}

  translationFailed({ language, utterance, reason }: TranslationFailed): void {
    this.note(`no ${printable(language)} of utterance ${utterance.index + 1}: ${FAILURES[reason] ?? reason}`)
  }

  captionsInForce({ unavailable, via }: CaptionsInForce): void {
    for (const { message } of unavailable) this.note(printable(message))
    for (const { language, through } of via) this.note(printable(`${language} by way of ${through.join(', ')}`))
  }

  spoken(path: string, spokenMs: number): void {
    this.note(`${seconds(spokenMs)} of speech in ${path}`)
  }

  speech(state: 'ready' | 'waiting'): void {
    if (state === 'waiting') this.note('recognition waits for a speech worker; what is said meanwhile is kept')
    else if (this.#isWaiting) this.note('recognition goes on')
    this.#isWaiting = state === 'waiting'
  }

  interrupted(why: ParleyClientError): void {
    if (why.code === 'WRONG_POD') {
      this.note(`${printable(why.detail)}; following it`)
      return
    }
    // The plain break needs no reason; whatever the platform said does.
    const reason = why.code === 'CONNECTION_LOST' ? '' : `: ${printable(why.detail)}`
    this.note(`connection lost${reason}; trying again (keeps ${seconds(KEPT_AUDIO_MS, 0)} of speech)`)
  }

  resumed({ awayMs, resentMs, lostMs, movedTo }: Resumed): void {
    const sent = resentMs > 0 ? `; ${seconds(resentMs)} of speech sent again` : ''
    const lost = lostMs > 0 ? `; ${seconds(lostMs)} could not be kept` : ''
    const where = movedTo === undefined ? 'back' : `goes on at ${printable(movedTo)}`
    this.note(`${where} after ${seconds(awayMs)}${sent}${lost}`)
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

  message({ data }: UserMessage): void {
    this.note(`message: ${printable(JSON.stringify(data))}`)
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
    if (summary.refined) for (const line of refinedLines(summary.refined)) this.note(line)
    if (summary.droppedMs > 0) this.note(`${summary.droppedMs} ms of audio dropped`)
  }
}

const TRANSPORT_NAMES = { udp: 'UDP', ws: 'WebSocket' } as const
/** Over UDP everything is as it should be; over WebSocket the reason is what matters. */
const transportText = ({ kind, reason }: Transport): string =>
  kind === 'udp' ? 'audio over UDP' : `audio over WebSocket: ${reason}`
const seconds = (ms: number, digits = 1): string => `${(ms / 1000).toFixed(digits)} s`
const count = (amount: number, noun: string): string => `${amount} ${noun}${amount === 1 ? '' : 's'}`

const FAILURES: Readonly<Record<string, string>> = {
  unsupported: 'nothing translates it',
  unavailable: 'its engine is away',
  budget: 'the budget was used up',
  refused: 'what came back could not be right',
  deadline: 'it took too long',
  invalid: 'the text cannot be translated',
  closed: 'the session ended first',
}

/** `es 4 finals, p95 12 ms; 3 mended; 4 heard`. */
function refinedLines({ translations, polished, voices }: RefinedSummary): string[] {
  const parts = Object.entries(translations).map(([language, { finals, failed, p95Ms }]) => {
    const took = p95Ms === undefined ? '' : `, p95 ${p95Ms} ms`
    return `${language} ${count(finals, 'final')}${took}${failed > 0 ? `, ${failed} failed` : ''}`
  })
  if (polished > 0) parts.push(`${polished} mended`)
  const { said, skipped, failed } = voices
  if (said + skipped + failed > 0) {
    parts.push(`${said} heard${skipped > 0 ? `, ${skipped} skipped` : ''}${failed > 0 ? `, ${failed} failed` : ''}`)
  }
  return parts.length === 0 ? [] : [parts.join('; ')]
}

/** Finals only, one per line; what is made of them on lines of their own, with what it is. */
export class PipePrinter extends TextPrinter {
  partial(): void {}
  abandoned(): void {}

  final(caption: ReceivedCaption): void {
    this.out.write(`${printable(caption.text)}\n`)
  }
  translation({ kind, language, text }: ReceivedTranslation): void {
    if (kind === 'final') this.out.write(`[${printable(language)}] ${printable(text)}\n`)
  }
  polished({ seq, text }: ReceivedPolish): void {
    if (seq !== undefined) this.out.write(`[polished] ${printable(text)}\n`)
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
  /** Translations of what is live, by language. */
  readonly #liveTranslations = new Map<string, ReceivedTranslation>()
  /** Cells of each row drawn and not yet erased. */
  #drawn: number[] = []

  constructor(out: TextOut, err: TextOut, isColoured: boolean, isErrColoured: boolean) {
    super(out, err, isErrColoured)
    this.#style = style(isColoured)
    out.on('resize', this.#redraw)
  }

  partial(caption: ReceivedCaption): void {
    if (this.#live?.utterance.index !== caption.utterance.index) this.#liveTranslations.clear()
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

  translation(translation: ReceivedTranslation): void {
    const { kind, language, text, utterance } = translation
    if (kind === 'final') {
      this.#print(`  ${this.#style.cyan(printable(language))}  ${printable(text)}`)
    } else if (this.#live?.utterance.index === utterance.index) {
      this.#liveTranslations.set(language, translation)
      this.#redraw()
    }
  }

  polished({ seq, text }: ReceivedPolish): void {
    if (seq !== undefined) this.#print(`  ${this.#style.dim('~')}  ${printable(text)}`)
  }

  #print(line: string): void {
    this.out.write(`${this.#erase()}${line}\n${this.#draw()}`)
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
    if (!this.#live || this.#live.utterance.index > utterance) return
    this.#live = undefined
    this.#liveTranslations.clear()
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
    const columns = this.out.columns || FALLBACK_COLUMNS
    // Each language has its share of the rows, and at least one while there are any.
    const share = Math.max(1, Math.floor(maxRows / (1 + this.#liveTranslations.size)))
    const rows = layOut(printable(this.#live.text), this.#live.stable, columns, share)
    for (const [language, { text }] of this.#liveTranslations) {
      if (rows.length >= maxRows) break
      rows.push(...layOut(printable(`  ${language}  ${text}`), 0, columns, Math.min(share, maxRows - rows.length)))
    }
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
  translation(translation: ReceivedTranslation): void {
    const { kind, utterance, language, text, of, startMs, endMs, translateMs } = translation
    const took = translateMs === undefined ? {} : { translateMs }
    this.#write({ type: 'translation', kind, utterance: utterance.index, language, text, of, startMs, endMs, ...took })
  }
  translationFailed({ utterance, language, reason }: TranslationFailed): void {
    this.#write({ type: 'translation-failed', utterance: utterance.index, language, reason })
  }
  polished({ seq, utterance, text, of }: ReceivedPolish): void {
    const kind = seq === undefined ? 'partial' : 'final'
    this.#write({ type: 'polished', kind, utterance: utterance.index, text, of })
  }
  captionsInForce({ translateTo, polish, speak, unavailable, via }: CaptionsInForce): void {
    this.#write({ type: 'captions', translateTo, polish, speak, unavailable, via })
  }
  voice(language: string, utterance: number, reason: 'said' | 'skipped' | 'failed'): void {
    this.#write({ type: 'voice', utterance, language, reason })
  }
  spoken(path: string, spokenMs: number): void {
    this.#write({ type: 'spoken', path, ms: Math.round(spokenMs) })
  }
  speech(state: 'ready' | 'waiting'): void {
    this.#write({ type: 'speech', state })
  }
  interrupted({ code, detail }: ParleyClientError): void {
    this.#write({ type: 'connection', state: 'reconnecting', code, detail })
  }
  resumed({ awayMs, resentMs, lostMs, movedTo }: Resumed): void {
    const rounded = { awayMs: Math.round(awayMs), resentMs: Math.round(resentMs), lostMs: Math.round(lostMs) }
    this.#write({ type: 'connection', state: 'resumed', ...rounded, ...(movedTo === undefined ? {} : { movedTo }) })
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
  message({ messageId, sentAtMs, data }: UserMessage): void {
    this.#write({ type: 'message', messageId, sentAtMs, data })
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
