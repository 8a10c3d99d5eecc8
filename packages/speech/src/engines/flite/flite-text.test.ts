import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { fliteText } from './flite-text.ts'

test('[FL1] text reaches flite in printable ASCII, or not at all', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (text) => {
      assert.match(fliteText(text), /^$|^[!-~]([ -~]*[!-~])?$/)
    }),
  )
})

test('[FL1] accents are taken off, typographic marks made plain, other scripts left out', () => {
  assert.equal(fliteText('Caf\u00e9 na\u00efve \u2018x\u2019 \u201cy\u201d\u2026'), 'Cafe naive \'x\' "y"...')
  assert.equal(fliteText('5 \u20ac at 20\u00b0'), '5 euros at 20 degrees')
  assert.equal(fliteText('Stra\u00dfe, \u00d8rsted, \ufb01sh, \u00bd'), 'Strasse, Orsted, fish, 1 2')
  assert.equal(fliteText('hello \u05e9\u05dc\u05d5\u05dd \u{1f600} you'), 'hello you')
  assert.equal(fliteText('\u4f60\u597d\u3002'), '')
  assert.equal(fliteText('... ?!'), '')
})
