import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type AudioFormat, readLinkRecords } from '@parley/protocol'
import fc from 'fast-check'
import { AudioPool } from './audio-pool.ts'
import { KeptAudio } from './kept-audio.ts'

const PCM: AudioFormat = { codec: 'pcm16', sampleRateHz: 16_000, frameMs: 20 }
const OPUS: AudioFormat = { codec: 'opus', sampleRateHz: 48_000, frameMs: 20 }
const FRAME = 320

const pool = () => new AudioPool(64 * 1024 * 1024)
const pcm = (value: number) => new Uint8Array(2 * FRAME).fill(value)

/** Everything from the cursor on, as `[mediaTime, first byte]`. */
function drain(kept: KeptAudio, stream = 1, limitNo = Number.POSITIVE_INFINITY): [number, number][] {
  const target = Buffer.alloc(65_536)
  const frames: [number, number][] = []
  for (;;) {
    const end = kept.writeNext(target, 0, stream, limitNo)
    if (end < 0) return frames
    const isWhole = readLinkRecords(target.subarray(0, end), (number, mediaTime, payload) => {
      assert.equal(number, stream)
      frames.push([mediaTime, payload[0] as number])
    })
    assert.ok(isWhole)
  }
}

test('[UT4] what was sent stays until it is trimmed, and a rewind sends it again', () => {
  const kept = new KeptAudio(pool(), PCM)
  for (let n = 0; n < 100; n++) kept.push(n * FRAME, pcm(n), 1_000 + n * 20)
  assert.equal(drain(kept).length, 100)
  assert.equal(kept.unsentBytes, 0)
  kept.trim(40 * FRAME)
  kept.rewind()
  const again = drain(kept, 7)
  assert.deepEqual([again.length, again[0]], [60, [40 * FRAME, 40]])
  kept.trim(100 * FRAME)
  assert.deepEqual([kept.bytes, kept.headMedia()], [0, undefined])
})

test('[UT4] a frame that is settled only in part is kept whole', () => {
  const kept = new KeptAudio(pool(), PCM)
  for (let n = 0; n < 3; n++) kept.push(n * FRAME, pcm(n), 0)
  kept.trim(FRAME + 1)
  assert.equal(kept.headMedia(), FRAME)
})

test('[UT4] a session keeps at most 1 MB of PCM and 100 kB of Opus; the oldest go and are counted', () => {
  for (const [format, payload, maxBytes] of [
    [PCM, pcm(1), 1_000_000],
    [OPUS, new Uint8Array(120), 100_000],
  ] as const) {
    const kept = new KeptAudio(pool(), format)
    const frameSamples = (format.sampleRateHz * format.frameMs) / 1000
    const count = 4_000
    for (let n = 0; n < count; n++) kept.push(n * frameSamples, payload, n)
    assert.ok(kept.bytes <= maxBytes && kept.bytes > 0.98 * maxBytes, `${kept.bytes}`)
    assert.equal(kept.pushedNo - kept.headNo + kept.droppedFrames, count)
    assert.equal(drain(kept).at(-1)?.[0], (count - 1) * frameSamples)
  }
})

test('[UT4] at the cap of the pod a stream gives up its own oldest audio, never that of another', () => {
  const small = new AudioPool(3 * 16_384)
  const first = new KeptAudio(small, PCM)
  const second = new KeptAudio(small, PCM)
  first.push(0, pcm(1), 0)
  for (let n = 0; n < 500; n++) second.push(n * FRAME, pcm(2), n)
  assert.equal(drain(first).length, 1)
  assert.ok(second.droppedFrames > 0)
  assert.equal(drain(second).at(-1)?.[0], 499 * FRAME)
  assert.ok(small.usedBytes <= 3 * 16_384)
  const third = new KeptAudio(small, PCM)
  third.push(0, pcm(3), 0)
  assert.equal(third.droppedFrames, 1, 'no room at all: the frame itself is dropped and counted')
})

test('[UT4] clearing gives all memory back to the pod', () => {
  const shared = pool()
  const kept = new KeptAudio(shared, PCM)
  for (let n = 0; n < 200; n++) kept.push(n * FRAME, pcm(n), n)
  assert.ok(shared.usedBytes > 0)
  kept.clear()
  assert.deepEqual([shared.usedBytes, kept.bytes, kept.unsentBytes], [0, 0, 0])
  kept.push(200 * FRAME, pcm(9), 0)
  assert.deepEqual(drain(kept), [[200 * FRAME, 9]])
})

test('[UT4] media time is right beyond 2^32 samples', () => {
  const kept = new KeptAudio(pool(), PCM)
  const start = 0x1_0000_0000 - 2 * FRAME
  for (let n = 0; n < 5; n++) kept.push(start + n * FRAME, pcm(n), 10 * n)
  assert.equal(kept.headMedia(), start)
  kept.trim(start + 3 * FRAME)
  assert.equal(kept.headMedia(), start + 3 * FRAME)
  assert.deepEqual(drain(kept), [
    [FRAME, 3],
    [2 * FRAME, 4],
  ])
})

test('[FO9] the receive time of a sample is that of the frame that holds it', () => {
  const kept = new KeptAudio(pool(), PCM)
  const wallMs = 1_700_000_000_000
  assert.equal(kept.receivedAtMs(0), undefined)
  for (let n = 0; n < 100; n++) kept.push(n * FRAME, pcm(n), wallMs + n * 20)
  assert.equal(kept.receivedAtMs(50 * FRAME), wallMs + 49 * 20, 'the sample before the end of frame 49')
  assert.equal(kept.receivedAtMs(50 * FRAME + 1), wallMs + 50 * 20)
  assert.equal(kept.receivedAtMs(1_000 * FRAME), wallMs + 99 * 20, 'beyond the last: the last')
  kept.trim(60 * FRAME)
  assert.equal(kept.receivedAtMs(10 * FRAME), wallMs + 60 * 20, 'trimmed: the nearest kept')
})

test('[UT4] frames received up to an instant are dropped, the rest stays', () => {
  const kept = new KeptAudio(pool(), PCM)
  for (let n = 0; n < 100; n++) kept.push(n * FRAME, pcm(n), 5_000 + n * 20)
  assert.equal(kept.dropReceivedBefore(5_000 + 39 * 20), 40)
  assert.equal(kept.headMedia(), 40 * FRAME)
  assert.equal(drain(kept)[0]?.[0], 40 * FRAME)
})

interface ModelFrame {
  readonly media: number
  readonly received: number
  readonly mark: number
}

/** The same queue as a plain list, and the checks that both agree. */
class Pair {
  readonly #shared = new AudioPool(40 * 4_096)
  readonly #kept = new KeptAudio(this.#shared, OPUS)
  #frames: ModelFrame[] = []
  #sent = 0
  #media = 0xffff_0000
  #number = 0

  push(size: number, skip: number): void {
    const kept = this.#kept
    const frame = { media: this.#media + skip * 960, received: this.#number * 20, mark: this.#number % 251 }
    const before = kept.droppedFrames
    kept.push(frame.media, new Uint8Array(size).fill(frame.mark), frame.received)
    this.#forget(kept.droppedFrames - before)
    this.#frames.push(frame)
    this.#media = frame.media + 960
    this.#number++
  }

  send(count: number): void {
    const target = Buffer.alloc(2_000)
    for (let n = 0; n < count; n++) {
      const end = this.#kept.writeNext(target, 0, 3, Number.POSITIVE_INFINITY)
      const expected = this.#frames[this.#sent]
      assert.equal(end >= 0, expected !== undefined)
      if (!expected) return
      readLinkRecords(target.subarray(0, end), (_stream, mediaTime, payload) => {
        assert.deepEqual([mediaTime, payload[0]], [expected.media % 0x1_0000_0000, expected.mark])
      })
      this.#sent++
    }
  }

  trim(ahead: number): void {
    const limit = (this.#frames[0]?.media ?? this.#media) + ahead * 960
    this.#kept.trim(limit)
    this.#forgetUntil((frame) => frame.media + 960 > limit)
  }

  expire(ahead: number): void {
    const limit = (this.#frames[0]?.received ?? 0) + ahead * 20
    this.#kept.dropReceivedBefore(limit)
    this.#forgetUntil((frame) => frame.received > limit)
  }

  rewind(): void {
    this.#kept.rewind()
    this.#sent = 0
  }

  clear(): void {
    this.#kept.clear()
    this.#forget(this.#frames.length)
    assert.equal(this.#shared.usedBytes, 0)
  }

  check(): void {
    const kept = this.#kept
    assert.equal(kept.headMedia(), this.#frames[0]?.media)
    assert.equal(kept.pushedNo - kept.headNo, this.#frames.length)
    assert.equal(kept.cursorNo - kept.headNo, this.#sent)
    assert.equal(kept.unsentBytes === 0, this.#sent === this.#frames.length)
  }

  #forgetUntil(isKept: (frame: ModelFrame) => boolean): void {
    const first = this.#frames.findIndex(isKept)
    this.#forget(first < 0 ? this.#frames.length : first)
  }

  #forget(count: number): void {
    this.#frames = this.#frames.slice(count)
    this.#sent = Math.max(0, this.#sent - count)
  }
}

test('[UT4] property: under any mix of pushes, sends, trims and rewinds it behaves as a plain list does', () => {
  const step = fc.oneof(
    fc.tuple(fc.constant('push' as const), fc.integer({ min: 1, max: 1_275 }), fc.nat(3)),
    fc.tuple(fc.constantFrom('send' as const, 'trim' as const, 'expire' as const), fc.nat(40), fc.nat(0)),
    fc.tuple(fc.constantFrom('rewind' as const, 'clear' as const), fc.nat(0), fc.nat(0)),
  )
  const property = fc.property(fc.array(step, { maxLength: 200, size: 'max' }), (steps) => {
    const pair = new Pair()
    for (const [action, count, skip] of steps) {
      pair[action](count, skip)
      pair.check()
    }
    pair.clear()
  })
  fc.assert(property, { numRuns: 200 })
})
