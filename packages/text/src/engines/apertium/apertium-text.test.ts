import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { hasWords, MAX_PIECE_CHARS, piecesOfLine, plainLine, slicesOf } from '../plain-text.ts'
import { prepare } from './apertium-text.ts'

const restored = (piece: string, answer: string, from = 'en', to = 'es') => prepare(piece, from, to).restore(answer)

test('[AP1] every character that means something to the programs is escaped, and comes back as it was', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme', minLength: 1 }), (text) => {
      const line = plainLine(text)
      const { stream, restore } = prepare(line, 'xx', 'yy')
      for (const [at] of [...stream].entries()) {
        if (/[\^$/<>{}@[\]*]/.test(stream[at] ?? '')) assert.equal(stream[at - 1], '\\')
      }
      assert.ok(!stream.includes('\0'))
      // Programs that know no word of it pass it on.
      if (line === line.toLowerCase() && !/ [.,]|<[a-z]/.test(line)) assert.equal(restore(stream), line)
    }),
    { numRuns: 500 },
  )
})

test('[AP2] a full stop is added where there is no end, and taken away again', () => {
  assert.equal(prepare('hello', 'en', 'es').stream, 'hello.')
  assert.equal(prepare('hello?', 'en', 'es').stream, 'hello?')
  assert.equal(prepare('he said "stop."', 'en', 'es').stream, 'he said "stop."')
  assert.equal(restored('hello', 'hola.'), 'hola')
  assert.equal(restored('hello.', 'hola.'), 'hola.')
  assert.equal(restored('hello', 'hola'), 'hola')
})

test('[AP2] I, days and months get their capitals before', () => {
  const { stream } = prepare("i think i'll see anna on monday in june, did i say", 'en', 'es')
  assert.equal(stream, "I think I'll see anna on Monday in June, did I say.")
  assert.equal(prepare('i si monday', 'ca', 'es').stream, 'i si monday.')
})

test('[AP2] the first letter is as large as it was, names and the English I aside', () => {
  assert.equal(restored('i want', 'Quiero.'), 'quiero')
  assert.equal(restored('She said', ' dijo.'), 'Dijo')
  assert.equal(restored('quiero', 'I want.', 'es', 'en'), 'I want')
  assert.equal(restored('la OTAN', 'NATO.', 'es', 'en'), 'NATO')
  assert.equal(restored('es Ana', 'Ana is.', 'es', 'en'), 'Ana is')
})

test('[AP2] capitals that come from nowhere go, those of the source and of English stay', () => {
  assert.equal(restored('Good morning everyone', 'Buenos d\u00edas Todo el mundo.'), 'Buenos d\u00edas todo el mundo')
  assert.equal(restored('Hello. Good day', 'Hola. Buen D\u00eda.'), 'Hola. Buen d\u00eda')
  assert.equal(restored('we met in paris', 'Nos conocimos en Par\u00eds.'), 'nos conocimos en Par\u00eds')
  assert.equal(restored('Tell Anna', 'Dile a Ana.'), 'Dile a Ana')
  assert.equal(restored('hablo el lunes', 'I speak on Monday.', 'es', 'en'), 'I speak on Monday')
})

test('[AP2] marks of words that Apertium does not know never show, those of the text do', () => {
  assert.equal(restored('date limite', 'fecha# de caducidad.'), 'fecha de caducidad')
  assert.equal(restored('one two', '*one @two.'), 'one two')
  assert.equal(restored('one * two', 'uno * dos.'), 'uno * dos')
  assert.equal(restored('dogs house', 'casa \\<prn\\>de perros .'), 'casa de perros')
  assert.equal(restored('<b>dogs</b>', '\\<b\\>perros\\<\\/b\\>.'), '<b>perros</b>')
  assert.equal(restored('y', '\\<prn\\>.', 'fr'), 'y')
})

test('[AP9] pieces are short, nothing is lost between them and no character is cut', () => {
  fc.assert(
    fc.property(
      fc.array(
        fc.oneof(
          fc.string({ unit: 'grapheme' }),
          fc.constant('word '.repeat(90)),
          fc.constant('\u{1f600}'.repeat(600)),
        ),
      ),
      (parts) => {
        const line = plainLine(parts.join(' '))
        const slices = slicesOf(line, 'en')
        assert.equal(slices.join(''), line)
        const pieces = piecesOfLine(line, 'en')
        assert.equal(plainLine(pieces.map(({ text, glue }) => text + glue).join('')), line)
        for (const { text } of pieces) {
          assert.ok(text.length <= MAX_PIECE_CHARS && text.isWellFormed())
        }
      },
    ),
  )
})

test('[AP9] a piece ends with a sentence where it can', () => {
  const sentence = 'This is a sentence of some length, and there are many of it. '
  const [first] = piecesOfLine(sentence.repeat(100).trim(), 'en')
  assert.match(first?.text ?? '', /it\.$/)
  assert.ok((first?.text.length ?? 0) > MAX_PIECE_CHARS / 2)
})

test('[AP9] a line has no control characters and no halves of characters', () => {
  assert.equal(plainLine(' a\0b\r\n\tc\ud800d\u2028e  f '), 'a b c d e f')
  assert.equal(plainLine('e\u0301'), '\u00e9')
  assert.equal(hasWords('12 \u{1f600} ...'), false)
  assert.equal(hasWords('\u05e9'), true)
})
