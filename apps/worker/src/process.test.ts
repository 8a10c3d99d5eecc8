// The worker as a process of its own, forked as a supervisor forks it.
import assert from 'node:assert/strict'
import { type ChildProcess, fork, spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { type ResolvedConfig, resolveConfig } from '@parley/config'
import { type MemberToSupervisor, type SupervisorToMember, workerEnvironment } from '@parley/fleet'
import { systemClock } from '@parley/kernel'
import { bareEnvironment, eventually } from '@parley/kernel/testing'
import { FIRST_CERTIFICATE, SECOND_CERTIFICATE } from '../../pod/src/testing/test-certificates.ts'
import { ManualPod, TEST_SECRET } from './testing/manual-pod.ts'

const MAIN = fileURLToPath(new URL('./testing/spelling-worker-main.ts', import.meta.url))

class Forked {
  readonly child: ChildProcess
  readonly messages: MemberToSupervisor[] = []
  exit: string | undefined

  constructor(context: TestContext, env: NodeJS.ProcessEnv = workerEnvironment(4)) {
    this.child = fork(MAIN, [], { env: { ...process.env, ...env }, execArgv: [] })
    this.child.on('message', (message: MemberToSupervisor) => this.messages.push(message))
    this.child.on('exit', (code, signal) => {
      this.exit = String(code ?? signal)
    })
    context.after(() => void this.child.kill('SIGKILL'))
  }

  send(message: SupervisorToMember<ResolvedConfig>): this {
    this.child.send(message)
    return this
  }

  async ready() {
    await eventually(() => (this.messages.length > 0 ? undefined : 'not ready'))
    const [message] = this.messages
    assert.ok(message?.type === 'ready' && message.member === 'worker')
    return message
  }

  async ended(withinMs: number): Promise<string> {
    await eventually(() => (this.exit === undefined ? 'still there' : undefined), { withinMs })
    return this.exit as string
  }
}

function config(values: Record<string, string> = {}): ResolvedConfig {
  const flags = Object.entries({ 'log.file': '/dev/null', ...values }).map(([key, value]) => ({
    key,
    value,
    flag: key,
  }))
  const resolved = resolveConfig({ env: {}, flags, cwd: '/', homeDir: '/' })
  assert.ok(resolved.ok)
  return resolved.value.config
}

const start = (values: Record<string, string> = {}) =>
  ({ type: 'start', config: config(values), fleetSecret: TEST_SECRET }) as const

test('[WK7] SIGTERM, the word of the supervisor and its end all end the process with 0 in under 2 s', async (t) => {
  const ends: Record<string, (worker: Forked) => void> = {
    SIGTERM: (worker) => void worker.child.kill('SIGTERM'),
    stop: (worker) => void worker.send({ type: 'stop' }),
    gone: (worker) => worker.child.disconnect(),
  }
  for (const [how, end] of Object.entries(ends)) {
    const worker = new Forked(t).send(start())
    const ready = await worker.ready()
    const pod = await ManualPod.connect(ready)
    pod.open(1)
    await pod.got('stream.opened', 1)
    const beganMs = systemClock.nowMs()
    end(worker)
    assert.equal(await worker.ended(4_000), '0', how)
    assert.equal(await pod.closed(), 1001, how)
    t.diagnostic(`${how}: ended after ${Math.round(systemClock.nowMs() - beganMs)} ms`)
  }
})

test('[WK7] a worker told to stop before it was started ends as well', async (t) => {
  const worker = new Forked(t)
  await eventually(() => (worker.child.pid ? undefined : 'no process'))
  worker.child.disconnect()
  assert.notEqual(await worker.ended(5_000), undefined)
})

test('[WK8] a thread pool smaller than the slots is complained of, with what would be right', async (t) => {
  const dir = mkdtempSync(join(tmpdir(), 'parley-worker-'))
  t.after(() => rmSync(dir, { recursive: true }))
  for (const [size, complains] of [
    ['4', true],
    ['12', false],
  ] as const) {
    const file = join(dir, `${size}.log`)
    const worker = new Forked(t, { UV_THREADPOOL_SIZE: size })
    worker.send(start({ 'speech.slotsPerWorker': '8', 'log.file': file }))
    assert.equal((await worker.ready()).slots, 8)
    worker.send({ type: 'stop' })
    await worker.ended(4_000)
    assert.equal(/UV_THREADPOOL_SIZE=12/.test(readFileSync(file, 'utf8')), complains)
  }
})

test('[WK18] the supervisor and SIGUSR2 make a worker drain and take streams again, also when they say so before it is ready', async (t) => {
  const worker = new Forked(t).send(start()).send({ type: 'drain', withinMs: 1_000 })
  const pod = await ManualPod.connect(await worker.ready())
  const toldState = (state: string) =>
    eventually(() => (pod.of('worker.load').at(-1)?.state === state ? undefined : `not ${state}`))
  await toldState('draining')
  worker.send({ type: 'undrain' })
  await toldState('ready')
  worker.child.kill('SIGUSR2')
  await toldState('draining')
  worker.child.kill('SIGUSR2')
  await toldState('ready')
})

test('[MB5] a worker is given its id, and tells its slots by role and how they were found', async (t) => {
  const worker = new Forked(t).send({
    ...start({ 'speech.slotsPerWorker': '3' }),
    memberId: 'wrk_given',
    machineShare: 0.5,
  })
  const { workerId, roles } = await worker.ready()
  assert.deepEqual([workerId, roles], ['wrk_given', { recognise: { slots: 3, how: 'as configured' } }])
})

test('[WK19] a certificate that cannot be used, and a port that is taken, are told in one line', async (t) => {
  const dir = mkdtempSync(join(tmpdir(), 'parley-worker-'))
  t.after(() => rmSync(dir, { recursive: true }))
  const [cert, key, other] = [join(dir, 'cert.pem'), join(dir, 'key.pem'), join(dir, 'other.pem')]
  writeFileSync(cert, FIRST_CERTIFICATE.cert)
  writeFileSync(key, FIRST_CERTIFICATE.key)
  writeFileSync(other, SECOND_CERTIFICATE.key)
  const failureOf = async (values: Record<string, string>) => {
    const worker = new Forked(t).send(start(values))
    const code = await worker.ended(8_000)
    const [message] = worker.messages
    return message?.type === 'failed' ? `${code} ${message.code}: ${message.message}` : 'started'
  }
  const withKey = (file: string) => failureOf({ 'worker.tlsCertFile': cert, 'worker.tlsKeyFile': file })
  assert.match(await withKey(other), /^2 TLS_INVALID: the key .*other\.pem .* does not belong to the certificate/)
  assert.match(await withKey(cert), /^2 TLS_INVALID: .* are not a PEM certificate and an unencrypted private key/)
  assert.match(
    await withKey('/nonexistent'),
    /^2 TLS_INVALID: worker\.tlsKeyFile: cannot read \/nonexistent \(ENOENT\)/,
  )
  const first = await new Forked(t).send(start({ 'worker.tlsCertFile': cert, 'worker.tlsKeyFile': key })).ready()
  assert.match(first.url, /^wss:/)
  const { port } = new URL(first.url)
  assert.match(await failureOf({ 'worker.port': port }), /^3 PORT_IN_USE: .*set worker\.port \(--port\) to another/)
})

test('[WK9] started by hand it says what is missing in one line and ends with 2', async (t) => {
  const child = spawn(process.execPath, [MAIN], { env: bareEnvironment() })
  t.after(() => void child.kill('SIGKILL'))
  let said = ''
  child.stderr.on('data', (data) => {
    said += String(data)
  })
  let exitCode: number | null = null
  child.on('close', (code) => {
    exitCode = code
  })
  await eventually(() => (exitCode === null ? 'still there' : undefined))
  assert.equal(exitCode, 2)
  assert.match(said, /^parley worker: set PARLEY_FLEET_SECRET .*\n$/)
})
