// Text in the characters flite reads. It was made for ASCII: the bytes of anything else it spells out or stumbles over. Pure.

/** Characters that people type for others, and what flite has a word for. */
const SAID_AS: Readonly<Record<string, string>> = {
  '\u2018': "'",
  '\u2019': "'",
  '\u02bc': "'",
  '\u201c': '"',
  '\u201d': '"',
  '\u2013': ' - ',
  '\u2014': ', ',
  '\u2026': '...',
  '\u20ac': ' euros ',
  '\u00a3': ' pounds ',
  '\u00b0': ' degrees ',
  '\u00d7': ' times ',
  '\u00f7': ' divided by ',
  '\u00df': 'ss',
  '\u00e6': 'ae',
  '\u00c6': 'Ae',
  '\u0153': 'oe',
  '\u0152': 'Oe',
  '\u00f8': 'o',
  '\u00d8': 'O',
  '\u00f0': 'd',
  '\u00fe': 'th',
  '\u0142': 'l',
  '\u0141': 'L',
  '\u0131': 'i',
}

/** `text` in ASCII: accents taken off, typographic marks made plain, the rest as spaces. Empty when no letter or digit is left. */
export function fliteText(text: string): string {
  const ascii = text
    .replace(/[^\0-\x7f]/gu, (character) => SAID_AS[character] ?? character)
    .normalize('NFKD')
    .replace(/\p{M}/gu, '')
    .replace(/[^ -~]/gu, ' ')
    .replace(/\s+/g, ' ')
    .trim()
  return /[A-Za-z0-9]/.test(ascii) ? ascii : ''
}
