// What a language tag says of the writing to be expected. Pure.

/** Primary language of a BCP 47 tag, in lower case. */
export const baseOf = (tag: string): string => (tag.split('-')[0] as string).toLowerCase()

export type Script = (typeof SCRIPT_NAMES)[number] | 'other'

const SCRIPT_NAMES = [
  'Latin',
  'Cyrillic',
  'Greek',
  'Hebrew',
  'Arabic',
  'Devanagari',
  'Bengali',
  'Gujarati',
  'Gurmukhi',
  'Kannada',
  'Malayalam',
  'Oriya',
  'Tamil',
  'Telugu',
  'Thai',
  'Lao',
  'Georgian',
  'Armenian',
  'Ethiopic',
  'Hangul',
  'Han',
  'Hiragana',
  'Katakana',
] as const

const PATTERNS = SCRIPT_NAMES.map((name) => [name, new RegExp(`^\\p{Script=${name}}`, 'u')] as const)

/** Script of the first letter. */
export const scriptOf = (letter: string): Script => PATTERNS.find(([, pattern]) => pattern.test(letter))?.[0] ?? 'other'

/** Languages that are not written in Latin letters, or in others as well. */
export const SCRIPTS: Readonly<Record<string, readonly Script[]>> = {
  am: ['Ethiopic'],
  ar: ['Arabic'],
  az: ['Latin', 'Cyrillic', 'Arabic'],
  be: ['Cyrillic', 'Latin'],
  bg: ['Cyrillic'],
  bn: ['Bengali'],
  bs: ['Latin', 'Cyrillic'],
  el: ['Greek'],
  fa: ['Arabic'],
  gu: ['Gujarati'],
  he: ['Hebrew'],
  hi: ['Devanagari'],
  hr: ['Latin'],
  hy: ['Armenian'],
  id: ['Latin'],
  ja: ['Han', 'Hiragana', 'Katakana'],
  ka: ['Georgian'],
  kk: ['Cyrillic', 'Latin', 'Arabic'],
  kn: ['Kannada'],
  ko: ['Hangul', 'Han'],
  ku: ['Latin', 'Arabic'],
  lo: ['Lao'],
  mk: ['Cyrillic'],
  ml: ['Malayalam'],
  mn: ['Cyrillic'],
  mr: ['Devanagari'],
  nb: ['Latin'],
  ne: ['Devanagari'],
  nn: ['Latin'],
  or: ['Oriya'],
  pa: ['Gurmukhi', 'Arabic'],
  ru: ['Cyrillic'],
  sr: ['Cyrillic', 'Latin'],
  ta: ['Tamil'],
  te: ['Telugu'],
  th: ['Thai'],
  uk: ['Cyrillic'],
  ur: ['Arabic'],
  yi: ['Hebrew'],
  zh: ['Han', 'Hiragana', 'Katakana'],
  gl: ['Latin'],
  oc: ['Latin'],
  ast: ['Latin'],
  an: ['Latin'],
  br: ['Latin'],
  eo: ['Latin'],
}
