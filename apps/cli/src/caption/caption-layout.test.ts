import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { cellsOf, layOut, printable, rowsTaken } from './caption-layout.ts'

const plain = (text: string, stable: number, columns: number, maxRows = 99) =>
  layOut(text, stable, columns, maxRows).map((row) => `${row.stable}|${row.tail}`)

test('[CC10] rows break at spaces, and the tail is told from the stable part', () => {
  assert.deepEqual(plain('one two three', 7, 80), ['one two| three'])
  assert.deepEqual(plain('one two three', 5, 9), ['one t|wo', '|three'])
  assert.deepEqual(plain('one two three', 13, 6), ['one|', 'two|', 'three|'])
  assert.deepEqual(plain('', 0, 80), [])
})

test('[CC10] words longer than a row are cut, wide characters count twice', () => {
  assert.deepEqual(plain('abcdefgh', 8, 4), ['abc|', 'def|', 'gh|'])
  assert.deepEqual(plain('日本語', 3, 5), ['日本|', '語|'])
  assert.equal(cellsOf('e\u0301'), 1)
})

test('[CC10] with too little room the end is shown, marked as cut', () => {
  assert.deepEqual(plain('one two three four', 18, 10, 1), ['…four|'])
  assert.deepEqual(plain('abcdefgh', 0, 4, 2), ['|…ef', '|gh'])
  assert.deepEqual(plain('one two', 0, 2, 1).length, 1)
})

test('[CC10] no row ever reaches the edge, and nothing is lost while there is room', () => {
  const text = fc
    .array(fc.string({ unit: fc.constantFrom('a', 'b', ' ', 'é', '語', '👍'), maxLength: 12 }))
    .map((words) => words.join(' '))
  fc.assert(
    fc.property(text, fc.integer({ min: 3, max: 60 }), fc.nat(200), (spoken, columns, stable) => {
      const rows = layOut(spoken, stable, columns, 1_000)
      for (const row of rows) {
        assert.ok(row.cells < columns)
        assert.equal(row.cells, cellsOf(row.stable + row.tail))
      }
      const shown = rows.map((row) => row.stable + row.tail).join('')
      assert.equal(shown.replaceAll(' ', ''), spoken.replaceAll(' ', ''))
      const short = layOut(spoken, stable, columns, 2)
      assert.ok(short.length <= 2)
      for (const row of short) assert.ok(row.cells < columns || columns < 4)
    }),
  )
})

test('[CC11] a caption cannot steer the terminal', () => {
  assert.equal(printable('a\u001b[2Jb\r\nc\u0007d\u202ee\u2028f'), 'a [2Jb  c d e f')
})

test('[CC12] rows drawn wide are counted as the terminal wraps them when it is narrowed', () => {
  assert.equal(rowsTaken([10, 3], 80), 2)
  assert.equal(rowsTaken([10, 0], 4), 4)
  assert.equal(rowsTaken([8], 4), 2)
})
