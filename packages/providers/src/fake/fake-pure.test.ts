import assert from 'node:assert/strict'
import { test } from 'node:test'
import { seededRandom } from '@parley/kernel'
import fc from 'fast-check'
import { readChatRequest } from './chat-request.ts'
import { FAULT_KINDS, nextFault, parseFaults } from './faults.ts'
import { nextLatencyMs } from './latency.ts'
import { RateLimits } from './rate-limits.ts'

test('[FPR1] faults come in their shares, the same for the same seed', () => {
  const shares = { '500': 0.1, hang: 0.05 }
  const draw = (seed: number) => {
    const random = seededRandom(seed)
    return Array.from({ length: 10_000 }, () => nextFault(shares, random))
  }
  const drawn = draw(7)
  assert.deepEqual(draw(7), drawn)
  assert.notDeepEqual(draw(8), drawn)
  const share = (kind: string) => drawn.filter((each) => each === kind).length / drawn.length
  assert.ok(Math.abs(share('500') - 0.1) < 0.02 && Math.abs(share('hang') - 0.05) < 0.02)
  assert.deepEqual(new Set(drawn), new Set(['500', 'hang', undefined]))
})

test('[FPR1] shares are read as people write them', () => {
  const read = (text: string) => {
    const shares = parseFaults(text)
    return shares.ok ? shares.value : shares.error
  }
  assert.deepEqual(read('hang=100%'), { hang: 1 })
  assert.deepEqual(read(' 500=1%, 500=1% '), { '500': 0.02 })
  assert.deepEqual(Object.keys(read('3%')), ['429', '500', 'close'])
  assert.deepEqual(read(''), {})
  for (const wrong of ['5', 'hang', 'hang=', 'hang=101%', '-1%', 'x=1%'])
    assert.equal(typeof read(wrong), 'string', wrong)
  for (const kind of FAULT_KINDS) assert.deepEqual(read(`${kind}=1%`), { [kind]: 0.01 })
})

test('[FPR1] thinking times have the median and the percentile asked for, and are never endless', () => {
  const random = seededRandom(1)
  const times = Array.from({ length: 20_000 }, () => nextLatencyMs({ p50Ms: 300, p95Ms: 900 }, random)).sort(
    (a, b) => a - b,
  )
  const quantile = (share: number) => times[Math.floor(share * times.length)] as number
  assert.ok(Math.abs(quantile(0.5) - 300) < 15, `${quantile(0.5)}`)
  assert.ok(Math.abs(quantile(0.95) - 900) < 60, `${quantile(0.95)}`)
  assert.ok((times.at(-1) ?? 0) <= 6_000)
  assert.equal(nextLatencyMs({ p50Ms: 0, p95Ms: 0 }, random), 0)
})

test('[FPR2] in no window of 60 s are there more requests or tokens than allowed, and after Retry-After there is room', () => {
  const step = fc.record({
    afterMs: fc.integer({ min: 0, max: 8_000 }),
    tokens: fc.integer({ min: 1, max: 40 }),
    actual: fc.integer({ min: 0, max: 60 }),
  })
  fc.assert(
    fc.property(fc.array(step, { maxLength: 120 }), (steps) => {
      const limits = new RateLimits({ requestsPerMinute: 6, tokensPerMinute: 120 })
      const admitted: { atMs: number; tokens: number }[] = []
      let nowMs = 0
      for (const { afterMs, tokens, actual } of steps) {
        nowMs += afterMs
        const admission = limits.admit(nowMs, tokens)
        if (!admission.isAdmitted) {
          assert.ok(admission.retryAfterMs > 0 && admission.retryAfterMs <= 60_000)
          const later = new RateLimits({ requestsPerMinute: 6, tokensPerMinute: 120 })
          for (const entry of admitted) later.admit(entry.atMs, entry.tokens)
          assert.equal(later.admit(nowMs + admission.retryAfterMs, tokens).isAdmitted, true)
          continue
        }
        // An answer costs no more than what was guessed here, so that a window can be judged by the guesses.
        const cost = Math.min(actual, tokens)
        admission.admitted?.correct(cost)
        admitted.push({ atMs: nowMs, tokens: cost })
        const window = admitted.filter(({ atMs }) => atMs > nowMs - 60_000)
        assert.ok(window.length <= 6)
        assert.ok(window.reduce((sum, entry) => sum + entry.tokens, 0) <= 120)
      }
    }),
    { numRuns: 60 },
  )
})

test('[FPR2] answers say what remains; nothing is limited that has no limit', () => {
  const limits = new RateLimits({ requestsPerMinute: 2 })
  assert.deepEqual(limits.admit(0, 5).headers, {
    'x-ratelimit-limit-requests': '2',
    'x-ratelimit-remaining-requests': '1',
    'x-ratelimit-reset-requests': '60000ms',
  })
  limits.admit(10_000, 5)
  const refused = limits.admit(20_000, 5)
  assert.ok(!refused.isAdmitted && refused.retryAfterMs === 40_000 && refused.what === 'requests')
  assert.equal(limits.admit(60_000, 5).isAdmitted, true)
  assert.equal(new RateLimits({ requestsPerMinute: 0 }).admit(0, 1).isAdmitted, false)
  assert.equal(new RateLimits({ tokensPerMinute: 10 }).admit(0, 11).isAdmitted, false)
  const free = new RateLimits({})
  for (let at = 0; at < 1_000; at++) assert.equal(free.admit(0, 1_000).isAdmitted, true)
})

test('[FPR4] prompts of the platform are found by their message, all others are left as they are', () => {
  const read = (content: string) => {
    const request = readChatRequest({
      model: 'm',
      messages: [
        { role: 'system', content: 's' },
        { role: 'user', content },
      ],
    })
    assert.ok(request.ok)
    return request.value
  }
  const translate = JSON.stringify({ task: 'translate', from: 'English (en)', to: 'Catalan (ca)', text: 'hi' })
  assert.deepEqual(read(translate).task, { task: 'translate', from: 'en', to: 'ca', text: 'hi' })
  const polish = JSON.stringify({ task: 'polish', language: 'en', text: 'hi' })
  assert.deepEqual(read(polish).task, { task: 'polish', from: 'en', to: 'en', text: 'hi' })
  for (const other of ['hello', '{}', '[1]', '{"task":"translate","text":1}', '{"task":"x","text":"y"}']) {
    assert.deepEqual([read(other).task, read(other).lastUserText], [undefined, other])
  }
})

test('[FPR5] a request without what is needed is refused by the field', () => {
  const field = (body: unknown) => {
    const request = readChatRequest(body)
    return request.ok ? undefined : request.error.field
  }
  assert.equal(field({}), 'model')
  assert.equal(field(null), 'model')
  assert.equal(field({ model: 'm' }), 'messages')
  assert.equal(field({ model: 'm', messages: [] }), 'messages')
  assert.equal(field({ model: 'm', messages: [null] }), undefined)
})
