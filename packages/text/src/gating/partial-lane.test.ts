import assert from 'node:assert/strict'
import { test } from 'node:test'
import { seededRandom } from '@parley/kernel'
import { IDLE_LANE, type LaneStep, onAnswered, onOver, onPartial, onTick, type PartialLane } from './partial-lane.ts'

type Lane = PartialLane<string>
const partial = (index: number, text: string) => ({ index, text, caption: text })
const told = ({ cancels, ask }: LaneStep<string>): string =>
  `${cancels ? 'cancel ' : ''}${ask ? `ask ${ask.text}` : '-'}`

/** A lane and what it says to each input in turn. */
function run() {
  let lane: Lane = IDLE_LANE
  const take = (step: LaneStep<string>): string => {
    lane = step.lane
    return told(step)
  }
  return {
    partial: (index: number, text: string, nowMs: number) => take(onPartial(lane, partial(index, text), nowMs)),
    answered: (nowMs: number) => take(onAnswered(lane, nowMs)),
    tick: (nowMs: number) => take(onTick(lane, nowMs)),
    over: (index: number) => take(onOver(lane, index)),
  }
}

test('[GT4] one question at a time; the newest text is asked about when it is answered', () => {
  const lane = run()
  assert.equal(lane.partial(0, 'good', 0), 'ask good')
  assert.equal(lane.partial(0, 'good morning', 300), '-')
  assert.equal(lane.partial(0, 'good morning everybody', 600), '-')
  assert.equal(lane.answered(700), 'ask good morning everybody')
  assert.equal(lane.answered(900), '-')
})

test('[GT4] what was not due is asked about later, by the tick', () => {
  const lane = run()
  lane.partial(0, 'good', 0)
  lane.answered(50)
  assert.equal(lane.partial(0, 'good mo', 500), '-')
  assert.equal(lane.tick(1_900), '-')
  assert.equal(lane.tick(2_000), 'ask good mo')
})

test('[GT5] a question that was overtaken is called off for the newer one', () => {
  const lane = run()
  lane.partial(0, 'good morning', 0)
  assert.equal(lane.partial(0, 'could morning be', 200), 'cancel ask could morning be')
  assert.equal(lane.partial(0, 'could morning be any nicer', 1_000), '-')
  assert.equal(lane.tick(2_200), 'cancel ask could morning be any nicer')
})

test('[GT6] a final or the next utterance calls it off; partials that come behind are void', () => {
  const lane = run()
  lane.partial(0, 'good', 0)
  assert.equal(lane.over(0), 'cancel -')
  assert.equal(lane.partial(0, 'good morning', 900), '-')
  assert.equal(lane.partial(1, 'how', 1_000), 'ask how')
  assert.equal(lane.partial(2, 'well', 1_100), 'cancel ask well')
  assert.equal(lane.partial(1, 'how are you', 2_200), '-')
  assert.equal(lane.over(1), '-', 'an utterance it is not about any more')
  assert.equal(lane.answered(2_300), '-')
  assert.equal(lane.over(2), '-', 'nothing is under way')
})

test('[GT4] [GT5] [GT6] whatever happens, one question at most is under way and each ends once', () => {
  const random = seededRandom(7)
  for (let round = 0; round < 200; round++) {
    let lane: Lane = IDLE_LANE
    let underWay = 0
    let nowMs = 0
    let index = 0
    let text = ''
    for (let n = 0; n < 200; n++) {
      nowMs += Math.floor(random() * 700)
      const dice = random()
      let step: LaneStep<string>
      if (dice < 0.6) {
        text += 'abcdefgh '.slice(0, 1 + Math.floor(random() * 9))
        step = onPartial(lane, partial(index, text), nowMs)
      } else if (dice < 0.8) {
        if (underWay === 0) continue
        underWay--
        step = onAnswered(lane, nowMs)
      } else if (dice < 0.9) step = onTick(lane, nowMs)
      else {
        step = onOver(lane, index++)
        text = ''
        assert.equal(step.ask, undefined)
        assert.equal(step.cancels, underWay === 1)
      }
      lane = step.lane
      if (step.cancels) underWay--
      if (step.ask) underWay++
      assert.ok(underWay === 0 || underWay === 1)
      assert.equal(lane.isUnderWay, underWay === 1)
    }
  }
})
