// A worker in this process, pods on real sockets.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { systemClock } from '@parley/kernel'
import { ManualClock } from '@parley/kernel/testing'
import { decodePodMessage } from '@parley/protocol'
import { collectingLogger } from '@parley/telemetry/testing'
import fc from 'fast-check'
import type { MountEndpoints } from './endpoints-port.ts'
import { LinkRefusals } from './link-refusals.ts'
import { refuseUpgrade } from './listener.ts'
import { ManualPod, NONCE, podToken, proofOfNonce, TEST_SECRET } from './testing/manual-pod.ts'
import { FAIL_VALUE, THROW_VALUE } from './testing/spelling-recogniser.ts'
import { until, workerRig } from './testing/worker-rig.ts'

test('[LK1] only a token of this fleet for this worker opens a link', async (t) => {
  const { address, worker, pods } = await workerRig(t)
  const attempts: [string, string | undefined][] = [
    ['no token', undefined],
    ['not a token', 'Bearer x.y.z'],
    ['basic', 'Basic abc'],
    ['another secret', `Bearer ${await podToken(address.workerId, { secret: 'b'.repeat(40) })}`],
    ['another audience', `Bearer ${await podToken(address.workerId, { audience: 'pod' })}`],
    ['another worker', `Bearer ${await podToken('wrk_other')}`],
    ['expired', `Bearer ${await podToken(address.workerId, { ageS: 61 })}`],
    [
      'another algorithm',
      `Bearer ${await podToken(address.workerId, { algorithm: 'HS512', secret: TEST_SECRET.repeat(2) })}`,
    ],
  ]
  for (const [what, authorization] of attempts) {
    const pod = new ManualPod(address.url, authorization ? { authorization } : {})
    pods.push(pod)
    await until(what, () => pod.refusedWith === 401)
  }
  const token = await podToken(address.workerId)
  const noSubprotocol = new ManualPod(address.url, { authorization: `Bearer ${token}` }, [])
  pods.push(noSubprotocol)
  await until('subprotocol', () => noSubprotocol.refusedWith === 400)
  assert.equal((await fetch(address.url.replace('ws:', 'http:'))).status, 426)
  assert.equal(worker.usage().links, 0)
})

test('[LK2] the worker proves that it knows the secret and says what it can', async (t) => {
  const { connect, address } = await workerRig(t)
  const pod = await connect()
  const [hello] = pod.of('worker.hello')
  assert.deepEqual([hello?.proof, hello?.workerId, hello?.slots], [proofOfNonce(NONCE), address.workerId, 4])
  assert.deepEqual(hello?.engines, [{ name: 'spelling', languages: ['en-US'], ready: true }])
})

test('[WK1] an opening is answered by opened or refused; audio becomes captions; close frees the slot', async (t) => {
  const { connect, recogniser } = await workerRig(t, { slots: 1 })
  const pod = await connect()
  pod.open(1)
  await pod.got('stream.opened', 1)
  pod.open(2)
  const refused = await pod.got('stream.refused', 2)
  assert.deepEqual([refused.code, refused.retryAfterMs], ['NO_SLOT', 100])
  pod.audio(1, 0, 7, 5)
  pod.audio(1, 1_600, 0, 16)
  const final = await pod.got('final', 1)
  assert.deepEqual([final.text, final.index, final.startMs, final.endMs], ['w7', 0, 0, 100])
  pod.send({ type: 'stream.flush', stream: 1, flushId: 9 })
  assert.equal((await pod.got('stream.flushed', 1)).flushId, 9)
  pod.send({ type: 'stream.close', stream: 1 })
  await until('free', () => recogniser.status().slotsUsed === 0 && pod.of('worker.load').at(-1)?.slotsUsed === 0)
  pod.open(3)
  await pod.got('stream.opened', 3)
})

test('[WK1] a format outside the list is refused by name', async (t) => {
  const { connect } = await workerRig(t)
  const pod = await connect()
  pod.open(1, { format: { codec: 'pcm16', sampleRateHz: 44_100, frameMs: 20 } })
  const refused = await pod.got('stream.refused', 1)
  assert.equal(refused.code, 'AUDIO_FORMAT_UNSUPPORTED')
  assert.match(refused.message, /44100/)
})

test('[WK5] a stream closed while it opens gives its slot back and is silent', async (t) => {
  const { connect, recogniser } = await workerRig(t, { openMs: 50 })
  const pod = await connect()
  pod.open(1)
  pod.send({ type: 'stream.close', stream: 1 })
  pod.open(2)
  await pod.got('stream.opened', 2)
  await until('free', () => recogniser.status().slotsUsed === 1)
  assert.deepEqual([pod.of('stream.opened', 1), pod.of('stream.refused', 1)], [[], []])
})

test('[WK4] a fault in one stream fails that stream; the others on the link go on', async (t) => {
  const { connect, recogniser, worker } = await workerRig(t)
  const pod = await connect()
  for (const stream of [1, 2, 3]) pod.open(stream)
  await pod.got('stream.opened', 3)
  pod.audio(1, 0, THROW_VALUE, 1)
  pod.audio(2, 0, FAIL_VALUE, 1)
  pod.audio(3, 0, 5, 5)
  await pod.got('stream.failed', 1)
  await pod.got('stream.failed', 2)
  pod.audio(1, 320, 5, 5)
  pod.send({ type: 'stream.flush', stream: 3, flushId: 1 })
  await pod.got('stream.flushed', 3)
  assert.equal(pod.of('final', 3)[0]?.text, 'w5')
  assert.deepEqual([recogniser.status().slotsUsed, worker.counters.streamsFailedTotal], [1, 2])
  assert.equal(worker.counters.framesStrayTotal, 5)
})

test('[WK10] events of one stream never reach another, of the same pod or of another', async (t) => {
  const { connect } = await workerRig(t, { slots: 8 })
  const pods = [await connect('pod_a'), await connect('pod_b')]
  for (const pod of pods) for (const stream of [1, 2, 3]) pod.open(stream)
  for (const pod of pods) await pod.got('stream.opened', 3)
  // Interleaved block by block, each stream with words of its own.
  for (let n = 0; n < 40; n++) {
    pods.forEach((pod, p) => {
      for (const stream of [1, 2, 3])
        pod.audio(stream, n * 320, n < 20 ? 100 * (p + 1) + 10 * stream + Math.floor(n / 5) : 0, 1)
    })
  }
  for (const [p, pod] of pods.entries()) {
    for (const stream of [1, 2, 3]) {
      const base = 100 * (p + 1) + 10 * stream
      const own = [0, 1, 2, 3].map((word) => `w${base + word}`)
      assert.equal((await pod.got('final', stream)).text, own.join(' '))
      for (const partial of pod.of('partial', stream))
        assert.deepEqual(partial.text.split(' '), own.slice(0, partial.text.split(' ').length))
    }
  }
})

test('[LK8] when a link is lost its streams are closed and their slots free; other links do not notice', async (t) => {
  const { connect, recogniser, worker } = await workerRig(t)
  const [gone, stays] = [await connect('pod_a'), await connect('pod_b')]
  gone.open(1)
  gone.open(2)
  stays.open(1)
  await gone.got('stream.opened', 2)
  await stays.got('stream.opened', 1)
  gone.end()
  await until('free', () => recogniser.status().slotsUsed === 1)
  assert.deepEqual(worker.usage(), { links: 1, streams: 1, texts: 0 })
  assert.equal(stays.closeCode, undefined)
})

test('[LK3] garbage ends its link with 4009 and no other; what is merely new is ignored', async (t) => {
  const { connect, worker } = await workerRig(t)
  const bystander = await connect('pod_b')
  bystander.open(1)
  await bystander.got('stream.opened', 1)
  const garbage: (string | Uint8Array)[] = [
    'not json',
    'null',
    '{"type":7}',
    '{"type":"stream.open","stream":"1"}',
    '{"type":"stream.flush","stream":1,"flushId":-1}',
    new Uint8Array([1, 2, 3]),
    new Uint8Array([0, 0, 0, 1, 0, 0, 0, 0, 0, 9, 1]),
    JSON.stringify({ type: 'link.hello', version: 1, podId: 'pod_test', nonce: NONCE }),
  ]
  for (const message of garbage) {
    const pod = await connect()
    pod.send(JSON.parse('{"type":"from.the.future","x":1}'))
    pod.sendRaw(message)
    assert.equal(await pod.closed(), 4009, String(message))
  }
  const twice = await connect()
  twice.open(1)
  twice.open(1)
  assert.equal(await twice.closed(), 4009)
  bystander.send({ type: 'ping', id: 1 })
  await bystander.got('pong')
  assert.equal(worker.usage().links, 1)
})

test('[LK3] before the hello nothing else is taken, and the hello must fit the token', async (t) => {
  const { address, pods } = await workerRig(t)
  const early: string[] = [
    '{"type":"ping","id":1}',
    JSON.stringify({ type: 'link.hello', version: 1, podId: 'pod_other', nonce: NONCE }),
    JSON.stringify({ type: 'link.hello', version: 1, podId: 'pod_test', nonce: 'short' }),
    JSON.stringify({ type: 'link.hello', version: 1, podId: 'pod_test', nonce: `${'a'.repeat(30)}.${'b'.repeat(30)}` }),
  ]
  for (const message of early) {
    const pod = new ManualPod(address.url, { authorization: `Bearer ${await podToken(address.workerId)}` })
    pods.push(pod)
    await pod.isOpen()
    pod.sendRaw(message)
    assert.equal(await pod.closed(), 4009, message)
    assert.deepEqual(pod.messages, [])
  }
})

test('[LK3] a pod of another version is told which ones there are, and let go', async (t) => {
  const { address, pods, logger } = await workerRig(t)
  const pod = new ManualPod(address.url, { authorization: `Bearer ${await podToken(address.workerId)}` })
  pods.push(pod)
  await pod.isOpen()
  pod.sendRaw(JSON.stringify({ type: 'link.hello', version: 2, podId: 'pod_test', nonce: NONCE }))
  assert.equal(await pod.closed(), 4009)
  const [refused, ...more] = pod.messages
  assert.ok(refused?.type === 'link.refused' && more.length === 0)
  assert.deepEqual([refused.reason, refused.versions], ['version', [1]])
  assert.match(refused.message, /version 1 .* version 2/)
  assert.match(JSON.stringify(logger.lines), /the pod version 2/)
})

test('[LK4] a message larger than the limit ends the link', async (t) => {
  const { connect } = await workerRig(t)
  const pod = await connect()
  pod.sendRaw(new Uint8Array(1_100_000))
  assert.equal(await pod.closed(), 1009)
})

test('[LK5] a pod that is silent for 4 s is left; one that pings stays', async (t) => {
  const clock = new ManualClock(systemClock.wallMs())
  const { connect } = await workerRig(t, { clock })
  const [silent, talking] = [await connect('pod_a'), await connect('pod_b')]
  for (let n = 0; n < 9; n++) {
    talking.send({ type: 'ping', id: n })
    await talking.got('pong', undefined, n + 1)
    await clock.advanceAsync(500)
  }
  await silent.closed()
  assert.equal(talking.closeCode, undefined)
})

test('[LK9] the load is told every second and on every change', async (t) => {
  const clock = new ManualClock(systemClock.wallMs())
  const { connect } = await workerRig(t, { clock })
  const pod = await connect()
  const before = pod.of('worker.load').length
  clock.advance(1_000)
  await pod.got('worker.load', undefined, before + 1)
  pod.open(1)
  await pod.got('stream.opened', 1)
  clock.advance(10)
  const load = await pod.got('worker.load', undefined, before + 2)
  assert.deepEqual([load.slots, load.slotsUsed], [4, 1])
  assert.ok(load.rssBytes > 1_000_000 && load.cpuRatio >= 0)
})

test('[WK7] closing ends links with 1001 and frees everything', async (t) => {
  const { connect, worker, recogniser } = await workerRig(t)
  const pod = await connect()
  pod.open(1)
  await pod.got('stream.opened', 1)
  await worker.close()
  await worker.close()
  assert.equal(await pod.closed(), 1001)
  assert.equal(recogniser.status().slotsUsed, 0)
})

test('[WK5] 50 streams opened and closed leave nothing behind', async (t) => {
  const { connect, worker, recogniser } = await workerRig(t)
  const pod = await connect()
  for (let n = 1; n <= 50; n++) {
    pod.open(n, { format: { codec: 'opus', sampleRateHz: 48_000, frameMs: 20 } })
    await pod.got('stream.opened', n)
    pod.audio(n, 0, 3, 4)
    pod.send({ type: 'stream.close', stream: n })
    await until('free', () => recogniser.status().slotsUsed === 0)
  }
  assert.deepEqual(worker.usage(), { links: 1, streams: 0, texts: 0 })
})

test('[LK3] property: no text makes the decoder throw', () => {
  const anything = fc.oneof(
    fc.string(),
    fc.json(),
    fc.object().map((value) => JSON.stringify({ ...value, type: 'stream.open' })),
  )
  fc.assert(fc.property(anything, (text) => void decodePodMessage(text)))
})

test('[LK1] no line of the log holds a token, a nonce or the secret', async (t) => {
  const { connect, logger, address, pods } = await workerRig(t)
  await connect()
  pods.push(new ManualPod(address.url, { authorization: 'Bearer forged.token.value' }))
  await until('refused', () => pods.at(-1)?.refusedWith === 401)
  const text = JSON.stringify(logger.lines)
  for (const secret of [TEST_SECRET, NONCE, 'forged', 'Bearer']) assert.ok(!text.includes(secret), secret)
})

test('[LK1] who was refused and why is said once, and counted each time', () => {
  const clock = new ManualClock()
  const logger = collectingLogger()
  const refusals = new LinkRefusals(clock, logger)
  for (let n = 0; n < 5; n++) refusals.note('not_of_this_fleet', '10.0.0.7')
  refusals.note('expired', '10.0.0.7')
  refusals.note('not_of_this_fleet', '10.0.0.8')
  assert.deepEqual(
    logger.lines.map(({ fields }) => fields),
    [
      { from: '10.0.0.7', reason: 'not_of_this_fleet' },
      { from: '10.0.0.7', reason: 'expired' },
      { from: '10.0.0.8', reason: 'not_of_this_fleet' },
    ],
  )
  assert.match(JSON.stringify(logger.lines), /PARLEY_FLEET_SECRET/)
  assert.deepEqual([refusals.totals.not_of_this_fleet, refusals.totals.expired], [6, 1])
  for (let n = 0; n < 1_000; n++) refusals.note('missing', `10.0.1.${n}`)
  assert.ok(logger.lines.length < 300)
  clock.advance(600_000)
  refusals.note('expired', '10.0.0.7')
  assert.equal(logger.lines.at(-1)?.fields?.reason, 'expired')
})

test('[WK12] upgrades go by their path: to the link, to what is mounted, or to nobody', async (t) => {
  const seen: string[] = []
  const endpoints: MountEndpoints = (access) => ({
    connections: 0,
    upgrade(path, _request, socket) {
      seen.push(`${path} ${access.recogniser?.name} ${access.refusal('synthesise')?.code}`)
      if (path !== '/v1/stream/asr') return false
      refuseUpgrade(socket, '418 Teapot')
      return true
    },
    async close() {
      seen.push('closed')
    },
  })
  const { address, worker, pods } = await workerRig(t, { endpoints })
  const statusOf = async (path: string) => {
    const pod = new ManualPod(`${address.url}${path}`, {})
    pods.push(pod)
    await until(path, () => pod.refusedWith !== undefined)
    return pod.refusedWith
  }
  assert.equal(await statusOf('/link'), 401)
  assert.equal(await statusOf('/v1/stream/asr?language=en'), 418)
  assert.equal(await statusOf('/v1/nothing'), 404)
  await worker.close()
  assert.deepEqual(seen, ['/v1/stream/asr spelling NO_SLOT', '/v1/nothing spelling NO_SLOT', 'closed'])
})
