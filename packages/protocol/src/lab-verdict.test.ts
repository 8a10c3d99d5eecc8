import assert from 'node:assert/strict'
import { test } from 'node:test'
import { compileCheck } from './codec.ts'
import { LAB_VERDICT_FORMAT, LabVerdictSchema } from './lab-verdict.ts'

const measured = { value: 2, low: 1, high: 3 }
const VERDICT = {
  format: LAB_VERDICT_FORMAT,
  name: 'captions on one pod',
  measuredAt: '2026-11-27T10:00:00Z',
  loadUnit: 'session',
  conditions: {
    scenario: 'captions',
    machine: '2 cores',
    cores: 2,
    memoryBytes: 8e9,
    software: { node: '24' },
    holdSeconds: 60,
    notes: [],
  },
  objectives: [{ name: 'p95 lag', limit: 800, unit: 'ms', comparison: 'atMost', heldUpTo: 900 }],
  knee: { held: 900, failed: 1000, failedObjectives: ['p95 lag'] },
  inflection: null,
  breakingPoint: null,
  safetyRatio: 0.8,
  rated: 720,
  bottleneck: { resource: 'loop', utilisationRatio: 0.97, evidence: ['the loop was never idle'] },
  confidenceRatio: 0.95,
  fits: [{ resource: 'cpu', unit: 'core', baseline: measured, slope: measured, points: 5 }],
  points: [{ offered: 900, achieved: 900, objectives: { 'p95 lag': 700 }, resources: { cpu: 1.2 } }],
}

test('[VD1] a lab verdict survives being written and read; what does not fit is named', () => {
  const check = compileCheck(LabVerdictSchema)
  assert.ok(check(JSON.parse(JSON.stringify(VERDICT))).ok)
  for (const [wrong, field] of [
    [{ ...VERDICT, format: 'parley.lab-verdict/2' }, 'format'],
    [{ ...VERDICT, safetyRatio: 0 }, 'safetyRatio'],
    [{ ...VERDICT, knee: { ...VERDICT.knee, held: -1 } }, 'knee'],
    [{ ...VERDICT, mood: 'good' }, 'mood'],
  ] as const) {
    const answer = check(wrong)
    assert.ok(!answer.ok && JSON.stringify(answer.error).includes(field), `${field}: ${JSON.stringify(answer)}`)
  }
})
