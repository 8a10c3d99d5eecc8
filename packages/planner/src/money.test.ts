import assert from 'node:assert/strict'
import { test } from 'node:test'
import { answerOf, problemsOf } from './testing/plans.ts'

const costsOf = (text: string) => {
  const { costs } = answerOf(text)
  assert.ok(costs)
  return costs
}

test('[PLN50] growth is compound per period, or goes between the rows of a table', () => {
  const text = `
quantities: { users: 1000 users }
growth:
  start: 2026-11
  months: 14
  of:
    users: { rate: 10% }
    doubled: { from: 8 calls, factor: 2, every: 12 months }
    straight: { table: { 1: 50 calls, 6: 200 calls, 12: 500 calls } }
    curved: { table: { 1: 10 calls, 3: 1000 calls }, between: geometric }
    stairs: { table: { 2: 5 instances, 12: 10 instances }, between: step }
  show: [users / 2]`
  const { growth } = answerOf(text)
  const at = (month: number, name: string) => growth[month - 1]?.grown[name]?.typical
  assert.deepEqual(
    [1, 2, 14].map((month) => growth[month - 1]?.label),
    ['2026-11', '2026-12', '2027-12'],
  )
  assert.equal(at(1, 'users'), 1000)
  assert.equal(Math.round(at(3, 'users') ?? 0), 1210)
  assert.equal(at(13, 'doubled'), 16)
  assert.deepEqual(
    [1, 3, 6, 9, 12, 14].map((month) => at(month, 'straight')),
    [50, 110, 200, 350, 500, 500],
  )
  assert.ok(Math.abs((at(2, 'curved') ?? 0) - 100) < 1e-9)
  assert.deepEqual(
    [1, 2, 11, 12].map((month) => at(month, 'stairs')),
    [5, 5, 5, 10],
  )
  assert.equal(Math.round(growth[2]?.shown['users / 2']?.typical ?? 0), 605)
})

test('[PLN50] what a month breaks is said in that month', () => {
  const text = `
growth: { months: 3, of: { calls: { table: { 1: 100 calls, 2: 300 calls, 3: 500 calls } } } }
tiers: { media: { load: calls, capacity: 100 calls, atMost: 4, price: $10/month }, fixed: { load: calls, capacity: 100 calls, instances: 2 } }`
  const { growth } = answerOf(text)
  assert.deepEqual(
    growth.map(({ notes }) => notes),
    [
      [],
      ['fixed: 2 instances stated, 3 instances needed'],
      ['media: 5 instances needed, over the bound of 4 instances', 'fixed: 2 instances stated, 5 instances needed'],
    ],
  )
  assert.deepEqual(
    growth.map(({ instances, cost }) => [instances.media?.typical, cost?.typical]),
    [
      [1, 10],
      [3, 30],
      [5, 50],
    ],
  )
})

test('[PLN51] a line costs what is beyond the free amount, and its fixed fee', () => {
  const { lines, total } = costsOf(`
month: 720 h
costs:
  egress: { amount: 20 TB/month, price: $0.09/GB }
  voice: { amount: 62 kbps * 1000, price: $0.09/GB, free: 1 TB/month }
  mostly-free: { amount: 50 GB/month, price: $0.09/GB, free: 100 GB/month, fixed: $7/month }
  support: $50/month`)
  assert.deepEqual(
    lines.map(({ cost }) => Math.round(cost.typical ?? 0)),
    [1_800, 1_718, 7, 50],
  )
  assert.equal(Math.round(total.typical ?? 0), 3_575)
  const [problem] = problemsOf('plan: p\ncosts: { egress: { amount: 20 TB, price: $0.09/GB } }')
  assert.match(problem?.message ?? '', /an amount per time \(20 TB\/month\)/)
  assert.match(problemsOf('plan: p\ncosts: { egress: { amount: 20 TB/month } }')[0]?.message ?? '', /it needs both/)
})

const LINES = 'costs: { a: $1000/month, b: $500/month, c: $100/month }'

test('[PLN52] savings are taken in order, each from what is left', () => {
  const costs = costsOf(`${LINES}
savings:
  - { name: first, of: [a], share: 50% }
  - { name: second, of: [a, b], share: 20% }
  - { name: third, of: [c], amount: $30/month }
  - { name: all, share: 10% }`)
  assert.deepEqual(
    costs.savings.map(({ saves, left }) => [saves.typical, left.typical]),
    [
      [500, 1100],
      [200, 900],
      [30, 870],
      [87, 783],
    ],
  )
  assert.deepEqual(
    costs.savings.map(({ asked }) => asked.typical),
    [500, 300, 30, 160],
  )
  assert.deepEqual(
    costs.lines.map(({ afterSavings }) => afterSavings.typical),
    [360, 360, 63],
  )
  assert.equal(costs.total.typical, 783)
})

test('[PLN52] a saving that exceeds what is left takes what is left, and is reported', () => {
  const answer = answerOf(`${LINES}
savings: [{ name: p2p, of: [a], amount: $3000/month }, { name: spot, of: [a], share: 60% }, { name: deal, amount: $100/month }]`)
  assert.deepEqual(
    answer.costs?.savings.map(({ saves }) => saves.typical),
    [1000, 0, 100],
  )
  assert.equal(answer.costs?.total.typical, 500)
  assert.deepEqual(
    answer.notes.map(({ code, about }) => [code, about]),
    [
      ['SAVING_EXCEEDS_LINE', 'saving.p2p'],
      ['SAVING_EXCEEDS_LINE', 'saving.spot'],
    ],
  )
  assert.match(
    problemsOf(`plan: p\n${LINES}\nsavings: [{ name: x, of: [aa], share: 5% }]`)[0]?.message ?? '',
    /did you mean a\?/,
  )
})

test('[PLN53] monthly credits come after savings; one given once is used up month by month', () => {
  const answer = answerOf(`
costs: { a: $300/month, b: $100/month }
savings: [{ name: s, share: 50% }]
credits: { once: $400, monthly: { amount: $80/month, of: [b] } }
growth: { months: 4, of: { x: { from: 1, rate: 0% } } }`)
  assert.equal(answer.costs?.total.typical, 150)
  assert.deepEqual(
    answer.costs?.credits.map(({ monthly, lastsMonths }) => [monthly, lastsMonths?.text]),
    [
      [false, '2 months'],
      [true, undefined],
    ],
  )
  assert.deepEqual(
    answer.growth.map(({ creditsUsed, toPay }) => [creditsUsed?.typical, toPay?.typical]),
    [
      [150, 0],
      [150, 0],
      [0, 150],
      [0, 150],
    ],
  )
})

test('[PLN54] a cost per unit is shown per what its name says', () => {
  const costs = costsOf(`
month: 720 h
quantities: { participants: 1000 participants, calls: participants / 4 * 1 call/participant, users: 2000 users, exams: 500 exams/month }
nouns: { exam: exams }
costs: { all: $4421/month }
unitCosts: { participant-hour: participants * month, call-hour: calls * month, user-month: users, exam: exams }
revenue: users * $10/user/month`)
  assert.deepEqual(
    costs.unitCosts.map(({ cost }) => [Number(cost.typical?.toPrecision(3)), cost.unit]),
    [
      [0.00614, 'USD/participant-hour'],
      [0.0246, 'USD/call-hour'],
      [2.21, 'USD/user-month'],
      [8.84, 'USD/exam'],
    ],
  )
  assert.deepEqual([costs.revenue?.typical, costs.margin?.typical, costs.marginRatio?.text], [20_000, 15_579, '77.9%'])
  assert.match(
    problemsOf('plan: p\ncosts: { a: $1/month }\nunitCosts: { x: 5 MB }')[0]?.message ?? '',
    /must be a count/,
  )
})

const BREAK = (bought: string, own: string, to = '2000 users') => `
quantities: { users: 1000 users, price: $1.08/user/month }
breakEven: { gpu: { over: users, from: 0 users, to: ${to}, options: { bought: ${bought}, own: ${own} } } }`

test('[PLN55] a crossing is where another option becomes the cheapest', () => {
  const [result] = answerOf(BREAK('users * price', '$120/month')).breakEven
  assert.equal(result?.cheapestAtStart, 'bought')
  assert.equal(result?.crossings.length, 1)
  const [crossing] = result?.crossings ?? []
  assert.ok(Math.abs((crossing?.at.typical ?? 0) - 120 / 1.08) < 1e-5)
  assert.deepEqual(
    [crossing?.from, crossing?.to, crossing?.cost.text, crossing?.settled],
    ['bought', 'own', '120 USD/month', null],
  )
  assert.equal(result?.series.length, 61)
  assert.deepEqual(answerOf(BREAK('users * price', '$9000/month')).breakEven[0]?.crossings, [])
})

test('[PLN55] ranges move a crossing, and one that need not come has no upper end', () => {
  const [sure] = answerOf(BREAK('users * $1..2/user/month', '$120/month')).breakEven
  const at = sure?.crossings[0]?.at
  assert.equal(at?.method, 'sampled')
  assert.ok(
    (at?.low ?? 0) >= 60 - 1e-6 && (at?.low ?? 0) < 64 && (at?.high ?? 0) > 112 && (at?.high ?? 0) <= 120 + 1e-6,
  )
  const [open] = answerOf(BREAK('users * $0.05..2/user/month', '$120/month', '200 users')).breakEven
  assert.equal(open?.crossings[0]?.at.high, null)
})

test('[PLN55] options that rise in steps change places until they settle', () => {
  const [result] = answerOf(BREAK('users * $0.5/user/month', 'ceil(users / 300) * $120/month')).breakEven
  assert.equal(result?.crossings.length, 1)
  const [crossing] = result?.crossings ?? []
  assert.equal(crossing?.at.typical, 240)
  assert.ok((crossing?.settled?.typical ?? 0) > 900 && (crossing?.settled?.typical ?? 0) <= 1_201)
  assert.match(
    crossing?.sentence ?? '',
    /From 240 users on own is cheaper than bought: 120 USD\/month; up to .* they change places/,
  )
})

test('[PLN56] an objective is met, missed, or open', () => {
  const { objectives } = answerOf(`
quantities: { lag: 600..900 ms }
objectives:
  met: { value: lag, atMost: 900 ms }
  missed: { value: lag, atMost: 0.5 s }
  open: { value: lag, atMost: 800 ms }
  enough: { value: 99.95%, atLeast: 99.9% }`)
  assert.deepEqual(
    objectives.map(({ name, verdict }) => [name, verdict]),
    [
      ['met', 'met'],
      ['missed', 'missed'],
      ['open', 'open'],
      ['enough', 'met'],
    ],
  )
  assert.equal(objectives[2]?.marginRatio, 0.0625)
  assert.match(
    problemsOf('plan: p\nobjectives: { a: { value: 5 ms, atMost: 5 MB } }')[0]?.message ?? '',
    /is in .*but objective\.a is in/,
  )
  assert.match(
    problemsOf('plan: p\nobjectives: { a: { value: 5 ms } }')[0]?.message ?? '',
    /exactly one of atMost and atLeast/,
  )
})
