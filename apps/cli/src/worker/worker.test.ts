// `parley worker` as a process of its own, with the worker as it is shipped in the role that is ready soonest.
import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFile, stat, writeFile } from 'node:fs/promises'
import os from 'node:os'
import test, { type TestContext } from 'node:test'
import { fileURLToPath } from 'node:url'
import { systemClock } from '@parley/kernel'
import { bareEnvironment, eventually, temporaryFolder } from '@parley/kernel/testing'
import { CliError } from '../exit-codes.ts'
import { style } from '../output/index.ts'
import { fleetSecretOf } from '../platform/fleet-secret.ts'
import { isAlive } from '../platform/run-file.ts'
import { decoderSlots, workerPort } from '../up/up.ts'
import { readyLines } from './words.ts'
import { machineShare, workerFlags, workerId } from './worker-flags.ts'

const MAIN = fileURLToPath(new URL('../main.ts', import.meta.url))
const SECRET = 'a-secret-of-a-fleet-that-only-tests-know'

interface Ready {
  readonly ready: true
  readonly workerId: string
  readonly url: string
  readonly pid: number
  readonly roles: Readonly<Record<string, { slots: number; how: string }>>
  readonly logFile: string
}

async function start(t: TestContext, args: readonly string[], env: NodeJS.ProcessEnv = {}) {
  const dataDir = temporaryFolder('worker')
  const child: ChildProcess = spawn(process.execPath, [MAIN, 'worker', '--data-dir', dataDir, ...args], {
    env: bareEnvironment({ HOME: dataDir, ...env }),
    cwd: os.tmpdir(),
  })
  const said = { out: '', err: '' }
  child.stdout?.setEncoding('utf8').on('data', (text: string) => {
    said.out += text
  })
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    said.err += text
  })
  const exit = once(child, 'close') as Promise<[number | null, string | null]>
  t.after(async () => {
    if (child.exitCode === null && child.signalCode === null) child.kill('SIGKILL')
    await exit
  })
  const ready = async () => {
    await eventually(() => (said.out.includes('\n') ? undefined : `no line yet; ${said.err}`), { withinMs: 30_000 })
    return JSON.parse(said.out.split('\n')[0] as string) as Ready
  }
  return { child, dataDir, said, exit, ready }
}

const SPEAKER = ['--roles', 'synthesise', '--slots', 'synthesise=2']

test('[WRK1] it says in one line of JSON who and where it is, drains by signal and ends with all it started', async (t) => {
  const worker = await start(t, [...SPEAKER, '--id', 'wrk_by_hand', '--json'])
  const ready = await worker.ready()
  assert.deepEqual([ready.ready, ready.workerId], [true, 'wrk_by_hand'])
  const { synthesise, recognise } = ready.roles
  assert.deepEqual([synthesise?.slots, synthesise?.how, recognise], [2, 'as worker.synthesiseSlots says', undefined])
  const status = async () => (await fetch(`${ready.url.replace('ws:', 'http:')}/readyz`)).status
  assert.equal(await status(), 200)
  worker.child.kill('SIGUSR2')
  await eventually(async () => ((await status()) === 503 ? undefined : 'takes streams'))
  worker.child.kill('SIGUSR2')
  await eventually(async () => ((await status()) === 200 ? undefined : 'drains'))
  assert.match(await readFile(ready.logFile, 'utf8'), /speech worker is ready/)
  const beganMs = systemClock.nowMs()
  worker.child.kill('SIGINT')
  assert.deepEqual(await worker.exit, [0, null])
  t.diagnostic(`ended after ${Math.round(systemClock.nowMs() - beganMs)} ms`)
  assert.equal(isAlive(ready.pid), false)
})

test('[WRK1] without --json it is said in words, and its end ends the worker however it comes', async (t) => {
  const worker = await start(t, SPEAKER, { PARLEY_FLEET_SECRET: SECRET })
  await eventually(() => (worker.said.out.includes('workerUrls') ? undefined : worker.said.err), { withinMs: 30_000 })
  assert.match(worker.said.out, /^Speech worker wrk_\w+ is ready/)
  assert.match(worker.said.out, /synthesise {2}2 slots \(as worker\.synthesiseSlots says\)/)
  assert.match(worker.said.out, /secret +PARLEY_FLEET_SECRET/)
  assert.ok(!(worker.said.out + worker.said.err).includes(SECRET))
  const [, health = ''] = /health (\S+)/.exec(worker.said.out) ?? []
  const { pid } = (await (await fetch(health)).json()) as { pid: number }
  assert.ok(isAlive(pid))
  worker.child.kill('SIGKILL')
  await eventually(() => (isAlive(pid) ? 'still there' : undefined), { withinMs: 5_000 })
})

test('[WRK2] what is wrong is one line with what to do, and the exit code of its kind', async (t) => {
  const cases: [args: string[], env: NodeJS.ProcessEnv, code: number, said: RegExp][] = [
    [['--roles', 'sing'], {}, 2, /worker\.roles.*recognise, synthesise/],
    [['--slots', 'recognise'], {}, 2, /--slots recognise: .*recognise=NUMBER,synthesise=NUMBER/],
    [['--host', '0.0.0.0'], {}, 2, /the worker has no certificate.*--tls-cert/],
    [
      [...SPEAKER, '--tls-cert', '/nonexistent/a.pem', '--tls-key', '/nonexistent/b.pem'],
      {},
      2,
      /cannot read \/nonexistent\/a\.pem/,
    ],
    [SPEAKER, { PARLEY_FLEET_SECRET: 'short' }, 2, /PARLEY_FLEET_SECRET has 5 characters/],
  ]
  for (const [args, env, code, said] of cases) {
    const worker = await start(t, args, env)
    assert.deepEqual(await worker.exit, [code, null], `${args.join(' ')}: ${worker.said.err}`)
    assert.match(worker.said.err, said)
    assert.equal(worker.said.err.trim().split('\n').length, 1, worker.said.err)
  }
})

test('[WRK2] a taken port is exit code 3', async (t) => {
  const first = await start(t, [...SPEAKER, '--json'])
  const { port } = new URL((await first.ready()).url)
  const second = await start(t, [...SPEAKER, '--port', port])
  assert.deepEqual(await second.exit, [3, null])
  assert.match(second.said.err, /is taken by another process; set worker\.port \(--port\)/)
})

test('[WRK3] slots are told by role: a number, none, or found out', () => {
  const flags = (slots: string) => workerFlags({ slots, json: false }).map(({ key, value }) => `${key}=${value}`)
  assert.deepEqual(flags('recognise=4,synthesise=8'), ['worker.recogniseSlots=4', 'worker.synthesiseSlots=8'])
  assert.deepEqual(flags('recognise=0, synthesise=auto'), ['worker.recogniseSlots=-1', 'worker.synthesiseSlots=0'])
  for (const bad of ['', 'recognise', 'recognise=-1', 'sing=3', 'recognise=4;synthesise=2'])
    assert.throws(() => flags(bad), CliError, bad)
  assert.equal(machineShare(undefined), undefined)
  assert.equal(machineShare('0.25'), 0.25)
  for (const bad of ['0', '1.5', 'half']) assert.throws(() => machineShare(bad), CliError)
  assert.equal(workerId('wrk_1'), 'wrk_1')
  for (const bad of ['a', 'a b', 'x'.repeat(65)]) assert.throws(() => workerId(bad), CliError)
})

test('[WRK3] a worker without any role says that it refuses everything', () => {
  const ready = {
    type: 'ready',
    member: 'worker',
    workerId: 'wrk_x',
    url: 'wss://h:1',
    engines: [],
    slots: 0,
    roles: {},
  } as const
  const lines = readyLines({ ready, pid: 1, secretFrom: 'x', logFile: 'y' }, style(false)).join('\n')
  assert.match(lines, /no slots of any role/)
  assert.match(lines, /https?:\/\/h:1\/health/)
})

test('[WRK4] the fleet secret is of the environment, or made once and kept for its owner alone', async () => {
  const dataDir = temporaryFolder('worker')
  assert.deepEqual(await fleetSecretOf({ PARLEY_FLEET_SECRET: SECRET }, dataDir), {
    secret: SECRET,
    from: 'PARLEY_FLEET_SECRET',
  })
  const both = await Promise.all([fleetSecretOf({}, dataDir), fleetSecretOf({}, dataDir)])
  assert.equal(both[0].secret, both[1].secret)
  assert.ok(both[0].secret.length >= 32)
  assert.equal((await stat(both[0].from)).mode & 0o777, 0o600)
  await writeFile(both[0].from, 'short')
  await assert.rejects(fleetSecretOf({}, dataDir), /has 5 characters/)
  await assert.rejects(fleetSecretOf({}, '/proc/nonexistent'), CliError)
})

test('[UP12] workers of one platform share the machine, count up their port, and have a thread for each decoder', () => {
  assert.deepEqual(
    [workerPort(0, 'worker 3'), workerPort(8801, 'worker 1'), workerPort(8801, 'worker 3')],
    [0, 8801, 8803],
  )
  const config = (recogniseSlots: number, slotsPerWorker: number) =>
    decoderSlots({ worker: { recogniseSlots }, speech: { slotsPerWorker } } as Parameters<typeof decoderSlots>[0])
  assert.deepEqual([config(0, 0), config(0, 6), config(4, 6), config(-1, 6)], [0, 6, 4, 1])
})
