import assert from 'node:assert/strict'
import { test } from 'node:test'
import { err, ok, type Result } from '@parley/kernel'
import { eventually } from '@parley/kernel/testing'
import { DecoderPool, type PooledDecoder } from './decoder-pool.ts'
import type { EngineProblem } from './library.ts'

class FakeDecoder implements PooledDecoder {
  isReusable = true
  speaker = ''
  freed = 0
  forgetSpeaker(): void {
    this.speaker = ''
  }
  async free(): Promise<void> {
    this.freed++
  }
}

function factory(size: number, isBroken: () => boolean = () => false) {
  const made: FakeDecoder[] = []
  const problems: (string | undefined)[] = []
  let loadingNow = 0
  let mostAtOnce = 0
  let attempts = 0
  const pool = new DecoderPool<FakeDecoder>({
    size,
    async load(): Promise<Result<FakeDecoder, EngineProblem>> {
      attempts++
      mostAtOnce = Math.max(mostAtOnce, ++loadingNow)
      await new Promise((resolve) => setImmediate(resolve))
      loadingNow--
      if (isBroken()) return err({ message: 'no model' })
      const decoder = new FakeDecoder()
      made.push(decoder)
      return ok(decoder)
    },
    onProblem: (problem) => problems.push(problem?.message),
  })
  return { pool, made, problems, attempts: () => attempts, mostAtOnce: () => mostAtOnce }
}
const warm = (pool: DecoderPool<FakeDecoder>, count: number) =>
  eventually(() => (pool.warm === count ? undefined : `${pool.warm} of ${count} are warm`))
const take = async (pool: DecoderPool<FakeDecoder>) => {
  const taken = await pool.take()
  assert.ok(taken.ok)
  return taken.value
}

test('[PS2] it is ready with its first decoder and fills up one after another', async () => {
  const { pool, made, mostAtOnce } = factory(4)
  assert.ok((await pool.fill()).ok)
  assert.ok(made.length < 4)
  await warm(pool, 4)
  assert.deepEqual([made.length, mostAtOnce()], [4, 1])
  await pool.close()
})

test('[PS2] who comes before the decoders are warm gets them in order, and none is loaded beyond the size', async () => {
  const { pool, made } = factory(3)
  const taken = await Promise.all([take(pool), take(pool), take(pool)])
  assert.deepEqual(taken, made)
  await pool.giveBack(taken[0] as FakeDecoder, true)
  assert.equal(await take(pool), taken[0])
  assert.equal(made.length, 3)
  await pool.close()
})

test('[PS3] a decoder comes back without its speaker; one that broke, or cannot forget, is freed and replaced', async () => {
  const { pool, made } = factory(1)
  const first = await take(pool)
  first.speaker = 'anna'
  await pool.giveBack(first, true)
  assert.deepEqual([first.speaker, first.freed, pool.warm], ['', 0, 1])
  await pool.giveBack(await take(pool), false)
  await warm(pool, 1)
  const second = await take(pool)
  assert.notEqual(second, first)
  assert.equal(first.freed, 1)
  second.isReusable = false
  await pool.giveBack(second, true)
  await warm(pool, 1)
  assert.deepEqual([second.freed, made.length], [1, 3])
  await pool.giveBack(second, true)
  assert.equal(second.freed, 1)
  await pool.close()
})

test('[PS4] a load that fails is told to who waits, not repeated on its own, and tried again by the next who asks', async () => {
  let isBroken = true
  const { pool, problems, attempts } = factory(2, () => isBroken)
  const refused = await pool.fill()
  assert.ok(!refused.ok && refused.error.message === 'no model')
  for (let turn = 0; turn < 10; turn++) await new Promise((resolve) => setImmediate(resolve))
  assert.deepEqual([attempts(), problems], [1, ['no model']])
  isBroken = false
  assert.ok((await pool.take()).ok)
  assert.equal(problems.at(-1), undefined)
  await pool.close()
})

test('[PS5] a closed pool frees what it has, what was being loaded and what comes back', async () => {
  const { pool, made } = factory(2)
  const lent = await take(pool)
  await pool.close()
  await pool.giveBack(lent, true)
  assert.ok(!(await pool.take()).ok)
  assert.equal(pool.count, 0)
  assert.deepEqual(
    made.map(({ freed }) => freed),
    made.map(() => 1),
  )
})

test('[PS2] a pool that grows loads what is missing; one that shrinks frees what is too much, lent ones when they come back', async () => {
  const { pool, made } = factory(1)
  await pool.fill()
  await pool.resize(3)
  await warm(pool, 3)
  const lent = [await take(pool), await take(pool)]
  await pool.resize(1)
  assert.deepEqual([pool.warm, pool.count, made.filter(({ freed }) => freed === 1).length], [0, 2, 1])
  for (const decoder of lent) await pool.giveBack(decoder, true)
  assert.deepEqual([pool.warm, pool.count, made.filter(({ freed }) => freed === 1).length], [1, 1, 2])
  await pool.close()
})

test('[PS10] a decoder to spare is lent when no owner of a slot would miss it', async () => {
  const { pool } = factory(1)
  await pool.fill()
  await pool.resize(3)
  const spare = pool.takeSpare()
  const first = await take(pool)
  const lent = await spare
  assert.ok(lent.ok && lent.value !== first)
  await pool.close()
})

test('[PS10] whoever waits for a decoder to spare is told when none can be loaded, or the pool closes', async () => {
  let isBroken = false
  const { pool } = factory(1, () => isBroken)
  await pool.fill()
  isBroken = true
  await pool.resize(2)
  const outcome = await pool.takeSpare()
  assert.deepEqual(outcome, { ok: false, error: { message: 'no model' } })
  const waiting = pool.takeSpare()
  assert.equal((await pool.takeSpare()).ok, false)
  await pool.close()
  assert.equal((await waiting).ok, false)
})
