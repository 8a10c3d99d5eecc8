import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseExpression } from '../expression/parse.ts'
import { BoundsOf } from '../graph/bounds.ts'
import type { Definition } from '../graph/definition.ts'
import { Model } from '../graph/model.ts'
import { Graph } from '../graph/node.ts'
import { fittingUnit, showRange } from '../units/show.ts'
import type { UnitContext } from '../units/unit.ts'
import { readClaimValue } from './claim-value.ts'
import { slipsOf, type WrongClaim } from './slips.ts'
import { type CaseTools, caseOf } from './suspect.ts'

const context: UnitContext = { monthSeconds: 720 * 3600, currency: 'USD', foreign: new Set(), nouns: new Map() }

function modelOf(formulas: Readonly<Record<string, string>>): Model {
  const definitions = Object.entries(formulas).map(([name, text]): [string, Definition] => {
    const expr = parseExpression(text, context)
    assert.ok(expr.ok, expr.ok ? '' : `${name}: ${expr.error.message}`)
    return [name, { name, expr: expr.value }]
  })
  return new Model(new Graph(), new Map(definitions), new Map(), context)
}

/** What the checker makes of a claim about a name of a small model: `kind about`, the most probable first. */
function slips(
  formulas: Readonly<Record<string, string>>,
  of: string,
  says: string,
  wrong: readonly (readonly [string, string])[] = [],
) {
  const model = modelOf(formulas)
  const { graph } = model
  const named = Object.keys(formulas).map((name) => graph.node(model.node(name)))
  const bounds = new BoundsOf(graph)
  const read = (text: string) => {
    const value = readClaimValue(text, { context, worthOf: () => 1, rounding: 'any', tolerance: undefined })
    assert.ok(value.ok, value.ok ? '' : value.error.message)
    return value.value.claimed
  }
  const unitOf: CaseTools['unitOf'] = (node) =>
    node.unit ?? fittingUnit(node.dim, bounds.typical.value(node.id), context)
  const tools: CaseTools = {
    graph,
    unitOf,
    show: (value, node) => showRange({ low: value, typical: value, high: value }, unitOf(node), context),
    typical: (id) => bounds.typical.value(id),
    range: (id) => ({ ...bounds.of(id), underdetermined: false }),
    nodeNamed: (name) => (model.has(name) ? model.node(name) : undefined),
  }
  const root = model.node(of)
  const others: WrongClaim[] = wrong.map(([name, text], index) => ({
    number: index + 1,
    node: model.node(name),
    value: read(text).low.value,
  }))
  const found = slipsOf(
    caseOf(tools, root, read(says), { ...bounds.of(root), underdetermined: false }),
    named,
    others,
    9,
  )
  return found
}
const first = (...args: Parameters<typeof slips>) => {
  const [slip] = slips(...args)
  return slip && `${slip.kind} ${slip.about ?? ''}`.trim()
}

test('[CHK13] all cores of a machine counted for one event loop', () => {
  const plan = {
    'machine.cpu': '8 cores',
    'app.cpu.has': 'min(machine.cpu, 1 core)',
    'session.cpu': '2.7% cpu/session',
    'app.limit': 'floor(app.cpu.has / session.cpu)',
  }
  assert.equal(first(plan, 'app.limit', '296 sessions'), 'oneLoopBound app.cpu.has')
})

test('[CHK14] a reserve, a buffer or what is taken is not in it', () => {
  const plan = {
    users: '4,310 users',
    'app.limit': '97 users',
    'app.reserve.calm': '17%',
    'app.realistic': 'floor(app.limit * (1 - app.reserve.calm))',
    'app.buffer.growth': '23%',
    'app.needed': 'ceil(users * (1 + app.buffer.growth) / app.realistic)',
  }
  assert.equal(first(plan, 'app.realistic', '97 users'), 'missingReserve app.reserve.calm')
  assert.equal(first(plan, 'app.needed', '54'), 'missingReserve app.buffer.growth')
  assert.match(first(plan, 'app.needed', '45') ?? '', /^missingReserve/)
})

test('[CHK15] an input twice, and savings from what is gone already', () => {
  const plan = {
    line: '$4,000/month',
    'saving.a': '$3,100/month',
    'saving.b.asked': 'line * 37%',
    'saving.b': '(line - saving.a) * 37%',
    total: 'line - saving.a - saving.b',
  }
  assert.match(first(plan, 'total', '-$580/month') ?? '', /^doubleCounting/)
  assert.equal(
    first({ users: '773 users', peak: '17%', online: 'users * peak' }, 'online', '22.3 users'),
    'doubleCounting peak',
  )
})

test('[CHK16] hours for days, and a length of time that the plan names for an hour', () => {
  const plan = { bill: '$4,421/month', people: '1000 participants', each: 'bill / people' }
  assert.match(first(plan, 'each', '$0.15/participant/h') ?? '', /^basePeriod/)
  const exam = { length: '90 min', spoken: '45 min', speed: '10', busy: 'spoken / speed / length' }
  assert.equal(first(exam, 'busy', '4.5 min/h'), 'basePeriod length')
})

test('[CHK17] bits for bytes, minutes for seconds, per cent for a ratio', () => {
  const line = { rate: '1.37 Mbps/participant', people: '613 participants', traffic: 'rate * people' }
  assert.match(first(line, 'traffic', '105 Mbps') ?? '', /^unit/)
  assert.match(
    first({ calls: '47 requests/min', many: '13', all: 'calls * many' }, 'all', '611 requests/s') ?? '',
    /^unit/,
  )
})

test('[CHK18] an input that was forgotten', () => {
  const plan = {
    people: '97 participants',
    rate: '1.7 Mbps/participant',
    others: '3.3',
    down: 'people * rate * others',
  }
  assert.equal(first(plan, 'down', '164.9 Mbps'), 'leftOut others')
})

test('[CHK19] one end of a range', () => {
  const plan = { memory: '1,400 MB', each: '5.1..10.7 MB/session', room: 'memory / each' }
  assert.equal(first(plan, 'room', '274 sessions'), 'rangeEnd each')
})

test('[CHK20] a number carried over from another wrong claim', () => {
  const plan = {
    full: '$4,421/month',
    saved: '$2,935/month',
    rest: 'full - saved - $300/month',
    people: '1000 participants',
    each: 'rest / people',
  }
  const slip = slips(plan, 'each', '$0.0516/participant/h', [['rest', '$1,547/month']])[0]
  assert.equal(slip?.kind, 'basePeriod')
  assert.match(slip?.sentence ?? '', /claim 1/)
  const plain = slips(plan, 'each', '$1.547/participant/month', [['rest', '$1,547/month']])[0]
  assert.equal(`${plain?.kind} ${plain?.about}`, 'contradiction claim 1')
})

test('[CHK21] the number of something else', () => {
  const plan = { a: '4,391 sessions', b: '17 sessions', half: 'b * 0.5', other: 'a * 1.37' }
  assert.equal(first(plan, 'half', '6,016 sessions'), 'otherQuantity other')
})

test('[CHK22] a capacity that is lower without a reason', () => {
  const plan = { memory: '16 GB', each: '50..100 MB/session', 'app.limit': 'memory / each' }
  const [slip] = slips(plan, 'app.limit', '100..150 sessions')
  assert.equal(slip?.kind, 'unstatedReserve')
  assert.match(slip?.sentence ?? '', /38% to 53%/)
})

test('[CHK23] what would have to be different, when nothing else fits', () => {
  const plan = { room: '17.3 sessions', peak: '14.9%', users: 'room / peak' }
  const [slip] = slips(plan, 'users', '1,037')
  assert.equal(slip?.kind, 'wouldHold')
})

test('[CHK12] a slip is only named when undoing it gives what the claim says', () => {
  const plan = { users: '7,310 users', each: '31.7 MB/user', all: 'users * each' }
  for (const slip of slips(plan, 'all', '77.7 GB')) assert.equal(slip.kind, 'wouldHold', slip.sentence)
})
