import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ASK_EVERY_MS, LOST_AFTER_ANSWERS, LULL_MS, LullWatch } from './lull-watch.ts'

/** Held since `LULL_MS`. */
function held(): LullWatch {
  const lull = new LullWatch()
  lull.onFrame(0)
  assert.equal(lull.onTick(LULL_MS), 'hold')
  return lull
}

test('[LU1] nothing is asked before the first frame and while frames come', () => {
  const lull = new LullWatch()
  assert.equal(lull.onTick(10_000), undefined)
  for (let ms = 20_000; ms < 21_000; ms += 20) {
    assert.equal(lull.onFrame(ms), false)
    assert.equal(lull.onTick(ms + 15), undefined)
  }
  assert.equal(lull.onTick(20_980 + LULL_MS - 1), undefined)
})

test('[LU1] a lull holds once and is asked about each second', () => {
  const lull = held()
  assert.ok(lull.isHeld)
  assert.equal(lull.onTick(LULL_MS + ASK_EVERY_MS - 1), undefined)
  assert.equal(lull.onTick(LULL_MS + ASK_EVERY_MS), 'ask')
  assert.equal(lull.onTick(LULL_MS + ASK_EVERY_MS + 100), undefined)
  assert.equal(lull.onTick(LULL_MS + ASK_EVERY_MS * 2), 'ask')
})

test('[LU2] all has come: a real pause, released, and nothing more until frames come again', () => {
  const lull = held()
  assert.equal(lull.onAnswer(true), true)
  assert.equal(lull.onAnswer(true), false)
  assert.equal(lull.onTick(60_000), undefined)
  assert.equal(lull.onFrame(60_000), false)
  assert.equal(lull.onTick(60_000 + LULL_MS), 'hold')
})

test('[LU3] some is missing: held until it comes, or is lost for good', () => {
  const lull = held()
  assert.equal(lull.onAnswer(false), false)
  assert.ok(lull.isHeld)
  assert.equal(lull.onFrame(2_000), true, 'it came')
  assert.equal(lull.onTick(2_000 + LULL_MS), 'hold')
  for (let answers = 1; answers < LOST_AFTER_ANSWERS; answers++) assert.equal(lull.onAnswer(false), false)
  assert.equal(lull.onAnswer(false), true, 'it will not come any more')
  assert.equal(lull.isHeld, false)
})

test('[LU4] the end of the audio releases', () => {
  assert.equal(held().onEnded(), true)
  const flowing = new LullWatch()
  flowing.onFrame(0)
  assert.equal(flowing.onEnded(), false)
  assert.equal(flowing.onTick(10_000), undefined)
})

test('[LU5] a client that is back is asked when what it kept would have come', () => {
  const lull = held()
  lull.onTick(LULL_MS + ASK_EVERY_MS)
  lull.onAttached(2_000)
  assert.equal(lull.onTick(2_000 + LULL_MS - 1), undefined)
  assert.equal(lull.onTick(2_000 + LULL_MS), 'ask')
})
