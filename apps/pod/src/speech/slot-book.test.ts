import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { matchLanguage } from './language-match.ts'
import { SlotBook } from './slot-book.ts'

test('[FO2] reservations and openings count at once, closings when the worker has reported them', () => {
  const book = new SlotBook()
  assert.equal(book.free, 0)
  book.onReport(3, 0)
  book.reserve()
  book.onOpening()
  assert.equal(book.free, 1)
  book.onOpened()
  assert.equal(book.free, 1)
  book.onReport(3, 1)
  assert.equal(book.free, 1, 'counted by the worker now, and not twice')
  book.unreserve()
  assert.equal(book.free, 2)
  book.onReport(3, 0)
  assert.equal(book.free, 3)
})

test('[FO2] a worker that is full whatever it reported is offered nothing until it reports again', () => {
  const book = new SlotBook()
  book.onReport(2, 0)
  book.onFull()
  assert.equal(book.free, 0)
  book.onReport(2, 1)
  assert.equal(book.free, 1)
})

test('[FO2] an opening given up early counts until the worker cannot be counting it any more', () => {
  const book = new SlotBook()
  book.onReport(1, 0)
  book.onOpening()
  book.onClosedWhileOpening()
  assert.equal(book.free, 0)
  book.onReport(1, 0)
  assert.equal(book.free, 0, 'this report may have been under way already')
  book.onReport(1, 0)
  assert.equal(book.free, 1)
})

test('[FO2] property: a pod alone never opens more streams than the worker has slots', () => {
  const step = fc.constantFrom('reserve', 'open', 'answer', 'close', 'report')
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 6 }), fc.array(step, { maxLength: 200, size: 'max' }), (slots, steps) => {
      const book = new SlotBook()
      book.onReport(slots, 0)
      let reserved = 0
      let opening = 0
      let open = 0
      for (const action of steps) {
        if (action === 'reserve' && book.free > 0) {
          book.reserve()
          reserved++
        } else if (action === 'open' && reserved > 0) {
          book.unreserve()
          book.onOpening()
          reserved--
          opening++
        } else if (action === 'answer' && opening > 0) {
          book.onOpened()
          opening--
          open++
        } else if (action === 'close' && open > 0) open--
        else if (action === 'report') book.onReport(slots, open)
        assert.ok(reserved + opening + open <= slots)
        assert.ok(book.free >= 0 && book.used <= slots)
      }
    }),
  )
})

test('[FO2] a bare language is served by its variants, a variant by the bare language, never by another variant', () => {
  assert.equal(matchLanguage('EN-us', ['es', 'en-US']), 'en-US')
  assert.equal(matchLanguage('en', ['en-US']), 'en-US')
  assert.equal(matchLanguage('en-US', ['en']), 'en')
  assert.equal(matchLanguage('en-GB', ['en-US']), undefined)
  assert.equal(matchLanguage('e', ['en']), undefined)
  assert.equal(matchLanguage('eng', ['en']), undefined)
})
