import assert from 'node:assert/strict'
import { test } from 'node:test'
import { compareRules, quotesOf, rulesOf } from './spec-rules.ts'

// Written in pieces, so that this file quotes no rule of its own.
const quoted = (rule: string) => `test('[${rule}] holds', () => {})`

test('rules are the bold items of a list, quotes stand in brackets in test titles', () => {
  assert.deepEqual(rulesOf('- **QQ1** first\n- **QQ2** second\ntext **QQ3** no'), ['QQ1', 'QQ2'])
  assert.deepEqual(quotesOf(`${quoted('QQ1, QQ2')}\n// [QQ9] a comment`), ['QQ1', 'QQ2'])
})

test('an unquoted rule, an unknown quote and a rule defined twice are found', () => {
  const findings = compareRules(
    new Map([
      ['a/SPEC.md', '- **QQ1** x\n- **QQ2** y'],
      ['b/SPEC.md', '- **QQ2** z'],
    ]),
    new Map([['a.test.ts', `${quoted('QQ1')}\n${quoted('QQ7')}`]]),
  )
  assert.deepEqual(findings.map((finding) => `${finding.rule} ${finding.problem}`).sort(), [
    'QQ2 defined twice',
    'QQ2 no test quotes it',
    'QQ7 no SPEC.md has it',
  ])
})
