import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { newReorderTally, REORDER_WINDOW_PACKETS, ReorderBuffer, ReorderPool } from './reorder.ts'

const SEED = 20_273
const FRAME_MS = 20

function bufferOf(frameMs = FRAME_MS, nextSeq = 0) {
  const tally = newReorderTally()
  const pool = new ReorderPool(100)
  const released: number[] = []
  const contents: string[] = []
  const buffer = new ReorderBuffer({
    frameMs,
    pool,
    tally,
    nextSeq,
    sink(seq, mediaTime, payload, receivedAtMs) {
      released.push(seq)
      contents.push(`${mediaTime}/${Buffer.from(payload)}/${receivedAtMs}`)
    },
  })
  const push = (seq: number, nowMs = 0) =>
    buffer.push(seq, seq * 320, Buffer.from(`frame ${seq}`), 1_000_000 + nowMs, nowMs)
  return { buffer, push, tally, pool, released, contents }
}

test('[AU28] packets in order pass straight through, with their own memory', () => {
  const seen: Uint8Array[] = []
  const pool = new ReorderPool(100)
  const buffer = new ReorderBuffer({
    frameMs: 20,
    pool,
    tally: newReorderTally(),
    sink: (_seq, _mediaTime, payload) => seen.push(payload),
  })
  const payload = new Uint8Array(10)
  for (let seq = 0; seq < 5; seq++) assert.equal(buffer.push(seq, 0, payload, 0, 0), 'passed')
  assert.ok(seen.every((each) => each === payload))
  assert.equal(pool.freeSlots, 0)
  assert.equal(buffer.deadlineMs, Number.POSITIVE_INFINITY)
})

test('[AU28] early packets wait for those before them and keep what they came with', () => {
  const { push, released, contents, tally, buffer } = bufferOf()
  assert.equal(push(0), 'passed')
  assert.equal(push(2, 5), 'held')
  assert.equal(push(4, 6), 'held')
  assert.equal(push(3, 7), 'held')
  assert.deepEqual(released, [0])
  assert.equal(push(1, 8), 'passed')
  assert.deepEqual(released, [0, 1, 2, 3, 4])
  assert.deepEqual(contents[3], '960/frame 3/1000007')
  assert.equal(buffer.heldPackets, 0)
  assert.equal(buffer.nextSeq, 5)
  assert.deepEqual(tally, { missing: 0, reordered: 2, late: 0, skipped: 0 })
})

test('[AU29] after 1.5 frames, never less than 20 ms, the missing one is given up; then it is late', () => {
  for (const [frameMs, holdMs] of [
    [10, 20],
    [20, 30],
    [60, 90],
  ] as const) {
    const { push, released, tally, buffer } = bufferOf(frameMs)
    push(0, 100)
    push(2, 110)
    push(3, 120)
    assert.equal(buffer.deadlineMs, 110 + holdMs)
    buffer.expire(110 + holdMs - 0.1)
    assert.deepEqual(released, [0])
    buffer.expire(110 + holdMs)
    assert.deepEqual(released, [0, 2, 3])
    assert.equal(buffer.deadlineMs, Number.POSITIVE_INFINITY)
    assert.equal(push(1, 111 + holdMs), 'late')
    assert.deepEqual(tally, { missing: 1, reordered: 0, late: 1, skipped: 0 })
  }
})

test('[AU29] each gap has its own time: the second is waited for longer', () => {
  const { push, released, buffer } = bufferOf()
  push(1, 0)
  push(4, 20)
  assert.equal(buffer.deadlineMs, 30)
  buffer.expire(30)
  assert.deepEqual(released, [1])
  assert.equal(buffer.deadlineMs, 50)
  push(2, 40)
  assert.deepEqual(released, [1, 2])
  buffer.expire(50)
  assert.deepEqual(released, [1, 2, 4])
})

test('[AU29] a packet that noticed a gap first is not held longer for what came before it later', () => {
  const { push, released, tally, buffer } = bufferOf()
  push(9, 0)
  push(6, 10)
  push(2, 25)
  buffer.expire(30)
  assert.deepEqual(released, [2, 6, 9])
  assert.equal(tally.missing, 7)
})

test('[AU29] the eleventh waiting packet gives up the first gap', () => {
  const { push, released, buffer } = bufferOf()
  for (let seq = 1; seq <= REORDER_WINDOW_PACKETS; seq++) assert.equal(push(seq), 'held')
  // Frame 5 is missing too: only the first gap is given up.
  const other = bufferOf()
  for (let seq = 1; seq <= 10; seq++) if (seq !== 5) other.push(seq)
  assert.equal(other.buffer.heldPackets, 9)
  assert.deepEqual(released, [])
  assert.equal(buffer.heldPackets, REORDER_WINDOW_PACKETS)
  push(11)
  assert.deepEqual(released, [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11])
})

test('[AU30] a jump releases what waits and goes on from there', () => {
  const { push, released, tally, buffer } = bufferOf()
  push(0)
  push(2)
  push(5)
  assert.equal(push(12), 'passed')
  assert.deepEqual(released, [0, 2, 5, 12])
  assert.deepEqual(tally, { missing: 3, reordered: 0, late: 0, skipped: 6 })
  assert.equal(push(11), 'late')
  assert.equal(push(2 ** 40), 'passed')
  assert.equal(buffer.nextSeq, 2 ** 40 + 1)
  // Just within the window is still waited for.
  assert.equal(push(2 ** 40 + 1 + REORDER_WINDOW_PACKETS), 'held')
})

test('[AU31] whatever comes, nothing is lost track of, doubled or out of order', () => {
  const packet = fc.record({ lost: fc.nat({ max: 9 }), delayMs: fc.nat({ max: 120 }) })
  fc.assert(
    fc.property(fc.array(packet, { maxLength: 200 }), fc.constantFrom(10, 20, 40, 60), (packets, frameMs) => {
      const { buffer, push, tally, pool, released, contents } = bufferOf(frameMs)
      const arrivals = packets
        .map(({ lost, delayMs }, seq) => ({ seq, isLost: lost === 0, atMs: seq * frameMs + delayMs }))
        .filter(({ isLost }) => !isLost)
        .sort((a, b) => a.atMs - b.atMs)
      for (const { seq, atMs } of arrivals) {
        buffer.expire(atMs)
        push(seq, atMs)
        assert.ok(buffer.heldPackets <= REORDER_WINDOW_PACKETS)
        assert.ok(buffer.deadlineMs > atMs)
        assert.equal(buffer.deadlineMs === Number.POSITIVE_INFINITY, buffer.heldPackets === 0)
        assert.equal(released.length + tally.late + buffer.heldPackets, arrivals.findIndex((a) => a.seq === seq) + 1)
      }
      buffer.flush()
      assert.equal(buffer.heldPackets, 0)
      assert.deepEqual(
        released,
        released.toSorted((a, b) => a - b),
      )
      assert.equal(new Set(released).size, released.length)
      assert.equal(released.length + tally.late, arrivals.length)
      assert.equal(buffer.nextSeq, released.length + tally.missing + tally.skipped)
      for (const [index, seq] of released.entries())
        assert.ok(contents[index]?.startsWith(`${seq * 320}/frame ${seq}/`))
      assert.ok(pool.freeSlots <= REORDER_WINDOW_PACKETS + 1)
    }),
    { seed: SEED, numRuns: 400 },
  )
})

test('[AU31] a cleared buffer gives its memory back and releases nothing', () => {
  const { push, buffer, pool, released } = bufferOf()
  push(1)
  push(3)
  buffer.clear()
  assert.equal(pool.freeSlots, 2)
  assert.equal(buffer.heldPackets, 0)
  assert.equal(buffer.deadlineMs, Number.POSITIVE_INFINITY)
  assert.deepEqual(released, [])
  assert.equal(push(0), 'passed')
})

test('[AU31] buffers of one pool do not meet', () => {
  const pool = new ReorderPool(100)
  const released: string[][] = [[], []]
  const buffers = released.map(
    (list) =>
      new ReorderBuffer({
        frameMs: 20,
        pool,
        tally: newReorderTally(),
        sink: (seq, _mediaTime, payload) => list.push(`${seq}${Buffer.from(payload)}`),
      }),
  ) as [ReorderBuffer, ReorderBuffer]
  for (let round = 0; round < 50; round++) {
    const first = round * 3
    for (const seq of [first + 2, first + 1, first]) {
      buffers[0].push(seq, 0, Buffer.from('a'), 0, 0)
      buffers[1].push(seq, 0, Buffer.from('bb'), 0, 0)
    }
  }
  for (const [index, text] of ['a', 'bb'].entries()) {
    assert.deepEqual(
      released[index],
      Array.from({ length: 150 }, (_, seq) => `${seq}${text}`),
    )
  }
  assert.equal(pool.freeSlots, 4)
})
