import assert from 'node:assert/strict'
import { test } from 'node:test'
import { CutBook } from './cut-book.ts'
import type { Cut, PeriodicCut } from './impairment.ts'

const planned = (cuts: readonly Cut[], periodicCuts: readonly PeriodicCut[] = []) => {
  const book = new CutBook()
  book.plan({ cuts, periodicCuts }, 0)
  return book
}
const both = { what: 'both', how: 'silent' } as const

test('[IM9] a planned cut begins and ends at its instants, and the book says when to ask again', () => {
  const book = planned([{ ...both, atMs: 100, forMs: 50 }])
  assert.equal(book.nextMs, 100)
  assert.deepEqual(book.advance(99), [])
  assert.deepEqual(
    book.advance(100).map((change) => change.kind),
    ['begun'],
  )
  assert.deepEqual(book.state, { tcp: 'silent', udp: 'silent' })
  assert.equal(book.nextMs, 150)
  assert.deepEqual(
    book.advance(200).map(({ kind, atMs }) => [kind, atMs]),
    [['ended', 150]],
  )
  assert.equal(book.nextMs, undefined)
})

test('[IM9] a periodic cut begins after its period, again and again; a late look misses none', () => {
  const book = planned([], [{ what: 'udp', how: 'silent', everyMs: 1_000, forMs: 200 }])
  assert.deepEqual(
    book.advance(3_100).map(({ kind, atMs }) => `${kind} ${atMs}`),
    ['begun 1000', 'ended 1200', 'begun 2000', 'ended 2200', 'begun 3000'],
  )
  assert.deepEqual(book.state, { tcp: 'open', udp: 'silent' })
})

test('[IM9] of cuts that overlap the harsher holds, for what each reaches', () => {
  const book = planned([
    { ...both, atMs: 0, forMs: 100 },
    { what: 'tcp', how: 'reset', atMs: 50, forMs: 10 },
  ])
  book.advance(50)
  assert.deepEqual(book.state, { tcp: 'reset', udp: 'silent' })
  book.advance(60)
  assert.deepEqual(book.state, { tcp: 'silent', udp: 'silent' })
})

test('[IM9] by hand: until healed or for a while; healing ends planned ones too, and later ones still come', () => {
  const book = planned([
    { ...both, atMs: 0, forMs: 100 },
    { ...both, atMs: 500, forMs: 1 },
  ])
  book.advance(0)
  assert.equal(book.cut('tcp', 'reset', undefined, 10).cut.origin, 'hand')
  assert.equal(book.heal(20).length, 2)
  assert.deepEqual(book.state, { tcp: 'open', udp: 'open' })
  assert.equal(book.nextMs, 500)
  book.cut('udp', 'silent', 30, 20)
  assert.deepEqual(
    book.advance(50).map(({ kind, atMs }) => [kind, atMs]),
    [['ended', 50]],
  )
})

test('[IM9, IM16] a new plan counts from now, ends planned cuts that hold, and leaves those by hand', () => {
  const book = planned([{ ...both, atMs: 0, forMs: 1_000 }])
  book.advance(0)
  book.cut('udp', 'silent', undefined, 5)
  assert.deepEqual(
    book.plan({ cuts: [{ ...both, atMs: 10, forMs: 5 }], periodicCuts: [] }, 100).map((change) => change.kind),
    ['ended'],
  )
  assert.deepEqual(book.state, { tcp: 'open', udp: 'silent' })
  assert.equal(book.nextMs, 110)
})
