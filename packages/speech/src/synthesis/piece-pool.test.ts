import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ManualClock } from '@parley/kernel/testing'
import type { SynthesisError } from '../synthesiser.ts'
import { ManualMaker, settled } from '../testing/manual-maker.ts'
import type { EngineVoice } from './piece.ts'
import { PiecePool } from './piece-pool.ts'

const VOICE: EngineVoice = { name: 'v', id: 'v', language: 'en', engine: 'test', sampleRateHz: 1_000 }
const DEADLINE_MS = 5_000

function poolOf(makers: number) {
  const clock = new ManualClock()
  const made: ManualMaker[] = []
  const done: string[] = []
  const mayMake = { count: Number.POSITIVE_INFINITY }
  const pool = new PiecePool({
    clock,
    makers,
    pieceDeadlineMs: DEADLINE_MS,
    createMaker() {
      if (made.length >= mayMake.count) throw new Error('no more threads')
      const maker = new ManualMaker()
      made.push(maker)
      return maker
    },
  })
  const submit = (text: string, isAwaited = false) =>
    pool.submit({
      piece: { text, voice: VOICE, rateRatio: 1 },
      isAwaited: () => isAwaited,
      onAudio: (samples) => void done.push(`${text}+${samples.length}`),
      onDone: (failure?: SynthesisError) => void done.push(failure ? `${text}!${failure.message}` : text),
    })
  return { clock, pool, made, done, submit, mayMake }
}

test('[SY30] there are no more makers than allowed, and one piece at a time for each', async () => {
  const { pool, made, done, submit } = poolOf(2)
  for (const text of ['a', 'b', 'c', 'd']) submit(text)
  assert.deepEqual(
    made.map(({ texts }) => texts),
    [['a'], ['b']],
  )
  await made[1]?.finish()
  made[1]?.bring(1, 2)
  await made[0]?.finish()
  assert.deepEqual(
    made.map(({ texts }) => texts),
    [
      ['a', 'd'],
      ['b', 'c'],
    ],
  )
  assert.deepEqual(done, ['b', 'c+2', 'a'])
  await pool.close()
})

test('[SY30] what somebody waits for goes first, then the oldest; a maker that has it loaded is taken', async () => {
  const { pool, made, submit } = poolOf(1)
  submit('a')
  submit('ahead')
  submit('ahead too')
  submit('wanted', true)
  for (let turn = 0; turn < 4; turn++) await made[0]?.finish()
  assert.deepEqual(made[0]?.texts, ['a', 'wanted', 'ahead', 'ahead too'])
  await pool.close()
  const two = poolOf(2)
  two.submit('a')
  two.submit('b')
  await two.made[0]?.finish()
  await two.made[1]?.finish()
  const [, second] = two.made
  if (second) second.warmText = 'c'
  two.submit('c')
  assert.deepEqual(second?.texts, ['b', 'c'])
  await two.pool.close()
})

test('[SY31] cancelled before its turn a piece is never made; under way its maker is told and nothing is heard of it', async () => {
  const { pool, made, done, submit } = poolOf(1)
  const cancelRunning = submit('a')
  const cancelWaiting = submit('b')
  submit('c')
  cancelWaiting()
  cancelRunning()
  cancelRunning()
  assert.equal(made[0]?.aborts, 1)
  made[0]?.bring(1)
  await made[0]?.finish()
  await made[0]?.finish()
  assert.deepEqual(made[0]?.texts, ['a', 'c'])
  assert.deepEqual(done, ['c'])
  await pool.close()
})

test('[SY32] a maker that breaks or hangs fails its piece, is ended and replaced', async () => {
  const { clock, pool, made, done, submit } = poolOf(1)
  submit('a')
  submit('b')
  await made[0]?.break('out of memory')
  assert.equal(made[0]?.isClosed, true)
  assert.deepEqual(made[1]?.texts, ['b'])
  clock.advance(DEADLINE_MS)
  await settled()
  assert.deepEqual(done, [
    'a!the engine broke on this text: out of memory',
    'b!the engine broke on this text: it was closed',
  ])
  submit('c')
  await made[2]?.finish()
  assert.equal(done.at(-1), 'c')
  assert.equal(clock.pendingTimers, 0)
  await pool.close()
})

test('[SY32] a piece that fails does not cost its maker; one that breaks while it has nothing to do costs no piece', async () => {
  const { pool, made, done, submit } = poolOf(1)
  submit('a')
  const [first] = made
  await first?.break('bad text')
  if (first) first.isBroken = false
  submit('b')
  await made.at(-1)?.finish()
  const idle = made.at(-1)
  if (idle) idle.isBroken = true
  submit('c')
  assert.notEqual(made.at(-1), idle)
  await made.at(-1)?.finish()
  assert.deepEqual(done.slice(1), ['b', 'c'])
  await pool.close()
})

test('[SY32] without any maker to be had pieces fail; with one, they wait for it', async () => {
  const { pool, made, done, submit, mayMake } = poolOf(2)
  mayMake.count = 0
  submit('a')
  const cancel = submit('b')
  cancel()
  await settled()
  assert.deepEqual(done, ['a!the engine broke on this text: no more threads'])
  mayMake.count = 1
  submit('c')
  submit('d')
  await made[0]?.finish()
  await made[0]?.finish()
  assert.deepEqual(done.slice(1), ['c', 'd'])
  await pool.close()
})

test('[SY32] closed, a pool ends its makers, busy ones too, and takes nothing more', async () => {
  const { clock, pool, made, submit } = poolOf(2)
  submit('a')
  submit('b')
  submit('c')
  await made[0]?.finish()
  await Promise.all([pool.close(), pool.close()])
  assert.ok(made.every(({ isClosed }) => isClosed))
  assert.equal(pool.makers, 0)
  assert.equal(clock.pendingTimers, 0)
  assert.throws(() => submit('d'), /closed/)
})
