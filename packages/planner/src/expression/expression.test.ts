import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { answerOf, ends, problemsOf } from '../testing/plans.ts'
import type { UnitContext } from '../units/unit.ts'
import { parseComparison, parseExpression } from './parse.ts'

const context: UnitContext = { monthSeconds: 2_628_000, currency: 'USD', foreign: new Set(), nouns: new Map() }

const quantity = (text: string, name: string) => ends(answerOf(text).quantities.find((each) => each.name === name))

test('[PLN4] a unit belongs to its number, a spaced slash divides, a spaced minus takes away', () => {
  const text = [
    'quantities:',
    '  rate: 12 requests/min',
    '  each: 1 call / 20 users',
    '  per-call: 4 participants/call',
    '  others: per-call - 1 participant/call',
    '  twice: (2 + 3) * 2 ^ 2 - -1',
    '  least: min(3 MB, 4 MB) / 2',
    '  big: 1.8M tokens/min',
  ].join('\n')
  assert.deepEqual(quantity(text, 'rate'), [12, 12, 12, 'requests/min'])
  assert.deepEqual(quantity(text, 'each'), [0.05, 0.05, 0.05, 'calls/user'])
  assert.deepEqual(quantity(text, 'others'), [3, 3, 3, 'participants/call'])
  assert.deepEqual(quantity(text, 'twice'), [21, 21, 21, ''])
  assert.deepEqual(quantity(text, 'least'), [1.5, 1.5, 1.5, 'MB'])
  assert.deepEqual(quantity(text, 'big'), [1_800_000, 1_800_000, 1_800_000, 'tokens/min'])
})

test('[PLN5] ranges are written with dots or as a list, and their unit may stand once', () => {
  const text = [
    'quantities:',
    '  dots: 1..2% cpu',
    '  both: 500 MB..1 GB',
    '  list: [5 MB, 10 MB]',
    '  money: $100..120/month',
    '  typical: { assumed: 10..50%, typical: 20% }',
    '  below: [-3, 4]',
  ].join('\n')
  assert.deepEqual(quantity(text, 'dots'), [1, 1.5, 2, '% cpu'])
  assert.deepEqual(quantity(text, 'both'), [0.5, 0.75, 1, 'GB'])
  assert.deepEqual(quantity(text, 'list'), [5, 7.5, 10, 'MB'])
  assert.deepEqual(quantity(text, 'money'), [100, 110, 120, 'USD/month'])
  assert.deepEqual(quantity(text, 'typical'), [10, 20, 50, '%'])
  assert.deepEqual(quantity(text, 'below'), [-3, 0.5, 4, ''])
  assert.match(problemsOf('plan: p\nquantities: { a: 10..5 MB }')[0]?.message ?? '', /write the lower end first/)
  assert.match(problemsOf('plan: p\nquantities: { a: 10 MB..5 s }')[0]?.message ?? '', /from one kind of unit to another/)
})

test('[PLN6] what cannot be read is a problem where it stands', () => {
  const [problem] = problemsOf('plan: p\nquantities:\n  a: 5 MB * (2 + 3')
  assert.deepEqual([problem?.code, problem?.line, problem?.column], ['BAD_EXPRESSION', 3, 19])
  assert.match(problemsOf('plan: p\nquantities: { a: ~5 MB }')[0]?.message ?? '', /write a range/)
  assert.match(problemsOf('plan: p\nquantities: { a: 5, b: a a }')[0]?.message ?? '', /an operator .* is missing/)
  assert.match(problemsOf('plan: p\nquantities: { a: 5 MB, b: a ^ a }')[0]?.message ?? '', /an exponent must be one plain number/)
  assert.match(problemsOf('plan: p\nquantities: { a: 5 MB, b: ceil(a) }')[0]?.message ?? '', /ceil is for counts/)
  assert.match(problemsOf('plan: p\nquantities: { a: sin(1) }')[0]?.message ?? '', /sin is not a function; did you mean min\?/)
})

test('[PLN6] nothing that is written throws', () => {
  const piece = fc.constantFrom('5', '1,000', 'MB', ' / ', '/', 'users', '(', ')', '..', '$', '%', ' cpu', ' - ', '-', '@12', 'min(', ',', '<=', '~', '\u20ac', '2.5', 'e9', '^', ' ', '"', '=')
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 14 }), (pieces) => {
      const text = pieces.join('')
      for (const read of [parseExpression(text, context), parseComparison(text, context)]) {
        if (read.ok) continue
        assert.ok(read.error.offset >= 0 && read.error.offset <= text.length, text)
        assert.ok(read.error.message.length > 5)
      }
    }),
    { seed: 11, numRuns: 5_000 },
  )
  const deep = `${'('.repeat(5_000)}1${')'.repeat(5_000)}`
  assert.ok(!parseExpression(deep, context).ok)
})

test('[PLN7] money of another currency is worth its rate', () => {
  const text = 'currency: USD\nexchange: { EUR: 1.1 USD }\nquantities: { server: 24.49 EUR/month, both: server + $1/month }'
  assert.deepEqual(quantity(text, 'both'), [27.939, 27.939, 27.939, 'USD/month'])
  const [problem] = problemsOf('plan: p\nquantities: { a: 5 EUR }')
  assert.match(problem?.message ?? '', /EUR is not the currency of the plan; give its worth under exchange: \{EUR: 1 USD\}/)
})
