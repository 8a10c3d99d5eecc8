import assert from 'node:assert/strict'
import { test } from 'node:test'
import { judge, type LoadSample, NOT_OVERLOADED, type Overload } from './overload.ts'

const calm: LoadSample = { recogniseWaitMs: 40, synthesiseWaitMs: 60, cpuBusyRatio: 0.5, isIdle: false }

/** What becomes of `state` when each sample holds for its time, looked at every 250 ms. */
function over(
  spans: readonly (readonly [forMs: number, sample: Partial<LoadSample>])[],
  state: Overload = NOT_OVERLOADED,
) {
  let nowMs = 0
  const seen: boolean[] = []
  for (const [forMs, sample] of spans) {
    for (const endMs = nowMs + forMs; nowMs < endMs; nowMs += 250) state = judge(state, { ...calm, ...sample }, nowMs)
    seen.push(state.isOverloaded)
  }
  return seen
}

test('[WK17] a wait of a second and a half for two seconds is overload; less, or for less, is not', () => {
  assert.deepEqual(over([[60_000, { recogniseWaitMs: 1_400 }]]), [false])
  assert.deepEqual(
    over([
      [1_750, { recogniseWaitMs: 3_000 }],
      [250, {}],
      [1_750, { recogniseWaitMs: 3_000 }],
    ]),
    [false, false, false],
  )
  assert.deepEqual(over([[2_500, { recogniseWaitMs: 1_500 }]]), [true])
  assert.deepEqual(over([[2_500, { synthesiseWaitMs: 1_500 }]]), [true])
})

test('[WK17] with every core busy half a second is enough; a busy machine that keeps up is not overloaded', () => {
  assert.deepEqual(over([[60_000, { cpuBusyRatio: 1 }]]), [false])
  assert.deepEqual(over([[2_500, { cpuBusyRatio: 1, recogniseWaitMs: 600 }]]), [true])
})

test('[WK17] it is over when what waits has been short for three seconds', () => {
  const overloaded: Overload = { isOverloaded: true, turningSinceMs: undefined }
  assert.deepEqual(over([[60_000, { recogniseWaitMs: 400 }]], overloaded), [true])
  assert.deepEqual(
    over(
      [
        [2_500, {}],
        [250, { recogniseWaitMs: 900 }],
        [3_250, { cpuBusyRatio: 1 }],
      ],
      overloaded,
    ),
    [true, true, false],
  )
})

test('[WK17] with the last stream gone it is over at once: nothing is left to be late', () => {
  const overloaded: Overload = { isOverloaded: true, turningSinceMs: undefined }
  assert.deepEqual(over([[250, { isIdle: true, cpuBusyRatio: 1 }]], overloaded), [false])
  assert.deepEqual(over([[250, { isIdle: true, recogniseWaitMs: 900 }]], overloaded), [true])
})
