// The finals of a page visit: an append-only list with a bound, what of it is drawn, and its text form. Pure.

/** Finals kept in memory; beyond it the oldest are dropped and counted. */
export const MAX_LINES = 10_000
/** Finals drawn at once; earlier ones are drawn on request, this many more at a time. */
export const DRAWN_LINES = 200

/** A line in another language: still being made, done, or not to be had. */
export interface Translated {
  readonly language: string
  readonly text: string
  readonly state: 'open' | 'final' | 'failed'
}

export interface Line {
  readonly kind: 'line'
  /** Unique within the page visit: session and utterance. */
  readonly key: string
  /** As it was recognised. */
  readonly text: string
  /** The same with its grammar mended. */
  readonly mended?: string
  /** At most one per language. */
  readonly translations: readonly Translated[]
  /** Media time of the first speech, ms. */
  readonly startMs: number
}

/** Where another session begins in the same transcript. */
export interface SessionMark {
  readonly kind: 'mark'
  readonly key: string
  /** ms since the Unix epoch */
  readonly startedAtMs: number
}

export type Entry = Line | SessionMark

export interface Transcript {
  readonly entries: readonly Entry[]
  readonly lineCount: number
  /** Lines dropped because of MAX_LINES. */
  readonly droppedCount: number
}

export const EMPTY_TRANSCRIPT: Transcript = { entries: [], lineCount: 0, droppedCount: 0 }

/** Appends `line` unless a line with its key is there already (a watcher that reconnects hears finals again). */
export function appendLine(transcript: Transcript, line: Line): Transcript {
  if (line.text.trim() === '' || hasKey(transcript.entries, line.key)) return transcript
  const entries = [...transcript.entries, line]
  if (transcript.lineCount < MAX_LINES) return { ...transcript, entries, lineCount: transcript.lineCount + 1 }
  const oldest = entries.findIndex((entry) => entry.kind === 'line')
  entries.splice(oldest, 1)
  return { ...transcript, entries: dropLeadingMarks(entries), droppedCount: transcript.droppedCount + 1 }
}

/** With the line of `key` changed; the same transcript when there is none. Looks from the end: it is nearly always a new one. */
export function changeLine(transcript: Transcript, key: string, change: (line: Line) => Line): Transcript {
  const at = transcript.entries.findLastIndex((entry) => entry.key === key)
  const line = transcript.entries[at]
  if (line?.kind !== 'line') return transcript
  const changed = change(line)
  return changed === line ? transcript : { ...transcript, entries: transcript.entries.with(at, changed) }
}

/** With `next` in the place of what there was in its language. What is final stays (TX1). */
export function withTranslated(all: readonly Translated[], next: Translated): readonly Translated[] {
  const at = all.findIndex(({ language }) => language === next.language)
  if (at === -1) return [...all, next]
  return all[at]?.state === 'open' ? all.with(at, next) : all
}

/** Those in `languages`, in that order. */
export function shownTranslations(all: readonly Translated[], languages: readonly string[]): readonly Translated[] {
  return languages.flatMap((wanted) => all.filter(({ language }) => language === wanted))
}

/** Marks the start of another session; replaces a mark that nothing followed. */
export function appendMark(transcript: Transcript, mark: SessionMark): Transcript {
  const last = transcript.entries.at(-1)
  const kept = last?.kind === 'mark' ? transcript.entries.slice(0, -1) : transcript.entries
  return { ...transcript, entries: [...kept, mark] }
}

function hasKey(entries: readonly Entry[], key: string): boolean {
  for (let index = entries.length - 1; index >= 0; index--) {
    if (entries[index]?.key === key) return true
  }
  return false
}

/** Of marks that follow one another at the head only the last still has lines. */
function dropLeadingMarks(entries: Entry[]): Entry[] {
  while (entries[0]?.kind === 'mark' && entries[1]?.kind === 'mark') entries.shift()
  return entries
}

export interface DrawnPart {
  readonly entries: readonly Entry[]
  /** Entries before the drawn ones. */
  readonly hiddenCount: number
}

/** The newest `limit` entries. */
export function drawnPart(transcript: Transcript, limit: number): DrawnPart {
  const hiddenCount = Math.max(0, transcript.entries.length - limit)
  return { entries: hiddenCount === 0 ? transcript.entries : transcript.entries.slice(hiddenCount), hiddenCount }
}

/** Media time as people read it: 0:07, 12:45, 1:02:09. */
export function clockText(mediaMs: number): string {
  const seconds = Math.floor(Math.max(0, mediaMs) / 1000)
  const [hours, minutes] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60]
  const tail = String(seconds % 60).padStart(2, '0')
  return hours > 0 ? `${hours}:${String(minutes).padStart(2, '0')}:${tail}` : `${minutes}:${tail}`
}

const translatedText = (line: Line): string[] =>
  line.translations.filter(({ state }) => state === 'final').map(({ language, text }) => `    ${language}: ${text}`)

/** The whole transcript as a text file: a heading per session, one line per final and its translations below it. */
export function transcriptText(transcript: Transcript, wallText: (wallMs: number) => string): string {
  const out: string[] = []
  if (transcript.droppedCount > 0) out.push(`(The first ${transcript.droppedCount} lines were not kept.)`, '')
  for (const entry of transcript.entries) {
    if (entry.kind === 'mark')
      out.push(...(out.length > 0 ? [''] : []), `Captions of ${wallText(entry.startedAtMs)}`, '')
    else out.push(`[${clockText(entry.startMs)}] ${entry.mended ?? entry.text}`, ...translatedText(entry))
  }
  return out.length === 0 ? '' : `${out.join('\n')}\n`
}
