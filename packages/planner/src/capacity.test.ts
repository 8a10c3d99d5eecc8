import assert from 'node:assert/strict'
import { test } from 'node:test'
import { answerOf, ends, problemsOf } from './testing/plans.ts'

const PLAN = (tier: string, more = '') => `
machines: { box: { price: $10/month, has: { cpu: 4 cores, memory: 8 GB } } }
quantities: { users: 1000 users }
workloads:
  session: { concurrent: users * 10%, needs: { cpu: 4..6% cpu, memory: { code: 20 MB, audio: 30..50 MB } } }
  call: { concurrent: users * 5%, needs: { cpu: 10% cpu } }
tiers: { app: ${tier} }
${more}`

const tierOf = (tier: string, more?: string) => {
  const found = answerOf(PLAN(tier, more)).tiers[0]
  assert.ok(found)
  return found
}

test('[PLN30] a limit is what is left over the need of one, and the lowest binds', () => {
  const tier = tierOf('{ serves: session, machine: box, taken: { memory: { system: 1 GB, runtime: 0.5..1 GB } } }')
  assert.deepEqual(
    tier.resources.map(({ name, limit, binding }) => [name, limit.low, limit.typical, limit.high, binding]),
    [
      ['cpu', 66, 80, 100, true],
      ['memory', 85, 104, 130, false],
    ],
  )
  assert.equal(tier.binding, 'cpu')
  assert.deepEqual(
    tier.resources[1]?.taken.map(({ text }) => text),
    ['1 GB', '0.75 GB (0.5..1)'],
  )
})

test('[PLN20] where a machine may hold nobody at all, as many machines as one likes may be needed', () => {
  const tier = tierOf('{ serves: session, machine: box, taken: { memory: { system: 6..9 GB } } }')
  assert.deepEqual([tier.realistic?.low, tier.needed?.high, tier.instances?.high], [0, null, null])
  assert.equal(Number.isNaN(tier.needed?.typical), false)
  assert.match(tier.needed?.text ?? '', /at least/)
})

test('[PLN31] one event loop has one core, several processes one each, many-core all', () => {
  const limit = (tier: string) => tierOf(tier).resources.find(({ name }) => name === 'cpu')
  assert.equal(limit('{ serves: call, machine: box }')?.limit.typical, 40)
  assert.equal(limit('{ serves: call, machine: box, process: one-loop }')?.limit.typical, 10)
  assert.equal(limit('{ serves: call, machine: box, process: one-loop }')?.oneLoop, true)
  assert.equal(limit('{ serves: call, machine: box, process: one-loop, processes: 3 }')?.limit.typical, 30)
  const all = limit('{ serves: call, machine: box, process: one-loop, processes: 9 }')
  assert.equal(all?.limit.typical, 40)
  assert.equal(all?.oneLoop, false)
  assert.equal(limit('{ serves: call, machine: box, process: many-core }')?.limit.typical, 40)
})

test('[PLN31] work of the loop alone is bound by the loop, the rest by the cores', () => {
  const text = `
workloads: { session: { needs: { loop: 2% cpu, cpu: 5% cpu } } }
tiers: { app: { serves: session, process: one-loop, processes: 2, has: { cpu: 8 cores } } }`
  const [first, second] = answerOf(text).resources
  assert.deepEqual([first?.name, first?.limit.typical], ['loop', 100])
  assert.deepEqual([second?.name, second?.limit.typical], ['cpu', 160])
})

test('[PLN32] each reserve and buffer is a line of its own', () => {
  const tier = tierOf(
    '{ serves: call, machine: box, reserves: { gc: 10%, peaks: { share: 15%, note: mornings }, spare: { amount: 2 calls } }, buffer: { launch: 20% } }',
  )
  assert.deepEqual(
    tier.reserves.map(({ name, keeps, note }) => [name, keeps.text, note]),
    [
      ['gc', '4 calls', null],
      ['peaks', '6 calls', 'mornings'],
      ['spare', '2 calls', null],
    ],
  )
  assert.equal(tier.realistic?.typical, 28)
  assert.deepEqual(
    tier.buffers.map(({ text }) => text),
    ['10 calls'],
  )
  assert.equal(tier.needed?.typical, Math.ceil(60 / 28))
})

test('[PLN32] a reserve of one resource is taken from that resource', () => {
  const tier = tierOf(
    '{ serves: session, machine: box, reserves: { cache: { amount: 3 GB, of: memory }, loops: { share: 25%, of: cpu } } }',
  )
  assert.deepEqual(
    tier.resources.map(({ name, available }) => [name, available?.text]),
    [
      ['cpu', '3 cores'],
      ['memory', '5 GB'],
    ],
  )
  const [problem] = problemsOf(
    `plan: p${PLAN('{ serves: session, machine: box, reserves: { x: { share: 5%, of: memry } } }')}`,
  )
  assert.equal(problem?.nearest, 'memory')
})

test('[PLN33] instances carry the load after failures; a stated number that does not is reported', () => {
  const computed = tierOf('{ serves: call, machine: box, surviveFailures: 1 }')
  assert.deepEqual(ends(computed.instances), [3, 3, 3, 'instances'])
  assert.equal(computed.capacity?.typical, 120)
  assert.equal(computed.cost?.typical, 30)
  const stated = answerOf(PLAN('{ serves: call, machine: box, surviveFailures: 1, instances: 2 }'))
  assert.equal(stated.tiers[0]?.sufficient, false)
  assert.deepEqual(
    stated.notes.map(({ code }) => code),
    ['STATED_TOO_FEW'],
  )
  const bounded = answerOf(PLAN('{ serves: call, machine: box, atMost: 1, atLeast: 2 }'))
  assert.equal(bounded.tiers[0]?.instances?.typical, 2)
  assert.deepEqual(
    bounded.notes.map(({ code }) => code),
    ['OVER_BOUND'],
  )
  const unknown = answerOf('tiers: { app: { capacity: 50 sessions } }')
  assert.deepEqual(ends(unknown.tiers[0]?.instances), [1, 1, 1, 'instances'])
  assert.deepEqual(
    unknown.notes.map(({ code }) => code),
    ['ONE_ASSUMED'],
  )
})

test('[PLN33] 5,000 participants at 100 each with a buffer of 20% are 60 instances, not 61', () => {
  const text = 'tiers: { media: { load: 5000 participants, capacity: 100 participants, buffer: { b: 20% } } }'
  assert.equal(answerOf(text).tiers[0]?.needed?.typical, 60)
})

test('[PLN34] a shared budget limits all instances together', () => {
  const text = `
workloads: { session: { concurrent: 150, needs: { cpu: 2% cpu }, calls: { ask: { rate: 40 requests/min, tokens: 100 tokens } } } }
budgets: { requests: 4000 requests/min, tokens: 1,000,000 tokens/min }
tiers: { app: { serves: session, has: { cpu: 1 core }, reserves: { r: 10% } } }`.replace('1,000,000', '1000000')
  const { tiers, notes } = answerOf(text)
  const [app] = tiers
  assert.deepEqual(
    app?.resources.map(({ name, scope, limit }) => [name, scope, limit.typical]),
    [
      ['cpu', 'instance', 50],
      ['requests', 'shared', 100],
      ['tokens', 'shared', 250],
    ],
  )
  assert.equal(app?.realistic?.typical, 45)
  assert.equal(app?.instances?.typical, 4)
  assert.equal(app?.capacity?.typical, 90)
  assert.deepEqual(
    notes.map(({ code }) => code),
    ['BUDGET_EXCEEDED'],
  )
})

test('[PLN35] capacity of a tier that serves several is counted in the first, each with its share of the others', () => {
  const tier = tierOf('{ serves: [session, call], machine: box }')
  // 5% cpu of a session and half a call of 10%.
  assert.equal(tier.unit, 'sessions')
  assert.equal(tier.resources[0]?.need?.typical, 0.1)
  assert.equal(tier.limit?.typical, 40)
  const [problem] = problemsOf('plan: p\nworkloads: { a: {}, b: { concurrent: 1 } }\ntiers: { t: { serves: [a, b] } }')
  assert.match(problem?.message ?? '', /workloads\.a has no concurrent/)
})

test('[PLN37] a resource that nothing says the amount of does not limit, and is named', () => {
  const { notes, resources } = answerOf(
    'workloads: { s: { needs: { cpu: 1% cpu, sockets: 2 } } }\ntiers: { app: { serves: s, has: { cpu: 1 core } } }',
  )
  assert.deepEqual(
    resources.map(({ name }) => name),
    ['cpu'],
  )
  assert.match(notes.find(({ code }) => code === 'NO_LIMIT')?.sentence ?? '', /sockets/)
})

test('[PLN3] a load in another noun than the capacity is refused with how to convert it', () => {
  const [problem] = problemsOf('plan: p\ntiers: { media: { load: 50 calls, capacity: 100 participants } }')
  assert.equal(problem?.code, 'WRONG_DIMENSION')
  assert.match(
    problem?.message ?? '',
    /tiers\.media\.load is in calls, but media\.realistic is in participants; convert it/,
  )
})
