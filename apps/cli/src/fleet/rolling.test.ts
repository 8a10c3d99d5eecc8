import assert from 'node:assert/strict'
import test from 'node:test'
import { ManualClock } from '@parley/kernel/testing'
import { CliError } from '../exit-codes.ts'
import type { FleetMember } from './fleet-shape.ts'
import { type RollingOptions, rollingRestart } from './rolling.ts'

const FAR = { id: 'wss://gpu', kind: 'worker', pid: null, state: 'ready', url: null, sessions: 0, slots: {} } as const

/** Two pods and a worker whose processes take a second to come back; sessions go elsewhere when `moves`. */
function platform({ moves = true } = {}) {
  const clock = new ManualClock()
  const members = new Map<string, FleetMember>()
  const orders: string[] = []
  let pid = 10
  for (const name of ['worker 1', 'pod 1', 'pod 2']) {
    const kind = name.startsWith('pod') ? 'pod' : 'worker'
    const state = kind === 'pod' ? 'serving' : 'ready'
    members.set(name, { id: `id of ${name}`, kind, name, pid: pid++, state, url: null, sessions: 2, slots: {} })
  }
  const change = (name: string, now: Partial<FleetMember>) => {
    members.set(name, { ...(members.get(name) as FleetMember), ...now })
  }
  const options: RollingOptions = {
    clock,
    withinMs: 5_000,
    isForced: false,
    say: (line) => orders.push(line),
    ask: async () => ({ members: [...members.values(), FAR] }),
    async order(id, verb) {
      const name = id.replace('id of ', '')
      const { kind, state } = members.get(name) as FleetMember
      orders.push(`${verb} ${name}`)
      if (verb === 'drain') {
        change(name, { state: 'draining' })
        if (moves) clock.after(1_000, () => change(name, { sessions: 0 }))
      } else if (verb === 'undrain') change(name, { state: kind === 'pod' ? 'serving' : 'ready' })
      else {
        change(name, { state: 'restarting', pid: null })
        // A pod is still drained when it comes back, a worker is another one.
        const next = kind === 'pod' ? state : 'ready'
        clock.after(1_000, () => change(name, { state: next, pid: pid++, sessions: 0 }))
      }
    },
  }
  return { options, orders, clock, members, change }
}

async function end(clock: ManualClock, done: Promise<void>): Promise<Error | undefined> {
  const outcome = done.then(
    () => 'done' as const,
    (error: Error) => error,
  )
  let result: Error | 'done' | undefined
  void outcome.then((value) => {
    result = value
  })
  for (let step = 0; step < 1_000 && result === undefined; step++) await clock.advanceAsync(500, 500)
  assert.ok(result !== undefined, 'it never ends')
  return result === 'done' ? undefined : result
}

test('[FTC6] every member in its turn: drained, ended, back and serving before the next', async () => {
  const { options, orders, clock } = platform()
  assert.equal(await end(clock, rollingRestart(options)), undefined)
  assert.deepEqual(orders, [
    ...['drain pod 1', 'pod 1: drains, 2 to go elsewhere', 'restart pod 1', 'undrain pod 1'],
    'pod 1: is back (process 13)',
    ...['drain pod 2', 'pod 2: drains, 2 to go elsewhere', 'restart pod 2', 'undrain pod 2'],
    'pod 2: is back (process 14)',
    ...['drain worker 1', 'worker 1: drains, 2 to go elsewhere', 'restart worker 1'],
    'worker 1: is back (process 15)',
    'all 3 have been started again',
  ])
})

test('[FTC6] what does not become empty serves again and nothing is ended, unless that is asked for', async () => {
  const { options, orders, clock } = platform({ moves: false })
  const failure = await end(clock, rollingRestart(options))
  assert.ok(failure instanceof CliError)
  assert.match(failure.message, /pod 1 still has 2 after 5 s and serves again.*--force/)
  assert.deepEqual(orders.slice(-1), ['undrain pod 1'])
  assert.equal(await end(clock, rollingRestart({ ...options, isForced: true, only: 'pod 2' })), undefined)
  assert.equal(orders.at(-1), 'all 1 have been started again')
})

test('[FTC6] a member that was drained before stays so; one that does not come back ends it there', async () => {
  const { options, orders, clock, change } = platform()
  change('pod 1', { state: 'draining', sessions: 0 })
  assert.equal(await end(clock, rollingRestart({ ...options, only: 'pod 1' })), undefined)
  assert.deepEqual(
    orders.filter((order) => order.includes('drain pod')),
    [],
  )
  const order = async (id: string, verb: string) =>
    change(id.replace('id of ', ''), { pid: null, sessions: 0, state: verb })
  const failure = await end(clock, rollingRestart({ ...options, order, only: 'pod 2' }))
  assert.match(failure?.message ?? '', /pod 2 is not back after 120 s/)
})
