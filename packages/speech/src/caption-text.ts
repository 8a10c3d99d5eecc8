// From a recogniser's bare words to what a reader sees: light casing always, end punctuation on finals only. Pure; never
// adds, drops or changes a word.

/** Common names that are written with a capital wherever they stand. Words that are also ordinary ones (may, march, will) are left out. */
const PROPER_NAMES = new Set(
  [
    'monday tuesday wednesday thursday friday saturday sunday',
    'january february april june july august september october november december',
    'christmas easter english french german spanish italian russian chinese japanese american british european',
    'africa america asia europe australia canada england france germany india ireland italy japan mexico russia scotland spain',
    'london paris berlin madrid rome moscow tokyo beijing chicago boston washington california texas florida',
    'john james robert michael william david richard thomas mary patricia jennifer elizabeth susan anna peter paul',
  ].flatMap((line) => line.split(' ')),
)

const PRONOUN_I = /^i('(m|ll|d|ve|s))?$/
const POSSESSIVE = /'s$/

/** Begin a question when a subject follows: "could you", "is there", "don't they". */
const AUXILIARIES = new Set(
  (
    'can could would will shall should do does did is are was were am have has had may might must ' +
    "isn't aren't wasn't weren't don't doesn't didn't can't couldn't won't wouldn't shouldn't haven't hasn't hadn't"
  ).split(' '),
)
const QUESTION_WORDS = new Set('who whom whose what which when where why how'.split(' '))
/** After a question word these make a clause of a statement: "when i was young", "what a day", "how the day went". */
const CLAUSE_SUBJECTS = new Set('i he she we they you it the a an my his her its our their this that'.split(' '))
/** Follow a verb that only looks like an auxiliary: "have a seat", "had the time", "do the dishes". */
const ARTICLES = new Set(['a', 'an', 'the', 'some', 'no'])
const ALSO_MAIN_VERBS = new Set(['have', 'has', 'had', 'do', 'does', 'did'])
/** The negative commands: "don't touch" is one, "don't you" is not. */
const PRONOUNS = new Set('i you he she it we they'.split(' '))

/**
 * The words of a PocketSphinx hypothesis: without pronunciation marks ("read(2)"), fillers ("<sil>", "[NOISE]", "++UH++")
 * and empty parts.
 */
export function wordsOf(hypothesis: string): string[] {
  const words: string[] = []
  for (const part of hypothesis.split(' ')) {
    if (part === '' || isFiller(part)) continue
    words.push(part.replace(/\(\d+\)$/, ''))
  }
  return words
}

/** True for what a decoder puts where no word was said. */
export function isFiller(word: string): boolean {
  return /^(<.*>|\[.*\]|\+\+.*\+\+)$/.test(word)
}

/** Words as a partial shows them: first letter, "I", names of days, months and places; no punctuation at the end. */
export function partialText(words: readonly string[]): string {
  return words.map((word, at) => (at === 0 ? capitalise(cased(word)) : cased(word))).join(' ')
}

/** Length in UTF-16 units of the first `count` words within `partialText(words)`. */
export function stableLength(words: readonly string[], count: number): number {
  return partialText(words.slice(0, count)).length
}

/** Words as a final shows them: as a partial, and a full stop or a question mark. Empty for no words. */
export function finalText(words: readonly string[]): string {
  if (words.length === 0) return ''
  return partialText(words) + (isQuestion(words) ? '?' : '.')
}

function isQuestion([first, second]: readonly string[]): boolean {
  if (first === undefined || second === undefined) return false
  if (QUESTION_WORDS.has(first)) return !CLAUSE_SUBJECTS.has(second)
  if (!AUXILIARIES.has(first) || AUXILIARIES.has(second) || second === 'not') return false
  if (first.endsWith("n't")) return PRONOUNS.has(second)
  return !(ALSO_MAIN_VERBS.has(first) && ARTICLES.has(second))
}

function cased(word: string): string {
  if (PRONOUN_I.test(word)) return capitalise(word)
  return PROPER_NAMES.has(word.replace(POSSESSIVE, '')) ? capitalise(word) : word
}

function capitalise(word: string): string {
  return word.charAt(0).toUpperCase() + word.slice(1)
}
