// A whole pod with its real UDP receiver: sealed packets of an offered channel become audio of the session, and only those.
import assert from 'node:assert/strict'
import { createSocket } from 'node:dgram'
import { type TestContext, test } from 'node:test'
import { newId, systemClock } from '@parley/kernel'
import { eventually } from '@parley/kernel/testing'
import { UDP_KINDS, type UdpOffer, type Welcome } from '@parley/protocol'
import { PacketSealer } from '@parley/sealing'
import { silentLogger } from '@parley/telemetry'
import type { Pod } from './pod.ts'
import { createPodSessions } from './sessions/pod-sessions.ts'
import { ManualUdp } from './testing/manual-udp.ts'
import { startTestPod, temporaryFolder, testConfig } from './testing/pod-harness.ts'
import { ADMIN, ManualSpeech, PCM16, PlainTokens, TestClient } from './testing/sessions/index.ts'
import { createUdp } from './udp/create-udp.ts'

async function udpPod(t: TestContext) {
  const config = testConfig(await temporaryFolder(t))
  const clock = systemClock
  const logger = silentLogger
  const udp = await createUdp({ clock, udp: config.udp, bindHost: '127.0.0.1', preferredPort: 0, logger })
  const port = udp.address?.port ?? assert.fail(`no UDP: ${udp.closedBecause}`)
  const speech = new ManualSpeech()
  const sessions = createPodSessions({
    clock,
    config,
    podId: newId('pod'),
    speech,
    tokens: new PlainTokens(clock),
    udp: { port: udp, announced: () => ({ host: '', port }) },
    logger,
  })
  const harness = await startTestPod(t, { overrides: { sessions, udp } })
  const wsUrl = `ws://127.0.0.1:${harness.port}${harness.wsPath}`
  const socket = createSocket('udp4')
  t.after(() => void socket.close())
  return {
    pod: harness.pod,
    udp,
    sessions,
    speech,
    async open() {
      const created = await sessions.create(ADMIN, {}, { wsUrl, pageUrl: '' })
      assert.ok(created.ok)
      const client = await TestClient.connect(wsUrl)
      client.send({ type: 'hello', token: created.value.ticket, audio: PCM16, udp: true })
      const welcome = await client.expect('welcome')
      return { client, welcome, stream: speech.stream(created.value.sessionId) }
    },
    async resume(welcome: Welcome) {
      const client = await TestClient.connect(wsUrl)
      client.send({ type: 'hello', token: welcome.resumeToken, audio: PCM16, udp: true, resume: { seq: 0 } })
      return { client, welcome: await client.expect('welcome') }
    },
    /** Sends frame `seq` sealed for `offer`. */
    send(offer: UdpOffer | undefined, seq: number, mediaTime: number): void {
      assert.ok(offer)
      const packet = Buffer.alloc(1_300)
      const sealer = new PacketSealer(offer.channel, Buffer.from(offer.key, 'base64'))
      const bytes = sealer.seal(packet, UDP_KINDS.audio, seq, mediaTime, new Uint8Array(640).fill(seq + 1))
      socket.send(packet.subarray(0, bytes), offer.port, offer.host)
    },
  }
}

test('[UO1] [UO3] sealed packets become audio of their session', async (t) => {
  const pod = await udpPod(t)
  const { client, welcome, stream } = await pod.open()
  for (let seq = 0; seq < 10; seq++) pod.send(welcome.udp, seq, seq * 320)
  await eventually(() => (stream.frameCount === 10 ? undefined : `${stream.frameCount} of 10 frames`))
  assert.deepEqual(
    stream.frames.map((frame) => [frame.mediaTime, frame.payload[0]]),
    Array.from({ length: 10 }, (_, seq) => [seq * 320, seq + 1]),
  )
  client.send({ type: 'audio.end', lastSeq: 9 })
  await eventually(() => (stream.flushes.length === 1 ? undefined : 'flush due'))
  client.send({ type: 'bye' })
  await client.expectClosed()
})

test('[UO4] after a resume the old key opens nothing, and its audio is sent again by the new one', async (t) => {
  const pod = await udpPod(t)
  const { client, welcome, stream } = await pod.open()
  pod.send(welcome.udp, 0, 0)
  await eventually(() => (stream.frameCount === 1 ? undefined : 'frame due'))
  client.cut()
  await eventually(() => (pod.sessions.stats().suspended === 1 ? undefined : 'not suspended'))
  pod.send(welcome.udp, 1, 320)
  await eventually(() => (stream.frameCount === 2 ? undefined : 'a frame without connection is due'))
  const back = await pod.resume(welcome)
  assert.equal(back.welcome.receivedMediaTime, 640)
  for (let seq = 2; seq < 7; seq++) pod.send(welcome.udp, seq, seq * 320)
  await eventually(() => (pod.udp.stats().droppedTotal.unknown_channel === 5 ? undefined : 'five drops are due'))
  assert.equal(stream.frameCount, 2)
  pod.send(back.welcome.udp, 0, 640)
  await eventually(() => (stream.frameCount === 3 ? undefined : 'frame due'))
  assert.equal(stream.frames[2]?.mediaTime, 640)
  back.client.cut()
})

test('[POD12] [POD1] the pod says where it takes UDP, and closes it when it stops', async (t) => {
  const { pod, udp } = await udpPod(t)
  const report = pod.health().udp
  assert.ok(report.isEnabled)
  assert.equal(report.port, udp.address?.port)
  assert.equal(report.droppedTotal.not_authentic, 0)
  await pod.stop()
  assert.equal(udp.isOpen, false)
})

function warningOf(pod: Pod): string | undefined {
  const { udp } = pod.health()
  assert.ok(udp.isEnabled)
  return udp.warning
}

test('[POD12] without a socket, or with a small buffer, the pod works and says so', async (t) => {
  const udp = new ManualUdp()
  const { pod } = await startTestPod(t, { overrides: { udp } })
  const granted = { ...udp.figures, receiveBufferBytes: 4_194_304, isReceiveBufferGranted: true }
  udp.figures = granted
  assert.equal(warningOf(pod), undefined)
  udp.figures = { ...granted, receiveBufferBytes: 425_984, isReceiveBufferGranted: false }
  assert.match(warningOf(pod) ?? '', /425984 bytes, 4194304 were asked for.*sysctl -w net.core.rmem_max=4194304/)
  assert.equal(pod.health().status, 'ok')
  const { pod: without } = await startTestPod(t)
  assert.deepEqual(without.health().udp, { isEnabled: false })
  const closed = Object.assign(new ManualUdp(), { address: undefined, closedBecause: 'the port is taken' })
  const { pod: deaf } = await startTestPod(t, { overrides: { udp: closed } })
  assert.match(warningOf(deaf) ?? '', /WebSocket: the port is taken/)
  assert.equal(deaf.health().status, 'ok')
})
