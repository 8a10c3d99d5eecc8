import assert from 'node:assert/strict'
import { test } from 'node:test'
import { MAX_UDP_COUNTER, UDP_REPLAY_WINDOW_PACKETS } from '@parley/protocol'
import fc from 'fast-check'
import { ReplayWindow } from './replay-window.ts'

const SEED = 20_271

/** What the window must do, kept without any cleverness. */
class Model {
  readonly #accepted = new Set<number>()
  #highest = -1

  verdict(counter: number): string {
    if (counter <= this.#highest - UDP_REPLAY_WINDOW_PACKETS) return 'out_of_window'
    return this.#accepted.has(counter) ? 'replayed' : 'new'
  }
  accept(counter: number): void {
    this.#accepted.add(counter)
    this.#highest = Math.max(this.#highest, counter)
  }
}

test('[SL3] the window says what a list of everything ever accepted would say', () => {
  const steps = fc.array(
    fc.oneof(
      { weight: 8, arbitrary: fc.integer({ min: -70, max: 5 }) },
      { weight: 2, arbitrary: fc.integer({ min: 1, max: 200 }) },
    ),
    { maxLength: 400 },
  )
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 2 ** 40 }), steps, (start, offsets) => {
      const window = new ReplayWindow()
      const model = new Model()
      window.accept(start)
      model.accept(start)
      let newest = start
      for (const offset of offsets) {
        const counter = Math.max(0, newest + offset)
        const expected = model.verdict(counter)
        assert.equal(window.verdict(counter), expected, `counter ${counter}`)
        if (expected !== 'new') continue
        window.accept(counter)
        model.accept(counter)
        newest = Math.max(newest, counter)
        assert.equal(window.highest, newest)
      }
    }),
    { seed: SEED, numRuns: 500 },
  )
})

test('[SL3] exactly 64 counters are remembered, at every distance the newest can move', () => {
  for (const ahead of [1, 31, 32, 33, 63, 64, 65, 1_000]) {
    const window = new ReplayWindow()
    for (let counter = 0; counter < 100; counter++) window.accept(counter)
    window.accept(99 + ahead)
    for (let behind = 0; behind < 70; behind++) {
      const counter = 99 + ahead - behind
      const isAccepted = counter <= 99 || behind === 0
      const expected = behind >= 64 ? 'out_of_window' : isAccepted ? 'replayed' : 'new'
      assert.equal(window.verdict(counter), expected, `${behind} behind after a step of ${ahead}`)
    }
  }
})

test('[SL5] counters are extended to the nearest, also over 2^32 and with reordering across it', () => {
  const window = new ReplayWindow()
  assert.equal(window.extend(7), 7)
  window.accept(2 ** 32 - 2)
  assert.equal(window.extend(2 ** 32 - 1), 2 ** 32 - 1)
  assert.equal(window.extend(3), 2 ** 32 + 3)
  window.accept(2 ** 32 + 3)
  assert.equal(window.extend(0xffff_fffe), 2 ** 32 - 2)
  assert.equal(window.verdict(2 ** 32 - 2), 'replayed')
  fc.assert(
    fc.property(
      fc.integer({ min: 0, max: 2 ** 47 }),
      fc.integer({ min: -(2 ** 31) + 1, max: 2 ** 31 - 1 }),
      (at, by) => {
        const moved = new ReplayWindow()
        moved.accept(at)
        const counter = at + by
        fc.pre(counter >= 0)
        assert.equal(moved.extend(counter % 2 ** 32), counter)
      },
    ),
    { seed: SEED, numRuns: 2_000 },
  )
})

test('[SL5] counters beyond the last one that may be used are refused', () => {
  const window = new ReplayWindow()
  window.accept(MAX_UDP_COUNTER - 1)
  assert.equal(window.verdict(MAX_UDP_COUNTER), 'new')
  assert.equal(window.verdict(MAX_UDP_COUNTER + 1), 'out_of_window')
  assert.equal(window.verdict(-1), 'out_of_window')
})
