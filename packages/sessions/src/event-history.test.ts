import assert from 'node:assert/strict'
import { test } from 'node:test'
import { EventHistory, type HistoryBudget, type HistoryEvent, REPLAY_BYTES } from './event-history.ts'
import { openBlock, sealBlock } from './event-history-block.ts'

const budgetOf = (maxBytes: number): HistoryBudget => ({ maxBytes, usedBytes: 0 })

function historyOf(maxBytes = 100_000, budget = budgetOf(10_000_000)): EventHistory {
  return new EventHistory({ maxBytes, budget })
}

function append(history: EventHistory, isFinal = true, json = '{}'): void {
  history.append({ seq: history.nextSeq(), kind: isFinal ? 'final' : 'ended', json })
}

const seqs = (events: readonly { readonly seq: number }[]): number[] => events.map((event) => event.seq)

const range = (first: number, last: number): number[] =>
  Array.from({ length: Math.max(0, last - first + 1) }, (_, index) => first + index)

/** Numbers below `bound`, the same ones for the same seed. */
function randomOf(seed: number): (bound: number) => number {
  let state = seed * 2_654_435_761
  return (bound) => {
    state = (Math.imul(state ^ (state >>> 15), 0x2c1b3c6d) + 0x9e3779b9) >>> 0
    return (state >>> 8) % bound
  }
}

function randomText(length: number, seed: number): string {
  const random = randomOf(seed)
  return String.fromCharCode(...Array.from({ length }, () => 33 + random(94)))
}

const WORDS = 'the train to Vienna leaves at platform four and we would have to change once more before noon'.split(' ')

function captionText(seq: number): string {
  const random = randomOf(seq)
  const text = Array.from({ length: 30 }, () => WORDS[random(WORDS.length)]).join(' ')
  const utterance = { epoch: 1, index: seq - 1 }
  return JSON.stringify({ type: 'caption', kind: 'final', utterance, revision: 3, seq, text, startMs: seq * 9_000 })
}

const KINDS = ['final', 'final', 'final', 'abandoned', 'ended'] as const

function eventOf(seq: number, random: (bound: number) => number): HistoryEvent {
  const text = [
    () => captionText(seq),
    () => randomText(random(600), seq),
    () => '\u8f66\u7ad9'.repeat(random(120)),
    () => `\u{1f682}\u00e9 line\nbreak ${random(1_000_000)}`,
    () => '',
    () => randomText(random(40) === 0 ? 12_000 : 50, seq),
  ][random(6)]?.()
  return { seq, kind: KINDS[random(KINDS.length)] ?? 'final', json: JSON.stringify(text) }
}

/** What a history that keeps `kept`, the newest of which has the number `seq`, has to answer. */
function afterOf(kept: readonly HistoryEvent[], seq: number, seen: number) {
  const events: HistoryEvent[] = []
  let bytes = 0
  for (const event of kept.toReversed()) {
    bytes += event.json.length
    if (event.seq <= seen || bytes > REPLAY_BYTES) break
    events.unshift(event)
  }
  const firstSeq = seq - events.length + 1
  return { events, truncatedTo: firstSeq > seen + 1 ? firstSeq : undefined }
}

function compareWithList(seed: number): void {
  const random = randomOf(seed)
  const budget = budgetOf(20_000 + random(40_000))
  const maxBytes = 2_000 + random(30_000)
  const [history, neighbour] = [historyOf(maxBytes, budget), historyOf(maxBytes, budget)]
  const list: HistoryEvent[] = []
  for (let step = 0; step < 400; step++) {
    const event = eventOf(history.nextSeq(), random)
    const firstSeqBefore = history.firstSeq
    history.append(event)
    list.push(event)
    if (random(3) === 0) neighbour.append(eventOf(neighbour.nextSeq(), random))
    if (random(150) === 0) neighbour.clear()
    assert.ok(history.bytes <= maxBytes && budget.usedBytes <= budget.maxBytes, `seed ${seed}: within the bounds`)
    assert.equal(history.bytes + neighbour.bytes, budget.usedBytes, `seed ${seed}: nothing is lost from the account`)
    assert.ok(history.firstSeq === 0 || history.firstSeq >= firstSeqBefore, `seed ${seed}: the oldest go first`)
    if (random(8) !== 0) continue
    const kept = history.firstSeq === 0 ? [] : list.slice(history.firstSeq - 1)
    const [seen, limit, finals] = [random(history.seq + 3), 1 + random(60), random(30)]
    assert.deepEqual(history.after(seen), afterOf(kept, history.seq, seen), `seed ${seed}: after ${seen}`)
    const events = kept.filter((one) => one.seq > seen).slice(0, limit)
    const last = events.at(-1)
    const more = last !== undefined && last.seq < history.seq
    assert.deepEqual(history.page(seen, limit), { events, more }, `seed ${seed}: page after ${seen}`)
    const begin = kept.filter((one) => one.kind === 'final').slice(-finals || kept.length)[0]
    const tail = begin && finals > 0 ? kept.slice(kept.indexOf(begin)) : []
    assert.deepEqual(history.tail(finals), tail, `seed ${seed}: tail of ${finals}`)
  }
  history.clear()
  neighbour.clear()
  assert.deepEqual([budget.usedBytes, history.firstSeq, history.seq], [0, 0, 400])
}

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
  const budget = budgetOf(10_000_000)
  const history = historyOf(12_000, budget)
  for (let count = 1; count <= 1_000; count++) {
    append(history, true, randomText(300, count))
    assert.ok(history.bytes <= 12_000)
    assert.equal(budget.usedBytes, history.bytes)
  }
  const kept = history.tail(1_000)
  assert.ok(kept.length >= 20 && kept.length <= 60, `${kept.length} of text that resists`)
  assert.equal(history.firstSeq, 1_000 - kept.length + 1)
  assert.deepEqual(seqs(kept), range(history.firstSeq, 1_000))
})

test('[SES7] text that is no longer new is kept in far less than its length, byte for byte', () => {
  const history = historyOf(65_536)
  const texts = Array.from({ length: 300 }, (_, index) => captionText(index + 1))
  for (const text of texts) append(history, true, text)
  const { events } = history.page(0, 1_000)
  assert.deepEqual(
    events.map((event) => event.json),
    texts,
  )
  const rawBytes = texts.reduce((bytes, text) => bytes + text.length, 0)
  assert.ok(history.bytes < rawBytes * 0.6, `${history.bytes} of ${rawBytes}`)
})

test('[SES7] a block is a buffer of its own, not a cut of a larger one', () => {
  const block = sealBlock([{ seq: 7, kind: 'final', json: captionText(7) }])
  assert.equal(block.deflated.buffer.byteLength, block.deflated.length)
  assert.deepEqual(openBlock(block), [{ seq: 7, kind: 'final', json: captionText(7) }])
})

test('[SES7] text that no byte of Latin can write counts twice, as it takes twice', () => {
  const history = historyOf()
  append(history, true, '\u8f66'.repeat(100))
  assert.equal(history.bytes, 264)
  append(history, true, '\u00e9'.repeat(100))
  assert.equal(history.bytes, 264 + 164)
})

test('[SES7] text that comes out larger than it was does not break the bound', () => {
  const random = randomOf(1)
  const text = String.fromCharCode(...Array.from({ length: 8_900 }, () => 161 + random(94)))
  const { deflated } = sealBlock([{ seq: 1, kind: 'final', json: text }])
  assert.ok(deflated.length > text.length * 0.96, `${deflated.length}: larger with what a block costs`)
  const budget = budgetOf(10_000_000)
  const history = historyOf(8_980, budget)
  append(history, true, text)
  assert.deepEqual([history.bytes, budget.usedBytes, history.firstSeq], [0, 0, 0])
  append(history)
  assert.deepEqual(seqs(history.tail(5)), [2])
})

test('[SES7] [RES2] [RES4] [WT2] whatever is kept how, the answers are those of a plain list', () => {
  for (let seed = 1; seed <= 60; seed++) compareWithList(seed)
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
