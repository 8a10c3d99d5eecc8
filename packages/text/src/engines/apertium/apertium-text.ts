// A text as Apertium is to see it, and its answer as a reader is to see it. Recognised text is short, often without capitals and full
// stops; the pipelines want both. What is added before is taken away after. Pure.

/** What stands for markup in the stream between Apertium's programs: read as text when escaped. */
const MARKUP = /[\^$/<>{}@[\]\\*]/g
const SENTENCE_END = /[.!?\u2026\u3002\uff01\uff1f\u061f][)\]"'\u2019\u201d\u00bb]*$/
/** English words that have a capital wherever they stand; Apertium knows them by it. */
const ENGLISH_CAPITALS =
  /\b(?:i(?=$|[\s.,;:!?'\u2019])|(?:mon|tues|wednes|thurs|fri|satur|sun)days?|january|february|april|june|july|august|september|october|november|december|english|spanish|catalan|french|portuguese|italian|german|london|paris|madrid|barcelona|spain|france|italy|portugal|england|america|europe|christmas)\b/g

export interface Prepared {
  /** To be written into the pipeline, before the mark and NUL. */
  readonly stream: string
  /** From what came out of the pipeline, the mark taken off, to what is shown. */
  restore(answer: string): string
}

/** `piece` (of `plainLine`) for a pipeline between two languages. */
export function prepare(piece: string, from: string, to: string): Prepared {
  const cased = from.startsWith('en') ? piece.replace(ENGLISH_CAPITALS, capitalised) : piece
  const isEnded = SENTENCE_END.test(cased)
  return {
    stream: `${cased.replace(MARKUP, '\\$&')}${isEnded ? '' : '.'}`,
    restore(answer) {
      let text = answer.replace(/\\(.)/gsu, '$1').replace(/\s+/g, ' ').trim()
      if (!isEnded && text.endsWith('.')) text = text.slice(0, -1).trimEnd()
      // What Apertium has nothing for at all stays as it was, like any word it does not know.
      return likeSource(withoutStrayCapitals(withoutMarks(text, piece), cased, to), piece) || piece
    },
  }
}

const capitalised = (word: string): string => word.charAt(0).toUpperCase() + word.slice(1)

/** Marks of unknown, untranslated and unmade words and leftover grammar, as far as the source had none of them. */
function withoutMarks(answer: string, source: string): string {
  let text = answer.replace(/<[a-z][a-z0-9_:]*>/g, (tag) => (source.includes(tag) ? tag : ''))
  for (const mark of ['#', '@', '*']) {
    if (text.includes(mark) && !source.includes(mark)) text = text.replaceAll(mark, '')
  }
  if (!/ [.,]/.test(source)) text = text.replace(/ +(?=[.,](?:\s|$))/g, '')
  return text.replace(/ {2,}/g, ' ').trim()
}

/** Languages that have capitals inside a sentence where others have none: "I", "Monday", "Haus". */
const KEEPS_CAPITALS = /^(en|de|lb)\b/

/**
 * Apertium gives capitals to words it makes of a word with one ("Good morning everyone" -> "Buenos dias Todo el mundo"). Where the source has
 * none inside its sentences, the answer has none.
 */
function withoutStrayCapitals(answer: string, source: string, to: string): string {
  const inside = source.replace(/(^|[.!?\u2026]\s+)[^\p{L}]*\p{Lu}/gu, '').replace(/\bI\b/g, '')
  if (KEEPS_CAPITALS.test(to) || /\p{Lu}/u.test(inside)) return answer
  return answer.replace(/(?<=[\p{Ll}\p{N},;:] )\p{Lu}(?=\p{Ll}|\P{L}|$)/gu, (letter) => letter.toLowerCase())
}

const FIRST_LETTER = /\p{L}/u

/** The first letter as large as that of the source; words that are all capitals, and the English I, keep theirs. */
function likeSource(answer: string, source: string): string {
  const given = FIRST_LETTER.exec(source)?.[0]
  const found = FIRST_LETTER.exec(answer)
  if (given === undefined || !found) return answer
  const { index } = found
  const letter = found[0]
  if (isUpper(given)) return `${answer.slice(0, index)}${letter.toUpperCase()}${answer.slice(index + letter.length)}`
  const word = /^[\p{L}\p{M}]+/u.exec(answer.slice(index))?.[0] ?? letter
  const isLowerSource = given !== given.toUpperCase()
  const keeps = word === 'I' || (word.length > 1 && word === word.toUpperCase()) || isNameIn(word, source)
  if (keeps || !isLowerSource || !isUpper(letter)) return answer
  return `${answer.slice(0, index)}${letter.toLowerCase()}${answer.slice(index + letter.length)}`
}

const isUpper = (letter: string): boolean => letter !== letter.toLowerCase() && letter === letter.toUpperCase()

/** A word the source has with the same capital. */
const isNameIn = (word: string, source: string): boolean => source.split(/[^\p{L}\p{M}]+/u).includes(word)
