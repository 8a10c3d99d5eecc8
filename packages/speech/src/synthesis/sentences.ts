// Cuts a text into the pieces that are synthesised one after the other: sentences, and parts of those that are too long. Pure, and lazy:
// a piece is looked for when it is asked for. Joined with spaces the pieces are the text, but for white space.

export interface SentenceOptions {
  /** BCP 47 tag; where a sentence ends differs a little between languages. */
  readonly language: string
  /** Longest piece in UTF-16 units; shorter where digits and symbols take long to say. */
  readonly maxChars: number
  /**
   * A first piece longer than this is cut where a speaker might pause (at a clause, before a word of `pauseBefore`), so that the
   * first sound comes soon. No cut in a sentence without such a place. `maxChars` unless told.
   */
  readonly firstChars?: number
  readonly pauseBefore?: ReadonlySet<string>
}

/** A longer run without any space (an address, a number, nonsense) is cut, whatever it is. */
export const MAX_WORD_CHARS = 60
/** The first piece is no shorter: "Well," alone sounds like a whole answer. */
const MIN_FIRST_CHARS = 12

/** Before the full stop: these go on. */
const ABBREVIATION =
  /(?:^|[\s("'])(?:\p{Lu}|Mr|Mrs|Ms|Dr|Prof|Rev|Hon|Gen|Col|Capt|Lt|Sgt|St|Mt|Ft|Jr|Sr|vs|etc|e\.g|i\.e|cf|approx|No|Nos|Vol|pp?|Fig|Jan|Feb|Mar|Apr|Jun|Jul|Aug|Sept?|Oct|Nov|Dec|Sra?|Srta|Dra|Ud|Uds|Mme|Mlle|Hr|Fr|Nr|bzw|z\.B|d\.h|ca|usw)\.$/u
/** "am 3. Mai", "1. Einleitung": a number with a full stop may be an ordinal. */
const ORDINAL = /(?:^|\s)\d{1,3}\.$/
const CLAUSE_END = /[,;:)\]\u2013\u2014\u060c\u061b\u3001\uff0c\uff1b\uff1a\u3002\uff01\uff1f.!?]$/u
/** What belongs to the character before it. */
const JOINER = /^(?:\p{M}|\p{EMod}|\u200d)/u

/** The pieces of `text`, trimmed, none empty. */
export function* piecesOf(text: string, options: SentenceOptions): Generator<string, void, undefined> {
  let isFirst = true
  for (const sentence of sentencesOf(text, options.language)) {
    for (const part of partsOf(sentence, options.maxChars)) {
      if (isFirst) yield* opening(part, options)
      else yield part
      isFirst = false
    }
  }
}

/** Whole sentences of any length. */
export function* sentencesOf(text: string, language: string): Generator<string, void, undefined> {
  let held = ''
  for (const { segment } of segmenterFor(language).segment(text)) {
    held += segment
    const trimmed = held.trim()
    if (trimmed === '') continue
    // Bounded: a text of nothing but abbreviations is still cut, by `maxChars`.
    if (held.length < MAX_HELD_CHARS && (ABBREVIATION.test(trimmed) || ORDINAL.test(trimmed))) continue
    yield trimmed
    held = ''
  }
  if (held.trim() !== '') yield held.trim()
}

const MAX_HELD_CHARS = 400
const segmenters = new Map<string, Intl.Segmenter>()

/** One for each language asked for; the languages there are bound the map. */
function segmenterFor(language: string): Intl.Segmenter {
  let segmenter = segmenters.get(language)
  if (!segmenter) {
    segmenter = new Intl.Segmenter(language, { granularity: 'sentence' })
    segmenters.set(language, segmenter)
  }
  return segmenter
}

/** `sentence` in parts of at most `maxChars`, cut after a clause if one ends in the second half of it, else between words. */
function* partsOf(sentence: string, maxChars: number): Generator<string, void, undefined> {
  let part = ''
  let clauseEnd = 0
  for (const word of wordsOf(sentence, Math.min(maxChars, MAX_WORD_CHARS))) {
    while (part !== '' && sayingLength(part) + 1 + sayingLength(word) > maxChars) {
      const cut = clauseEnd >= part.length / 2 ? clauseEnd : part.length
      yield part.slice(0, cut)
      part = part.slice(cut).trimStart()
      clauseEnd = 0
    }
    part = part === '' ? word : `${part} ${word}`
    if (CLAUSE_END.test(word)) clauseEnd = part.length
  }
  if (part !== '') yield part
}

/** "7" is "seven", and an emoji a whole phrase. */
const DIGIT_CHARS = 4
const SYMBOL_CHARS = 10

/** Length of `text` as it is said, in letters; never less than its own. */
function sayingLength(text: string): number {
  let length = text.length
  for (const [character] of text.matchAll(/[\p{N}\p{S}]/gu)) {
    length += (/\p{N}/u.test(character) ? DIGIT_CHARS : SYMBOL_CHARS) - 1
  }
  return length
}

/** Words between white space; those without an end in runs of `maxChars`. */
function* wordsOf(sentence: string, maxChars: number): Generator<string, void, undefined> {
  for (const [word] of sentence.matchAll(/\S+/g)) {
    let rest = word
    while (rest.length > maxChars) {
      const cut = characterEnd(rest, maxChars)
      yield rest.slice(0, cut)
      rest = rest.slice(cut)
    }
    if (rest !== '') yield rest
  }
}

/** The last place up to `limit` that is not inside a character; `limit` itself where marks go on for longer than that. */
function characterEnd(word: string, limit: number): number {
  // A clause or sentence mark is the better place: scripts without spaces have those.
  for (let at = limit; at > limit / 2; at--) {
    if (CLAUSE_END.test(word.slice(at - 1, at))) return at
  }
  for (let at = limit; at > 0; at--) {
    const isInPair = isHighSurrogate(word.charCodeAt(at - 1))
    if (!isInPair && !JOINER.test(word.slice(at, at + 2)) && word[at - 1] !== '\u200d') return at
  }
  return isHighSurrogate(word.charCodeAt(limit - 1)) ? limit - 1 : limit
}

const isHighSurrogate = (unit: number): boolean => unit >= 0xd800 && unit <= 0xdbff

/** The first part of a text, in two where a pause in it lets the first sound come sooner. */
function* opening(part: string, options: SentenceOptions): Generator<string, void, undefined> {
  const cut = part.length > (options.firstChars ?? options.maxChars) ? pauseIn(part, options) : part.length
  yield part.slice(0, cut)
  const rest = part.slice(cut).trimStart()
  if (rest !== '') yield rest
}

/** The end of a clause within `firstChars`, else the last word there that a pause may stand before; the whole length if none. */
function pauseIn(part: string, { firstChars = part.length, pauseBefore }: SentenceOptions): number {
  let clauseEnd = 0
  let wordStart = 0
  for (const match of part.matchAll(/\S+/g)) {
    const end = match.index + match[0].length
    const mayPause = match.index >= MIN_FIRST_CHARS && pauseBefore?.has(match[0].toLowerCase()) === true
    if (mayPause && match.index - 1 <= firstChars) wordStart = match.index - 1
    if (end > firstChars) break
    if (end >= MIN_FIRST_CHARS && CLAUSE_END.test(match[0])) clauseEnd = end
  }
  return clauseEnd || wordStart || part.length
}
