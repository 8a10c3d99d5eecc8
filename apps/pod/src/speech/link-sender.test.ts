import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ManualClock } from '@parley/kernel/testing'
import { type PodToWorker, readLinkRecords, writeLinkRecord } from '@parley/protocol'
import { type AudioSource, type LinkBatch, LinkSender } from './link-sender.ts'
import { LINK_TICK_MS, LinkTick } from './link-tick.ts'

class Outlet {
  bufferedBytes = 0
  readonly sent: (string | number)[] = []
  sendAudio(bytes: Buffer): void {
    let frames = 0
    readLinkRecords(bytes, () => frames++)
    this.sent.push(frames)
  }
  send(message: PodToWorker): void {
    this.sent.push(message.type === 'stream.flush' ? `flush ${message.flushId}` : message.type)
  }
}

class Source implements AudioSource {
  isQueued = false
  frames = 0
  readonly flushAfter: number[] = []
  readonly #number: number
  #sent = 0

  constructor(number: number) {
    this.#number = number
  }

  fill(batch: LinkBatch): 'done' | 'more' | 'later' {
    let flushed = false
    for (;;) {
      if (this.flushAfter[0] === this.#sent) {
        this.flushAfter.shift()
        batch.flushes.push({ stream: this.#number, flushId: this.#sent })
        flushed = true
      } else if (this.frames === 0) return 'done'
      else if (flushed || batch.bytes.byteLength - batch.end < 700) return 'more'
      else {
        batch.end = writeLinkRecord(batch.bytes, batch.end, this.#number, 0, new Uint8Array(640))
        this.frames--
        this.#sent++
      }
    }
  }
}

function rig() {
  const clock = new ManualClock()
  const outlet = new Outlet()
  const counters = { batches: 0, batchBytes: 0, stalls: 0 }
  const sender = new LinkSender(clock, outlet, counters)
  const give = (source: Source, frames: number) => {
    source.frames += frames
    sender.gather(source, frames * 640)
  }
  return { clock, outlet, counters, sender, give }
}

test('[LK6] frames of many streams within a tick travel as one message', () => {
  const { clock, outlet, sender, give } = rig()
  const sources = [1, 2, 3].map((number) => new Source(number))
  for (const source of sources) give(source, 2)
  assert.deepEqual(outlet.sent, [])
  clock.advance(LINK_TICK_MS)
  assert.deepEqual(outlet.sent, [6])
  clock.advance(10 * LINK_TICK_MS)
  assert.deepEqual(outlet.sent, [6], 'no frames, no messages and no timer')
  assert.equal(clock.pendingTimers, 0)
  sender.close()
})

test('[LK6] the links of a pod send in one turn of its loop, at one tick', () => {
  const clock = new ManualClock()
  const tick = new LinkTick(clock)
  const outlets = [new Outlet(), new Outlet()]
  const senders = outlets.map(
    (outlet) => new LinkSender(clock, outlet, { batches: 0, batchBytes: 0, stalls: 0 }, undefined, tick),
  )
  senders.forEach((sender, n) => {
    const source = new Source(n)
    source.frames = 1
    sender.gather(source, 640)
    clock.advance(7)
  })
  assert.equal(clock.pendingTimers, 1)
  clock.advance(LINK_TICK_MS - 14)
  assert.deepEqual(
    outlets.map(({ sent }) => sent),
    [[1], [1]],
  )
  assert.equal(clock.pendingTimers, 0)
  tick.close()
})

test('[LK6] much audio does not wait for the tick', () => {
  const { outlet, sender, give } = rig()
  give(new Source(1), 80)
  assert.equal(outlet.sent.length, 1)
  sender.close()
})

test('[LK6] a flush comes after the audio before it and before the audio after it', () => {
  const { outlet, sender, give } = rig()
  const source = new Source(1)
  source.flushAfter.push(2, 2, 5)
  give(source, 6)
  sender.sendNow()
  assert.deepEqual(outlet.sent, [2, 'flush 2', 'flush 2', 3, 'flush 5', 1])
  sender.close()
})

test('[LK7] a worker that does not read gets no audio until it does; nothing piles up here', () => {
  const { clock, outlet, counters, sender, give } = rig()
  const source = new Source(1)
  outlet.bufferedBytes = 3 * 1024 * 1024
  give(source, 5)
  clock.advance(5 * LINK_TICK_MS)
  assert.deepEqual([outlet.sent, counters.stalls], [[], 5])
  outlet.bufferedBytes = 0
  clock.advance(LINK_TICK_MS)
  assert.deepEqual(outlet.sent, [5])
  sender.close()
})

test('[LK6] a stream with much to catch up does not hold up the others', () => {
  const { outlet, sender, give } = rig()
  const late = new Source(1)
  const calm = new Source(2)
  late.frames = 10_000
  late.isQueued = false
  sender.gather(late, 0)
  const before = outlet.sent.length
  let calmSentAfter = -1
  const fill = calm.fill.bind(calm)
  calm.fill = (batch) => {
    calmSentAfter = outlet.sent.length - before
    return fill(batch)
  }
  give(calm, 1)
  sender.sendNow()
  assert.ok(calmSentAfter >= 0 && calmSentAfter <= 2, `${calmSentAfter} messages went first`)
  sender.close()
})

test('[LK6] closing forgets the sources and the timer', () => {
  const { clock, sender, give } = rig()
  const source = new Source(1)
  give(source, 1)
  sender.close()
  assert.deepEqual([source.isQueued, clock.pendingTimers], [false, 0])
})
