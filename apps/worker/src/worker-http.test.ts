// The worker over HTTP, with real requests: states, who may know what, metrics, draining and overload.
import assert from 'node:assert/strict'
import { request as httpRequest, type IncomingHttpHeaders } from 'node:http'
import { request as httpsRequest } from 'node:https'
import { type TestContext, test } from 'node:test'
import { systemClock } from '@parley/kernel'
import { ManualClock } from '@parley/kernel/testing'
import type { RecogniserStatus } from '@parley/speech'
import { ScriptedSynthesiser } from '@parley/speech/testing'
import { METRIC_NAMES, WORKER_METRIC_NAMES } from '@parley/telemetry'
import { checkMetrics, collectingLogger, findPromtool } from '@parley/telemetry/testing'
import { ScriptedTranslator } from '@parley/text/testing'
import { FIRST_CERTIFICATE } from '../../pod/src/testing/test-certificates.ts'
import { createWorker } from './compose.ts'
import type { HealthReport } from './health-report.ts'
import { isOfThisMachine } from './http-guard.ts'
import { ManualPod, podToken, TEST_SECRET } from './testing/manual-pod.ts'
import { SpellingRecogniser } from './testing/spelling-recogniser.ts'
import { until, workerRig } from './testing/worker-rig.ts'

interface Reply {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly text: string
}

function ask(
  wsUrl: string,
  path: string,
  options: { method?: string; headers?: Record<string, string>; ca?: Buffer } = {},
): Promise<Reply> {
  const url = new URL(path, wsUrl.replace(/^ws/, 'http'))
  const { method = 'GET', headers = {}, ca } = options
  return new Promise((resolve, reject) => {
    const send = url.protocol === 'https:' ? httpsRequest : httpRequest
    const sent = send(url, { method, headers, agent: false, ...(ca ? { ca } : {}) }, (response) => {
      let text = ''
      response.setEncoding('utf8')
      response.on('data', (part: string) => {
        text += part
      })
      response.on('end', () => resolve({ status: response.statusCode ?? 0, headers: response.headers, text }))
    })
    sent.on('error', reject)
    sent.end()
  })
}

const bodyOf = ({ text }: Reply) => JSON.parse(text) as HealthReport
/** As a proxy of this machine hands on what strangers ask. */
const STRANGER = { 'x-forwarded-for': '203.0.113.9' }

test('[WK16] what becomes of texts is told by kind, and counted by outcome', async (t) => {
  const translator = new ScriptedTranslator({
    clock: systemClock,
    pairs: [{ from: 'en', to: 'es' }],
    failure: (text) => (text === 'bad' ? { code: 'REFUSED_SAME', message: 'the same' } : undefined),
  })
  const { address, connect } = await workerRig(t, { texts: { engines: [translator], slots: { translate: 3 } } })
  const pod = await connect()
  const text = { type: 'text.ask', kind: 'translate', engine: 'scripted', from: 'en', to: 'es' } as const
  pod.send({ ...text, id: 1, text: 'good', isFinal: true, deadlineMs: 5_000 })
  pod.send({ ...text, id: 2, text: 'bad', isFinal: true, deadlineMs: 5_000 })
  await until('both', () => pod.of('text.answered').length + pod.of('text.failed').length === 2)
  const health = bodyOf(await ask(address.url, '/health'))
  const { engineMsTotal: _, ...told } = health.roles.translate ?? { engineMsTotal: 0 }
  assert.deepEqual(told, {
    ready: true,
    slots: 3,
    slotsUsed: 0,
    engines: [{ name: 'scripted', ready: true, pairs: 1 }],
    answeredTotal: 1,
    failedTotal: { REFUSED_SAME: 1 },
  })
  assert.deepEqual([health.roles.polish, health.queues.translate], [undefined, { waitingTexts: 0 }])
  const { text: metrics } = await ask(address.url, '/metrics')
  for (const row of [
    'parley_worker_texts_total{kind="translate",outcome="answered"} 1',
    'parley_worker_texts_total{kind="translate",outcome="refused_same"} 1',
    'parley_worker_texts_waiting{kind="translate"} 0',
    'parley_worker_slots{role="translate"} 3',
    'parley_worker_engine_ready{role="translate",engine="scripted"} 1',
  ]) {
    assert.ok(metrics.includes(row), row)
  }
})

test('[WK16] a worker that is ready says so to everyone, and everything to this machine', async (t) => {
  const synthesiser = new ScriptedSynthesiser({ clock: systemClock, slots: 2 })
  const { address, connect, worker } = await workerRig(t, { synthesiser })
  const pod = await connect()
  pod.open(1)
  await pod.got('stream.opened', 1)
  pod.audio(1, 0, 7, 5)
  pod.audio(77, 0, 7, 2)
  pod.speak(2, 'hello', { creditMs: 20 })
  await pod.got('speak.opened', 2)
  await until('stray', () => worker.counters.framesStrayTotal === 2)
  for (const path of ['/livez', '/readyz', '/health']) {
    const reply = await ask(address.url, path, { headers: STRANGER })
    assert.deepEqual([reply.status, JSON.parse(reply.text)], [200, { status: 'ok' }], path)
    assert.equal(reply.headers['cache-control'], 'no-store')
  }
  const report = bodyOf(await ask(address.url, '/health'))
  assert.deepEqual([report.status, report.active_connections, report.workerId], ['ok', 0, address.workerId])
  assert.deepEqual([report.links.open, report.links.streams], [1, 2])
  const { recognise, synthesise } = report.roles
  assert.deepEqual(
    [recognise?.engine, recognise?.slots, recognise?.slotsUsed, recognise?.openedTotal],
    ['spelling', 4, 1, 1],
  )
  assert.deepEqual(
    [synthesise?.engine, synthesise?.slots, synthesise?.slotsUsed, synthesise?.voices],
    ['scripted', 2, 1, 2],
  )
  assert.deepEqual(report.dropped, {
    frame_corrupt: 0,
    frame_late: 0,
    frame_stray: 2,
    partial_unread: 0,
    audio_overflow: 0,
  })
  assert.ok(report.uptimeMs >= 0 && report.memory.rssBytes > 1e6 && report.version !== '')
})

test('[WK16] HEAD is answered like GET without the body; other methods and paths are not taken', async (t) => {
  const { address } = await workerRig(t)
  const [get, head] = [await ask(address.url, '/health'), await ask(address.url, '/health', { method: 'HEAD' })]
  assert.deepEqual([head.status, head.text], [200, ''])
  assert.ok(Math.abs(Number(head.headers['content-length']) - Number(get.headers['content-length'])) < 40)
  const post = await ask(address.url, '/health', { method: 'POST' })
  assert.deepEqual([post.status, post.headers.allow], [405, 'GET, HEAD'])
  assert.equal((await ask(address.url, '/nothing')).status, 404)
  assert.equal((await ask(address.url, '/')).status, 426)
})

test('[WK16] details and metrics are for this machine, the admin token and tokens of the fleet', async (t) => {
  const { address } = await workerRig(t, { adminToken: 'a-token-for-operators' })
  const may = async (headers: Record<string, string>) => {
    const metrics = await ask(address.url, '/metrics', { headers: { ...STRANGER, ...headers } })
    const health = await ask(address.url, '/health', { headers: { ...STRANGER, ...headers } })
    assert.equal('workerId' in bodyOf(health), metrics.status === 200)
    assert.equal(health.status, 200)
    return metrics.status
  }
  assert.equal(await may({}), 401)
  assert.equal(await may({ authorization: 'Bearer a-token-for-operators' }), 200)
  assert.equal(await may({ authorization: 'Bearer another' }), 401)
  assert.equal(await may({ authorization: 'Bearer ' }), 401)
  assert.equal(await may({ authorization: `Bearer ${await podToken(address.workerId)}` }), 200)
  assert.equal(await may({ authorization: `Bearer ${await podToken(address.workerId, { ageS: 61 })}` }), 401)
  assert.equal((await ask(address.url, '/metrics')).status, 200)
})

test('[WK16] loopback alone is not this machine: proxies, web pages and foreign names are strangers', () => {
  const asker = (remoteAddress: string | undefined, headers: IncomingHttpHeaders) =>
    isOfThisMachine({ remoteAddress, headers })
  assert.equal(asker('127.0.0.1', { host: '127.0.0.1:8001' }), true)
  assert.equal(asker('::ffff:127.0.0.1', { host: 'localhost:8001' }), true)
  assert.equal(asker('::1', { host: '[::1]:8001' }), true)
  for (const name of ['x-forwarded-for', 'x-real-ip', 'forwarded', 'via'])
    assert.equal(asker('127.0.0.1', { host: 'localhost', [name]: 'x' }), false, name)
  assert.equal(asker('127.0.0.1', { host: 'localhost', origin: 'http://localhost' }), false)
  assert.equal(asker('127.0.0.1', { host: 'rebound.example' }), false)
  assert.equal(asker('10.0.0.5', { host: 'localhost' }), false)
  assert.equal(asker(undefined, { host: 'localhost' }), false)
})

class LoadingRecogniser extends SpellingRecogniser {
  readonly loaded = Promise.withResolvers<void>()
  isReady = false
  override status(): RecogniserStatus {
    return this.isReady ? super.status() : { ...super.status(), ready: false, problem: 'not started', slots: 0 }
  }
  override async start(): Promise<void> {
    await this.loaded.promise
    this.isReady = true
  }
}

/** What a worker answers while its engines load. */
async function whileLoading(t: TestContext, path: string): Promise<Reply> {
  const recogniser = new LoadingRecogniser(systemClock, { slots: 1 })
  const options = { clock: systemClock, logger: collectingLogger(), recogniser, fleetSecret: TEST_SECRET }
  const worker = createWorker(options)
  t.after(() => worker.close())
  const starting = worker.start()
  await until('bound', () => worker.url !== undefined)
  const reply = await ask(worker.url ?? '', path)
  recogniser.loaded.resolve()
  const url = await starting
  assert.equal((await ask(url, path)).status, 200)
  return reply
}

test('[WK16] while its engines load it is alive and not ready', async (t) => {
  assert.equal((await whileLoading(t, '/livez')).status, 200)
  for (const path of ['/readyz', '/health']) {
    const reply = await whileLoading(t, path)
    assert.deepEqual([reply.status, bodyOf(reply).status], [503, 'loading'], path)
  }
})

test('[WK18] a draining worker says so, refuses new streams and keeps those it has; it can be taken back', async (t) => {
  const synthesiser = new ScriptedSynthesiser({ clock: systemClock, slots: 2 })
  const { address, connect, worker } = await workerRig(t, { synthesiser })
  const pod = await connect()
  pod.open(1)
  await pod.got('stream.opened', 1)
  worker.drain()
  worker.drain()
  await until('told', () => pod.of('worker.load').at(-1)?.state === 'draining')
  const reply = await ask(address.url, '/readyz')
  assert.deepEqual([reply.status, bodyOf(reply).status], [503, 'draining'])
  pod.open(2)
  pod.speak(3, 'hello')
  for (const stream of [2, 3]) {
    const refused = await pod.got('stream.refused', stream)
    assert.deepEqual(
      [refused.code, refused.message, refused.retryAfterMs],
      ['NO_SLOT', 'this worker is draining', 2_000],
    )
  }
  pod.audio(1, 0, 7, 5)
  pod.audio(1, 1_600, 0, 16)
  assert.equal((await pod.got('final', 1)).text, 'w7')
  worker.undrain()
  await until('told', () => pod.of('worker.load').at(-1)?.state === 'ready')
  pod.open(4)
  await pod.got('stream.opened', 4)
})

class WaitingRecogniser extends SpellingRecogniser {
  oldestMs = 0
  override status(): RecogniserStatus {
    return { ...super.status(), backlog: { audioMs: this.oldestMs, oldestMs: this.oldestMs, lostMsTotal: 0 } }
  }
}

test('[WK17] a worker whose audio waits too long says that it is overloaded, and for as long takes nothing new', async (t) => {
  const clock = new ManualClock(systemClock.wallMs())
  const recogniser = new WaitingRecogniser(systemClock, { slots: 4 })
  const { address, connect } = await workerRig(t, { clock, recogniser })
  const pod = await connect()
  const state = async () => bodyOf(await ask(address.url, '/health')).status
  recogniser.oldestMs = 1_800
  clock.advance(2_000)
  assert.equal(await state(), 'ok')
  clock.advance(500)
  assert.equal(await state(), 'overloaded')
  assert.deepEqual(bodyOf(await ask(address.url, '/health')).queues.recognise, {
    waitingAudioMs: 1_800,
    oldestMs: 1_800,
  })
  pod.open(1)
  assert.match((await pod.got('stream.refused', 1)).message, /overloaded/)
  assert.equal(pod.of('worker.load').at(-1)?.state, 'overloaded')
  recogniser.oldestMs = 20
  clock.advance(3_500)
  assert.equal(await state(), 'ok')
})

test('[WK16] every metric of a worker is exposed, and promtool is content', async (t) => {
  const synthesiser = new ScriptedSynthesiser({ clock: systemClock, slots: 2 })
  const { address } = await workerRig(t, { synthesiser })
  await ask(address.url, '/livez')
  const { text, headers } = await ask(address.url, '/metrics')
  assert.match(headers['content-type'] ?? '', /^text\/plain; version=0\.0\.4/)
  const exposed = new Set([...text.matchAll(/^# TYPE (\S+)/gm)].map((match) => match[1] as string))
  assert.deepEqual(
    [...exposed].filter((name) => name.startsWith('parley_worker_')).sort(),
    [...WORKER_METRIC_NAMES].sort(),
  )
  for (const name of exposed) assert.ok((METRIC_NAMES as readonly string[]).includes(name), name)
  assert.match(text, /parley_worker_slots\{role="recognise"\} 4/)
  assert.match(text, /parley_worker_state\{state="ready"\} 1/)
  assert.match(text, /parley_http_requests_total\{method="GET",route="\/livez",status="200"\} 1/)
  const promtool = await findPromtool()
  if (!promtool.ok) return t.diagnostic(promtool.why)
  assert.deepEqual(await checkMetrics(promtool.path, text), { exitCode: 0, output: '' })
})

test('[WK19] with a certificate links are wss and health is https', async (t) => {
  const { cert, key } = FIRST_CERTIFICATE
  const { address, pods } = await workerRig(t, { tls: { cert: Buffer.from(cert), key: Buffer.from(key) } })
  assert.match(address.url, /^wss:/)
  const local = address.url.replace('127.0.0.1', 'localhost')
  assert.equal((await ask(local, '/readyz', { ca: Buffer.from(cert) })).status, 200)
  const pod = await ManualPod.connect({ ...address, url: local }, { ca: cert })
  pods.push(pod)
  pod.open(1)
  await pod.got('stream.opened', 1)
})
