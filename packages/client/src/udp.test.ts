// Audio as sealed UDP packets, against the fake pod over real sockets of both kinds.
import assert from 'node:assert/strict'
import { after, beforeEach, test } from 'node:test'
import { sleep, systemClock } from '@parley/kernel'
import { eventually } from '@parley/kernel/testing'
import { createSession, type NodeOptions, type ParleySession, type SessionOptions, type Transport } from './index.ts'
import { type FakePod, type FakePodOptions, scriptOf, startFakePod } from './testing/index.ts'

const FRAME = 320
const pods: FakePod[] = []
const sessions: ParleySession[] = []

async function fakePod(options: FakePodOptions = {}): Promise<FakePod> {
  const pod = await startFakePod({ script: scriptOf(['good morning', 'how are you']), udp: true, ...options })
  pods.push(pod)
  return pod
}

interface Run {
  readonly session: ParleySession
  readonly transports: Transport[]
}

async function connected(pod: FakePod, options: Partial<SessionOptions & NodeOptions> = {}): Promise<Run> {
  const session = await createSession({ url: pod.url, apiKey: pod.apiKey, ...options })
  sessions.push(session)
  const transports: Transport[] = []
  session.on('transport', (transport) => transports.push(transport))
  await session.connect()
  return { session, transports }
}

const viaUdp = (session: ParleySession) =>
  eventually(() => (session.transport.kind === 'udp' ? undefined : session.transport.reason))

const silence = (ms: number): Int16Array => new Int16Array(ms * 16)

/** Speaks at true pace, so that what is lost meanwhile is lost as it would be. */
async function speak(session: ParleySession, ms: number): Promise<void> {
  for (let sent = 0; sent < ms; sent += 20) {
    session.sendPcm(silence(20))
    await sleep(systemClock, 20)
  }
}

function startsOf(pod: FakePod): number[] {
  return pod.last.frames.map((frame) => frame.mediaTime)
}
const everyFrame = (count: number): number[] => Array.from({ length: count }, (_, index) => index * FRAME)

async function cleanUp(): Promise<void> {
  for (const session of sessions.splice(0)) session.destroy()
  for (const pod of pods.splice(0)) await pod.close()
}
beforeEach(cleanUp)
after(cleanUp)

test('[CL120] audio goes over UDP as soon as a probe is answered, without loss, disorder or a pause', async () => {
  const pod = await fakePod()
  const { session, transports } = await connected(pod)
  session.sendPcm(silence(200))
  await viaUdp(session)
  await speak(session, 300)
  const ended = await session.endAudio()
  assert.equal(ended.lastSeq, 24)
  assert.deepEqual(startsOf(pod), everyFrame(25))
  assert.deepEqual(transports, [{ kind: 'udp', reason: 'probes are answered' }])
  assert.equal(pod.last.duplicates, 0)
  assert.equal(pod.last.frames.at(-1)?.by, 'udp')
  const { udp } = session.stats
  assert.ok(udp.packetsSent >= 15 && udp.answers >= 1 && (udp.roundTripMs ?? 0) > 0, JSON.stringify(udp))
})

test('[CL123] the way to UDP is held until everything before it has arrived over the socket', async () => {
  const pod = await fakePod()
  const { session } = await connected(pod)
  pod.last.stopReading()
  session.sendPcm(silence(400))
  await eventually(() => (session.stats.udp.answers > 0 ? undefined : 'no answer'))
  session.sendPcm(silence(400))
  await sleep(systemClock, 400)
  assert.equal(session.stats.udp.packetsSent, 0, 'nothing may overtake')
  pod.last.stopReading(false)
  await viaUdp(session)
  session.sendPcm(silence(200))
  await session.endAudio()
  assert.deepEqual(startsOf(pod), everyFrame(50))
  assert.equal(pod.last.duplicates, 0)
})

test('[CL121] UDP dies alone: audio goes on over the socket from the last confirmed sample, and comes back to UDP', async () => {
  const pod = await fakePod()
  const { session, transports } = await connected(pod)
  await viaUdp(session)
  await speak(session, 600)
  pod.udp.isBlackHole = true
  await speak(session, 2_400)
  await eventually(() => (session.transport.kind === 'ws' ? undefined : 'still over UDP'))
  pod.udp.isBlackHole = false
  session.networkChanged()
  await viaUdp(session)
  await speak(session, 400)
  await session.endAudio()
  assert.deepEqual(startsOf(pod), everyFrame(170))
  assert.deepEqual(
    transports.map(({ kind, reason }) => `${kind}: ${reason}`),
    ['udp: probes are answered', 'ws: no answer over UDP for 1.5 s', 'udp: probes are answered'],
  )
  assert.equal(session.stats.udp.fallbacks, 1)
})

test('[CL121] a hole of a good second in the network loses nothing: what was sent into it is sent again', async () => {
  const pod = await fakePod()
  const { session } = await connected(pod)
  await viaUdp(session)
  await speak(session, 600)
  pod.udp.isBlackHole = true
  await speak(session, 1_200)
  pod.udp.isBlackHole = false
  await speak(session, 600)
  await session.endAudio()
  assert.deepEqual(startsOf(pod), everyFrame(120))
})

test('[CL120] where no probe is ever answered audio goes over the socket, and says why', async () => {
  const pod = await fakePod()
  pod.udp.isBlackHole = true
  const { session, transports } = await connected(pod)
  await speak(session, 1_400)
  await session.endAudio()
  assert.deepEqual(transports, [{ kind: 'ws', reason: 'no answer over UDP' }])
  assert.deepEqual(startsOf(pod), everyFrame(70))
})

test('[CL124] the socket is cut alone: audio goes on over UDP and is heard; nothing is said twice', async () => {
  const pod = await fakePod()
  const { session } = await connected(pod)
  await viaUdp(session)
  await speak(session, 200)
  pod.refuseNext('hello', 'NO_SEAT', { retryAfterMs: 600 })
  pod.last.cut()
  await eventually(() => (session.state.kind === 'reconnecting' ? undefined : session.state.kind))
  const before = pod.last.frames.length
  await speak(session, 300)
  assert.ok(pod.last.frames.length > before, 'heard while there is no socket')
  await eventually(() => (session.state.kind === 'live' ? undefined : session.state.kind))
  await viaUdp(session)
  await speak(session, 200)
  await session.endAudio()
  assert.deepEqual(startsOf(pod), everyFrame(35))
  assert.equal(pod.udp.channels, 1, 'the key of the first attach opens nothing any more')
})

test('[CL124] both are cut: everything said meanwhile is sent again', async () => {
  const pod = await fakePod()
  const { session } = await connected(pod)
  await viaUdp(session)
  await speak(session, 200)
  pod.udp.isBlackHole = true
  pod.setNetwork('down')
  await speak(session, 1_000)
  pod.udp.isBlackHole = false
  pod.setNetwork('up')
  await speak(session, 600)
  await session.endAudio()
  assert.deepEqual(startsOf(pod), everyFrame(90))
})

test('[CL122] after a change of network packets come from another port, and are heard all the same', async () => {
  const pod = await fakePod()
  const { session } = await connected(pod)
  await viaUdp(session)
  await speak(session, 200)
  session.networkChanged()
  await speak(session, 600)
  await session.endAudio()
  assert.equal(pod.udp.sources.length, 2)
  assert.equal(session.transport.kind, 'udp')
  assert.deepEqual(startsOf(pod), everyFrame(40))
})

test('[CL125] the last frames before a pause, lost on the way, are sent again', async () => {
  const pod = await fakePod()
  const { session } = await connected(pod)
  await viaUdp(session)
  await speak(session, 200)
  pod.udp.framesToLose = 4
  await speak(session, 80)
  await eventually(() => (pod.last.frames.length === 14 ? undefined : `${pod.last.frames.length} heard`))
  assert.deepEqual(startsOf(pod), everyFrame(14))
})

test('[CL126] frames too long for a packet go over the socket', async () => {
  const pod = await fakePod()
  const audio = { codec: 'opus', sampleRateHz: 48_000, frameMs: 20 } as const
  const { session } = await connected(pod, { audio })
  await viaUdp(session)
  session.sendFrame(new Uint8Array(60))
  await eventually(() => (pod.last.frames.length === 1 ? undefined : 'not heard'))
  session.sendFrame(new Uint8Array(1_250))
  await eventually(() => (pod.last.frames.length === 2 ? undefined : 'not heard'))
  session.sendFrame(new Uint8Array(70))
  await eventually(() => (pod.last.frames.length === 3 ? undefined : 'not heard'))
  assert.deepEqual(
    pod.last.frames.map(({ by, seq }) => `${by} ${seq}`),
    ['udp 0', 'ws 1', 'udp 2'],
  )
})

test('[CL126] why UDP is not used is said: switched off, no format for it, not offered', async () => {
  const pod = await fakePod()
  const wide = { codec: 'pcm16', sampleRateHz: 48_000, frameMs: 60 } as const
  const off = await connected(pod, { udp: 'off' })
  assert.deepEqual(off.transports, [{ kind: 'ws', reason: 'UDP is switched off here' }])
  const long = await connected(pod, { audio: wide })
  assert.match(long.session.transport.reason, /too long for a packet/)
  const plain = await connected(await fakePod({ udp: false }))
  assert.equal(plain.session.transport.reason, 'the platform offers no UDP')
})

test('[CL127] packets go where they are told to, whatever the offer says, by name or by address', async () => {
  const pod = await fakePod()
  const { session } = await connected(pod, { udpEndpoint: { host: '127.0.0.1', port: 1 } })
  await eventually(() => (session.stats.udp.probesSent > 1 ? undefined : 'not probed twice'))
  assert.equal(session.stats.udp.answers, 0)
  const named = await connected(pod, { udpEndpoint: { host: 'localhost', port: pod.udp.port } })
  await eventually(() => (named.session.stats.udp.probesSent > 0 ? undefined : 'not probed'))
})

test('[CL128] a hundred sessions share one socket, and leave none', async () => {
  const pod = await fakePod()
  const runs = await Promise.all(Array.from({ length: 100 }, () => connected(pod)))
  for (const { session } of runs) await viaUdp(session)
  assert.equal(pod.udp.sources.length, 1)
  for (const { session } of runs) session.sendPcm(silence(100))
  const ended = await Promise.all(runs.map(({ session }) => session.endAudio()))
  assert.ok(ended.every(({ lastSeq }) => lastSeq === 4))
  await Promise.all(runs.map(({ session }) => session.close()))
  await eventually(() => {
    const left = process.getActiveResourcesInfo().filter((name) => name.startsWith('UDP'))
    return left.length <= 1 ? undefined : `${left.length} UDP sockets`
  })
})
