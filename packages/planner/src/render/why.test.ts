import assert from 'node:assert/strict'
import test from 'node:test'
import type { Why } from '../result.ts'
import { NO_PAINT, whyLines, whyMarkdown, whyTerminalLines } from './index.ts'
import { quantity } from './testing/sample-result.ts'

const step = (name: string, sentence: string, inputs: readonly string[], line: number | null = null) => ({
  quantity: quantity(1, 'sessions', { name }),
  sentence,
  inputs,
  line,
  note: line === null ? null : 'counted in spring',
})

const why: Why = {
  name: 'app.limit',
  steps: [
    step('app.limit', 'app.limit is 1 session: the least of its limits', ['app.memory.limit']),
    step('app.memory.limit', 'app.memory.limit is 1 session: 7 MB / 7 MB, rounded down', ['session.memory']),
    step('session.memory', 'session.memory is 7 MB', [], 12),
  ],
}

test('[RN11] each step once, with standing and line, set in by its distance', () => {
  const lines = whyLines(why)
  assert.deepEqual(whyTerminalLines(lines, { columns: Number.POSITIVE_INFINITY, paint: NO_PAINT }), [
    'app.limit is 1 session: the least of its limits. [given]',
    '  app.memory.limit is 1 session: 7 MB / 7 MB, rounded down. [given]',
    '    session.memory is 7 MB. [given, line 12] counted in spring.',
  ])
  assert.match(
    whyMarkdown(lines),
    /^- app\.limit .*\n {2}- app\.memory\.limit .*\n {4}- session\.memory is 7 MB\. \\\[given, line 12\\\]/,
  )
})
