import assert from 'node:assert/strict'
import { test } from 'node:test'
import { CallCheck, callKey, MAX_CLOCK_GAP_MS, signCall } from './signed-call.ts'

const KEY = callKey('a-fleet-secret-for-tests-0123456789')
const CALL = { method: 'POST', path: '/fleet/v1/sessions', body: '{"a":1}', podId: 'pod_one' }
const NOW = 1_700_000_000_000
const outcome = (check: CallCheck, header: string | undefined, call = CALL, wallMs = NOW) => {
  const answer = check.check(header, call, wallMs)
  return answer.ok ? 'ok' : answer.error
}

test('[PF7] a call passes once; changed in any part, or signed with another secret, it is forged', () => {
  const check = new CallCheck(KEY)
  const header = signCall(KEY, CALL, NOW)
  const changes = [{ method: 'PUT' }, { path: '/fleet/v1/other' }, { body: '{"a":2}' }, { podId: 'pod_two' }]
  for (const change of changes) assert.equal(outcome(check, header, { ...CALL, ...change }), 'forged')
  assert.equal(outcome(check, header.replace(/t=\d+/, `t=${NOW + 1}`)), 'forged')
  assert.equal(outcome(check, header.replace(/n=.{32}/, `n=${'0'.repeat(32)}`)), 'forged')
  assert.equal(outcome(check, signCall(callKey('another secret of the same length 12'), CALL, NOW)), 'forged')
  assert.equal(outcome(check, header), 'ok')
  assert.equal(outcome(check, header), 'repeated')
})

test('[PF7] what is not signed, or not in this form, is refused', () => {
  const check = new CallCheck(KEY)
  for (const header of [undefined, '', 'v1', 'v2 t=1 n=0 s=0', `${signCall(KEY, CALL, NOW)} `]) {
    assert.equal(outcome(check, header), 'unsigned')
  }
})

test('[PF7] clocks may be a minute apart, and a nonce is remembered for as long as its call could be repeated', () => {
  const check = new CallCheck(KEY)
  const [early, late] = [NOW - MAX_CLOCK_GAP_MS, NOW + MAX_CLOCK_GAP_MS]
  assert.equal(outcome(check, signCall(KEY, CALL, early - 1)), 'clock')
  assert.equal(outcome(check, signCall(KEY, CALL, late + 1)), 'clock')
  const ahead = signCall(KEY, CALL, late)
  assert.equal(outcome(check, ahead), 'ok')
  assert.equal(outcome(check, ahead, CALL, late + MAX_CLOCK_GAP_MS - 1), 'repeated')
  assert.equal(outcome(check, ahead, CALL, late + MAX_CLOCK_GAP_MS + 1), 'clock')
})

test('[PF7] when no more nonces can be remembered calls are refused until some are over', () => {
  const check = new CallCheck(KEY, 100)
  for (let n = 0; n < 100; n++) assert.equal(outcome(check, signCall(KEY, CALL, NOW)), 'ok')
  assert.equal(outcome(check, signCall(KEY, CALL, NOW)), 'busy')
  const later = NOW + 2 * MAX_CLOCK_GAP_MS
  assert.equal(outcome(check, signCall(KEY, CALL, later), CALL, later), 'ok')
})
