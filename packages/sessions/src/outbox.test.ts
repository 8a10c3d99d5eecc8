import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { Outbox, type Wire } from './outbox.ts'
import { newSessionCounters } from './session-counters.ts'

/** Takes everything and hands it on when told, like a socket whose peer reads now and then. */
class StallingWire implements Wire {
  readonly written: string[] = []
  readonly #pending: { bytes: number; done: (() => void) | undefined }[] = []
  isStalled = true

  get bufferedBytes(): number {
    return this.#pending.reduce((sum, one) => sum + one.bytes, 0)
  }
  write(message: Buffer, done?: () => void): void {
    this.written.push(message.toString())
    if (this.isStalled) this.#pending.push({ bytes: message.length, done })
    else done?.()
  }
  writeBinary(message: Buffer, done?: () => void): void {
    this.write(message, done)
  }
  /** The peer takes the oldest write. */
  take(): boolean {
    const one = this.#pending.shift()
    one?.done?.()
    return one !== undefined
  }
  /** Bytes somebody else has put into the socket, without a callback of ours. */
  clog(bytes: number): void {
    this.#pending.push({ bytes, done: undefined })
  }
}

const LIMITS = { highWaterBytes: 10, maxHeldBytes: 30 }
const text = (value: string): Buffer => Buffer.from(value)

function outbox(limits = LIMITS): { wire: StallingWire; box: Outbox; counters: ReturnType<typeof newSessionCounters> } {
  const wire = new StallingWire()
  const counters = newSessionCounters()
  return { wire, counters, box: new Outbox(wire, limits, counters) }
}

/** A box that holds: two writes of 5 bytes fill the wire to its high water. */
function full(limits = LIMITS): ReturnType<typeof outbox> {
  const made = outbox(limits)
  made.box.keep(text('aaaaa'))
  made.box.keep(text('bbbbb'))
  return made
}

test('[OB1] below the high water everything is written at once, in order', () => {
  const { wire, box } = outbox()
  box.keep(text('aaaaa'))
  box.latest(0, text('bbbb'))
  assert.deepEqual(wire.written, ['aaaaa', 'bbbb'])
  assert.equal(box.isHolding, false)
})

test('[OB2] a held partial is replaced by the next of its utterance and keeps its place', () => {
  const { wire, box, counters } = full()
  box.latest(0, text('p0'))
  box.keep(text('k1'))
  box.latest(0, text('p0 longer'))
  assert.equal(box.heldBytes, 'p0 longer'.length + 2)
  while (wire.take()) {}
  assert.deepEqual(wire.written.slice(2), ['p0 longer', 'k1'])
  assert.equal(counters.partialsCoalescedTotal, 1)
})

test('[OB2] the final of an utterance replaces its held partial, and only that', () => {
  const { wire, box } = full()
  box.latest(0, text('p0'))
  box.latest(1, text('p1'))
  box.keep(text('f0'), 0)
  while (wire.take()) {}
  assert.deepEqual(wire.written.slice(2), ['p1', 'f0'])
})

test('[OB3] [FO1] finals beyond the bound are refused, partials never', () => {
  const { box } = full()
  assert.equal(box.keep(text('x'.repeat(30))), true)
  assert.equal(box.keep(text('y')), false)
  box.latest(0, text('z'))
  assert.equal(box.heldBytes, 31)
})

test('[OB4] what is held goes out as the wire empties, in order', () => {
  const { wire, box } = full()
  for (const name of ['k1', 'k2', 'k3', 'k4']) box.keep(text(name))
  assert.equal(wire.written.length, 2)
  while (wire.take()) {}
  assert.deepEqual(wire.written.slice(2), ['k1', 'k2', 'k3', 'k4'])
  assert.equal(box.isHolding, false)
  assert.equal(box.heldBytes, 0)
})

test('[OB4] a wire clogged by others strands nothing: the first message goes in with a callback', () => {
  const { wire, box } = outbox()
  wire.clog(1_000)
  box.keep(text('k1'))
  assert.deepEqual(wire.written, ['k1'])
  box.keep(text('k2'))
  assert.deepEqual(wire.written, ['k1'])
  while (wire.take()) {}
  assert.deepEqual(wire.written, ['k1', 'k2'])
})

test('[OB4] that holds again after a time in which everything was held and written', () => {
  const { wire, box } = full()
  box.keep(text('k1'))
  while (wire.take()) {}
  wire.clog(1_000)
  box.keep(text('k2'))
  assert.equal(wire.written.at(-1), 'k2')
})

test('[OB5] the last message follows everything held, whatever the wire', () => {
  const { wire, box } = full()
  box.keep(text('k1'))
  box.finish(text('closing'))
  assert.deepEqual(wire.written.slice(2), ['k1', 'closing'])
})

test('[OB3] a discarded outbox holds nothing and stays usable', () => {
  const { wire, box } = full()
  box.keep(text('k1'))
  box.discard()
  assert.equal(box.heldBytes, 0)
  while (wire.take()) {}
  box.keep(text('k2'))
  assert.deepEqual(wire.written.slice(2), ['k2'])
})

test('[OB2] [OB3] [OB4] kept messages arrive once and in order, and of each key the newest, whatever the peer does', () => {
  const step = fc.oneof(
    fc.record({ kind: fc.constant('keep' as const) }),
    fc.record({ kind: fc.constant('partial' as const), key: fc.nat({ max: 2 }) }),
    fc.record({ kind: fc.constant('settle' as const), key: fc.nat({ max: 2 }) }),
    fc.record({ kind: fc.constant('take' as const) }),
  )
  fc.assert(
    fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
      const { wire, box } = outbox({ highWaterBytes: 12, maxHeldBytes: 1_000_000 })
      const kept: string[] = []
      const newest = new Map<number, string>()
      steps.forEach((one, at) => {
        if (one.kind === 'take') wire.take()
        else if (one.kind === 'partial') {
          newest.set(one.key, `p${one.key}.${at}`)
          box.latest(one.key, text(`p${one.key}.${at}`))
        } else {
          kept.push(`k${at}`)
          if (one.kind === 'settle') newest.delete(one.key)
          box.keep(text(`k${at}`), one.kind === 'settle' ? one.key : undefined)
        }
      })
      while (wire.take()) {}
      assert.deepEqual(
        wire.written.filter((message) => message.startsWith('k')),
        kept,
      )
      for (const [key, message] of newest) {
        const ofKey = wire.written.filter((written) => written.startsWith(`p${key}.`))
        assert.equal(ofKey.at(-1), message)
      }
      assert.equal(box.isHolding, false)
    }),
  )
})
