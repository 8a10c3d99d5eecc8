import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Budget } from '../budgets/budget.ts'
import { type BudgetLimits, type CallClass, NO_LIMITS } from '../budgets/limits.ts'
import { CallQueue, type QueuedCall } from './call-queue.ts'

const call = (sessionId: string, callClass: CallClass, tokens = 10): QueuedCall => ({ sessionId, callClass, tokens })
const ROOM = (_call: QueuedCall) => true

function subject(limits: Partial<BudgetLimits> = {}) {
  const budget = new Budget({ ...NO_LIMITS, ...limits }, 0)
  const queue = new CallQueue(budget, { maxPerSession: 4 })
  /** Starts what may start; sessions and classes in that order. */
  const start = (nowMs: number, hasRoom = ROOM): string[] => {
    const started: string[] = []
    for (;;) {
      const next = queue.next(nowMs, hasRoom)
      if (next.is === 'wait') return started
      budget.take(next.call.callClass, next.call.tokens, nowMs)
      started.push(`${next.call.sessionId} ${next.call.callClass}`)
    }
  }
  return { budget, queue, start }
}

test('[FQ4] finals go before partials, by turns of the sessions', () => {
  const { queue, start } = subject()
  for (const session of ['a', 'a', 'b']) queue.push(call(session, 'partial'))
  for (const session of ['a', 'a', 'b']) queue.push(call(session, 'final'))
  assert.deepEqual(start(0), ['a final', 'b final', 'a final', 'a partial', 'b partial', 'a partial'])
})

test('[FQ4] while a final waits for rate no partial goes', () => {
  const { queue, start } = subject({ requestsPerMinute: 60 })
  for (let n = 0; n < 4; n++) queue.push(call('a', 'final'))
  queue.push(call('b', 'partial'))
  const first = start(0).length
  assert.ok(first >= 2 && first < 4)
  const next = queue.next(0, ROOM)
  assert.ok(next.is === 'wait' && next.waitMs > 0 && next.waitMs < 1_100)
  for (let nowMs = 100; nowMs < 3_000; nowMs += 100) for (const each of start(nowMs)) assert.equal(each, 'a final')
})

test('[FQ4] while finals wait for a place of their own, partials go', () => {
  const { queue, start } = subject({ finalConcurrency: 1, partialConcurrency: 2 })
  for (let n = 0; n < 3; n++) {
    queue.push(call('a', 'final'))
    queue.push(call('b', 'partial'))
  }
  assert.deepEqual(start(0), ['a final', 'b partial', 'b partial'])
  assert.deepEqual(queue.next(0, ROOM), { is: 'wait', waitMs: Number.POSITIVE_INFINITY })
  assert.deepEqual([queue.waiting('final'), queue.waiting('partial'), queue.size], [2, 1, 3])
})

test('[FQ5] a large one that does not fit yet is not passed by small ones', () => {
  const { queue, start } = subject({ tokensPerMinute: 1_000 })
  queue.push(call('a', 'final', 40))
  queue.push(call('b', 'final', 400))
  queue.push(call('c', 'final', 1))
  assert.deepEqual(start(0), ['a final'])
  assert.deepEqual(start(1_000), [])
  assert.deepEqual(start(5_000), ['b final'])
  assert.deepEqual(start(40_000), ['c final'])
})

test('[FQ5] without anybody to do it nothing goes, partials neither: they would take the place', () => {
  const { queue, start } = subject()
  queue.push(call('a', 'final'))
  queue.push(call('b', 'partial'))
  assert.deepEqual(
    start(0, ({ callClass }) => callClass === 'partial'),
    [],
  )
  assert.deepEqual(start(0), ['a final', 'b partial'])
})

test('[FQ6] of one session and class four wait here, the fifth is turned away', () => {
  const { queue } = subject()
  for (let n = 0; n < 4; n++) assert.equal(queue.push(call('a', 'partial')), true)
  assert.equal(queue.push(call('a', 'partial')), false)
  assert.equal(queue.push(call('a', 'final')), true)
  assert.equal(queue.push(call('b', 'partial')), true)
  const oldest = queue.oldest('partial', 'a') as QueuedCall
  assert.equal(queue.remove(oldest), true)
  assert.equal(queue.remove(oldest), false)
  assert.equal(queue.push(call('a', 'partial')), true)
})

test('[TX3, FQ7] a partial is expected to wait for all finals, a final only for its turn', () => {
  const { queue, start } = subject({ requestsPerMinute: 60 })
  start(0)
  for (let n = 0; n < 4; n++) queue.push(call('talker', 'final'))
  start(0)
  const waiting = queue.waiting('final')
  const final = queue.expectedWaitMs(call('quiet', 'final'), 0)
  const partial = queue.expectedWaitMs(call('quiet', 'partial'), 0)
  assert.ok(final <= 2_200, `${final} ms: one of the talker's goes before`)
  assert.ok(partial >= waiting * 1_000, `${partial} ms: ${waiting} go before`)
  assert.equal(subject({ requestsPerMinute: 0 }).queue.expectedWaitMs(call('a', 'final'), 0), Number.POSITIVE_INFINITY)
  assert.equal(subject().queue.expectedWaitMs(call('a', 'partial'), 0), 0)
})
