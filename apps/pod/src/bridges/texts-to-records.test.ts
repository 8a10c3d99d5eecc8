import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ManualClock } from '@parley/kernel/testing'
import { UsageMeter } from '@parley/store'
import { APERTIUM, deskRig, HARPER, OPENAI, OPENAI_PROVIDER } from '../testing/text/desk-rig.ts'
import { textsToRecords } from './texts-to-records.ts'

const DAY = '2026-11-27'
const NOON_MS = Date.parse(`${DAY}T12:00:00Z`)

test('[REC4] characters are counted once per call, not per asker, and not when the answer is known; polishing counts none', async (t) => {
  const clock = new ManualClock(NOON_MS)
  const meter = new UsageMeter('pod_1')
  const { workers, ask } = await deskRig(t, { clock, onUsage: textsToRecords(clock, meter) }, APERTIUM, HARPER)
  for (const sessionId of ['ses_a', 'ses_b']) ask({ sessionId, text: 'caffè 😀' })
  assert.equal(workers.calls.length, 1)
  workers.last.answer('cafè')
  ask({ text: 'caffè 😀' })
  ask({ kind: 'polish', text: 'i is here' })
  workers.last.answer('I am here')
  ask({ tenant: 'other', text: 'hello' })
  workers.last.fail('ENGINE_FAILED')
  const source = { source: 'pod_1', speechMs: 0, providerTokens: 0 }
  assert.deepEqual(meter.take(), [{ tenant: 'acme', day: DAY, translatedCharacters: 7, ...source }])
})

test('[REC4] tokens are counted as the provider counts them', async (t) => {
  const clock = new ManualClock(NOON_MS)
  const meter = new UsageMeter('pod_1')
  const settings = { clock, providers: [OPENAI_PROVIDER], onUsage: textsToRecords(clock, meter) }
  const { workers, ask } = await deskRig(t, settings, OPENAI)
  ask({ text: 'good morning' })
  workers.last.answer('buenos dias', { inputTokens: 40, outputTokens: 7 })
  ask({ text: 'bye' })
  workers.last.lose()
  workers.last.answer('adios', { inputTokens: 30, outputTokens: 3 })
  const [row] = meter.take()
  assert.deepEqual([row?.translatedCharacters, row?.providerTokens], [15, 80])
})
