import assert from 'node:assert/strict'
import { connect, createServer } from 'node:net'
import { test } from 'node:test'
import { Scope, systemClock } from '@parley/kernel'
import { eventually, ManualClock, PATIENCE } from '@parley/kernel/testing'
import { WebSocket } from 'ws'
import { ActsToRecords } from './bridges/acts-to-records.ts'
import { FakeRecords } from './testing/fake-records.ts'
import { FakeSpeech } from './testing/fake-speech.ts'
import { API_KEY, rawRequest, startTestPod } from './testing/pod-harness.ts'
import { startRates } from './throughput.ts'

test('[POD1] stop: sessions are told shutting_down, sockets close, both listeners are gone, speech is closed', async (t) => {
  const { pod, sessions, speech, port, wsPath, url } = await startTestPod(t, { settings: { 'admin.port': '0' } })
  const socket = new WebSocket(`ws://127.0.0.1:${port}${wsPath}`, 'parley.v1')
  await new Promise((resolve) => socket.once('open', resolve))
  const closed = new Promise<number>((resolve) => socket.once('close', resolve))
  await Promise.all([pod.stop(), pod.stop()])
  assert.equal(await closed, 1001)
  assert.deepEqual(sessions.closedWith, ['shutting_down'])
  assert.equal(speech.isClosed, true)
  assert.equal(speech.listenerCount, 0)
  await assert.rejects(fetch(`${url}/livez`))
  await assert.rejects(fetch(`${pod.adminUrl}/health`))
})

test('[POD1] stop ends within its deadline though sessions hang, and cuts what they left', async (t) => {
  const { pod, sessions, port, wsPath, lines } = await startTestPod(t)
  sessions.closeWaitsFor = new Promise(() => {})
  const socket = new WebSocket(`ws://127.0.0.1:${port}${wsPath}`, 'parley.v1')
  await new Promise((resolve) => socket.once('open', resolve))
  const closed = new Promise((resolve) => socket.once('close', resolve))
  const startedMs = systemClock.nowMs()
  await pod.stop()
  assert.ok(systemClock.nowMs() - startedMs < 3_000 * PATIENCE)
  await closed
  assert.ok(lines.some((line) => line.message === 'closing the sessions did not end well'))
})

test('[POD1] while it stops, a request that was on its way is answered DRAINING, a new connection is refused', async (t) => {
  const { pod, sessions, port } = await startTestPod(t)
  const goodbyes = Promise.withResolvers<void>()
  sessions.closeWaitsFor = goodbyes.promise
  const socket = connect(port, '127.0.0.1')
  const head = `POST /v1/sessions HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ${API_KEY}\r\ncontent-type: application/json`
  let answer = ''
  socket.on('data', (chunk) => {
    answer += chunk
  })
  await new Promise<void>((resolve) => socket.write(`${head}\r\ncontent-length: 2\r\n\r\n`, () => resolve()))
  // A second request, answered: by then the first one's head has been read too.
  await fetch(`http://127.0.0.1:${port}/livez`)
  const stopping = pod.stop()
  socket.write('{}')
  await eventually(() => (answer.includes('"code":"DRAINING"') ? undefined : `answered: ${answer}`))
  assert.match(answer, /^HTTP\/1\.1 503 .*retry-after: 2/s)
  await assert.rejects(rawRequest(port, 'GET /livez HTTP/1.1\r\n\r\n'), { code: 'ECONNREFUSED' })
  goodbyes.resolve()
  await stopping
  assert.equal(sessions.creates.length, 0)
})

test('[POD2] starting until speech was ready once, then serving, and degraded when it is lost', async (t) => {
  const speech = new FakeSpeech()
  speech.isReady = false
  const { url } = await startTestPod(t, { speech })
  const status = async () => ((await (await fetch(`${url}/health`)).json()) as { status: string }).status
  assert.equal(await status(), 'starting')
  speech.setReady(true)
  assert.equal(await status(), 'ok')
  speech.setReady(false)
  assert.equal(await status(), 'degraded')
})

test('[POD3] a port that is taken is one clear line, and nothing is left open', async (t) => {
  const blocker = createServer()
  await new Promise<void>((resolve) => blocker.listen(0, '127.0.0.1', resolve))
  t.after(() => blocker.close())
  const { port } = blocker.address() as { port: number }
  const pendingBefore = process.getActiveResourcesInfo().length
  await assert.rejects(startTestPod(t, { settings: { 'server.port': String(port) } }), {
    code: 'PORT_IN_USE',
    exitCode: 3,
    message: `port ${port} of 127.0.0.1 is taken by another process; set server.port (--port) to another`,
  })
  await eventually(() => {
    const left = process.getActiveResourcesInfo().length - pendingBefore
    return left <= 0 ? undefined : `${left} handles are left`
  })
})

test('[POD5] rates are differences per second over the last full window', async () => {
  const clock = new ManualClock()
  const scope = new Scope(clock)
  const totals = { frames: 100 }
  const rates = startRates(scope, clock, 5_000, () => ({ ...totals }))
  assert.equal(rates.read().frames, 0)
  totals.frames = 350
  clock.advance(5_000)
  assert.equal(rates.read().frames, 50)
  clock.advance(5_000)
  assert.equal(rates.read().frames, 0)
  await scope.close()
  assert.equal(clock.pendingTimers, 0)
})

test('[REC1, POD1] records are closed with the pod, and one that does not close holds up nothing', async (t) => {
  const records = new FakeRecords(new ActsToRecords(systemClock, () => {}))
  const { pod } = await startTestPod(t, { overrides: { records } })
  await pod.stop()
  assert.equal(records.isClosed, true)
  const stuck = new FakeRecords(records.acts)
  stuck.close = () => new Promise(() => {})
  const other = await startTestPod(t, { overrides: { records: stuck } })
  await other.pod.stop()
  assert.ok(other.lines.some(({ message }) => message === 'pod stopped'))
})
