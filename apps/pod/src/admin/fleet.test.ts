import assert from 'node:assert/strict'
import { request } from 'node:http'
import { test } from 'node:test'
import type { SupervisedMember } from '@parley/fleet'
import type { WorkerView } from '../speech/worker-view.ts'
import { FakeSpeech } from '../testing/fake-speech.ts'
import { startTestPod } from '../testing/pod-harness.ts'
import { type FleetFacts, type FleetReport, findMember, fleetReport } from './fleet-report.ts'

const VIEW: WorkerView = {
  workerId: 'wrk_one',
  url: 'ws://127.0.0.1:4001',
  state: 'ready',
  standing: 'in',
  streams: 2,
  slots: { recognise: { slots: 4, slotsUsed: 3 } },
  ageMs: 412.3,
  cpuRatio: 0.123456,
  engines: [],
  voices: [{ name: 'slt', language: 'en-US', engine: 'flite' }],
  problem: undefined,
}
const FAR: WorkerView = {
  ...VIEW,
  workerId: undefined,
  url: 'wss://gpu1.lan:8801',
  state: 'unreachable',
  streams: 0,
  slots: {},
  ageMs: undefined,
  cpuRatio: undefined,
  voices: [],
  problem: 'connect ECONNREFUSED',
}
const SUPERVISED: readonly SupervisedMember[] = [
  { name: 'pod', kind: 'pod', state: 'ready', pid: 10 },
  { name: 'worker 1', kind: 'worker', state: 'ready', pid: 11, workerId: 'wrk_one' },
  { name: 'worker 2', kind: 'worker', state: 'restarting', failures: 3 },
]
const FACTS: FleetFacts = {
  podId: 'pod_one',
  pid: 10,
  url: 'http://127.0.0.1:8080',
  phase: 'serving',
  sessions: 5,
  seats: 2_000,
  supervised: SUPERVISED,
  workers: [VIEW, FAR],
}

test('[AM9] the report joins what the supervisor runs with the workers there are links to', () => {
  const { members } = fleetReport(FACTS)
  assert.deepEqual(
    members.map(({ id, kind, name, pid, state, url, sessions, slots }) => ({
      id,
      kind,
      name,
      pid,
      state,
      url,
      sessions,
      slots,
    })),
    [
      {
        id: 'pod_one',
        kind: 'pod',
        name: 'pod',
        pid: 10,
        state: 'serving',
        url: 'http://127.0.0.1:8080',
        sessions: 5,
        slots: { session: { used: 5, total: 2_000 } },
      },
      {
        id: 'wrk_one',
        kind: 'worker',
        name: 'worker 1',
        pid: 11,
        state: 'ready',
        url: 'ws://127.0.0.1:4001',
        sessions: 2,
        slots: { recognise: { used: 3, total: 4 } },
      },
      {
        id: 'wss://gpu1.lan:8801',
        kind: 'worker',
        name: undefined,
        pid: null,
        state: 'unreachable',
        url: 'wss://gpu1.lan:8801',
        sessions: 0,
        slots: {},
      },
      {
        id: 'worker 2',
        kind: 'worker',
        name: 'worker 2',
        pid: null,
        state: 'restarting',
        url: null,
        sessions: 0,
        slots: {},
      },
    ],
  )
  assert.deepEqual([members[1]?.ageMs, members[1]?.cpuRatio, members[1]?.voices], [412, 0.123, ['slt']])
  assert.match(members[2]?.problem ?? '', /ECONNREFUSED/)
  assert.match(members[3]?.problem ?? '', /3 times in a row/)
})

test('[AM9] a pod that runs and cannot be heard without the directory is not one that starts', () => {
  const supervised = [...SUPERVISED, { name: 'pod 2', kind: 'pod', state: 'ready', pid: 12, podId: 'pod_two' } as const]
  const stateOf = (pods: FleetFacts['pods']) =>
    fleetReport({ ...FACTS, supervised, pods }).members.find(({ name }) => name === 'pod 2')?.state
  assert.equal(stateOf(undefined), 'unheard')
  assert.equal(stateOf([]), 'starting')
})

test('[AM9] a member is found by id, name, address or the beginning of its id, never by what two share', () => {
  const report = fleetReport({ ...FACTS, workers: [VIEW, { ...VIEW, workerId: 'wrk_other' }, FAR] })
  const idOf = (text: string) => {
    const found = findMember(report, text)
    return found.ok ? found.value.id : found.error.code
  }
  for (const text of ['wrk_one', 'WRK_ONE', ' worker 1 ', 'worker-1', 'wrk_on'])
    assert.equal(idOf(text), 'wrk_one', text)
  assert.equal(idOf('wss://gpu1.lan:8801'), 'wss://gpu1.lan:8801')
  for (const text of ['wrk_o', 'wrk', '', 'nobody']) assert.equal(idOf(text), 'MEMBER_UNKNOWN', text)
  const near = findMember(report, 'wrk_oen')
  assert.ok(!near.ok && /did you mean wrk_one\?/.test(near.error.message))
  assert.deepEqual([idOf('pod_one'), idOf('pod')], ['pod_one', 'pod_one'])
})

function call(
  adminUrl: string,
  method: string,
  path: string,
): Promise<{ status: number; body: Record<string, unknown> }> {
  return new Promise((resolve, reject) => {
    const ask = request({ socketPath: adminUrl.replace(/^unix:/, ''), path, method }, (response) => {
      let text = ''
      response.on('data', (chunk) => {
        text += chunk
      })
      response.once('end', () => resolve({ status: response.statusCode ?? 0, body: JSON.parse(text) }))
    })
    ask.once('error', reject)
    ask.end()
  })
}

test('[AM9] over the admin listener: the fleet, draining and undraining, with an audit line and word to the supervisor', async (t) => {
  const speech = new FakeSpeech()
  speech.views = [VIEW, { ...VIEW, workerId: 'wrk_two' }]
  const told: unknown[] = []
  const onDrainWorker = (...wish: unknown[]) => told.push(wish)
  const { pod, lines, url } = await startTestPod(t, { speech, overrides: { onDrainWorker } })
  pod.setMembers(SUPERVISED)
  const { body } = await call(pod.adminUrl, 'GET', '/fleet')
  const { members } = body as unknown as FleetReport
  assert.deepEqual(
    members.map(({ id, pid }) => [id, pid]),
    [
      [pod.podId, process.pid],
      ['wrk_one', 11],
      ['wrk_two', null],
      ['worker 2', null],
    ],
  )
  const drained = await call(pod.adminUrl, 'POST', '/fleet/members/worker-1/drain?withinMs=5000')
  assert.equal(drained.status, 200)
  assert.equal((drained.body.member as { state: string }).state, 'draining')
  assert.equal(drained.body.otherWorkersReady, 1)
  await call(pod.adminUrl, 'POST', '/fleet/members/wrk_two/drain')
  await call(pod.adminUrl, 'POST', '/fleet/members/wrk_one/undrain')
  assert.deepEqual(speech.drains, [
    ['wrk_one', 5_000],
    ['wrk_two', 30_000],
    ['wrk_one', undefined],
  ])
  assert.deepEqual(told, speech.drains)
  assert.equal(lines.filter(({ fields }) => fields.audit === true).length, 3)

  const refused = async (path: string) => {
    const { status, body: problem } = await call(pod.adminUrl, 'POST', path)
    return [status, problem.code]
  }
  assert.deepEqual(await refused('/fleet/members/wrk_nobody/drain'), [404, 'MEMBER_UNKNOWN'])
  assert.deepEqual(await refused('/fleet/members/worker-2/drain'), [404, 'MEMBER_UNKNOWN'], 'it is not there now')
  for (const value of ['-1', '1.5', 'soon', '86400001', '']) {
    assert.deepEqual(await refused(`/fleet/members/wrk_one/drain?withinMs=${value}`), [400, 'INVALID_FIELD'], value)
  }
  assert.equal((await fetch(`${url}/fleet`)).status, 404, 'never on the public port')
})

test('[AM9] a process that the supervisor runs is started again by it; any other is not, nor is one where there is no supervisor', async (t) => {
  const speech = new FakeSpeech()
  speech.views = [VIEW, { ...VIEW, workerId: 'wrk_two' }]
  const told: string[] = []
  const { pod, lines } = await startTestPod(t, { speech, overrides: { onRestartMember: (name) => told.push(name) } })
  pod.setMembers(SUPERVISED)
  const again = await call(pod.adminUrl, 'POST', '/fleet/members/worker-1/restart')
  assert.deepEqual([again.status, (again.body.member as { id: string }).id, told], [200, 'wrk_one', ['worker 1']])
  assert.equal(lines.filter(({ fields }) => fields.audit === true).length, 1)
  for (const [member, why] of [
    ['wrk_two', /was not started by the supervisor of this pod/],
    ['worker-2', /cannot be started again from here/],
  ] as const) {
    const { status, body } = await call(pod.adminUrl, 'POST', `/fleet/members/${member}/restart`)
    assert.deepEqual([status, body.code], [404, 'MEMBER_UNKNOWN'], member)
    assert.match(String(body.detail), why)
  }
  const alone = await startTestPod(t, { speech })
  alone.pod.setMembers(SUPERVISED)
  assert.equal((await call(alone.pod.adminUrl, 'POST', '/fleet/members/worker-1/restart')).status, 404)
  assert.equal(told.length, 1)
})

test('[AM9] a drain that the supervisor knows of holds for a pod that was started again', async (t) => {
  const speech = new FakeSpeech()
  speech.views = [VIEW]
  const { pod } = await startTestPod(t, { speech })
  pod.setMembers([{ name: 'worker 1', kind: 'worker', state: 'ready', workerId: 'wrk_one', drainWithinMs: 7_000 }])
  assert.deepEqual(speech.drains, [['wrk_one', 7_000]])
})
