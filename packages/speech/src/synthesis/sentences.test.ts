import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { MAX_WORD_CHARS, piecesOf, type SentenceOptions, sentencesOf } from './sentences.ts'

const OPTIONS: SentenceOptions = { language: 'en', maxChars: 160 }
const pieces = (text: string, options: Partial<SentenceOptions> = {}) => [...piecesOf(text, { ...OPTIONS, ...options })]
const bare = (text: string) => text.replace(/\s+/g, '')

/** Texts of every kind: words, scripts, marks, emoji, odd spaces and what people put between them. */
const anyText = fc
  .array(
    fc.oneof(
      fc.string({ unit: 'binary', maxLength: 12 }),
      fc.string({ unit: 'grapheme', maxLength: 300 }),
      fc.constantFrom(
        'Dr. ',
        'e.g. ',
        '3.14 ',
        'am 3. Mai ',
        '...',
        ' ',
        '\n',
        '\u2029',
        'word ',
        'Hello. ',
        'no, ',
        '\u3002',
      ),
      fc.stringMatching(/^[a-z]{0,200}$/),
    ),
    { maxLength: 60 },
  )
  .map((parts) => parts.join(''))

test('[SY20] pieces joined are the text, but for white space; none is empty or longer than the bound', () => {
  fc.assert(
    fc.property(anyText, fc.integer({ min: 8, max: 200 }), (text, maxChars) => {
      const cut = pieces(text, { maxChars, firstChars: 40, pauseBefore: new Set(['word', 'hello.']) })
      assert.equal(bare(cut.join('')), bare(text))
      for (const piece of cut) assert.ok(piece.trim() === piece && piece.length > 0 && piece.length <= maxChars)
    }),
  )
})

test('[SY20] no character is cut in two, as long as one fits the bound', () => {
  const family = '\u{1f469}\u200d\u{1f469}\u200d\u{1f467}\u200d\u{1f466}'
  for (const piece of pieces(family.repeat(30), { maxChars: 70 })) assert.equal(bare(piece).length % family.length, 0)
  for (const piece of pieces('e\u0301'.repeat(500))) assert.ok(!piece.startsWith('\u0301'))
  for (const piece of pieces('\u{1f600}'.repeat(500), { maxChars: 21 })) assert.ok(piece.isWellFormed())
  assert.equal(pieces('\u0301'.repeat(100), { maxChars: 30 }).join('').length, 100)
})

test('[SY21] sentences end where people end them', () => {
  const whole = (text: string, language = 'en') => [...sentencesOf(text, language)]
  assert.deepEqual(whole('Hello there. How are you? Fine!'), ['Hello there.', 'How are you?', 'Fine!'])
  assert.deepEqual(whole('Dr. Smith paid 3.14 dollars to J. R. Jones. He left.'), [
    'Dr. Smith paid 3.14 dollars to J. R. Jones.',
    'He left.',
  ])
  assert.deepEqual(whole('Wir treffen uns am 3. Mai. Bis dann.', 'de'), ['Wir treffen uns am 3. Mai.', 'Bis dann.'])
  assert.deepEqual(whole('La Sra. Paz habla. \u00bfQu\u00e9 dice?', 'es'), [
    'La Sra. Paz habla.',
    '\u00bfQu\u00e9 dice?',
  ])
  assert.deepEqual(whole('\u4f60\u597d\u3002\u518d\u89c1\u3002', 'zh'), ['\u4f60\u597d\u3002', '\u518d\u89c1\u3002'])
  assert.deepEqual(whole('  '), [])
  const abbreviations = whole('Dr. '.repeat(1_000))
  assert.ok(abbreviations.every((sentence) => sentence.length < 500))
})

test('[SY21] a long sentence is cut after a clause, or between words, or anywhere', () => {
  const clauses = `${'one two three '.repeat(7)}four, ${'five six '.repeat(15)}`
  assert.match(pieces(clauses)[0] ?? '', /four,$/)
  const words = pieces('word '.repeat(100))
  assert.ok(words.length === 4 && words.every((piece) => /^(word )*word$/.test(piece)))
  const runs = pieces('x'.repeat(1_000))
  assert.ok(runs.every((piece) => piece.split(' ').every((run) => run.length <= MAX_WORD_CHARS)))
})

test('[SY21] what takes long to say is cut into shorter pieces', () => {
  const longest = (text: string) => Math.max(...pieces(text).map((piece) => piece.length))
  assert.ok(longest('7 8 9 '.repeat(200)) <= 70)
  assert.ok(longest('\u{1f600} '.repeat(200)) <= 40)
  assert.equal(pieces('It costs 14.99 in 2026, and 12 of them 150.').length, 1)
})

test('[SY22] the first piece is short where a pause is natural, and only then', () => {
  const first = { firstChars: 40, pauseBefore: new Set(['at', 'and']) }
  assert.deepEqual(pieces('the train to the city leaves at half past seven', first), [
    'the train to the city leaves',
    'at half past seven',
  ])
  assert.deepEqual(pieces('On the other hand, we may see each other and talk.', first)[0], 'On the other hand,')
  assert.deepEqual(pieces('Well, this sentence goes on without an obvious pause.', first).length, 1)
  assert.deepEqual(pieces('Short and good.', first), ['Short and good.'])
  const later = 'Short and good. This one is longer and stays in one piece at any rate.'
  assert.equal(pieces(later, first).length, 2)
})
