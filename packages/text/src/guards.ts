// What an engine may answer, whatever engine it is: not the text itself, not far more than was asked, not another language. Models that are
// asked in words do all three; rules do the first. Raw text is better than any of it. Pure.
import type { TextFailureCode } from '@parley/protocol'
import type { LanguageJudge } from './language-judge.ts'
import { baseOf } from './language-tags.ts'

export interface GuardedText {
  readonly source: string
  readonly answer: string
  readonly from: string
  /** Language the answer is to be in: the target of a translation, that of the text when it is polished. */
  readonly to: string
}

export interface GuardRefusal {
  readonly code: Extract<TextFailureCode, 'REFUSED_SAME' | 'REFUSED_LONG' | 'REFUSED_LANGUAGE' | 'ENGINE_FAILED'>
  readonly message: string
}

/** A translation may be this much longer than its text ("OK" -> "De acuerdo, muy bien"), in weighed characters. */
const TRANSLATED = { ratio: 2.5, more: 40 } as const
const POLISHED = { ratio: 1.5, more: 20 } as const
/** A letter of these stands for a syllable or a word. */
const DENSE = /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Hangul}]/gu
const DENSE_WEIGHT = 3
/** Fewer words than this are often the same in two languages, or names. */
const MIN_SAME_WORDS = 3
/** As many are not, even in languages that look alike. */
const MANY_SAME_WORDS = 8
/** How clearly the same words must be of the language they came from. */
const SAME_LEAN = 0.1

/** Why `answer` is no translation of `source`; undefined when it may be one. */
export function translationRefusal(text: GuardedText, judge: LanguageJudge): GuardRefusal | undefined {
  return emptyRefusal(text) ?? sameRefusal(text, judge) ?? longRefusal(text, TRANSLATED) ?? languageRefusal(text, judge)
}

/** Why `answer` is not `source` polished; undefined when it may be. The text itself is: nothing had to be mended. */
export function polishRefusal(text: GuardedText, judge: LanguageJudge): GuardRefusal | undefined {
  if (text.answer === text.source) return undefined
  return emptyRefusal(text) ?? longRefusal(text, POLISHED) ?? polishLanguageRefusal(text, judge)
}

function emptyRefusal({ source, answer }: GuardedText): GuardRefusal | undefined {
  if (answer.trim() !== '' || source.trim() === '') return undefined
  return { code: 'ENGINE_FAILED', message: 'the answer is empty' }
}

/** Numbers, names and words that two languages share are rightly the same. */
function sameRefusal({ source, answer, from, to }: GuardedText, judge: LanguageJudge): GuardRefusal | undefined {
  if (baseOf(from) === baseOf(to) || bare(source) !== bare(answer)) return undefined
  const words = wordsOf(source)
  const plain = words.filter((word) => !isName(word))
  if (words.length < MIN_SAME_WORDS || plain.length < MIN_SAME_WORDS - 1) return undefined
  const lean = judge.lean(source, from, to)
  const isRefused = lean === undefined ? words.length >= MANY_SAME_WORDS : lean >= SAME_LEAN
  if (!isRefused) return undefined
  return { code: 'REFUSED_SAME', message: `the answer is the text itself, which is "${from}" and not "${to}"` }
}

function longRefusal(
  { source, answer }: GuardedText,
  limit: typeof TRANSLATED | typeof POLISHED,
): GuardRefusal | undefined {
  const [given, got] = [weightOf(source), weightOf(answer)]
  if (got <= given * limit.ratio + limit.more) return undefined
  return { code: 'REFUSED_LONG', message: `the answer has ${got} characters for ${given}: more than was asked for` }
}

/** Most answers in a wrong language are in that of the text. */
function languageRefusal({ answer, from, to }: GuardedText, judge: LanguageJudge): GuardRefusal | undefined {
  if (judge.judge(answer, to, from) !== 'other') return undefined
  return { code: 'REFUSED_LANGUAGE', message: `the answer is not in "${to}"` }
}

/** A text that is itself in another language than was said may stay in it. */
function polishLanguageRefusal(text: GuardedText, judge: LanguageJudge): GuardRefusal | undefined {
  return judge.judge(text.source, text.to) === 'other' ? undefined : languageRefusal(text, judge)
}

/** Letters and digits alone, in small letters: what is the same but for a full stop is the same. */
const bare = (text: string): string =>
  text
    .normalize('NFC')
    .toLowerCase()
    .replace(/[^\p{L}\p{M}\p{N}]+/gu, ' ')
    .trim()

const wordsOf = (text: string): string[] => text.match(/[\p{L}\p{M}'\u2019-]+/gu) ?? []

const isName = (word: string): boolean => /^\p{Lu}/u.test(word)

const weightOf = (text: string): number => {
  const dense = text.match(DENSE)?.length ?? 0
  return [...text].length + dense * (DENSE_WEIGHT - 1)
}
