// What runs an engine that may die, with engines that die as they are told.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ManualClock } from '@parley/kernel/testing'
import { type QueueListener, RestartingQueue } from './restarting-queue.ts'

interface Manual {
  readonly listener: QueueListener<string>
  readonly written: { readonly id: number; readonly question: string }[]
  isClosed: boolean
}

function rig(maxFlying = 4) {
  const clock = new ManualClock()
  const runners: Manual[] = []
  const reasons: string[] = []
  let idle = 0
  const queue = new RestartingQueue<string, string>({
    clock,
    name: 'the engine',
    maxFlying,
    startRunner: (listener) => {
      const runner: Manual = { listener, written: [], isClosed: false }
      runners.push(runner)
      return {
        write: (id, question) => void runner.written.push({ id, question }),
        close: async () => {
          runner.isClosed = true
        },
      }
    },
    onBroken: (reason) => reasons.push(reason),
    onIdle: () => idle++,
  })
  const answers = new Map<string, string>()
  const ask = (question: string) =>
    queue.ask(question, (answer) => {
      assert.equal(answers.has(question), false, 'answered twice')
      answers.set(question, answer.ok ? answer.value : answer.error.code)
    })
  const last = () => runners.at(-1) as Manual
  const questions = () => last().written.map(({ question }) => question)
  /** The engine answers the oldest it has not answered. */
  const reply = (at: number) =>
    last().listener.onAnswer(last().written[at]?.id ?? 0, `to ${last().written[at]?.question}`)
  return { clock, queue, runners, reasons, answers, ask, last, questions, reply, idleCount: () => idle }
}

test('[RQ1] questions go in order, a few at a time, and the engine is started with the first', () => {
  const { runners, ask, questions, reply, answers, idleCount } = rig(2)
  assert.equal(runners.length, 0)
  for (const question of ['a', 'b', 'c']) ask(question)
  assert.deepEqual(questions(), ['a', 'b'])
  reply(0)
  assert.deepEqual(questions(), ['a', 'b', 'c'])
  reply(1)
  reply(2)
  assert.deepEqual(
    [...answers],
    [
      ['a', 'to a'],
      ['b', 'to b'],
      ['c', 'to c'],
    ],
  )
  assert.deepEqual([runners.length, idleCount()], [1, 1])
})

test('[RQ2] broken, it is started again at once and what it had is asked once more, one at a time', () => {
  const { runners, ask, last, questions, reply, answers } = rig()
  for (const question of ['first', 'a', 'b', 'c']) ask(question)
  reply(0)
  last().listener.onBroken('gone')
  assert.deepEqual([runners.length, runners[0]?.isClosed], [2, true])
  assert.deepEqual(questions(), ['a'])
  ask('d')
  reply(0)
  reply(1)
  assert.deepEqual(questions(), ['a', 'b', 'c'])
  reply(2)
  assert.deepEqual(questions(), ['a', 'b', 'c', 'd'])
  reply(3)
  assert.deepEqual([...answers.values()], ['to first', 'to a', 'to b', 'to c', 'to d'])
  // What the dead one still says is nobody's.
  runners[0]?.listener.onAnswer(2, 'late')
  runners[0]?.listener.onBroken('late')
  assert.equal(runners.length, 2)
})

test('[RQ3] a question that breaks it twice fails, and no other', () => {
  const { clock, ask, last, questions, reply, answers } = rig()
  for (const question of ['bad', 'a', 'b']) ask(question)
  last().listener.onBroken('first time')
  assert.deepEqual(questions(), ['bad'])
  last().listener.onBroken('second time')
  assert.equal(answers.get('bad'), 'ENGINE_FAILED')
  clock.advance(200)
  assert.deepEqual(questions(), ['a'])
  reply(0)
  reply(1)
  assert.deepEqual([answers.get('a'), answers.get('b')], ['to a', 'to b'])
})

test('[RQ4] one that does not come up is tried less and less often, and nobody waits for it', async () => {
  const { clock, runners, ask, last, answers, reply } = rig()
  ask('a')
  ask('b')
  for (let start = 0; start < 3; start++) {
    last().listener.onBroken('no such file')
    clock.advance(20_000)
  }
  assert.deepEqual([answers.get('a'), answers.get('b')], ['ENGINE_FAILED', 'ENGINE_FAILED'])
  // The third start was for "b"; the next is for somebody who asks.
  assert.equal(runners.length, 3)
  ask('c')
  last().listener.onBroken('no such file')
  assert.equal(answers.get('c'), 'ENGINE_UNAVAILABLE')
  ask('d')
  assert.equal(answers.has('d'), false)
  await Promise.resolve()
  assert.equal(answers.get('d'), 'ENGINE_UNAVAILABLE')
  clock.advance(20_000)
  ask('e')
  reply(0)
  ask('f')
  reply(1)
  assert.deepEqual([answers.get('e'), answers.get('f')], ['to e', 'to f'])
})

test('[RQ5] one that is silent is ended, sooner once it has answered', () => {
  const { clock, runners, ask, reply, reasons } = rig()
  ask('a')
  clock.advance(29_999)
  assert.equal(runners.length, 1)
  reply(0)
  ask('b')
  clock.advance(9_999)
  assert.equal(runners.length, 1)
  clock.advance(1)
  assert.deepEqual([runners.length, reasons], [2, ['no answer within 10000 ms']])
})

test('[RQ6] an answer to another question breaks it: nothing is crossed', () => {
  const { ask, last, answers, runners, reply } = rig()
  ask('a')
  ask('b')
  const [, second] = last().written
  last().listener.onAnswer(second?.id ?? 0, 'to b')
  assert.equal(answers.size, 0)
  assert.equal(runners.length, 2)
  reply(0)
  reply(1)
  assert.deepEqual([...answers.values()], ['to a', 'to b'])
})

test("[RQ7] a question that is left is not asked any more, and its answer is nobody's", () => {
  const { ask, questions, reply, answers, queue } = rig(1)
  const leaveFirst = ask('a')
  const leaveSecond = ask('b')
  ask('c')
  leaveFirst()
  leaveSecond()
  leaveSecond()
  reply(0)
  assert.deepEqual(questions(), ['a', 'c'])
  reply(1)
  assert.deepEqual([[...answers], queue.isIdle], [[['c', 'to c']], true])
})

test('[RQ8] closed, it fails what there is, ends the engine and leaves no timer', async () => {
  const { clock, ask, answers, queue, last } = rig(1)
  ask('a')
  ask('b')
  await Promise.all([queue.close(), queue.close()])
  assert.deepEqual([...answers.values()], ['ENGINE_UNAVAILABLE', 'ENGINE_UNAVAILABLE'])
  assert.deepEqual([last().isClosed, clock.pendingTimers], [true, 0])
})
