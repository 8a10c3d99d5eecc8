import assert from 'node:assert/strict'
import test from 'node:test'
import type { GrowthMonth } from '../result.ts'
import { htmlOf, markdownOf, NO_PAINT, planReport, terminalLines } from './index.ts'
import { sharedStanding, type Table, textOf } from './report.ts'
import { checkReport } from './reports.ts'
import { troublesOf } from './sections/growth.ts'
import { leadOf } from './sections/lead.ts'
import { quantity, resource, sampleCheck, sampleResult, tier } from './testing/sample-result.ts'

const report = () => planReport(sampleResult(), { check: sampleCheck() })
const terminal = (columns = Number.POSITIVE_INFINITY) => terminalLines(report(), { columns, paint: NO_PAINT })

test('[RN1] the first lines say what breaks first, why, what is next and what it comes to', () => {
  const lead = leadOf(sampleResult()).map(({ text }) => textOf(text))
  assert.deepEqual(lead.slice(0, 4), [
    'Pods: cpu breaks first, at 40 sessions (33..66) on one instance.',
    'An instance has 1 core for them; each takes 2.5 % cpu (1.5..3). A process with one event loop uses one core, however many there are. Next is requests, at 102 sessions, 2.6 times that.',
    'Realistic: 30 sessions (24..49) on one instance, less garbage-collection 10% and bursts 15%.',
    'Instances: 8 instances (5..18) for 200 sessions (100..500), of which 1 may fail.',
  ])
  assert.match(lead[4] ?? '', /^Other tiers: media servers as stated at 100 participants \(too few instances\)\.$/)
  assert.match(lead[5] ?? '', /^Cost: \$1,545\.75\/month .*margin \$10,554\/month/)
  assert.match(lead[6] ?? '', /^Objectives: 1 of 3 met; missed: cheap; open within the ranges: fits\.$/)
  assert.match(lead[7] ?? '', /^Growth: something breaks first in 2027-07: /)
  assert.equal(terminal()[2], `${lead[0]}`.replace('(33..66)', '(33..66) [a]'))
})

test('[RN1] stated instances that are too few, a tier without limits and an empty plan say so', () => {
  const empty = { ...sampleResult(), tier: null, tiers: [], costs: null, objectives: [], growth: [] }
  assert.match(textOf(leadOf(empty)[0]?.text ?? []), /no tiers and no costs/)
  const bare = { ...empty, tiers: [tier('app', { label: 'app' })] }
  assert.match(textOf(leadOf(bare)[0]?.text ?? []), /^App: nothing limits it/)
  const few = tier('media', {
    binding: 'capacity',
    limit: quantity(100, 'participants'),
    resources: [resource('capacity', quantity(100, 'participants'), { binding: true })],
    load: quantity(400, 'participants'),
    needed: quantity(4, 'instances'),
    instances: quantity(2, 'instances'),
    stated: true,
    sufficient: false,
  })
  const lead = leadOf({ ...empty, tiers: [few] }).map(({ text }) => textOf(text))
  assert.deepEqual(lead, [
    'Media hold what is stated: 100 participants on one instance.',
    'Instances: 2 instances for 400 participants, as the plan states. That is too few: needed are 4 instances.',
  ])
})

test('[RN2] every number on a terminal is marked, in its cell or in the head of its column', () => {
  const tables = report().sections.flatMap(({ blocks }) => blocks.filter((block) => block.kind === 'table'))
  assert.ok(tables.length > 10)
  const lines = terminal().join('\n')
  for (const { rows } of tables) {
    for (const cell of rows.flat()) {
      if (cell.standing === undefined) continue
      assert.ok(lines.includes(cell.text), cell.text)
    }
  }
  assert.match(lines, /lab\.rated +48 sessions \[m\]/)
  assert.match(lines, /month +glasses +pods/)
  assert.match(lines, / +wearers \[g\] +instances \[a\] +instances \[g\]/)
  assert.match(lines, /\[m\] from a measurement; \[g\] as the plan gives it; \[a\] rests on an assumption/)
})

test('[RN2] a column says its standing once only when all of its numbers share it', () => {
  const table = (standings: readonly ('given' | 'assumed' | undefined)[]): Table => ({
    kind: 'table',
    caption: '',
    columns: [{ head: 'a', align: 'end' }],
    rows: standings.map((standing) => [standing === undefined ? { text: '-' } : { text: '1', standing }]),
  })
  assert.equal(sharedStanding(table(['given', undefined, 'given']), 0), 'given')
  assert.equal(sharedStanding(table(['given', 'assumed']), 0), undefined)
  assert.equal(sharedStanding(table(['given']), 0), undefined)
})

test('[RN3] markdown and the page hold every number of every table', () => {
  const shown = report()
  const [markdown, html] = [markdownOf(shown), htmlOf(shown).replace(/<[^>]*>/g, '')]
  for (const { blocks } of shown.sections) {
    for (const block of blocks) {
      if (block.kind !== 'table') continue
      for (const cell of block.rows.flat()) {
        if (cell.standing === undefined) continue
        assert.ok(html.includes(cell.text), cell.text)
        if (!block.isBehindChart) assert.ok(markdown.includes(cell.text), cell.text)
      }
    }
  }
  const lines = markdown.split('\n')
  assert.ok(
    lines.some((line) => line.startsWith('| month | glasses, wearers *(given)* | pods, instances *(assumed)* |')),
  )
  assert.ok(lines.some((line) => line.startsWith('| **cpu** | **40 (33..66)** *(assumed)* |')))
})

test('[RN4] nothing is wider than the window, and nothing but extras is lost', () => {
  for (const columns of [60, 72, 80, 100, 140]) {
    const lines = terminal(columns)
    const widest = Math.max(...lines.map((line) => line.length))
    assert.ok(widest <= columns, `${widest} of ${columns}`)
    const words = lines.join(' ').replace(/\s+/g, ' ')
    for (const needed of ['10,714', '2028-12', '$11,742', 'garbage-collection', '$1,343.25', 'too few']) {
      assert.ok(words.includes(needed), `${needed} at ${columns}`)
    }
  }
  assert.ok(Math.max(...terminal().map((line) => line.length)) > 140)
})

test('[RN4] a window that holds no column gets one line per value', () => {
  const result = sampleResult()
  const long = {
    ...result,
    objectives: result.objectives.map((one) => ({ ...one, label: 'A promise '.repeat(8).trim() })),
  }
  const lines = terminalLines(planReport(long), { columns: 60, paint: NO_PAINT })
  assert.ok(lines.includes('    value: 650 ms [m]'), lines.join('\n'))
  assert.ok(lines.every((line) => line.length <= 60))
})

test('[RN10] what breaks in growth is said once for each kind', () => {
  const month = (at: number, notes: string[]) => ({
    ...(sampleResult().growth[0] as GrowthMonth),
    label: `m${at}`,
    notes,
  })
  const growth = [
    month(1, []),
    month(2, ['pods: 21 are needed, 20 allowed']),
    month(3, ['pods: 23 are needed, 20 allowed', 'budget spent']),
  ]
  assert.deepEqual(troublesOf(growth), [
    { label: 'm2', sentence: 'pods: 21 are needed, 20 allowed', months: 2 },
    { label: 'm3', sentence: 'budget spent', months: 1 },
  ])
})

test('[RN12] wrong claims come first, with the right number, the factor and the probable slip', () => {
  const lines = terminalLines(checkReport(sampleCheck()), { columns: Number.POSITIVE_INFINITY, paint: NO_PAINT })
  const text = lines.join('\n')
  assert.equal(lines[2], 'Claims: 1 of 3 claims is wrong, 1 cannot be told from the plan, 1 is right.')
  assert.match(text, /wrong: 2 cores at 2\.5 % are 80 sessions \(Capacity, line 140\)/)
  assert.match(text, /The plan gives 40 sessions, half of what is claimed\. \[given\]/)
  assert.match(text, /Probably: It counts 2 cores, .*oneLoopBound/)
  assert.match(text, /Or: It would hold with 1\.25 % cpu/)
  assert.ok(text.indexOf('that are wrong') < text.indexOf('cannot be told from the plan\n'))
  assert.match(text, /The plan would have to give: happiness\./)
})
