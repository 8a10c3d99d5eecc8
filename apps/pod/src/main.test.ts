import assert from 'node:assert/strict'
import { type ChildProcess, fork } from 'node:child_process'
import { existsSync } from 'node:fs'
import { chmod, mkdir, readFile, stat } from 'node:fs/promises'
import { connect, createServer } from 'node:net'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import type { MemberToSupervisor } from '@parley/fleet'
import { systemClock } from '@parley/kernel'
import { bareEnvironment, eventually, PATIENCE } from '@parley/kernel/testing'
import { WebSocket } from 'ws'
import { API_KEY, type Settings, temporaryFolder, testConfig, upgradeText } from './testing/pod-harness.ts'
import { startWorkerProcess, TEST_SECRET } from './testing/speech/worker-process.ts'

const MAIN = join(import.meta.dirname, 'main.ts')

class PodProcess {
  readonly heard: MemberToSupervisor[] = []
  stderr = ''
  readonly child: ChildProcess
  readonly exited: Promise<{ code: number | null; signal: string | null }>

  constructor(t: TestContext, options: { env?: NodeJS.ProcessEnv; cwd?: string; supervised?: boolean } = {}) {
    const supervised = options.supervised ?? true
    this.child = fork(MAIN, {
      cwd: options.cwd ?? import.meta.dirname,
      env: bareEnvironment(options.env),
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
      execArgv: supervised ? [] : ['--import', 'data:text/javascript,process.disconnect();delete process.send'],
    })
    this.exited = new Promise((resolve) => this.child.once('exit', (code, signal) => resolve({ code, signal })))
    this.child.stderr?.on('data', (chunk) => {
      this.stderr += chunk
    })
    this.child.on('message', (message) => this.heard.push(message as MemberToSupervisor))
    t.after(() => {
      this.child.kill('SIGKILL')
    })
  }

  start(folder: string, settings: Settings = {}): this {
    this.child.send({ type: 'start', config: testConfig(folder, settings), fleetSecret: TEST_SECRET })
    return this
  }

  async message<Type extends MemberToSupervisor['type']>(type: Type) {
    await eventually(
      () => {
        if (this.heard.some((message) => message.type === type)) return undefined
        return `no ${type} yet; heard ${JSON.stringify(this.heard)}; said ${this.stderr}`
      },
      { withinMs: 15_000 },
    )
    return this.heard.find((message) => message.type === type) as Extract<MemberToSupervisor, { type: Type }>
  }
}

async function ready(pod: PodProcess) {
  const message = await pod.message('ready')
  assert.equal(message.member, 'pod')
  return message as Extract<typeof message, { member: 'pod' }>
}

async function createSession(url: string) {
  const response = await fetch(`${url}/v1/sessions`, {
    method: 'POST',
    headers: { authorization: `Bearer ${API_KEY}` },
  })
  return { status: response.status, body: (await response.json()) as { url: string; ticket: string; code?: string } }
}

test('[POD6] a supervised pod says ready, mints page codes, and ends on SIGTERM in under 3 s with nothing left', async (t) => {
  const folder = await temporaryFolder(t)
  const pod = new PodProcess(t).start(folder)
  const { url, adminUrl, podId } = await ready(pod)
  assert.match(podId, /^pod_/)
  assert.equal((await fetch(`${url}/livez`)).status, 200)
  assert.equal((await createSession(url)).body.code, 'SPEECH_UNAVAILABLE')
  pod.child.send({ type: 'mintPageCode', requestId: 'r1' })
  const { requestId, code } = await pod.message('pageCode')
  assert.deepEqual([requestId, code.length], ['r1', 26])
  const startedMs = systemClock.nowMs()
  pod.child.kill('SIGTERM')
  assert.deepEqual(await pod.exited, { code: 0, signal: null })
  assert.ok(systemClock.nowMs() - startedMs < 3_000 * PATIENCE)
  await assert.rejects(stat(adminUrl.replace('unix:', '')), { code: 'ENOENT' })
})

test('[POD7] the supervisor tells the workers; the pod tells its engines, and its clients why it stops', async (t) => {
  const worker = await startWorkerProcess()
  t.after(() => worker.end())
  const pod = new PodProcess(t)
  // Told before the pod is up: kept until it is.
  pod.start(await temporaryFolder(t))
  pod.child.send({ type: 'workers', workers: [worker.address] })
  const { url } = await ready(pod)
  await eventually(() => {
    const engines = pod.heard.filter((message) => message.type === 'engines').at(-1)
    return engines?.engines.some((engine) => engine.ready) ? undefined : `engines: ${JSON.stringify(engines)}`
  })
  const session = await createSession(url)
  assert.equal(session.status, 201)
  const socket = new WebSocket(session.body.url, 'parley.v1')
  const said: { type: string; reason?: string }[] = []
  socket.on('message', (data) => said.push(JSON.parse(String(data))))
  socket.once('open', () => {
    const audio = { codec: 'pcm16', sampleRateHz: 16_000, frameMs: 20 }
    socket.send(JSON.stringify({ type: 'hello', token: session.body.ticket, audio }))
  })
  await eventually(() => (said.some(({ type }) => type === 'welcome') ? undefined : `heard ${JSON.stringify(said)}`))
  const closed = new Promise<number>((resolve) => socket.once('close', resolve))
  pod.child.send({ type: 'stop' })
  assert.equal(await closed, 1001)
  assert.equal(said.at(-1)?.reason, 'shutting_down')
  assert.deepEqual(await pod.exited, { code: 0, signal: null })
})

test('[POD6] a second signal does not wait for anybody', async (t) => {
  const pod = new PodProcess(t).start(await temporaryFolder(t))
  const { url, podId } = await ready(pod)
  // A client that never answers a close: the first signal waits for it.
  const stubborn = connect(Number(new URL(url).port), '127.0.0.1')
  t.after(() => stubborn.destroy())
  let heard = ''
  stubborn
    .on('error', () => {})
    .on('data', (chunk) => {
      heard += chunk.toString('latin1')
    })
  stubborn.write(upgradeText(`/p/${podId}/v1/ws`))
  await eventually(() => (heard.startsWith('HTTP/1.1 101') ? undefined : 'not upgraded'))
  pod.child.kill('SIGINT')
  await eventually(() => (heard.includes('shutting_down') ? undefined : 'not told why'))
  // Another kind of signal is the supervisor passing the same wish on.
  pod.child.kill('SIGTERM')
  pod.child.kill('SIGINT')
  assert.deepEqual(await pod.exited, { code: 130, signal: null })
})

test('[POD8] when the supervisor is gone the pod goes too', async (t) => {
  const pod = new PodProcess(t).start(await temporaryFolder(t))
  await ready(pod)
  pod.child.disconnect()
  assert.deepEqual(await pod.exited, { code: 0, signal: null })
})

test('[POD8] a supervisor that goes before it sent a configuration leaves nothing', async (t) => {
  const pod = new PodProcess(t)
  pod.child.disconnect()
  const { code } = await pod.exited
  assert.equal(code, 0)
})

test('[POD6] SIGTERM during the start ends it too', async (t) => {
  const folder = await temporaryFolder(t)
  const pod = new PodProcess(t).start(folder)
  // Made half way through the start.
  await eventually(() => (existsSync(join(folder, 'signing.key')) ? undefined : 'not there yet'), {
    withinMs: 15_000,
    everyMs: 1,
  })
  pod.child.kill('SIGTERM')
  assert.deepEqual(await pod.exited, { code: 0, signal: null })
})

test('[POD9] a port that is taken: told to the supervisor in one line, exit code 3', async (t) => {
  const blocker = createServer()
  await new Promise<void>((resolve) => blocker.listen(0, '127.0.0.1', resolve))
  t.after(() => blocker.close())
  const { port } = blocker.address() as { port: number }
  const pod = new PodProcess(t).start(await temporaryFolder(t), { 'server.port': String(port) })
  const failed = await pod.message('failed')
  assert.deepEqual([failed.code, failed.exitCode], ['PORT_IN_USE', 3])
  assert.match(failed.message, new RegExp(`^port ${port} of 127\\.0\\.0\\.1 is taken[^\\n]*$`))
  assert.deepEqual(await pod.exited, { code: 3, signal: null })
})

test('[POD10] without a supervisor the environment configures it; the log has ids and no secrets', async (t) => {
  const folder = await temporaryFolder(t)
  const log = join(folder, 'log', 'pod.log')
  const env = {
    PARLEY_DATA_DIR: folder,
    PARLEY_SERVER_PORT: '0',
    PARLEY_AUTH_API_KEY: API_KEY,
    PARLEY_LOG_FILE: log,
    PARLEY_LOG_LEVEL: 'debug',
  }
  const pod = new PodProcess(t, { env, cwd: folder, supervised: false })
  await eventually(() => (/listens on (\S+)/.test(pod.stderr) ? undefined : `said ${pod.stderr}`), { withinMs: 15_000 })
  const url = /listens on (\S+)/.exec(pod.stderr)?.[1] ?? ''
  await fetch(`${url}/v1/sessions`, { headers: { authorization: `Bearer ${API_KEY}`, 'x-request-id': 'my-request' } })
  pod.child.kill('SIGINT')
  assert.deepEqual(await pod.exited, { code: 0, signal: null })
  const written = await readFile(log, 'utf8')
  assert.match(written, /"podId":"pod_[^}]*"requestId":"my-request"/)
  assert.ok(!written.includes(API_KEY))
})

test('[POD10] a bad setting, without a supervisor: what and where, exit code 2', async (t) => {
  const folder = await temporaryFolder(t)
  const env = { PARLEY_DATA_DIR: folder, PARLEY_SERVER_PORT: 'eighty' }
  const pod = new PodProcess(t, { env, cwd: folder, supervised: false })
  assert.deepEqual(await pod.exited, { code: 2, signal: null })
  assert.match(pod.stderr, /PARLEY_SERVER_PORT.*server\.port/)
  assert.doesNotMatch(pod.stderr, /\n {4}at /)
})

test('[POD9] a log that cannot be used: one line, exit code 2', async (t) => {
  const folder = await temporaryFolder(t)
  const badLog = new PodProcess(t).start(folder, { 'log.file': folder })
  const failed = await badLog.message('failed')
  assert.deepEqual([failed.code, failed.exitCode], ['LOG_UNUSABLE', 2])
  assert.equal((await badLog.exited).code, 2)
})

test('[POD9] a data directory that this user may not write: one line, exit code 4', async (t) => {
  const folder = await temporaryFolder(t)
  if (process.getuid?.() === 0) return t.skip('root may write everywhere')
  const closed = join(folder, 'closed')
  await mkdir(closed, { mode: 0o500 })
  await chmod(closed, 0o500)
  const pod = new PodProcess(t).start(join(closed, 'data'))
  assert.deepEqual([(await pod.message('failed')).exitCode, (await pod.exited).code], [4, 4])
})

test('[POD11] an uncaught exception or unhandled rejection is logged and ends the process with 70', async (t) => {
  for (const blow of ["throw new Error('planted')", "Promise.reject(new Error('planted'))"]) {
    const folder = await temporaryFolder(t)
    const log = join(folder, 'pod.log')
    const fuse = `process.on('message', (m) => { if (m.type === 'blow') setImmediate(() => { ${blow} }) })`
    const child = fork(MAIN, {
      stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
      execArgv: ['--import', `data:text/javascript,${encodeURIComponent(fuse)}`],
    })
    t.after(() => child.kill('SIGKILL'))
    const exited = new Promise((resolve) => child.once('exit', resolve))
    const isReady = new Promise<void>((resolve) =>
      child.on('message', (message: MemberToSupervisor) => message.type === 'ready' && resolve()),
    )
    child.send({ type: 'start', config: testConfig(folder, { 'log.file': log }), fleetSecret: 'x' })
    await isReady
    child.send({ type: 'blow' })
    assert.equal(await exited, 70)
    assert.match(await readFile(log, 'utf8'), /"level":"error".*planted/)
  }
})
