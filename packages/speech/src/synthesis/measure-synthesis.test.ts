import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ManualClock } from '@parley/kernel/testing'
import { SCRIPTED_CHAR_MS, ScriptedSynthesiser } from '../testing/scripted-synthesiser.ts'
import { MAX_SPEECHES_PER_CORE, measureSynthesis, synthesisSlotsFor } from './measure-synthesis.ts'

test('[SY43] slots are what half the cores can speak at the pace it is heard at, up to a number for each core', () => {
  assert.equal(synthesisSlotsFor({ realTimeFactor: 0.1, cores: 2 }), 10)
  assert.equal(synthesisSlotsFor({ realTimeFactor: 0.001, cores: 2 }), 2 * MAX_SPEECHES_PER_CORE)
  assert.equal(synthesisSlotsFor({ realTimeFactor: 0.1, cores: 8, share: 0.25 }), 10)
  assert.equal(synthesisSlotsFor({ realTimeFactor: 5, cores: 1 }), 1)
  assert.equal(synthesisSlotsFor({ realTimeFactor: 0, cores: 1 }), MAX_SPEECHES_PER_CORE)
})

test('[SY43] the pace is measured by speaking with each engine; the slowest counts, an engine that cannot does not', async () => {
  const clock = new ManualClock()
  const delayMs = SCRIPTED_CHAR_MS / 4
  const synthesiser = new ScriptedSynthesiser({ clock, slots: 1, chunkDelayMs: delayMs })
  const measuring = measureSynthesis(synthesiser, clock)
  let isDone = false
  void measuring.then(() => {
    isDone = true
  })
  while (!isDone) await clock.advanceAsync(delayMs)
  const measured = await measuring
  // A quarter of the time, and one more wait for what turns out to be the end.
  assert.ok(measured && measured.realTimeFactor >= 0.25 && measured.realTimeFactor < 0.26)
  assert.equal(measured.firstChunkMs, delayMs)
  assert.equal(synthesiser.status().slotsUsed, 0)
  const broken = new ScriptedSynthesiser({ clock, slots: 1, failAfterChunks: () => 3 })
  assert.equal(await measureSynthesis(broken, clock), undefined)
  const missing = new ScriptedSynthesiser({ clock, slots: 1, problem: 'missing' })
  assert.equal(await measureSynthesis(missing, clock), undefined)
})
