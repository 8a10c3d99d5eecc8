import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { heardFromMs, type PaceInput, SPEECH_WINDOW_MS, speechCreditMs } from './speech-pace.ts'

const AT_START: PaceInput = {
  nowMs: 10_000,
  heardUntilMs: Number.NEGATIVE_INFINITY,
  fromMs: 0,
  startedAtMs: undefined,
  leadMs: 400,
  receivedMs: 0,
  grantedMs: 0,
}

test('[SPK3] the lead comes at once, then real time in steps', () => {
  assert.equal(speechCreditMs(AT_START), 400)
  const begun = { ...AT_START, startedAtMs: 10_000, receivedMs: 400, grantedMs: 400 }
  assert.equal(speechCreditMs({ ...begun, nowMs: 10_099 }), 400, 'a little more is not worth saying')
  assert.equal(speechCreditMs({ ...begun, nowMs: 10_100 }), 500)
})

test('[SPK3] what still waits to be heard of the speech before is part of the lead', () => {
  assert.equal(speechCreditMs({ ...AT_START, heardUntilMs: 10_300 }), 100)
  assert.equal(speechCreditMs({ ...AT_START, heardUntilMs: 10_400 }), 0)
  assert.equal(speechCreditMs({ ...AT_START, heardUntilMs: 900_000 }), 0, 'a file that was fetched ahead is no debt')
  assert.equal(heardFromMs(10_000, 900_000, 400), 10_400)
  assert.equal(heardFromMs(10_000, 10_300, 400), 10_300)
  assert.equal(heardFromMs(10_000, 5, 400), 10_000)
})

test('[SPK3] a long lead is given window by window, and a speech that goes on from where it was', () => {
  const file = { ...AT_START, leadMs: 3_600_000 }
  assert.equal(speechCreditMs(file), SPEECH_WINDOW_MS)
  assert.equal(speechCreditMs({ ...file, receivedMs: 700, grantedMs: 1_000 }), 1_700)
  assert.equal(speechCreditMs({ ...AT_START, fromMs: 2_000.5, receivedMs: 2_000.5, grantedMs: 2_000.5 }), 2_400)
})

test('[SPK3] property: credit never falls, is never beyond the lead or the window', () => {
  const input = fc.record({
    sinceMs: fc.nat(5_000),
    waitsMs: fc.nat(5_000),
    fromMs: fc.nat(5_000),
    leadMs: fc.integer({ min: 100, max: 10_000 }),
    aheadMs: fc.nat(3_000),
    grantedMs: fc.nat(3_000),
  })
  fc.assert(
    fc.property(input, ({ sinceMs, waitsMs, fromMs, leadMs, aheadMs, grantedMs }) => {
      const nowMs = 50_000
      const granted = fromMs + grantedMs
      const receivedMs = Math.min(granted, fromMs + aheadMs)
      const creditMs = speechCreditMs({
        nowMs,
        heardUntilMs: nowMs + waitsMs,
        fromMs,
        startedAtMs: nowMs - sinceMs,
        leadMs,
        receivedMs,
        grantedMs: granted,
      })
      assert.ok(creditMs >= granted)
      assert.ok(creditMs <= Math.max(granted, fromMs + sinceMs + leadMs))
      assert.ok(creditMs <= Math.max(granted, receivedMs + SPEECH_WINDOW_MS))
    }),
  )
})
