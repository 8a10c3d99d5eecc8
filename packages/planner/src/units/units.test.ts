import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { problemsOf } from '../testing/plans.ts'
import { common, times } from './dimension.ts'
import { showMoney, showNumber, showRange } from './show.ts'
import { fromBase, parseUnit, toBase, type Unit, type UnitContext } from './unit.ts'
import { ALIASES, UNITS } from './unit-table.ts'

const context: UnitContext = {
  monthSeconds: 730 * 3_600,
  currency: 'USD',
  foreign: new Set(['EUR']),
  nouns: new Map([
    ['exam', 'exam'],
    ['exams', 'exam'],
  ]),
}

function unitOf(text: string): Unit {
  const unit = parseUnit(text, context)
  assert.ok(unit.ok, text)
  return unit.value
}

const ALL = [...Object.keys(UNITS), ...Object.keys(ALIASES), 'month', 'year', 'USD', 'requests/min', 'USD/call-hour', 'GB/month', 'exams/week']

test('[PLN1] a value survives conversion to any unit of its kind and back', () => {
  const kinds = new Map<string, Unit[]>()
  for (const text of ALL) {
    const unit = unitOf(text)
    const kind = JSON.stringify(Object.entries(unit.dim).sort())
    kinds.set(kind, [...(kinds.get(kind) ?? []), unit])
  }
  const pairs = [...kinds.values()].flatMap((units) => units.flatMap((a) => units.map((b) => [a, b] as const)))
  assert.ok(pairs.length > 400)
  fc.assert(
    fc.property(fc.constantFrom(...pairs), fc.double({ min: 1e-9, max: 1e12, noNaN: true }), ([a, b], value) => {
      const there = fromBase(toBase(value, a), b)
      const back = fromBase(toBase(there, b), a)
      assert.ok(Math.abs(back - value) <= 1e-12 * value, `${value} ${a.text} -> ${there} ${b.text} -> ${back}`)
    }),
    { seed: 7, numRuns: 4_000 },
  )
})

test('[PLN1] what units stand for is exact', () => {
  const same = (value: number, from: string, to: string) => fromBase(toBase(value, unitOf(from)), unitOf(to))
  assert.equal(same(5, 'Gbps', 'MB/min'), 37_500)
  assert.equal(same(1, 'GiB', 'B'), 1024 ** 3)
  assert.equal(same(200, '% cpu', 'core'), 2)
  assert.equal(same(1, 'year', 'month'), 12)
  assert.equal(same(4_500, '/min', '/s'), 75)
  assert.equal(same(0.09, 'USD/GB', 'USD/TB'), 90)
  assert.equal(same(1, 'kB', 'KB'), 1)
})

test('[PLN2] an unknown unit is told apart from a misspelt one', () => {
  const [misspelt] = problemsOf('plan: p\nquantities: { a: 5 Mbpss }')
  assert.equal(misspelt?.code, 'BAD_UNIT')
  assert.equal(misspelt?.nearest, 'Mbps')
  assert.deepEqual([misspelt?.line, misspelt?.column], [2, 20])
  const [unknown] = problemsOf('plan: p\nquantities:\n  a: 5 platypuses')
  assert.match(unknown?.message ?? '', /platypuses is not a unit; name it under nouns/)
})

test('[PLN2] a missing unit and one of the wrong kind are refused with an example', () => {
  const workload = (need: string) => problemsOf(`plan: p\nworkloads: { session: { needs: { memory: ${need} } } }`)[0]
  assert.equal(workload('50')?.code, 'MISSING_UNIT')
  assert.match(workload('50')?.message ?? '', /workloads\.session\.needs\.memory has no unit.*50 MB/)
  assert.equal(workload('50 kbps')?.code, 'WRONG_DIMENSION')
  const [price] = problemsOf('plan: p\nmachines: { m: { price: $5 } }')
  assert.match(price?.message ?? '', /machines\.m\.price is in USD; it must be money per time: \$37\/month/)
  const [count] = problemsOf('plan: p\nworkloads: { session: { needs: { sockets: 2 users } } }')
  assert.equal(count?.code, 'WRONG_DIMENSION')
})

test('[PLN3] a noun may be dropped but never exchanged', () => {
  const call = unitOf('calls').dim
  assert.equal(common(call, unitOf('sessions').dim), undefined)
  assert.deepEqual(common(call, {}), call)
  assert.equal(common(unitOf('USD/call-hour').dim, unitOf('USD/participant-hour').dim), undefined)
  assert.deepEqual(times(unitOf('calls/min').dim, unitOf('min').dim), call)
  const [sum] = problemsOf('plan: p\nquantities: { a: 5 calls, b: 3 sessions, c: a + b }')
  assert.equal(sum?.path, 'quantities.c')
  assert.match(sum?.message ?? '', /what is in sessions cannot be added to what is in calls/)
})

test('[PLN1] numbers for people keep the digits that say something', () => {
  assert.equal(showNumber(10_714), '10,714')
  assert.equal(showNumber(0.0061402), '0.00614')
  assert.equal(showNumber(-0.0000000000001), '0')
  assert.equal(showNumber(Number.POSITIVE_INFINITY), 'unlimited')
  assert.equal(showMoney(4_421.4), '4,421')
  assert.equal(showMoney(24.49), '24.49')
  const mb = unitOf('MB')
  assert.equal(showRange({ low: 40e6, typical: 60e6, high: 80e6 }, mb, context), '7.5 MB (5..10)')
  const core = unitOf('sessions')
  assert.equal(showRange({ low: 50, typical: 65, high: Number.POSITIVE_INFINITY }, core, context), 'at least 50 sessions, typically 65')
  assert.equal(showRange({ low: 1, typical: 1, high: 1 }, unitOf('exams'), context), '1 exam')
})
