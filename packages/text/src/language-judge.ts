// What language a text is in, as far as that can be said of a few words. Never sure of little: a short correct sentence taken for another
// language would cost a listener what was said.
import { baseOf, SCRIPTS, scriptOf } from './language-tags.ts'

export interface LanguageJudge {
  /**
   * Whether `text` may be in `language` (BCP 47): `other` only when it is clearly in another one. `unsure` is the answer for short texts, for
   * languages the judge does not know, and for neighbours that look alike. `suspect`: a language it is likely to be in when it is in another.
   */
  judge(text: string, language: string, suspect?: string): LanguageVerdict
  /** How much likelier `text` is to be in `one` than in `other`, about -1 to 1; undefined when it knows one of them not. */
  lean(text: string, one: string, other: string): number | undefined
}

export type LanguageVerdict = 'fits' | 'other' | 'unsure'

/** The part of `eld` that is used: a score from 0 to 1 for each language that comes into question. */
export type LanguageScores = (text: string) => Readonly<Record<string, number>>

/** What `eld` calls languages of which it knows one form only. */
const KNOWN_AS: Readonly<Record<string, string>> = {
  nb: 'no',
  nn: 'no',
  id: 'ms',
  bs: 'hr',
  fil: 'tl',
  iw: 'he',
  in: 'ms',
}
/** Languages `eld` has n-grams of. */
const KNOWN = new Set(
  'am ar az be bg bn ca cs da de el en es et eu fa fi fr gu he hi hr hu hy is it ja ka kn ko ku lo lt lv ml mr ms nl no or pa pl pt ro ru sk sl sq sr sv ta te th tl tr uk ur vi yo zh'.split(
    ' ',
  ),
)

/**
 * Words a text must have, and how far another language must be ahead. Found on 20,000 openings of sentences in six languages, five of them
 * neighbours: none that was right was taken for another, and two of three that were in a wrong one were found.
 */
const MARGINS: readonly { readonly words: number; readonly margin: number }[] = [
  { words: 12, margin: 0.13 },
  { words: 8, margin: 0.16 },
  { words: 5, margin: 0.21 },
]
/** The same where one other language is likely from the start. */
const SUSPECT = { words: 7, margin: 0.12 } as const
/** Part of the letters that must be of another script. */
const OTHER_SCRIPT_RATIO = 0.6
const MIN_SCRIPT_LETTERS = 4
/** The judge reads no more of a long text. */
const MAX_JUDGED_CHARS = 1_000

export class ScoreJudge implements LanguageJudge {
  readonly #scores: LanguageScores

  constructor(scores: LanguageScores) {
    this.#scores = scores
  }

  judge(text: string, language: string, suspect?: string): LanguageVerdict {
    const judged = wordsToJudge(text)
    const script = judgeScript(judged, language)
    if (script !== undefined) return script
    const name = nameOf(language)
    const words = judged.split(' ').length
    const rule = MARGINS.find((each) => words >= each.words)
    if (name === undefined || !rule) return 'unsure'
    const scores = this.#scores(judged)
    const own = scores[name] ?? 0
    const best = Math.max(...Object.values(scores), 0)
    if (best - own >= rule.margin) return 'other'
    const suspected = suspect === undefined ? undefined : nameOf(suspect)
    const isSuspect =
      suspected !== undefined && words >= SUSPECT.words && (scores[suspected] ?? 0) - own >= SUSPECT.margin
    if (isSuspect) return 'other'
    return best === own && own > 0 ? 'fits' : 'unsure'
  }

  lean(text: string, one: string, other: string): number | undefined {
    const [first, second] = [nameOf(one), nameOf(other)]
    if (first === undefined || second === undefined || first === second) return undefined
    const scores = this.#scores(wordsToJudge(text))
    return (scores[first] ?? 0) - (scores[second] ?? 0)
  }
}

/** Loads what the judge knows: 0.6 s of this thread and 30 MB, so before there is anything to do. */
export async function loadLanguageJudge(): Promise<LanguageJudge> {
  const { eld } = await import('eld/extrasmall')
  return new ScoreJudge((text) => eld.detect(text).getScores())
}

function nameOf(language: string): string | undefined {
  const base = baseOf(language)
  const name = KNOWN_AS[base] ?? base
  return KNOWN.has(name) ? name : undefined
}

/** Words only: numbers, words in capitals, addresses and codes are of no language; names inside a sentence are not of this one. */
function wordsToJudge(text: string): string {
  const words = text
    .slice(0, MAX_JUDGED_CHARS)
    .split(/[\s\u00a0]+/u)
    .map((word) => word.replace(/^[^\p{L}]+|[^\p{L}]+$/gu, ''))
    .filter((word) => /^[\p{L}\p{M}'\u2019\u00b7-]+$/u.test(word))
  return words.filter((word, at) => !isCode(word) && (at === 0 || !/^\p{Lu}/u.test(word))).join(' ')
}

const isCode = (word: string): boolean => word.length > 1 && word === word.toUpperCase() && scriptOf(word) === 'Latin'

/** By the alphabet alone, which needs few letters and is never wrong; undefined when it says nothing. */
function judgeScript(text: string, language: string): LanguageVerdict | undefined {
  const expected = SCRIPTS[baseOf(language)] ?? (KNOWN.has(baseOf(language)) ? ['Latin'] : undefined)
  if (!expected) return undefined
  let letters = 0
  let others = 0
  for (const [letter] of text.matchAll(/\p{L}/gu)) {
    letters++
    if (!expected.includes(scriptOf(letter))) others++
  }
  if (letters < MIN_SCRIPT_LETTERS) return undefined
  if (others / letters >= OTHER_SCRIPT_RATIO) return 'other'
  // Hangul and Thai are one language each; of the rest the alphabet does not tell which.
  return undefined
}
