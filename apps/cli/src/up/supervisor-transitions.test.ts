import assert from 'node:assert/strict'
import test from 'node:test'
import {
  DEFAULT_POLICY,
  initialState,
  memberOf,
  membersView,
  type SupervisorState,
  workerAddresses,
} from './supervisor-state.ts'
import { nextDueMs, type SupervisorEffect, type SupervisorEvent, transition } from './supervisor-transitions.ts'

/** Feeds events at instants; keeps the effects of the last one. */
function run(workerCount = 1, podCount = 1) {
  let state: SupervisorState = initialState(workerCount, podCount)
  let pid = 100
  const feed = (nowMs: number, event: SupervisorEvent): readonly SupervisorEffect[] => {
    const next = transition(state, event, nowMs, DEFAULT_POLICY)
    state = next.state
    return next.effects
  }
  return {
    feed,
    get state() {
      return state
    },
    fork: (nowMs: number, name: string) => feed(nowMs, { type: 'forked', name, pid: pid++ }),
    ready: (nowMs: number, name: string) =>
      name.startsWith('pod')
        ? feed(nowMs, { type: 'podReady', name, podId: `pod_of_${name.replace(' ', '_')}` })
        : feed(nowMs, {
            type: 'workerReady',
            name,
            workerId: `wrk_${name}`,
            url: `ws://${name}`,
            engines: [],
            slots: 4,
          }),
    crash: (nowMs: number, name: string, lastLine?: string) =>
      feed(nowMs, { type: 'exited', name, code: null, signal: 'SIGKILL', lastLine }),
    phase: (name: string) => memberOf(state, name).phase.kind,
  }
}

const types = (effects: readonly SupervisorEffect[]) => effects.map((effect) => effect.type)
const reports = (effects: readonly SupervisorEffect[]) =>
  effects.flatMap((effect) => (effect.type === 'report' ? [effect.message] : []))

function running(workerCount = 1, podCount = 1) {
  const platform = run(workerCount, podCount)
  platform.feed(0, { type: 'tick' })
  for (const { name } of platform.state.members) {
    platform.fork(0, name)
    platform.ready(100, name)
  }
  return platform
}

test('[UP17] a member that is to be started again is told to end, forked at once when it has, and killed when it does not', () => {
  const platform = running(1, 2)
  const asked = platform.feed(200, { type: 'restart', name: 'pod 2' })
  assert.deepEqual(types(asked), ['report', 'sendStop'])
  assert.equal(platform.phase('pod 2'), 'restarting')
  assert.deepEqual(platform.feed(201, { type: 'restart', name: 'pod 2' }), [], 'once')
  assert.deepEqual(platform.feed(201, { type: 'restart', name: 'nobody' }), [])
  const ended = platform.feed(900, { type: 'exited', name: 'pod 2', code: 0, signal: null, lastLine: undefined })
  assert.deepEqual(types(ended), ['fork'])
  assert.equal(memberOf(platform.state, 'pod 2').failures, 0)

  const worker = platform.feed(1_000, { type: 'restart', name: 'worker 1' })
  assert.deepEqual(types(worker), ['report', 'announceWorkers', 'sendStop'])
  assert.deepEqual(workerAddresses(platform.state), [])
  assert.equal(nextDueMs(platform.state), 900)
  platform.fork(1_000, 'pod 2')
  platform.ready(1_100, 'pod 2')
  const dueMs = 1_000 + DEFAULT_POLICY.restartKillAfterMs
  assert.equal(nextDueMs(platform.state), dueMs)
  assert.deepEqual(platform.feed(dueMs, { type: 'tick' }), [{ type: 'kill', name: 'worker 1' }])
  assert.deepEqual(types(platform.crash(dueMs, 'worker 1')), ['fork'])
})

test('[UP17] the end of the platform comes before a start that was asked for', () => {
  const platform = running(1)
  platform.feed(200, { type: 'restart', name: 'pod' })
  platform.feed(300, { type: 'stop' })
  assert.equal(platform.phase('pod'), 'stopping')
  platform.feed(400, { type: 'exited', name: 'pod', code: 0, signal: null, lastLine: undefined })
  assert.equal(platform.phase('pod'), 'ended')
})

test('[UP1] every member is due at once, and ready workers are announced', () => {
  const platform = run(2)
  assert.deepEqual(platform.feed(0, { type: 'tick' }), [
    { type: 'fork', name: 'pod' },
    { type: 'fork', name: 'worker 1' },
    { type: 'fork', name: 'worker 2' },
  ])
  platform.fork(0, 'worker 1')
  assert.deepEqual(workerAddresses(platform.state), [])
  assert.deepEqual(types(platform.ready(10, 'worker 1')), ['announceWorkers'])
  assert.deepEqual(workerAddresses(platform.state), [{ workerId: 'wrk_worker 1', url: 'ws://worker 1' }])
})

test('[UP2] a worker that ends is reported, leaves the announced set and is forked again at once', () => {
  const platform = running()
  const effects = platform.crash(5_000, 'worker 1', 'boom')
  assert.deepEqual(types(effects), ['report', 'announceWorkers', 'fork'])
  assert.deepEqual(reports(effects), ['worker 1 ended (SIGKILL: boom); starting it again'])
  assert.deepEqual(workerAddresses(platform.state), [])
  platform.fork(5_000, 'worker 1')
  assert.deepEqual(reports(platform.ready(5_400, 'worker 1')), ['worker 1 is back after 400 ms (process 102)'])
  assert.equal(workerAddresses(platform.state).length, 1)
})

test('[UP2] a pod that ends is forked again and told of the workers when it is back', () => {
  const platform = running()
  assert.deepEqual(types(platform.crash(5_000, 'pod')), ['report', 'fork'])
  platform.fork(5_000, 'pod')
  assert.deepEqual(types(platform.ready(5_300, 'pod')), ['announceWorkers', 'report'])
})

test('[UP3] ends in a row wait longer and longer, up to a bound, and are named a crash loop', () => {
  const platform = running()
  let nowMs = 1_000
  const waits: number[] = []
  const said: string[] = []
  for (let crash = 0; crash < 10; crash++) {
    const effects = platform.crash(nowMs, 'worker 1')
    said.push(...reports(effects))
    const dueMs = nextDueMs(platform.state) ?? nowMs
    waits.push(types(effects).includes('fork') ? 0 : dueMs - nowMs)
    nowMs = Math.max(nowMs, dueMs)
    platform.fork(nowMs, 'worker 1')
    nowMs += 100
  }
  assert.deepEqual(waits, [0, 500, 1_000, 2_000, 5_000, 10_000, 15_000, 15_000, 15_000, 15_000])
  assert.doesNotMatch(said[2] ?? '', /crash loop/)
  assert.match(said[3] ?? '', /crash loop: 4 times in 2 s; next try in 2 s/)
})

test('[UP3] a member that was ready for long enough has recovered: its next end is a first one', () => {
  const platform = running()
  platform.crash(1_000, 'worker 1')
  platform.fork(1_000, 'worker 1')
  platform.ready(1_200, 'worker 1')
  assert.deepEqual(types(platform.crash(1_200 + DEFAULT_POLICY.healthyAfterMs, 'worker 1')).at(-1), 'fork')
})

test('[UP4] a pod that says why it cannot start ends the start with its words and its exit code', () => {
  const platform = run()
  platform.fork(0, 'pod')
  assert.deepEqual(platform.feed(10, { type: 'failed', name: 'pod', message: 'port taken', exitCode: 3 }), [
    { type: 'giveUp', message: 'port taken', exitCode: 3 },
  ])
})

test('[UP4] a pod that ends twice without having been ready is given up', () => {
  const platform = run()
  platform.fork(0, 'pod')
  assert.deepEqual(types(platform.crash(10, 'pod', 'SyntaxError: no')), ['report', 'fork'])
  platform.fork(10, 'pod')
  const [effect] = platform.crash(20, 'pod', 'SyntaxError: no')
  assert.equal(effect?.type, 'giveUp')
  assert.match((effect as { message: string }).message, /SyntaxError: no/)
})

test('[UP4] a worker that cannot start never ends the platform', () => {
  const platform = running()
  platform.crash(1_000, 'worker 1')
  platform.fork(1_000, 'worker 1')
  assert.deepEqual(platform.feed(1_010, { type: 'failed', name: 'worker 1', message: 'no memory', exitCode: 1 }), [])
  assert.match(
    reports(platform.feed(1_020, { type: 'exited', name: 'worker 1', code: 1, signal: null, lastLine: 'x' }))[0] ?? '',
    /no memory/,
  )
})

test('[UP3] a member that does not get ready in time is killed, once, and counts as ended', () => {
  const platform = run()
  platform.fork(0, 'pod')
  platform.fork(0, 'worker 1')
  platform.ready(10, 'pod')
  const dueMs = nextDueMs(platform.state) as number
  assert.equal(dueMs, DEFAULT_POLICY.startLimitMs)
  assert.deepEqual(types(platform.feed(dueMs, { type: 'tick' })), ['report', 'kill'])
  assert.deepEqual(platform.feed(dueMs + 1, { type: 'tick' }), [])
  assert.equal(nextDueMs(platform.state), undefined)
  assert.ok(types(platform.crash(dueMs + 5, 'worker 1')).includes('fork'))
})

test('[UP5] a stop tells the pod first, the workers once it is gone, and ends with the last of them', () => {
  const platform = running(2)
  assert.deepEqual(platform.feed(1_000, { type: 'stop' }), [{ type: 'sendStop', name: 'pod' }])
  assert.deepEqual(platform.feed(1_100, { type: 'exited', name: 'pod', code: 0, signal: null, lastLine: undefined }), [
    { type: 'sendStop', name: 'worker 1' },
    { type: 'sendStop', name: 'worker 2' },
  ])
  assert.deepEqual(platform.crash(1_200, 'worker 1'), [])
  assert.deepEqual(platform.crash(1_300, 'worker 2'), [{ type: 'ended' }])
})

test('[UP5] what has not ended by its deadline is killed, in under 3 s; a second stop kills at once', () => {
  const platform = running()
  platform.feed(1_000, { type: 'stop' })
  assert.equal(nextDueMs(platform.state), 3_400)
  assert.deepEqual(platform.feed(3_400, { type: 'tick' }), [{ type: 'kill', name: 'pod' }])
  assert.equal(nextDueMs(platform.state), 3_700)
  assert.deepEqual(platform.feed(3_700, { type: 'tick' }), [{ type: 'kill', name: 'worker 1' }])
  const hasty = running()
  hasty.feed(0, { type: 'stop' })
  assert.deepEqual(types(hasty.feed(10, { type: 'stop' })), ['kill', 'kill'])
})

test('[UP5] nothing is forked again while stopping, and what waits for its next start has ended', () => {
  const platform = running()
  for (let crash = 0; crash < 2; crash++) {
    platform.crash(1_000, 'worker 1')
    platform.fork(1_000, 'worker 1')
  }
  platform.crash(1_000, 'worker 1')
  assert.equal(platform.phase('worker 1'), 'waiting')
  platform.feed(1_010, { type: 'stop' })
  assert.equal(platform.phase('worker 1'), 'ended')
  assert.deepEqual(platform.crash(1_020, 'pod'), [{ type: 'ended' }])
  assert.deepEqual(platform.feed(60_000, { type: 'tick' }), [])
})

test('[UP5] a stop with nothing alive ends at once', () => {
  assert.deepEqual(run().feed(0, { type: 'stop' }), [{ type: 'ended' }])
})

test('[UP13] a drain reaches its worker and the view of the pod, and ends with undrain or with the process', () => {
  const platform = running(2)
  const drain = (withinMs: number | undefined, workerId = 'wrk_worker 1') =>
    platform.feed(1_000, { type: 'drainWorker', workerId, withinMs })
  const effects = drain(30_000)
  assert.deepEqual(effects[0], { type: 'sendDrain', name: 'worker 1', withinMs: 30_000 })
  const view = (nowMs: number) => membersView(platform.state, nowMs).map(({ drainWithinMs }) => drainWithinMs)
  assert.deepEqual(view(11_000), [undefined, 20_000, undefined])
  assert.deepEqual(view(99_000), [undefined, 0, undefined])
  assert.deepEqual(drain(undefined)[0], { type: 'sendDrain', name: 'worker 1', withinMs: undefined })
  assert.deepEqual(view(1_000), [undefined, undefined, undefined])
  drain(30_000)
  platform.crash(2_000, 'worker 1')
  assert.deepEqual(view(2_000), [undefined, undefined, undefined])
  assert.deepEqual(drain(30_000), [], 'nobody of that name is ready')
  assert.deepEqual(drain(30_000, 'wrk_unknown'), [])
})

test('[UP13] what the pod is told of a process: state, number while there is one, how often it failed in a row', () => {
  const platform = running(1)
  platform.crash(1_000, 'worker 1')
  assert.deepEqual(membersView(platform.state, 1_000)[1], {
    name: 'worker 1',
    kind: 'worker',
    state: 'restarting',
    failures: 1,
  })
  platform.fork(1_000, 'worker 1')
  assert.equal(membersView(platform.state, 1_000)[1]?.state, 'starting')
  platform.feed(2_000, { type: 'stop' })
  assert.deepEqual(
    membersView(platform.state, 2_000).map(({ state }) => state),
    ['stopping', 'stopping'],
  )
})

test('[UP14] several pods are started at once, each by its name; one that ends is started again while the others serve', () => {
  const platform = running(1, 2)
  assert.deepEqual(
    platform.state.members.map(({ name, role }) => [name, role]),
    [
      ['pod 1', 'pod'],
      ['pod 2', 'pod'],
      ['worker 1', 'worker'],
    ],
  )
  assert.deepEqual(types(platform.crash(5_000, 'pod 2')), ['report', 'fork'])
  assert.deepEqual([platform.phase('pod 1'), platform.phase('pod 2')], ['ready', 'waiting'])
  const known = (name: string) => membersView(platform.state, 0).find((view) => view.name === name)?.podId
  assert.deepEqual([known('pod 1'), known('pod 2')], ['pod_of_pod_1', undefined])
  platform.fork(5_000, 'pod 2')
  assert.deepEqual(types(platform.ready(5_300, 'pod 2')), ['announceWorkers', 'report'])
})

test('[UP5, UP14] all pods are told to end at once, the workers when the last of them is gone', () => {
  const platform = running(1, 2)
  const told = platform.feed(9_000, { type: 'stop' })
  assert.deepEqual(told, [
    { type: 'sendStop', name: 'pod 1' },
    { type: 'sendStop', name: 'pod 2' },
  ])
  assert.deepEqual(platform.crash(9_100, 'pod 2'), [])
  assert.deepEqual(platform.crash(9_200, 'pod 1'), [{ type: 'sendStop', name: 'worker 1' }])
  assert.deepEqual(types(platform.crash(9_300, 'worker 1')), ['ended'])
})
