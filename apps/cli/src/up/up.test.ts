import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { readFile, stat, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import os from 'node:os'
import path from 'node:path'
import test, { type TestContext } from 'node:test'
import { fileURLToPath } from 'node:url'
import type { SupervisedMember } from '@parley/fleet'
import { bareEnvironment, eventually, temporaryFolder } from '@parley/kernel/testing'
import { findPostgres } from '@parley/store/postgres-server'
import { callAdmin } from '../platform/admin-client.ts'
import { findRun, isAlive, listRuns, type RunRecord } from '../platform/run-file.ts'
import { memberEnvironment } from './up.ts'

const UP_MAIN = fileURLToPath(new URL('./testing/up-main.ts', import.meta.url))

interface Ready {
  readonly ready: true
  readonly url: string
  readonly pid: number
  readonly pageUrl: string
  readonly adminUrl: string
  readonly podPid: number
  readonly workerPids: readonly number[]
  readonly speechReady: boolean
}

interface Started {
  readonly child: ChildProcess
  readonly dataDir: string
  stdout(): string
  stderr(): string
  readonly exit: Promise<[code: number | null, signal: string | null]>
  ready(): Promise<Ready>
}

interface StartOptions {
  readonly args?: readonly string[]
  readonly env?: NodeJS.ProcessEnv
  readonly dataDir?: string
  readonly port?: number
}

async function start(t: TestContext, options: StartOptions = {}): Promise<Started> {
  const dataDir = options.dataDir ?? temporaryFolder('up')
  const args = ['--data-dir', dataDir, '--set', `server.port=${options.port ?? 0}`, '--set', 'speech.workers=2']
  const env = bareEnvironment({ HOME: dataDir, ...options.env })
  const child = spawn(process.execPath, [UP_MAIN, ...args, ...(options.args ?? ['--json'])], { env, cwd: os.tmpdir() })
  let [stdout, stderr] = ['', '']
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text
  })
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text
  })
  const exit = once(child, 'close') as Promise<[number | null, string | null]>
  t.after(async () => {
    if (child.exitCode === null && child.signalCode === null) child.kill('SIGKILL')
    await exit
  })
  return {
    child,
    dataDir,
    stdout: () => stdout,
    stderr: () => stderr,
    exit,
    async ready() {
      await eventually(() => (stdout.includes('\n') ? undefined : `no line yet; stderr: ${stderr}`), {
        withinMs: 20_000,
      })
      return JSON.parse(stdout.split('\n')[0] as string) as Ready
    },
  }
}

/** Tests that are not about records need no PostgreSQL of their own. */
const RECORDS_ELSEWHERE = ['--set', 'records.databaseUrl=postgres://127.0.0.1:1/records']
const NO_POSTGRES = (await findPostgres()) === undefined ? 'PostgreSQL is not installed' : false

interface Pod {
  readonly name: string
  readonly url: string
  readonly adminUrl: string
  readonly pid: number
}

const allGone = (pids: readonly number[]) => () => {
  const living = pids.filter(isAlive)
  return living.length === 0 ? undefined : `still alive: ${living.join(', ')}`
}

test('[UP6] --json prints exactly one line when ready, and the run file names the platform until its end', async (t) => {
  const up = await start(t)
  const ready = await up.ready()
  assert.equal(ready.ready, true)
  assert.equal(ready.pid, up.child.pid)
  assert.match(ready.url, /^http:\/\/127\.0\.0\.1:\d+$/)
  assert.equal(ready.pageUrl, `${ready.url}/#code=once`)
  assert.equal(ready.speechReady, true)
  assert.equal(ready.workerPids.length, 2)
  assert.equal((await fetch(ready.url)).status, 200)

  const file = path.join(up.dataDir, 'run/current.json')
  const record = JSON.parse(await readFile(file, 'utf8')) as RunRecord
  assert.deepEqual([record.url, record.pid, record.adminUrl], [ready.url, ready.pid, ready.adminUrl])
  assert.equal((await stat(file)).mode & 0o777, 0o600)
  const minted = await callAdmin(record, 'POST', '/admin/page-codes')
  assert.deepEqual(minted.body, { code: 'again' })

  up.child.kill('SIGTERM')
  assert.deepEqual(await up.exit, [0, null])
  assert.equal(up.stdout().trim().split('\n').length, 1)
  assert.equal(existsSync(file), false)
})

test('[UP6] without --json it prints the page, the line to paste, the log and the engines', async (t) => {
  const up = await start(t, { args: [] })
  await eventually(() => (up.stdout().includes('speech ') ? undefined : up.stdout() + up.stderr()), {
    withinMs: 20_000,
  })
  const text = up.stdout()
  assert.match(text, /page +http:\/\/127\.0\.0\.1:\d+\/#code=once/)
  assert.match(
    text,
    /captions +PARLEY_DATA_DIR=\S+ \S*parley caption \S*samples\/hello\.wav --url http:\/\/127\.0\.0\.1:\d+/,
  )
  assert.match(text, new RegExp(`log +${up.dataDir}/log/parley\\.log`))
  assert.match(text, /speech +fake \(en\): ready, \d+ slots/)
  assert.equal(text.includes('\u001b'), false, 'no colour in a pipe')
})

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  test(`[UP5] ${signal} ends the whole tree with exit code 0 and leaves no file of the run`, async (t) => {
    const up = await start(t)
    const ready = await up.ready()
    up.child.kill(signal)
    assert.deepEqual(await up.exit, [0, null])
    assert.equal(allGone([ready.podPid, ...ready.workerPids])(), undefined)
    assert.deepEqual(await listRuns(up.dataDir), [])
  })
}

test('[UP5] a pod that ignores the wish to stop is killed in time', async (t) => {
  const up = await start(t, { env: { FAKE_POD: 'stubborn' } })
  const ready = await up.ready()
  up.child.kill('SIGTERM')
  assert.deepEqual(await up.exit, [0, null])
  assert.equal(allGone([ready.podPid, ...ready.workerPids])(), undefined)
})

test('[UP2] a killed worker is reported on one line and replaced; a killed pod comes back on its port', async (t) => {
  const up = await start(t)
  const ready = await up.ready()
  process.kill(ready.workerPids[0] as number, 'SIGKILL')
  await eventually(() => (/worker 1 is back/.test(up.stderr()) ? undefined : up.stderr()), { withinMs: 10_000 })
  assert.match(up.stderr(), /worker 1 ended \(SIGKILL\); starting it again\n/)

  process.kill(ready.podPid, 'SIGKILL')
  await eventually(() => (/pod is back/.test(up.stderr()) ? undefined : up.stderr()), { withinMs: 10_000 })
  const answer = (await (await fetch(ready.url)).json()) as { pid: number }
  assert.notEqual(answer.pid, ready.podPid)
  await eventually(async () => {
    const run = await findRun(up.dataDir)
    return run?.podPid === answer.pid ? undefined : 'the run file names the old pod'
  })
  assert.equal(up.stdout().trim().split('\n').length, 1, 'nothing more on standard output')
})

test('[UP7] when the supervisor is killed outright its members end by themselves, and its run file counts as absent', async (t) => {
  const up = await start(t)
  const ready = await up.ready()
  up.child.kill('SIGKILL')
  await up.exit
  await eventually(allGone([ready.podPid, ...ready.workerPids]))
  assert.equal(existsSync(path.join(up.dataDir, 'run/current.json')), true)
  assert.equal(await findRun(up.dataDir), undefined)
  const again = await start(t, { dataDir: up.dataDir })
  assert.equal((await findRun(up.dataDir))?.pid ?? (await again.ready()).pid, again.child.pid)
})

test('[UP8] a taken port is one line that names the process that holds it, exit code 3, nothing left behind', async (t) => {
  const holder = createServer().listen(0, '127.0.0.1')
  await once(holder, 'listening')
  t.after(() => holder.close())
  const { port } = holder.address() as { port: number }
  const up = await start(t, { port })
  assert.deepEqual(await up.exit, [3, null])
  const [line, ...rest] = up.stderr().trim().split('\n')
  assert.match(
    line ?? '',
    new RegExp(`^parley: port ${port} on 127\\.0\\.0\\.1 is taken by process ${process.pid} \\(`),
  )
  assert.match(line ?? '', /use another: --port \d+$/)
  assert.deepEqual(rest, [])
  assert.equal(up.stdout(), '')
})

test('[UP8] a bad configuration is exit code 2 with every mistake; an address of nobody too', async (t) => {
  const wrong = await start(t, { args: ['--set', 'server.prot=1', '--set', 'sessions.seats=0'] })
  assert.deepEqual(await wrong.exit, [2, null])
  assert.match(wrong.stderr(), /2 mistakes:\n.*did you mean server\.port\?\n.*sessions\.seats is 0/)
  const lost = await start(t, { args: ['--set', 'server.host=192.0.2.77', '--set', 'server.insecure=true'] })
  assert.deepEqual(await lost.exit, [2, null])
  assert.match(lost.stderr(), /192\.0\.2\.77 is not an address of this machine/)
  const open = await start(t, { args: ['--set', 'server.host=0.0.0.0'] })
  assert.deepEqual(await open.exit, [2, null])
  assert.match(open.stderr(), /would travel readable/)
})

test('[UP8] a data directory that cannot be used is one line', async (t) => {
  const file = path.join(temporaryFolder('up'), 'file')
  await writeFile(file, '')
  for (const dataDir of [file, path.join(file, 'below'), '/proc/parley']) {
    const up = await start(t, { args: ['--data-dir', dataDir] })
    const [exitCode] = await up.exit
    assert.ok(exitCode === 2 || exitCode === 4, `exit code ${exitCode}`)
    assert.match(up.stderr(), /^parley: the data directory \S+ cannot be used: .*--data-dir.*\n$/)
  }
})

test('[UP4] a pod that is broken ends the start with what it said, and no process is left', async (t) => {
  const up = await start(t, { env: { FAKE_POD: 'broken' } })
  assert.deepEqual(await up.exit, [1, null])
  assert.match(up.stderr(), /parley: the pod ended \(exit code 1: TypeError: the fake pod is broken\)/)
  assert.equal(up.stdout(), '')
  assert.match(await readFile(path.join(up.dataDir, 'log/crashes.log'), 'utf8'), /== \S+ pod\n(?:.*\n)+ +at /)
})

test('[UP13] the pod is told of every process, and passes on what an operator wants of a worker', async (t) => {
  const up = await start(t)
  const { adminUrl, podPid, workerPids } = await up.ready()
  const members = async () => {
    const { body } = await callAdmin({ adminUrl }, 'GET', '/fleet')
    return (body as { members: readonly SupervisedMember[] }).members
  }
  await eventually(async () =>
    (await members()).every(({ state }) => state === 'ready') ? undefined : 'not all ready',
  )
  assert.deepEqual(
    (await members()).map(({ name, kind, pid }) => [name, kind, pid]),
    [
      ['pod', 'pod', podPid],
      ['worker 1', 'worker', workerPids[0]],
      ['worker 2', 'worker', workerPids[1]],
    ],
  )
  const { body } = await callAdmin({ adminUrl }, 'POST', '/drain')
  const { workerId } = body as { workerId: string }
  const drained = async () => (await members()).find((member) => member.workerId === workerId)
  await eventually(async () => ((await drained())?.drainWithinMs === undefined ? 'not told' : undefined))
  assert.match(up.stderr(), /worker 1 drains, within 20 s/)
  process.kill(workerPids[0] as number, 'SIGKILL')
  await eventually(async () => ((await drained()) === undefined ? undefined : 'the old one is still there'))
  assert.ok(
    (await members()).every(({ drainWithinMs }) => drainWithinMs === undefined),
    'its successor takes streams',
  )
})

test('[UP3] workers that never start are named a crash loop while the pod serves', async (t) => {
  const up = await start(t, { args: [], env: { FAKE_WORKER: 'broken' } })
  await eventually(() => (/crash loop: 4 times/.test(up.stderr()) ? undefined : up.stderr()), { withinMs: 20_000 })
  assert.match(up.stderr(), /worker 1 ended \(exit code 1: RangeError: the fake worker is broken\)/)
  const run = await findRun(up.dataDir)
  assert.equal((await fetch(run?.url ?? '')).status, 200)
})

test('[UP9] two platforms of one data directory run side by side; commands mean the latest, or the one named', async (t) => {
  const first = await start(t)
  const one = await first.ready()
  const second = await start(t, { dataDir: first.dataDir })
  const two = await second.ready()
  assert.notEqual(one.adminUrl, two.adminUrl)
  assert.equal((await findRun(first.dataDir))?.pid, two.pid)
  assert.equal((await findRun(first.dataDir, `${one.url}/x`))?.pid, one.pid)
  second.child.kill('SIGTERM')
  await second.exit
  assert.equal((await findRun(first.dataDir))?.pid, one.pid)
  const current = JSON.parse(await readFile(path.join(first.dataDir, 'run/current.json'), 'utf8')) as RunRecord
  assert.equal(current.pid, one.pid)
})

test('[UP9] a data directory too deep for a socket path still gets an admin listener', async (t) => {
  const deep = path.join(temporaryFolder('up'), 'd'.repeat(60), 'e'.repeat(60))
  const up = await start(t, { dataDir: deep })
  const ready = await up.ready()
  assert.equal((await callAdmin(ready, 'GET', '/health')).status, 200)
  up.child.kill('SIGTERM')
  await up.exit
  assert.equal(existsSync(path.dirname(ready.adminUrl.replace('unix:', ''))), false)
})

test('[UP10] a self-signed platform prints its fingerprint and keeps its certificate', async (t) => {
  const dataDir = temporaryFolder('up')
  const args = ['--set', 'tls.mode=self-signed']
  for (const isNew of [true, false]) {
    const up = await start(t, { dataDir, args })
    await eventually(() => (up.stdout().includes('certificate') ? undefined : up.stderr()), { withinMs: 20_000 })
    assert.match(up.stdout(), isNew ? /SHA-256 (?:[0-9A-F]{2}:){31}[0-9A-F]{2} \(new\)/ : /SHA-256 [0-9A-F:]+\n/)
    assert.equal((await findRun(dataDir))?.caFile, path.join(dataDir, 'tls/self-signed.crt'))
    up.child.kill('SIGTERM')
    await up.exit
  }
  assert.equal((await stat(path.join(dataDir, 'tls/self-signed.key'))).mode & 0o777, 0o600)
})

test('[UP1] members get no PARLEY_ variable, and workers a thread pool for their slots', () => {
  const env = { PATH: '/bin', PARLEY_API_KEY: 'secret' }
  assert.deepEqual(memberEnvironment(env, 'pod', 8), { PATH: '/bin' })
  const worker = memberEnvironment(env, 'worker', 8)
  assert.equal(worker.PARLEY_API_KEY, undefined)
  assert.ok(Number(worker.UV_THREADPOOL_SIZE) >= 8)
})

test('[UP14, UP15] two pods: each on its own port, both named in the run file; a dead one comes back on its port, and all of it ends at once', async (t) => {
  const up = await start(t, { args: ['--json', '--set', 'fleet.pods=2', ...RECORDS_ELSEWHERE] })
  const ready = (await up.ready()) as Ready & { pods: readonly Pod[]; redis: { pid: number } }
  assert.deepEqual(
    ready.pods.map(({ name }) => name),
    ['pod 1', 'pod 2'],
  )
  const [first, second] = ready.pods as [Pod, Pod]
  assert.deepEqual([ready.url, ready.adminUrl, ready.podPid], [first.url, first.adminUrl, first.pid])
  for (const { url, pid } of ready.pods) assert.deepEqual(await (await fetch(url)).json(), { pid })
  assert.deepEqual((await findRun(up.dataDir))?.pods, ready.pods)
  assert.equal((await findRun(up.dataDir, `${second.url}/`))?.adminUrl, second.adminUrl)
  const { members } = (await callAdmin(second, 'GET', '/fleet')).body as { members: readonly SupervisedMember[] }
  assert.deepEqual(
    members.map(({ name }) => name),
    ['pod 1', 'pod 2', 'worker 1', 'worker 2'],
  )
  process.kill(second.pid, 'SIGKILL')
  await eventually(async () => {
    const pod = (await findRun(up.dataDir))?.pods?.[1]
    return pod && pod.pid !== second.pid && pod.url === second.url ? undefined : 'not back'
  })
  up.child.kill('SIGINT')
  assert.deepEqual(await up.exit, [0, null])
  await eventually(allGone([first.pid, ready.redis.pid, ...ready.workerPids]))
  assert.equal(existsSync(first.adminUrl.replace(/^unix:/, '')), false)
  assert.equal(existsSync(second.adminUrl.replace(/^unix:/, '')), false)
})

test('[UP15, UP16] with a Redis and a database of one’s own none is started', async (t) => {
  const named = await start(t, {
    args: ['--json', '--set', 'fleet.pods=2', '--set', 'fleet.redisUrl=redis://127.0.0.1:1', ...RECORDS_ELSEWHERE],
  })
  const without = await named.ready()
  assert.deepEqual(['redis' in without, 'postgres' in without], [false, false])
})

test('[UP15, UP16] killed, the platform takes its redis-server and its PostgreSQL along', {
  skip: NO_POSTGRES,
}, async (t) => {
  const own = await start(t, { args: ['--json', '--set', 'fleet.pods=2'] })
  const { redis, postgres } = (await own.ready()) as Ready & Record<'redis' | 'postgres', { pid: number }>
  assert.equal(
    (await findRun(own.dataDir))?.databaseUrl,
    `postgres://parley@localhost/records?host=${encodeURIComponent(path.join(own.dataDir, 'postgres'))}`,
  )
  own.child.kill('SIGKILL')
  await eventually(allGone([redis.pid, postgres.pid]), { withinMs: 20_000 })
})

test('[UP17] a member that is to be started again ends and comes back, and that is no failure', async (t) => {
  const up = await start(t)
  const { adminUrl, podPid, url } = await up.ready()
  await callAdmin({ adminUrl }, 'POST', '/restart?worker%201')
  await eventually(() => (/worker 1 is back/.test(up.stderr()) ? undefined : up.stderr()), { withinMs: 10_000 })
  assert.match(up.stderr(), /worker 1 is ended and started again, as asked\n.*worker 1 is back/)
  await callAdmin({ adminUrl }, 'POST', '/restart?pod')
  await eventually(() => (/pod is back/.test(up.stderr()) ? undefined : up.stderr()), { withinMs: 10_000 })
  assert.notEqual(((await (await fetch(url)).json()) as { pid: number }).pid, podPid)
  assert.doesNotMatch(up.stderr(), /ended \(/)
})

test('[UP18] a pod keeps its place from start to start; beside another platform of its data directory it has none', async (t) => {
  const up = await start(t)
  const { adminUrl, podPid } = await up.ready()
  const place = async () => ((await callAdmin({ adminUrl }, 'GET', '/start')).body as { place?: object }).place
  assert.deepEqual(await place(), { name: 'pod', isNext: false })
  process.kill(podPid, 'SIGKILL')
  await eventually(() => (/pod is back/.test(up.stderr()) ? undefined : up.stderr()), { withinMs: 10_000 })
  assert.deepEqual(await place(), { name: 'pod', isNext: true })
  const beside = await start(t, { dataDir: up.dataDir })
  const { body } = await callAdmin(await beside.ready(), 'GET', '/start')
  assert.deepEqual(body, {})
})
