import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import {
  BoundedQueue,
  backoffMs,
  type DeadlineError,
  Emitter,
  Histogram,
  newId,
  Scope,
  seededRandom,
  TokenBucket,
  withDeadline,
} from './index.ts'
import { ManualClock } from './testing/index.ts'

test('[KC1] a manual clock fires in due order, then in arming order, with timers armed on the way', () => {
  const clock = new ManualClock()
  const fired: string[] = []
  clock.after(20, () => fired.push('b'))
  clock.after(10, () => {
    fired.push('a')
    clock.after(5, () => fired.push('a+5'))
  })
  clock.after(20, () => fired.push('c'))
  const every = clock.every(8, () => fired.push(`e${clock.nowMs()}`))
  clock.advance(20)
  assert.deepEqual(fired, ['e8', 'a', 'a+5', 'e16', 'b', 'c'])
  every.cancel()
  assert.equal(clock.pendingTimers, 0)
})

test('[KS1] a scope disposes newest first, once', async () => {
  const scope = new Scope(new ManualClock())
  const order: number[] = []
  scope.own(() => void order.push(1))
  scope.own(async () => void order.push(2))
  scope.own(() => void order.push(3))
  const first = scope.close()
  assert.equal(scope.close(), first)
  await first
  assert.deepEqual(order, [3, 2, 1])
})

test('[KS2] a failing disposer does not stop the others', async () => {
  const scope = new Scope(new ManualClock())
  let ran = false
  scope.own(() => {
    ran = true
  })
  scope.own(() => {
    throw new Error('boom')
  })
  await assert.rejects(scope.close(), (error: AggregateError) => (error.errors[0] as Error).message === 'boom')
  assert.equal(ran, true)
})

test('[KS3] fired and cancelled timers and closed children are disowned', async () => {
  const clock = new ManualClock()
  const scope = new Scope(clock)
  scope.after(5, () => {})
  scope.every(5, () => {}).cancel()
  const child = scope.child()
  child.every(1, () => {})
  assert.equal(scope.size, 2)
  clock.advance(5)
  await child.close()
  assert.equal(scope.size, 0)
  assert.equal(clock.pendingTimers, 0)
})

test('[KS4] a closed scope disposes of newcomers at once and arms nothing', async () => {
  const clock = new ManualClock()
  const scope = new Scope(clock)
  await scope.close()
  let disposed = false
  scope.own(() => {
    disposed = true
  })
  scope.after(1, () => assert.fail('must not fire'))
  scope.every(1, () => assert.fail('must not fire'))
  clock.advance(10)
  assert.equal(disposed, true)
})

test('[KQ1, KQ2] a queue stays within its bound, keeps order and counts what it loses', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 50 }),
      fc.constantFrom('drop-oldest' as const, 'refuse' as const),
      fc.array(fc.oneof(fc.integer({ min: 0, max: 20 }), fc.constant('shift' as const)), { maxLength: 200 }),
      (capacity, overflow, operations) => {
        const queue = new BoundedQueue<number>({ capacity, overflow, sizeOf: (size) => size })
        let model: number[] = []
        let lost = 0
        const sum = () => model.reduce((total, size) => total + size, 0)
        for (const operation of operations) {
          if (operation === 'shift') {
            assert.equal(queue.shift(), model.shift())
            continue
          }
          const fits = operation <= capacity && (overflow === 'drop-oldest' || sum() + operation <= capacity)
          assert.equal(queue.push(operation), fits)
          if (!fits) {
            lost++
            continue
          }
          while (sum() + operation > capacity) {
            model = model.slice(1)
            lost++
          }
          model.push(operation)
          assert.ok(queue.size <= capacity)
        }
        assert.deepEqual([...queue], model)
        assert.equal(queue.length, model.length)
        assert.equal(queue.dropped, lost)
      },
    ),
  )
})

test('[KE1] a throwing listener hurts nobody', () => {
  const errors: unknown[] = []
  const emitter = new Emitter<{ ping: number }>((error) => errors.push(error))
  const heard: number[] = []
  emitter.on('ping', () => {
    throw new Error('bad listener')
  })
  const off = emitter.on('ping', (value) => heard.push(value))
  emitter.emit('ping', 1)
  off()
  off()
  emitter.emit('ping', 2)
  assert.deepEqual(heard, [1])
  assert.equal(errors.length, 2)
  assert.equal(emitter.listenerCount('ping'), 1)
})

test('[KH1] quantiles are within 4.5 % above the truth, merged histograms too', () => {
  fc.assert(
    fc.property(
      fc.array(fc.double({ min: 0.01, max: 1e6, noNaN: true }), { minLength: 1, maxLength: 300 }),
      (values) => {
        const parts = [new Histogram(), new Histogram()] as const
        for (const [index, value] of values.entries()) parts[(index % 2) as 0 | 1].record(value)
        parts[0].merge(parts[1])
        const sorted = values.toSorted((a, b) => a - b)
        for (const q of [0.5, 0.95, 1]) {
          const truth = sorted[Math.max(1, Math.ceil(q * sorted.length)) - 1] as number
          const estimate = parts[0].quantile(q)
          assert.ok(estimate >= truth * 0.999999 && estimate <= truth * 1.045, `${q}: ${estimate} for ${truth}`)
          assert.ok(estimate <= parts[0].max)
        }
      },
    ),
  )
})

test('[KH2] values are counted up to a bound as exactly as buckets are wide', () => {
  fc.assert(
    fc.property(
      fc.array(fc.double({ min: 0.01, max: 1e6, noNaN: true }), { minLength: 1, maxLength: 300 }),
      fc.double({ min: 0.01, max: 1e6, noNaN: true }),
      (values, bound) => {
        const histogram = new Histogram()
        for (const value of values) histogram.record(value)
        const upTo = (limit: number) => values.filter((value) => value <= limit).length
        const count = histogram.countUpTo(bound)
        assert.ok(count >= upTo(bound / 1.023) && count <= upTo(bound * 1.023), `${count} of ${values} up to ${bound}`)
        assert.equal(histogram.countUpTo(1e9), values.length)
      },
    ),
  )
})

test('[KT1] a bucket gives its burst at once and its rate on average', () => {
  const bucket = new TokenBucket(10, 5, 0)
  let taken = 0
  for (let index = 0; index < 20; index++) if (bucket.take(1, 0)) taken++
  assert.equal(taken, 5)
  assert.equal(bucket.waitMs(1, 0), 100)
  for (let ms = 1; ms <= 10_000; ms++) if (bucket.take(1, ms)) taken++
  assert.equal(taken, 105)
})

test('[KB1] backoff doubles to its cap, jittered within the upper half', () => {
  const options = { firstMs: 100, maxMs: 1_000 }
  assert.deepEqual(
    [0, 1, 2, 3, 4, 9].map((attempt) => backoffMs(attempt, options, () => 1)),
    [100, 200, 400, 800, 1000, 1000],
  )
  const random = seededRandom(7)
  for (let index = 0; index < 100; index++) {
    const delay = backoffMs(2, options, random)
    assert.ok(delay >= 200 && delay <= 400)
  }
})

test('[KI1] identifiers have their prefix and shape and do not repeat', () => {
  const ids = new Set(Array.from({ length: 10_000 }, () => newId('ses')))
  assert.equal(ids.size, 10_000)
  for (const id of ids) assert.match(id, /^ses_[0-9a-hjkmnp-tv-z]{20}$/)
})

test('[KD1] a deadline names what was late and swallows its end', async () => {
  const clock = new ManualClock()
  let reject: (error: Error) => void = () => {}
  const work = new Promise<void>((_, fail) => {
    reject = fail
  })
  const waiting = withDeadline(clock, 50, 'the upload', work)
  clock.advance(50)
  await assert.rejects(waiting, (error: DeadlineError) => error.message === 'the upload did not finish within 50 ms')
  reject(new Error('late'))
  assert.equal(await withDeadline(clock, 50, 'quick', Promise.resolve(7)), 7)
  assert.equal(clock.pendingTimers, 0)
})
