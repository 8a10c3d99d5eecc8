// How many streams a worker takes, and how that is found.
import assert from 'node:assert/strict'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { eventually, ManualClock } from '@parley/kernel/testing'
import { collectingLogger } from '@parley/telemetry/testing'
import { countWorkers, shareOf, workerTitle } from './machine-share.ts'
import { SelfSizing, type SizedRole } from './self-sizing.ts'
import { recogniseSlots, synthesiseSlots, toldSlots } from './slot-plan.ts'

const room = { cores: 2, availableBytes: 24e9 }

test('[WK20] what the configuration says stands; -1 is none; 0 is found out', () => {
  assert.deepEqual(toldSlots('worker.recogniseSlots', 5), { slots: 5, how: 'as worker.recogniseSlots says' })
  assert.equal(toldSlots('worker.recogniseSlots', -1), undefined)
  assert.equal(toldSlots('worker.recogniseSlots', 0), 'to be found')
})

test('[WK20] before measuring the number is careful; afterwards it is what the machine carries, and no more than threads', () => {
  const unknown = { room, share: 1, maxSlots: 60, realTimeFactor: undefined }
  assert.deepEqual(recogniseSlots(unknown), { slots: 4, how: 'a first guess, being measured' })
  assert.equal(synthesiseSlots(unknown).slots, 8)
  assert.deepEqual(recogniseSlots({ ...unknown, realTimeFactor: 0.14 }), {
    slots: 8,
    how: 'measured: a decoder takes 14 % of a core, the machine has 2',
  })
  assert.deepEqual(recogniseSlots({ ...unknown, realTimeFactor: 0.14, share: 0.5 }), {
    slots: 4,
    how: 'measured: a decoder takes 14 % of a core, the machine has 2, 50 % of it ours',
  })
  assert.equal(recogniseSlots({ ...unknown, realTimeFactor: 0.01, maxSlots: 12 }).slots, 12)
  assert.equal(
    recogniseSlots({ ...unknown, realTimeFactor: 0.4 }).slots,
    4,
    'what was promised stands while it can be done',
  )
  assert.equal(recogniseSlots({ ...unknown, realTimeFactor: 0.8 }).slots, 2)
  assert.deepEqual(synthesiseSlots({ ...unknown, realTimeFactor: 0.05 }), {
    slots: 20,
    how: 'measured: a speech takes 5.0 % of a core, the machine has 2',
  })
})

test('[WK20] workers beside this one are known by their titles, by role', async (t) => {
  const root = await mkdtemp(join(tmpdir(), 'parley-proc-'))
  t.after(() => rm(root, { recursive: true }))
  const run = async (pid: string, title: string) => {
    await mkdir(join(root, pid))
    await writeFile(join(root, pid, 'cmdline'), title)
  }
  assert.equal(await countWorkers('recognise', root), 1)
  await run('10', `${workerTitle(['recognise', 'synthesise'])}\0\0\0`)
  await run('11', workerTitle(['recognise']))
  await run('12', workerTitle(['synthesise']))
  await run('13', 'vi\0parley-worker r')
  await run('self', workerTitle(['recognise']))
  assert.deepEqual([await countWorkers('recognise', root), await countWorkers('synthesise', root)], [2, 2])
  assert.equal(await countWorkers('recognise', '/nonexistent'), 1)
  assert.deepEqual([await shareOf('recognise', undefined, root), await shareOf('recognise', 1, root)], [0.5, 1])
})

test('[WK20] a role is measured when its engine is ready, again while it is idle, and follows workers that come and go', async () => {
  const clock = new ManualClock()
  const told: string[] = []
  const applied: number[] = []
  let isReady = false
  let isIdle = false
  let share = 1
  let measured = 0
  const role: SizedRole = {
    role: 'recognise',
    first: { slots: 4, how: 'first' },
    isReady: () => isReady,
    isIdle: () => isIdle,
    async measure() {
      measured++
      return [undefined, 0.1, 0.05, 0.2][measured - 1]
    },
    share: async () => share,
    plan: (realTimeFactor, part) => ({ slots: Math.round(part / realTimeFactor), how: `${realTimeFactor} ${part}` }),
    apply: (slots) => void applied.push(slots),
  }
  const broken: SizedRole = {
    ...role,
    role: 'synthesise',
    isReady: () => true,
    measure: () => Promise.reject(new Error('no')),
  }
  const logger = collectingLogger()
  const sizing = new SelfSizing(clock, logger, [broken, role])
  sizing.start((name, { slots, how }) => told.push(`${name} ${slots} ${how}`))
  await clock.advanceAsync(5_000)
  assert.deepEqual([measured, told], [0, []])
  isReady = true
  await clock.advanceAsync(1_000)
  await clock.advanceAsync(1_000)
  await eventually(() => (told.length === 1 ? undefined : 'not told'))
  share = 0.5
  for (let n = 0; n < 11; n++) await clock.advanceAsync(1_000)
  await eventually(() => (told.length === 2 ? undefined : 'not told'))
  assert.deepEqual([measured, applied], [2, [10, 5]])
  assert.deepEqual(told, ['recognise 10 0.1 1', 'recognise 5 0.1 0.5'])
  // What was dear on a busy machine is looked at again, as long as nobody is held up; the least counts.
  const pass = async (seconds: number) => {
    for (let n = 0; n < seconds; n++) await clock.advanceAsync(1_000)
  }
  await pass(80)
  assert.equal(measured, 2)
  isIdle = true
  await pass(200)
  assert.deepEqual([measured, applied], [4, [10, 5, 10]])
  assert.match(JSON.stringify(logger.lines), /could not be measured/)
  await sizing.close()
  assert.equal(clock.pendingTimers, 0)
})
