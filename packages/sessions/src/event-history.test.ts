import assert from 'node:assert/strict'
import { test } from 'node:test'
import { EventHistory, type HistoryBudget, REPLAY_BYTES } from './event-history.ts'

const budgetOf = (maxBytes: number): HistoryBudget => ({ maxBytes, usedBytes: 0 })

function historyOf(maxBytes = 100_000, budget = budgetOf(10_000_000)): EventHistory {
  return new EventHistory({ maxBytes, budget })
}

function append(history: EventHistory, isFinal = true, json = '{}'): void {
  history.append({ seq: history.nextSeq(), kind: isFinal ? 'final' : 'ended', json })
}

const seqs = (events: readonly { readonly seq: number }[]): number[] => events.map((event) => event.seq)

test('[SES6] seqs rise by one', () => {
  const history = historyOf()
  assert.deepEqual([history.seq, history.firstSeq], [0, 0])
  append(history)
  append(history, false)
  assert.deepEqual([history.seq, history.firstSeq], [2, 1])
})

test('[WT2] the tail begins with the n-th last final and has no hole', () => {
  const history = historyOf()
  assert.deepEqual(history.tail(5), [])
  for (const isFinal of [false, true, false, true, false, true, false]) append(history, isFinal)
  assert.deepEqual(seqs(history.tail(1)), [6, 7])
  assert.deepEqual(seqs(history.tail(2)), [4, 5, 6, 7])
  assert.deepEqual(seqs(history.tail(9)), [2, 3, 4, 5, 6, 7])
})

test('[SES7] [FO1] the history is bounded in bytes, oldest first', () => {
  const history = historyOf(10_000)
  for (let count = 0; count < 1_000; count++) append(history, true, 'x'.repeat(300))
  assert.ok(history.bytes <= 10_000)
  assert.equal(seqs(history.tail(1_000)).length, 27)
  assert.equal(history.firstSeq, 974)
  assert.equal(history.tail(1_000).at(-1)?.seq, 1_000)
})

test('[SES7] an event beyond the bound leaves no hidden hole', () => {
  const history = historyOf(10_000)
  append(history)
  append(history, true, 'x'.repeat(10_000))
  assert.equal(history.firstSeq, 0)
  assert.deepEqual(history.after(1), { events: [], truncatedTo: 3 })
  append(history)
  assert.deepEqual(seqs(history.tail(10)), [3])
})

test('[SES7] beyond what all sessions may keep, who appends gives up its own oldest; what is given back serves others', () => {
  const budget = budgetOf(3_000)
  const [talker, quiet] = [historyOf(100_000, budget), historyOf(100_000, budget)]
  append(quiet, true, 'x'.repeat(936))
  for (let count = 0; count < 10; count++) append(talker, true, 'x'.repeat(936))
  assert.deepEqual(seqs(talker.tail(10)), [9, 10])
  assert.equal(quiet.firstSeq, 1, 'nobody else pays')
  assert.equal(budget.usedBytes, 3_000)
  const third = historyOf(100_000, budget)
  append(third)
  assert.equal(third.firstSeq, 0, 'who has nothing to give up keeps nothing')
  assert.equal(third.seq, 1)
  talker.clear()
  assert.equal(budget.usedBytes, 1_000)
  append(third)
  assert.equal(third.firstSeq, 2)
})

test('[RES2] what was missed comes whole while it is within the bound', () => {
  const history = historyOf()
  for (let count = 0; count < 8; count++) append(history, true, `{"n":${count}}`)
  assert.deepEqual(seqs(history.after(5).events), [6, 7, 8])
  assert.equal(history.after(5).truncatedTo, undefined)
  assert.deepEqual(history.after(8), { events: [], truncatedTo: undefined })
  assert.equal(history.after(0).events.length, 8)
})

test('[RES3] beyond the bound of a replay the newest win and the cut is named', () => {
  const history = historyOf(10_000_000)
  for (let count = 0; count < 100; count++) append(history, true, 'x'.repeat(1_000))
  const { events, truncatedTo } = history.after(10)
  assert.equal(events.length, Math.floor(REPLAY_BYTES / 1_000))
  assert.equal(truncatedTo, 100 - events.length + 1)
  assert.equal(events[0]?.seq, truncatedTo)
  assert.equal(events.at(-1)?.seq, 100)
  assert.equal(history.after(90).truncatedTo, undefined)
})

test('[RES3] what is not kept any more is named too', () => {
  const history = historyOf(5_000)
  for (let count = 0; count < 100; count++) append(history, true, 'x'.repeat(436))
  assert.equal(history.firstSeq, 91)
  assert.equal(history.after(20).truncatedTo, 91)
  assert.equal(history.after(90).truncatedTo, undefined)
})

test('[RES4] pages join without a hole and without a repetition', () => {
  const history = historyOf(20_000)
  for (let count = 0; count < 150; count++) append(history, true, 'x'.repeat(100))
  const read: number[] = []
  let afterSeq = 0
  for (;;) {
    const page = history.page(afterSeq, 7)
    read.push(...seqs(page.events))
    afterSeq = read.at(-1) as number
    if (!page.more) break
  }
  assert.equal(read[0], history.firstSeq)
  assert.deepEqual(
    read,
    read.map((_, index) => history.firstSeq + index),
  )
  assert.equal(read.at(-1), 150)
  assert.deepEqual(history.page(150, 10), { events: [], more: false })
  assert.deepEqual(history.page(9_999, 10), { events: [], more: false })
})
