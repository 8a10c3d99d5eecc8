// Texts as engines take them: on one line, in pieces that are not too long. Pure.

/** Longest piece given to an engine at once, in UTF-16 units. */
export const MAX_PIECE_CHARS = 1_000

export interface PieceText {
  readonly text: string
  /** What stood between it and the next piece: a space, or nothing where a word had to be cut. */
  readonly glue: string
}

/** `text` on one line: control characters, line ends and halves of characters count as spaces, and spaces are single. */
export function plainLine(text: string): string {
  return text
    .toWellFormed()
    .normalize('NFC')
    .replace(/[\p{Cc}\u2028\u2029\ufeff\ufffd]/gu, ' ')
    .replace(/\s+/gu, ' ')
    .trim()
}

/** Whether there is anything in it that a language could change. */
export const hasWords = (line: string): boolean => /\p{L}/u.test(line)

/** `line` in pieces of at most MAX_PIECE_CHARS, as `slicesOf` cuts it, without the spaces between them. */
export const piecesOfLine = (line: string, language: string): PieceText[] =>
  slicesOf(line, language)
    .map((slice) => ({ text: slice.trim(), glue: slice.endsWith(' ') ? ' ' : '' }))
    .filter(({ text }) => text !== '')

/**
 * `text` in slices of at most MAX_PIECE_CHARS that make it up again when they are joined; cut between sentences, else between words, else
 * anywhere between characters.
 */
export function slicesOf(text: string, language: string): string[] {
  if (text.length <= MAX_PIECE_CHARS) return text === '' ? [] : [text]
  const slices: string[] = []
  let held = ''
  for (const part of partsOf(text, language)) {
    if (held !== '' && held.length + part.length > MAX_PIECE_CHARS) {
      slices.push(held)
      held = ''
    }
    held += part
  }
  if (held !== '') slices.push(held)
  return slices
}

/** Sentences, and parts of those that are too long by themselves; joined they are the line. */
function* partsOf(line: string, language: string): Generator<string, void, undefined> {
  const segmenter = new Intl.Segmenter(language, { granularity: 'sentence' })
  for (const { segment } of segmenter.segment(line)) {
    if (segment.length <= MAX_PIECE_CHARS) yield segment
    else yield* wordsOf(segment)
  }
}

function* wordsOf(sentence: string): Generator<string, void, undefined> {
  for (const [word] of sentence.matchAll(/\s*\S+\s*/g)) {
    let rest = word
    while (rest.length > MAX_PIECE_CHARS) {
      const isInPair = (rest.charCodeAt(MAX_PIECE_CHARS - 1) & 0xfc00) === 0xd800
      const cut = isInPair ? MAX_PIECE_CHARS - 1 : MAX_PIECE_CHARS
      yield rest.slice(0, cut)
      rest = rest.slice(cut)
    }
    yield rest
  }
}
