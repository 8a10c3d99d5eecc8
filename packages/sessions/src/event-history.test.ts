import assert from 'node:assert/strict'
import { test } from 'node:test'
import { EventHistory, HISTORY_BYTES } from './event-history.ts'

function append(history: EventHistory, isFinal: boolean, json = '{}'): void {
  history.append({ seq: history.nextSeq(), isFinal, json })
}

test('[SES6] seqs rise by one', () => {
  const history = new EventHistory()
  assert.equal(history.seq, 0)
  append(history, true)
  append(history, false)
  assert.equal(history.seq, 2)
})

test('[WT2] the tail begins with the n-th last final and has no hole', () => {
  const history = new EventHistory()
  assert.deepEqual(history.tail(5), [])
  for (const isFinal of [false, true, false, true, false, true, false]) append(history, isFinal)
  const seqs = (finals: number): number[] => history.tail(finals).map((event) => event.seq)
  assert.deepEqual(seqs(1), [6, 7])
  assert.deepEqual(seqs(2), [4, 5, 6, 7])
  assert.deepEqual(seqs(9), [2, 3, 4, 5, 6, 7])
})

test('[SES7] [FO1] the history is bounded in bytes, oldest first', () => {
  const history = new EventHistory()
  for (let count = 0; count < 1_000; count++) append(history, true, 'x'.repeat(300))
  const tail = history.tail(1_000)
  assert.ok(tail.length <= HISTORY_BYTES / 300)
  assert.equal(tail.at(-1)?.seq, 1_000)
})

test('[SES7] an event beyond the bound leaves no hidden hole', () => {
  const history = new EventHistory()
  append(history, true)
  append(history, true, 'x'.repeat(HISTORY_BYTES))
  append(history, true)
  assert.deepEqual(
    history.tail(10).map((event) => event.seq),
    [3],
  )
})
