import assert from 'node:assert/strict'
import { test } from 'node:test'
import { formatImpairmentMistake, type ImpairmentOptions, NO_IMPAIRMENT, resolveImpairment } from './impairment.ts'

function mistakesOf(options: ImpairmentOptions): string[] {
  const resolved = resolveImpairment(options)
  return resolved.ok ? [] : resolved.error.map(formatImpairmentMistake)
}

test('[IM7] what is left out is usual; a direction takes precedence over both', () => {
  const resolved = resolveImpairment({
    both: { lossRatio: 0.1, delayMs: 5 },
    down: { delayMs: 9 },
    cuts: [{ atMs: 1, forMs: 2 }],
  })
  assert.ok(resolved.ok)
  assert.deepEqual(resolved.value.up, { ...NO_IMPAIRMENT, lossRatio: 0.1, delayMs: 5 })
  assert.deepEqual(resolved.value.down, { ...NO_IMPAIRMENT, lossRatio: 0.1, delayMs: 9 })
  assert.deepEqual(resolved.value.cuts, [{ atMs: 1, forMs: 2, what: 'both', how: 'silent' }])
  assert.ok(resolveImpairment().ok)
})

test('[IM7] every mistake names its field, the value and what is allowed', () => {
  assert.deepEqual(mistakesOf({ up: { lossRatio: 5 }, down: { delayMs: -1, jitterShape: 'square' as 'normal' } }), [
    'up.lossRatio is 5; it must be a ratio from 0 to 1',
    'down.delayMs is -1; it must be milliseconds from 0 to 60000',
    'down.jitterShape is "square"; it must be one of uniform, normal, exponential',
  ])
  assert.deepEqual(mistakesOf({ cuts: [{ atMs: 0, forMs: 0 }], periodicCuts: [{ everyMs: 100, forMs: 100 }] }), [
    'cuts[0].forMs is 0; it must be milliseconds from 1 to 86400000',
    'periodicCuts[0].forMs is 100; it must be less than everyMs (100)',
  ])
  assert.deepEqual(mistakesOf({ up: { lossRatio: Number.NaN } }), [
    'up.lossRatio is null; it must be a ratio from 0 to 1',
  ])
  assert.equal(mistakesOf({ cuts: Array.from({ length: 1_001 }, () => ({ atMs: 0, forMs: 1 })) }).length, 1)
})

test('[IM7] a field that is not known is a mistake, and so is a burst that cannot be', () => {
  const wrong = { up: { loss: 0.1 } } as ImpairmentOptions
  assert.match(mistakesOf(wrong)[0] ?? '', /^up\.loss is 0\.1; it must be one of lossRatio, burst,/)
  assert.deepEqual(mistakesOf({ up: { burst: { kind: 'periodic', burstMs: 20, everyMs: 20 } } }), [
    'up.burst.burstMs is 20; it must be less than everyMs (20)',
  ])
  assert.match(
    mistakesOf({ up: { burst: { kind: 'wild' as 'periodic', burstMs: 1, everyMs: 2 } } })[0] ?? '',
    /burst\.kind is "wild"/,
  )
  assert.match(
    mistakesOf({ up: { burst: { kind: 'randomPackets', lossRatio: 0.9, meanBurstPackets: 2 } } })[0] ?? '',
    /meanBurstPackets is 2; it must be at least 9\.0 to lose 0\.9 of all/,
  )
})
