import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { FairQueue } from './fair-queue.ts'

interface Call {
  readonly key: string
  readonly n: number
  readonly cost: number
}

function filled(...counts: readonly [key: string, count: number, cost?: number][]): FairQueue<Call> {
  const queue = new FairQueue<Call>()
  for (const [key, count, cost = 1] of counts) {
    for (let n = 0; n < count; n++) queue.push(key, { key, n, cost }, cost)
  }
  return queue
}

function serve(queue: FairQueue<Call>, count: number): string {
  return Array.from({ length: count }, () => queue.take()?.key ?? '-').join('')
}

test('[FQ1] whoever asks for ten times as much is served as often as the others while they want something', () => {
  const queue = filled(['T', 30], ['a', 3], ['b', 3])
  assert.equal(serve(queue, 9), 'TabTabTab')
  assert.equal(serve(queue, 3), 'TTT')
})

test('[FQ1] what is expensive is served more rarely', () => {
  const served = serve(filled(['x', 100, 5], ['c', 100, 1]), 60)
  const [expensive, cheap] = [served.split('x').length - 1, served.split('c').length - 1]
  assert.ok(Math.abs(expensive * 5 - cheap) <= 15, served)
})

test('[FQ1] property: what two sessions that both wait have been served never differs by more than three of the most expensive', () => {
  const costs = fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 40, maxLength: 40 })
  fc.assert(
    fc.property(fc.array(costs, { minLength: 2, maxLength: 6 }), (flows) => {
      const queue = new FairQueue<Call>()
      const left = flows.map((each) => each.length)
      flows.forEach((each, at) => {
        each.forEach((cost, n) => {
          queue.push(String(at), { key: String(at), n, cost }, cost)
        })
      })
      const served = flows.map(() => 0)
      for (;;) {
        const call = queue.take() as Call
        const at = Number(call.key)
        served[at] = (served[at] as number) + call.cost
        left[at] = (left[at] as number) - 1
        if (left[at] === 0) return
        assert.ok(Math.max(...served) - Math.min(...served) <= 27, served.join())
      }
    }),
  )
})

test('[FQ2] property: peek is what take takes, each item comes once and in the order of its session, whatever is withdrawn', () => {
  const operation = fc.record({
    is: fc.constantFrom('push', 'push', 'take', 'remove'),
    key: fc.constantFrom('a', 'b', 'c'),
    cost: fc.integer({ min: 1, max: 5 }),
  })
  fc.assert(
    fc.property(fc.array(operation, { maxLength: 300 }), (operations) => {
      const queue = new FairQueue<Call>()
      let model: Call[] = []
      operations.forEach(({ is, key, cost }, n) => {
        if (is === 'push') {
          const call = { key, n, cost }
          queue.push(key, call, cost)
          model.push(call)
        } else if (is === 'take') {
          const next = queue.peek()
          const taken = queue.take()
          assert.equal(taken, next)
          assert.equal(taken === undefined, model.length === 0)
          if (taken)
            assert.equal(
              taken,
              model.find((each) => each.key === taken.key),
            )
          model = model.filter((each) => each !== taken)
        } else {
          const victim = model.findLast((each) => each.key === key)
          if (victim) assert.equal(queue.remove(key, victim), true)
          assert.equal(queue.remove(key, { key, n, cost }), false)
          model = model.filter((each) => each !== victim)
        }
        assert.equal(queue.size, model.length)
        assert.equal(queue.sizeOf('a'), model.filter((each) => each.key === 'a').length)
        assert.deepEqual(new Set(queue), new Set(model))
      })
    }),
  )
})

test('[FQ2] whoever had nothing for a while has no more coming than who waited', () => {
  const queue = filled(['a', 1], ['b', 40])
  assert.equal(serve(queue, 11), 'abbbbbbbbbb')
  for (let n = 0; n < 10; n++) queue.push('a', { key: 'a', n, cost: 1 }, 1)
  assert.match(serve(queue, 10), /^(ab){4}|(ba){4}/)
})

test('[FQ3] who replaces what it asked by something newer is served in its turn all the same', () => {
  const queue = filled(['a', 5], ['b', 1], ['c', 5])
  let waiting: Call = { key: 'b', n: 0, cost: 1 }
  const first = [...queue].find(({ key }) => key === 'b') as Call
  const served: string[] = []
  let current = first
  for (let n = 1; n <= 3; n++) {
    assert.equal(queue.remove('b', current), true)
    waiting = { key: 'b', n, cost: 1 }
    queue.push('b', waiting, 1)
    current = waiting
    served.push((queue.take() as Call).key)
    if (served.at(-1) === 'b') break
  }
  assert.deepEqual(served, ['a', 'b'])
})

test('[FQ7] before a newcomer go its own, and of each other no more than its own would then be', () => {
  const queue = filled(['T', 30], ['a', 2], ['b', 5])
  assert.equal(queue.costBefore('new', 1), 3)
  assert.equal(queue.costBefore('a', 1), 2 + 3 + 3)
  assert.equal(queue.costBefore('T', 1), 30 + 2 + 5)
})
