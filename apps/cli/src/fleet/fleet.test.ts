import assert from 'node:assert/strict'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { PassThrough } from 'node:stream'
import test, { type TestContext } from 'node:test'
import { systemClock } from '@parley/kernel'
import { eventually } from '@parley/kernel/testing'
import { LAB_VERDICT_FORMAT } from '@parley/protocol'
import type { CliContext } from '../context.ts'
import { EXIT } from '../exit-codes.ts'
import { Output, style } from '../output/index.ts'
import { listRuns, writeRun } from '../platform/run-file.ts'
import { runCli } from '../program.ts'
import type { FleetMember, FleetReport } from './fleet-shape.ts'
import { fleetLines } from './view.ts'

const POD: FleetMember = {
  id: 'pod_a',
  kind: 'pod',
  name: 'pod',
  pid: 10,
  state: 'serving',
  url: 'http://127.0.0.1:8080',
  sessions: 1,
  slots: { session: { used: 1, total: 2_000 } },
}
const WORKER: FleetMember = {
  id: 'wrk_a',
  kind: 'worker',
  name: 'worker 1',
  pid: 11,
  state: 'ready',
  url: 'ws://127.0.0.1:4001',
  sessions: 2,
  slots: { recognise: { used: 2, total: 4 }, synthesise: { used: 0, total: 8 } },
  ageMs: 420,
  standing: 'in',
}
const FAR: FleetMember = {
  id: 'wss://gpu1.lan:8801',
  kind: 'worker',
  pid: null,
  state: 'unreachable',
  url: 'wss://gpu1.lan:8801',
  sessions: 0,
  slots: {},
  standing: 'out',
  problem: 'connect ECONNREFUSED',
}

test('[FTC1] the table says who holds what, how old that word is, and what is wrong', () => {
  const lines = fleetLines(
    { members: [POD, WORKER, { ...WORKER, id: 'wrk_b', ageMs: 4_200, standing: 'trial' }, FAR] },
    style(false),
  )
  assert.deepEqual(lines, [
    'member               name      pid  state                     holds      slots                          said       address',
    'pod_a                pod       10   serving                   1 session  session 1/2000                 now        http://127.0.0.1:8080',
    'wrk_a                worker 1  11   ready                     2 streams  recognise 2/4, synthesise 0/8  0.4 s ago  ws://127.0.0.1:4001',
    'wrk_b                worker 1  11   ready, on trial           2 streams  recognise 2/4, synthesise 0/8  4.2 s ago  ws://127.0.0.1:4001',
    'wss://gpu1.lan:8801  -         -    unreachable, not trusted  0 streams  -                              -          wss://gpu1.lan:8801',
    '',
    'wss://gpu1.lan:8801: connect ECONNREFUSED',
  ])
})

test('[FTC1] of who has said nothing of itself nothing is claimed', () => {
  const silent: FleetMember = {
    ...POD,
    id: 'pod 2',
    name: 'pod 2',
    pid: 12,
    state: 'unheard',
    url: null,
    sessions: 0,
    slots: {},
  }
  const [, line = ''] = fleetLines({ members: [silent] }, style(false))
  assert.deepEqual(line.trim().split(/ {2,}/), ['pod 2', 'pod 2', '12', 'unheard', '-', '-', '-', '-'])
})

const POD_B: FleetMember = {
  ...POD,
  id: 'pod_b',
  name: 'pod 2',
  state: 'draining',
  drainLeftMs: 25_100,
  sessions: 3,
  slots: { session: { used: 3, total: 50, reserved: 1 } },
  ageMs: 900,
  roles: ['api', 'sessions'],
  version: '0.1.0',
  headroom: { loop: 0.934, memory: 0.5 },
}

test('[FTC1] of several pods it says their headroom, roles and version, what is reserved, and what is wrong with the directory', () => {
  const directory = { directory: 'redis', state: 'cut', problem: 'no answer', warnings: ['evicts leases'] } as const
  const lines = fleetLines({ members: [POD, POD_B], directory }, style(false))
  assert.deepEqual(lines, [
    'member  name   pid  state                holds       slots                      said       address                headroom %         roles          version',
    'pod_a   pod    10   serving              1 session   session 1/2000             now        http://127.0.0.1:8080  -                  -              -',
    'pod_b   pod 2  10   draining, 26 s left  3 sessions  session 3/50 (1 reserved)  0.9 s ago  http://127.0.0.1:8080  loop 93 memory 50  api, sessions  0.1.0',
    '',
    'directory in Redis: cut (no answer); sessions go on, this pod admits within its own rating, and of other pods nothing is known',
    'directory in Redis: evicts leases',
  ])
  const calm = fleetLines({ members: [POD], directory: { ...directory, state: 'member', warnings: [] } }, style(false))
  assert.equal(calm.length, 2)
})

interface Asked {
  readonly method: string
  readonly url: string
}

type Answer = readonly [status: number, body: unknown]

/** A platform whose admin listener answers what `answerOf` says. */
async function fakePlatform(t: TestContext, answerOf: (asked: Asked) => Answer) {
  const dataDir = await mkdtemp(path.join(tmpdir(), 'parley-fleet-'))
  await mkdir(path.join(dataDir, 'run'))
  const socket = path.join(dataDir, 'run/admin.sock')
  const asked: Asked[] = []
  const server = createServer((request, response) => {
    const now = { method: request.method ?? '', url: request.url ?? '' }
    asked.push(now)
    const [status, body] = answerOf(now)
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body))
  })
  await new Promise<void>((resolve) => server.listen(socket, resolve))
  const [url, adminUrl] = ['http://127.0.0.1:8080', `unix:${socket}`]
  await writeRun(dataDir, { url, pid: process.pid, adminUrl, podPid: process.pid, startedAtMs: 1 })
  t.after(async () => {
    server.closeAllConnections()
    await new Promise<void>((resolve) => server.close(() => resolve()))
    await rm(dataDir, { recursive: true, force: true })
  })
  return { dataDir, asked }
}

async function run(dataDir: string, ...args: string[]) {
  const [stdout, stderr] = [new PassThrough(), new PassThrough()]
  const context: CliContext = {
    env: {},
    cwd: '/',
    homeDir: '/nonexistent',
    clock: systemClock,
    output: new Output({ stdout, stderr }, {}),
  }
  const before = process.exitCode
  let out = ''
  stdout.on('data', (data) => {
    out += String(data)
  })
  const done = runCli(['fleet', ...args, '--data-dir', dataDir], context).finally(() => {
    process.exitCode = before ?? 0
  })
  return { done, out: () => out, err: () => String(stderr.read() ?? '') }
}

test('[FTC1] --json is one document with what the platform says', async (t) => {
  const report: FleetReport = { members: [POD, WORKER] }
  const { dataDir } = await fakePlatform(t, () => [200, report])
  const json = await run(dataDir, 'status', '--json')
  assert.equal(await json.done, EXIT.ok)
  assert.deepEqual(JSON.parse(json.out()), report)
  const table = await run(dataDir, 'status')
  assert.equal(await table.done, EXIT.ok)
  assert.match(table.out(), /wrk_a +worker 1 +11 +ready/)
})

test('[FTC2] --watch goes on until a signal, and through an answer that fails', async (t) => {
  let count = 0
  const { dataDir } = await fakePlatform(t, () => (++count === 2 ? [500, {}] : [200, { members: [POD] }]))
  const watch = await run(dataDir, 'status', '--json', '--watch')
  await eventually(() => (watch.out().split('\n').length > 2 ? undefined : 'one line'))
  process.emit('SIGTERM')
  assert.equal(await watch.done, EXIT.ok)
  assert.match(watch.err(), /answered 500/)
  for (const line of watch.out().trimEnd().split('\n'))
    assert.equal((JSON.parse(line) as FleetReport).members.length, 1)
})

test('[FTC3] drain and undrain name the worker and the time, and say when nobody else is ready', async (t) => {
  const body = { member: { ...WORKER, state: 'draining' }, otherWorkersReady: 0 }
  const { dataDir, asked } = await fakePlatform(t, () => [200, body])
  const drain = await run(dataDir, 'drain', 'worker 1', '--within', '1.5min')
  assert.equal(await drain.done, EXIT.ok)
  assert.match(drain.out(), /wrk_a drains: 2 streams/)
  assert.match(drain.err(), /no other worker is ready/)
  const undrain = await run(dataDir, 'undrain', 'wrk_a', '--json')
  assert.equal(await undrain.done, EXIT.ok)
  assert.deepEqual(JSON.parse(undrain.out()), body)
  assert.deepEqual(asked, [
    { method: 'POST', url: '/fleet/members/worker%201/drain?withinMs=90000' },
    { method: 'POST', url: '/fleet/members/wrk_a/undrain' },
  ])
})

test("[FTC4] who is not there is refused in the platform's words, a wrong time and no platform in our own", async (t) => {
  const detail = 'no worker is called "wrk_b"; did you mean wrk_a?'
  const { dataDir, asked } = await fakePlatform(t, () => [404, { code: 'MEMBER_UNKNOWN', detail }])
  const unknown = await run(dataDir, 'drain', 'wrk_b')
  assert.equal(await unknown.done, EXIT.failed)
  assert.match(unknown.err(), /did you mean wrk_a\?/)
  for (const time of ['soon', '30', '25h']) {
    const wrong = await run(dataDir, 'drain', 'wrk_a', '--within', time)
    assert.equal(await wrong.done, EXIT.usage, time)
  }
  assert.equal(asked.length, 1)
  const none = await run('/nonexistent', 'status')
  assert.equal(await none.done, EXIT.missing)
  assert.match(none.err(), /start one with \.\/parley up/)
})

test('[FTC3] of a pod it is said that its sessions go elsewhere, and that no other serves', async (t) => {
  const body = { member: POD_B, otherWorkersReady: 1, otherPodsServing: 0 }
  const { dataDir, asked } = await fakePlatform(t, () => [200, body])
  const drain = await run(dataDir, 'drain', 'pod-2')
  assert.equal(await drain.done, EXIT.ok)
  assert.match(drain.out(), /pod_b drains: no new sessions there; those it has \(3 now\) go to other pods/)
  assert.match(drain.err(), /no other pod serves/)
  const undrain = await run(dataDir, 'undrain', 'pod-2')
  assert.equal(await undrain.done, EXIT.ok)
  assert.match(undrain.out(), /takes sessions again/)
  assert.equal(asked[0]?.url, '/fleet/members/pod-2/drain')
})

test('[FTC5] a pod is rated anew; a wrong number is not sent', async (t) => {
  const { dataDir, asked } = await fakePlatform(t, () => [200, { member: POD_B, sessions: 40 }])
  const rate = await run(dataDir, 'rate', 'pod-2', '--sessions', '40')
  assert.equal(await rate.done, EXIT.ok)
  assert.match(rate.out(), /pod_b is rated for 40 sessions; it has 3/)
  for (const sessions of ['0', 'many', '1.5', '100001']) {
    assert.equal(await (await run(dataDir, 'rate', 'pod-2', '--sessions', sessions)).done, EXIT.usage, sessions)
  }
  assert.deepEqual(asked, [{ method: 'POST', url: '/fleet/members/pod-2/rate?sessions=40' }])
  assert.equal(await (await run(dataDir, 'rate', 'pod-2')).done, EXIT.usage)
})

const VERDICT = {
  format: LAB_VERDICT_FORMAT,
  name: 'captions on one pod',
  measuredAt: '2026-11-27T12:00:00Z',
  loadUnit: 'session',
  conditions: {
    scenario: 'captions',
    machine: '2 vCPU virtual machine',
    cores: 2,
    memoryBytes: 4e9,
    software: { parley: '0.1.0' },
    holdSeconds: 60,
    notes: [],
  },
  objectives: [{ name: 'p95 final caption lag', limit: 800, unit: 'ms', comparison: 'atMost', heldUpTo: 120 }],
  knee: { held: 120, failed: 140, failedObjectives: ['p95 final caption lag'] },
  inflection: 100,
  breakingPoint: null,
  safetyRatio: 0.8,
  rated: 96,
  bottleneck: null,
  confidenceRatio: 0.95,
  fits: [],
  points: [],
}

test('[FTC5] a pod is rated by what the lab has found; a file that does not say is refused', async (t) => {
  const { dataDir, asked } = await fakePlatform(t, () => [200, { member: POD_B, sessions: 96 }])
  const file = path.join(dataDir, 'verdict.json')
  await writeFile(file, JSON.stringify(VERDICT))
  const rate = await run(dataDir, 'rate', 'pod-2', '--from', file)
  assert.equal(await rate.done, EXIT.ok, rate.err())
  assert.match(rate.out(), /pod_b is rated for 96 sessions/)
  assert.equal(asked[0]?.url, '/fleet/members/pod-2/rate?sessions=96')
  const both = await run(dataDir, 'rate', 'pod-2', '--from', file, '--sessions', '3')
  assert.equal(await both.done, EXIT.usage)
  const wrong: [object | string, RegExp][] = [
    [{ ...VERDICT, rated: null }, /found no load that held/],
    [{ ...VERDICT, rated: 0.4 }, /rates 0\.4 sessions/],
    [{ ...VERDICT, loadUnit: 'call' }, /counts load in calls/],
    [{ ...VERDICT, format: 'parley.lab-verdict/2' }, /is no verdict of the lab: .*format/],
    ['{', /is no JSON/],
  ]
  for (const [content, why] of wrong) {
    await writeFile(file, typeof content === 'string' ? content : JSON.stringify(content))
    const refused = await run(dataDir, 'rate', 'pod-2', '--from', file)
    assert.equal(await refused.done, EXIT.usage)
    assert.match(refused.err(), why)
  }
  assert.equal(asked.length, 1)
})

test('[FTC1] what is wrong with the records is said below the table', () => {
  const lines = fleetLines({ members: [POD], records: { problem: 'the database is lost' } }, style(false))
  assert.equal(lines.at(-1), 'records: the database is lost')
})

test('[UP14] when the first pod is away the next answers about the fleet', async (t) => {
  const { dataDir } = await fakePlatform(t, () => [200, { members: [POD_B] }])
  const [record] = await listRuns(dataDir)
  assert.ok(record)
  const { url, adminUrl, pid } = record
  const gone = `${adminUrl}-gone`
  const pods = [gone, adminUrl].map((each, n) => ({ name: `pod ${n + 1}`, url, adminUrl: each, pid }))
  await writeRun(dataDir, { ...record, adminUrl: gone, pods })
  const status = await run(dataDir, 'status', '--json')
  assert.equal(await status.done, EXIT.ok)
  assert.deepEqual(JSON.parse(status.out()), { members: [POD_B] })
})
