import assert from 'node:assert/strict'
import { test } from 'node:test'
import { AudioInbox, INBOX_CAPACITY_BLOCKS, type InboxItem } from './audio-inbox.ts'

function taken(inbox: AudioInbox): InboxItem[] {
  const items: InboxItem[] = []
  for (let item = inbox.shift(); item; item = inbox.shift()) items.push(item)
  return items
}
const ramp = (length: number, from = 1) => Int16Array.from({ length }, (_, at) => (from + at) % 30_000)
const samplesOf = (items: readonly InboxItem[]) =>
  items.flatMap((item) => (item.kind === 'block' ? [...item.samples] : []))

test('[UT7] audio of any length becomes blocks of 320 samples on the clock of the client', () => {
  const inbox = new AudioInbox(300)
  const all = ramp(2_000)
  for (let at = 0; at < all.length; at += 123) inbox.push(1_000 + at / 16, all.subarray(at, at + 123))
  const items = taken(inbox)
  assert.deepEqual(samplesOf(items), [...all.subarray(0, 1_920)])
  assert.deepEqual(
    items.map((item) => item.kind === 'block' && [item.startMs, item.endMs]),
    [0, 1, 2, 3, 4, 5].map((at) => [1_000 + at * 20, 1_020 + at * 20]),
  )
})

test('[RC3] what was taken before is left out, by media time', () => {
  const inbox = new AudioInbox(300)
  const all = ramp(1_600)
  inbox.push(0, all.subarray(0, 960))
  inbox.push(0, all.subarray(0, 960))
  inbox.push(40, all.subarray(640))
  assert.deepEqual(samplesOf(taken(inbox)), [...all])
})

test('[EP3] media times rounded by less than half a block are no gap', () => {
  const inbox = new AudioInbox(300)
  const all = ramp(1_600)
  for (let at = 0; at < 5; at++)
    inbox.push(Math.round(at * 20 + 0.4 * (at % 2)), all.subarray(at * 320, at * 320 + 320))
  assert.deepEqual(samplesOf(taken(inbox)), [...all])
})

test('[EP3] a gap shorter than the endpointing wait is silence of its length; a longer one ends speech in its place', () => {
  const inbox = new AudioInbox(300)
  inbox.push(0, ramp(320))
  inbox.push(100, ramp(320))
  assert.deepEqual(samplesOf(taken(inbox)), [...ramp(320), ...new Array(1_280).fill(0), ...ramp(320)])
  inbox.push(130, ramp(160))
  inbox.push(5_000, ramp(320))
  const items = taken(inbox)
  assert.deepEqual(
    items.map((item) => (item.kind === 'block' ? [item.startMs, item.endMs] : item.kind)),
    [[120, 130], 'gap', [5_000, 5_020]],
  )
})

test('[UT6] a flush and a lull come after all audio before them, the last block filled up with silence', () => {
  const inbox = new AudioInbox(300)
  inbox.push(0, ramp(400))
  inbox.flush(9)
  inbox.push(25, ramp(320))
  inbox.idle()
  const items = taken(inbox)
  assert.deepEqual(
    items.map((item) => (item.kind === 'block' ? [item.startMs, item.endMs] : item.kind)),
    [[0, 20], [20, 25], 'flush', [25, 45], 'idle'],
  )
  assert.deepEqual(samplesOf(items).slice(320, 640), [...ramp(80, 321), ...new Array(240).fill(0)])
})

test('[RC9] it holds 30 s; beyond that the oldest is dropped and counted', () => {
  const inbox = new AudioInbox(300)
  inbox.push(0, new Int16Array(INBOX_CAPACITY_BLOCKS * 320))
  assert.deepEqual([inbox.length, inbox.dropped], [1_500, 0])
  inbox.push(30_000, new Int16Array(320))
  assert.deepEqual([inbox.length, inbox.dropped], [1_500, 1])
  inbox.clear()
  assert.equal(inbox.length, 0)
})
