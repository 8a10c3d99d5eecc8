import assert from 'node:assert/strict'
import test from 'node:test'
import { healthRows } from './command.ts'

test('[CM6] status tells at a glance what works, what fails and how full the platform is', () => {
  const rows = healthRows({
    version: '0.1.0',
    uptimeMs: 125_000,
    checks: { speech: 'failing', seats: 'ok' },
    sessions: { active: 2, opening: 1, seats: 2000, watchers: 3 },
    speech: {
      workers: 1,
      slots: 8,
      slotsUsed: 2,
      engines: [{ name: 'pocketsphinx', ready: false, problem: 'no model' }],
    },
    loop: { utilisationRatio: 0.014, delayP99Ms: 6.7 },
    memory: { rssBytes: 140 << 20 },
  })
  assert.deepEqual(rows, [
    ['failing', 'speech'],
    ['sessions', '2 active, 1 opening, of 2000 seats; 3 watchers'],
    ['speech', '1 workers, 2 of 8 slots used'],
    ['engine', 'pocketsphinx: not ready: no model'],
    ['pod', 'loop 1 % busy, delay p99 7 ms'],
    ['memory', '140 MiB (pod)'],
    ['up for', '2 min, version 0.1.0'],
  ])
  assert.deepEqual(healthRows({}), [])
})
