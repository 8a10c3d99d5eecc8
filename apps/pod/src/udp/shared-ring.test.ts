import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { makeSharedRing, RingReader, RingWriter, ringUsedBytes } from './shared-ring.ts'

const SEED = 20_274
const RECORD_HEADER_BYTES = 32
const MOST_RECORDS = 100_000
const recordBytes = (payloadBytes: number) => RECORD_HEADER_BYTES + Math.ceil(payloadBytes / 8) * 8

interface Frame {
  readonly handle: number
  readonly seq: number
  readonly mediaTime: number
  readonly text: string
  readonly atMs: number
}

function ringOf(bytes: number) {
  const ring = makeSharedRing(bytes)
  const writer = new RingWriter(ring)
  const reader = new RingReader(ring)
  const write = (frame: Frame) =>
    writer.write(frame.handle, frame.seq, frame.mediaTime, Buffer.from(frame.text, 'latin1'), frame.atMs)
  const drain = (max = Number.POSITIVE_INFINITY) => {
    const frames: Frame[] = []
    let left = MOST_RECORDS
    const count = reader.drain((handle, seq, mediaTime, payload, atMs) => {
      assert.ok(left-- > 0, 'the reader goes round in circles')
      frames.push({ handle, seq, mediaTime, text: Buffer.from(payload).toString('latin1'), atMs })
    }, max)
    assert.equal(count, frames.length)
    return frames
  }
  return { ring, writer, reader, write, drain }
}

const frameOf = (seq: number, payloadBytes = 60): Frame => ({
  handle: 0xffff_fff0 + (seq % 8),
  seq: 2 ** 33 + seq,
  mediaTime: (0xffff_ff00 + seq) % 2 ** 32,
  text: String.fromCharCode(32 + (seq % 90)).repeat(payloadBytes),
  atMs: 1_700_000_000_000.5 + seq,
})

test('[UD10] records come out as they went in, once they are published', () => {
  const { writer, write, drain, ring } = ringOf(65_536)
  const frames = Array.from({ length: 50 }, (_, seq) => frameOf(seq, 1 + seq * 7))
  for (const frame of frames) assert.equal(write(frame), true)
  assert.deepEqual(drain(), [])
  writer.publish()
  assert.ok(ringUsedBytes(ring) > 0)
  assert.deepEqual(drain(10), frames.slice(0, 10))
  assert.deepEqual(drain(), frames.slice(10))
  assert.equal(ringUsedBytes(ring), 0)
})

test('[UD10] a full ring refuses the newest, keeps the others, and takes frames again when there is room', () => {
  const { writer, write, drain } = ringOf(4_096)
  let taken = 0
  while (write(frameOf(taken))) taken++
  assert.ok(taken >= 40, `${taken} records of 96 bytes`)
  writer.publish()
  assert.equal(write(frameOf(999)), false)
  assert.deepEqual(
    drain(),
    Array.from({ length: taken }, (_, seq) => frameOf(seq)),
  )
  assert.equal(write(frameOf(1_000)), true)
  writer.publish()
  assert.deepEqual(drain(), [frameOf(1_000)])
})

test('[UD10] an emptied ring starts over: what is read at once touches only the first pages', () => {
  const { writer, write, drain, ring } = ringOf(16 << 20)
  for (let seq = 0; seq < 20_000; seq++) {
    assert.equal(write(frameOf(seq)), true)
    if (seq % 32 !== 31) continue
    writer.publish()
    assert.equal(drain().length, 32)
  }
  const touched = ring.bytes.findLastIndex((byte) => byte !== 0) + 1
  assert.ok(touched < 100_000, `${touched} bytes touched`)
})

test('[UD10] a ring about to start over still takes as much as it has bytes when its reader stands still', () => {
  const bytes = 262_144
  // 683 records reach the point where an emptied ring starts over.
  for (let warmUp = 675; warmUp < 690; warmUp++) {
    const { writer, write, drain } = ringOf(bytes)
    let seq = 0
    for (; seq < warmUp; seq++) {
      write(frameOf(seq))
      writer.publish()
      drain()
    }
    for (let stall = 0; stall < 3; stall++) {
      const first = seq
      while (seq - first < MOST_RECORDS && write(frameOf(seq))) seq++
      writer.publish()
      assert.ok((seq - first) * 96 > bytes * 0.99, `${(seq - first) * 96} bytes taken after ${warmUp} records`)
      assert.deepEqual(
        drain(),
        Array.from({ length: seq - first }, (_, index) => frameOf(first + index)),
      )
    }
  }
})

test('[UD10] a reader that stands where the ring once started over is not run over', () => {
  const { writer, write, drain } = ringOf(262_144)
  let seq = 0
  const writeSome = (count: number) => {
    for (let index = 0; index < count; index++) assert.ok(write(frameOf(seq++)))
    writer.publish()
  }
  writeSome(683)
  drain()
  // Starts over here; later the reader comes to stand at the same place again, with unread records behind it.
  writeSome(1)
  drain()
  writeSome(1_500)
  assert.equal(drain(682).length, 682)
  const first = 683 + 1 + 682
  while (seq - first < MOST_RECORDS && write(frameOf(seq))) seq++
  writer.publish()
  assert.deepEqual(
    drain(),
    Array.from({ length: seq - first }, (_, index) => frameOf(first + index)),
  )
})

test('[UD10] whatever is written and read, records are neither lost, doubled nor mixed', () => {
  const step = fc.record({
    writes: fc.oneof(
      { weight: 3, arbitrary: fc.array(fc.integer({ min: 1, max: 1_200 }), { maxLength: 12 }) },
      {
        weight: 1,
        arbitrary: fc.tuple(fc.nat({ max: 400 }), fc.constantFrom(60, 1_200)).map(([n, bytes]) => Array(n).fill(bytes)),
      },
    ),
    reads: fc.oneof(fc.nat({ max: 8 }), fc.nat({ max: 200 }), fc.constant(10_000)),
  })
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), fc.constantFrom(8_192, 20_000, 150_000, 262_144), (steps, bytes) => {
      const { writer, write, drain, ring } = ringOf(bytes)
      const expected: Frame[] = []
      let seq = 0
      let usedBytes = 0
      for (const { writes, reads } of steps) {
        for (const payloadBytes of writes) {
          const frame = frameOf(seq++, payloadBytes)
          const isTaken = write(frame)
          // Wrapping and the mark cost at most two records' room.
          if (usedBytes + recordBytes(payloadBytes) * 2 + 1_300 < bytes)
            assert.ok(isTaken, 'refused though there is room')
          if (!isTaken) continue
          expected.push(frame)
          usedBytes += recordBytes(payloadBytes)
          assert.ok(usedBytes <= bytes)
        }
        const published = writer.publish()
        assert.equal(published, ringUsedBytes(ring))
        assert.equal(published, usedBytes)
        assert.equal(published === 0, expected.length === 0)
        const frames = drain(reads)
        assert.deepEqual(frames, expected.splice(0, frames.length))
        for (const { text } of frames) usedBytes -= recordBytes(text.length)
      }
      assert.deepEqual(drain(), expected)
    }),
    { seed: SEED, numRuns: 300 },
  )
})

test('[UD10] a reader that waits is woken by the next record, or by wake', async () => {
  const { writer, write, drain, reader } = ringOf(65_536)
  const waiting = reader.wait()
  assert.ok(waiting)
  write(frameOf(1))
  writer.publish()
  await waiting
  // There is something: no need to wait.
  assert.equal(reader.wait(), undefined)
  assert.equal(drain().length, 1)
  const again = reader.wait()
  assert.ok(again)
  reader.wake()
  await again
})
