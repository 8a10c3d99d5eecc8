import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ManualClock } from '@parley/kernel/testing'
import { SynthesisError } from '../synthesiser.ts'
import { ManualMaker, settled } from '../testing/manual-maker.ts'
import { AudioQueue } from './audio-queue.ts'
import type { EngineVoice } from './piece.ts'
import { PiecePool } from './piece-pool.ts'
import { PieceSpeech } from './piece-speech.ts'

/** 40 ms are 4 samples. */
const VOICE: EngineVoice = { name: 'v', id: 'v', language: 'en', engine: 'test', sampleRateHz: 100 }

function speechOf(texts: readonly string[]) {
  const maker = new ManualMaker()
  const pool = new PiecePool({ clock: new ManualClock(), makers: 1, pieceDeadlineMs: 1_000, createMaker: () => maker })
  let overs = 0
  const options = { pool, voice: VOICE, rateRatio: 1, texts: texts.values(), onOver: () => void overs++ }
  return { maker, pool, speech: new PieceSpeech(options), overs: () => overs }
}

test('[SY2] chunks are as long as they may be, but for the last of a piece', async () => {
  const { maker, pool, speech, overs } = speechOf(['a', 'b'])
  const first = speech.next()
  maker.bring(1, 2)
  maker.bring(3, 4, 5, 6)
  assert.deepEqual([...((await first) ?? [])], [1, 2, 3, 4])
  const second = speech.next()
  maker.bring(7)
  await maker.finish()
  assert.deepEqual([...((await second) ?? [])], [5, 6, 7])
  const third = speech.next()
  maker.bring(8)
  await maker.finish()
  assert.deepEqual([...((await third) ?? [])], [8])
  assert.equal(await speech.next(), undefined)
  assert.equal(overs(), 1)
  await pool.close()
})

test('[SY4] one piece is made ahead of the one that is heard, and no more', async () => {
  const { maker, pool, speech } = speechOf(['a', 'b', 'c', 'd'])
  assert.deepEqual(maker.texts, [])
  const first = speech.next()
  maker.bring(1, 2, 3, 4, 5)
  await first
  assert.deepEqual(maker.texts, ['a'])
  await maker.finish()
  maker.bring(6)
  await maker.finish()
  assert.deepEqual(maker.texts, ['a', 'b'])
  assert.equal(maker.isMaking, false)
  assert.deepEqual([...((await speech.next()) ?? [])], [5])
  // "a" is heard to its end: "c" may be made ahead of "b".
  assert.deepEqual(maker.texts, ['a', 'b', 'c'])
  speech.cancel()
  await pool.close()
})

test('[SY8] pieces that sound like nothing are passed over', async () => {
  const { maker, pool, speech } = speechOf(['a', 'b'])
  const first = speech.next()
  await maker.finish()
  maker.bring(1)
  await maker.finish()
  assert.deepEqual([...((await first) ?? [])], [1])
  assert.equal(await speech.next(), undefined)
  await pool.close()
})

test('[SY12] what was made before a break is still heard', async () => {
  const { maker, pool, speech, overs } = speechOf(['a', 'b', 'c'])
  const first = speech.next()
  maker.bring(1, 2, 3, 4, 5)
  await first
  await maker.finish()
  maker.bring(6)
  await maker.break()
  assert.deepEqual([...((await speech.next()) ?? [])], [5])
  assert.deepEqual([...((await speech.next()) ?? [])], [6])
  await assert.rejects(speech.next(), SynthesisError)
  assert.equal(overs(), 1)
  assert.equal(await speech.next(), undefined)
  await pool.close()
})

test('[SY5] cancelled while a piece is made, nothing of it is heard', async () => {
  const { maker, pool, speech, overs } = speechOf(['a', 'b'])
  const pending = speech.next()
  await assert.rejects(speech.next(), /one call at a time/)
  speech.cancel()
  assert.equal(await pending, undefined)
  assert.equal(maker.aborts, 1)
  maker.bring(1, 2, 3, 4)
  await maker.finish()
  await settled()
  assert.equal(await speech.next(), undefined)
  assert.deepEqual(maker.texts, ['a'])
  speech.cancel()
  assert.equal(overs(), 1)
  await pool.close()
})

test('[SY2] samples are taken in the order they came, whatever their lengths', () => {
  const queue = new AudioQueue()
  queue.push(Int16Array.of(1, 2, 3))
  queue.push(new Int16Array(0))
  queue.push(Int16Array.of(4))
  assert.deepEqual([...queue.take(2)], [1, 2])
  queue.push(Int16Array.of(5, 6))
  assert.deepEqual([...queue.take(3)], [3, 4, 5])
  assert.equal(queue.length, 1)
  assert.deepEqual([...queue.take(9)], [6])
  assert.deepEqual([...queue.take(9)], [])
})
