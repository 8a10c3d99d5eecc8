// Which of harper's findings are mended in what a recogniser heard. Harper is made for writers: much of what it finds in speech is either
// how people talk ("very very good") or a mishearing that it would turn into something else that was not said ("their him" -> "their").
// So there is a list of rules that did no harm in a trial on recognised sentences, and conditions on some of them. Pure.

/** One finding, as harper tells it; the span in UTF-16 units. */
export interface FoundLint {
  readonly rule: string
  readonly start: number
  readonly end: number
  /** The first suggestion, when it is a replacement. */
  readonly replacement: string | undefined
}

export interface Change {
  readonly start: number
  readonly end: number
  readonly text: string
}

type Condition = (found: FoundLint, text: string) => boolean

/** Doubled by a stutter or a recogniser, hardly ever on purpose; not "that that", "had had", "you you", "very very". */
const STUTTERED = new Set('a an the and but or of to for from at my your our their i we he she they'.split(' '))

const always: Condition = () => true

const isStutter: Condition = ({ start, end, replacement }, text) => {
  const [one = '', other = '', ...more] = text.slice(start, end).toLowerCase().split(/\s+/)
  const isTwice = one === other && more.length === 0 && STUTTERED.has(one)
  return isTwice && replacement?.toLowerCase() === one
}

/** The pronoun is the whole subject: not in "he and she have", "neither of us was", "people like you make". */
const isOnlySubject: Condition = ({ start }, text) => {
  const [before = ''] = /[\p{L}']+(?=\s+[\p{L}']+\s+$)/u.exec(text.slice(0, start)) ?? []
  return !/^(and|or|nor|of|to|with|than|but|like|except|between|for|about|by|from|that|if|though)$/i.test(before)
}

/** "a an apple": two articles are a slip of the tongue, and correcting both makes another. */
const isOnlyArticle: Condition = ({ start, end }, text) =>
  !/\b(a|an)\s+$/i.test(text.slice(0, start)) && !/^\s+(a|an)\b/i.test(text.slice(end))

const RULES: Readonly<Record<string, Condition>> = {
  AnA: isOnlyArticle,
  CapitalizePersonalPronouns: always,
  DidPast: always,
  ItsContraction: always,
  ItsPossessive: always,
  ModalOf: always,
  MoreBetter: always,
  MultipleSequentialPronouns: isStutter,
  PronounInflectionBe: isOnlySubject,
  PronounVerbAgreement: isOnlySubject,
  RepeatedWords: isStutter,
  SimplePastToPastParticiple: always,
  ToTo: isStutter,
}

/** Names of harper's rules that are asked at all. */
export const ALLOWED_RULES: readonly string[] = Object.keys(RULES)

/** What is mended of what was found in `text`: in order, none over another. */
export function chosenChanges(text: string, found: readonly FoundLint[]): Change[] {
  const changes: Change[] = []
  let at = 0
  for (const lint of [...found].sort((one, other) => one.start - other.start)) {
    const { start, end, rule, replacement } = lint
    if (replacement === undefined || start < at || end <= start || end > text.length) continue
    if (replacement === text.slice(start, end) || RULES[rule]?.(lint, text) !== true) continue
    changes.push({ start, end, text: casedLike(text.slice(start, end), replacement) })
    at = end
  }
  return changes
}

const casedLike = (old: string, replacement: string): string =>
  /^\p{Lu}/u.test(old) ? replacement.charAt(0).toUpperCase() + replacement.slice(1) : replacement

/** `text` with `changes` (of `chosenChanges`) made. */
export function withChanges(text: string, changes: readonly Change[]): string {
  let result = ''
  let at = 0
  for (const change of changes) {
    result += text.slice(at, change.start) + change.text
    at = change.end
  }
  return result + text.slice(at)
}

/** Words that `changes` take away, add or replace in `text`; another capital is no other word. */
export function changedWordCount(text: string, changes: readonly Change[]): number {
  let count = 0
  for (const change of changes)
    count += wordDistance(wordsOf(text.slice(change.start, change.end)), wordsOf(change.text))
  return count
}

const wordsOf = (text: string): string[] => text.toLowerCase().match(/[^\s]+/g) ?? []

/** Words of the longer that have no counterpart in the shorter, in order. A change is a few words. */
function wordDistance(one: readonly string[], other: readonly string[]): number {
  let row = new Array<number>(other.length + 1).fill(0)
  for (const word of one) {
    const next = [0]
    for (const [at, candidate] of other.entries()) {
      const same = word === candidate ? (row[at] as number) + 1 : 0
      next.push(Math.max(same, row[at + 1] as number, next[at] as number))
    }
    row = next
  }
  return Math.max(one.length, other.length) - (row.at(-1) as number)
}
