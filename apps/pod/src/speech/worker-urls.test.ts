// Workers that are known by address only: who gets a token, and for whom.
import assert from 'node:assert/strict'
import { createServer, type IncomingHttpHeaders } from 'node:http'
import type { AddressInfo } from 'node:net'
import { type TestContext, test } from 'node:test'
import { Scope, systemClock } from '@parley/kernel'
import { eventually } from '@parley/kernel/testing'
import { silentLogger } from '@parley/telemetry'
import { WebSocket } from 'ws'
import { type LocalWorker, startLocalWorker } from '../testing/speech/local-worker.ts'
import { SpeechProbe } from '../testing/speech/speech-probe.ts'
import { TEST_SECRET } from '../testing/speech/worker-process.ts'
import { FIRST_CERTIFICATE, SECOND_CERTIFICATE, type TestCertificate } from '../testing/test-certificates.ts'
import { dialLink } from './link-socket.ts'
import { createSpeechLinks, type SpeechLinks } from './speech-links.ts'

const until = (what: string, condition: () => boolean) => eventually(() => (condition() ? undefined : what))

function linksTo(t: TestContext, workerUrls: readonly string[], caCertificates?: readonly string[]): SpeechLinks {
  const speech = createSpeechLinks({
    clock: systemClock,
    config: { speech: { workerWaitMs: 30_000, workerUrls } },
    podId: 'pod_test',
    fleetSecret: TEST_SECRET,
    logger: silentLogger,
    caCertificates,
  })
  t.after(() => speech.close())
  return speech
}

/** Answers every upgrade as `answer` says, and keeps what it was sent. */
async function impostor(t: TestContext, answer: (headers: IncomingHttpHeaders) => string) {
  const seen: IncomingHttpHeaders[] = []
  const server = createServer()
  server.on('upgrade', (request, socket) => {
    seen.push(request.headers)
    socket.on('error', () => {})
    socket.end(answer(request.headers))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.after(() => server.close())
  return { url: `ws://127.0.0.1:${(server.address() as AddressInfo).port}`, seen }
}

const refusal = (authenticate: string) =>
  `HTTP/1.1 401 Unauthorized\r\nConnection: close\r\nContent-Length: 0\r\nWWW-Authenticate: ${authenticate}\r\n\r\n`

test('[PW6] a worker that is known by address only is asked who it is, and takes streams', async (t) => {
  const { address } = await startLocalWorker(t, { workerId: 'wrk_far' })
  const speech = linksTo(t, [address.url])
  await until('up', () => speech.status().workers === 1)
  assert.deepEqual([speech.workers()[0]?.workerId, speech.workers()[0]?.url], ['wrk_far', address.url])
  const session = new SpeechProbe(() => systemClock.wallMs()).open(speech, 'ses_a').words(1, 2).pause()
  await until('final', () => session.finals.length === 1)
  assert.deepEqual(session.said(), ['w1 w2'])
})

test('[PW6] another worker at the same address is taken for what it is', async (t) => {
  const first = await startLocalWorker(t, { workerId: 'wrk_first' })
  const speech = linksTo(t, [first.address.url])
  await until('up', () => speech.workers()[0]?.workerId === 'wrk_first')
  await first.worker.close()
  await startLocalWorker(t, { workerId: 'wrk_second', port: Number(new URL(first.address.url).port) })
  await until('the second', () => speech.status().workers === 1 && speech.workers()[0]?.workerId === 'wrk_second')
})

test('[LK21] who cannot prove to belong to the fleet never sees a token, whatever it claims', async (t) => {
  const strange = await startLocalWorker(t, { fleetSecret: 'the-secret-of-quite-another-fleet-1' })
  const claims = await impostor(t, () => refusal(`Parley worker="wrk_far", proof="${'A'.repeat(43)}"`))
  const mirror = await impostor(t, (headers) => refusal(`Parley worker="wrk_far", proof="${headers['parley-nonce']}"`))
  const mute = await impostor(t, () => 'HTTP/1.1 403 Forbidden\r\nConnection: close\r\nContent-Length: 0\r\n\r\n')
  const speech = linksTo(t, [strange.address.url, claims.url, mirror.url, mute.url])
  await until('tries', () => [claims, mirror, mute].every(({ seen }) => seen.length >= 2))
  for (const { seen } of [claims, mirror, mute]) {
    assert.ok(seen.every(({ authorization }) => authorization === undefined))
    assert.equal(
      new Set(seen.map((headers) => headers['parley-nonce'])).size,
      seen.length,
      'a nonce is never used twice',
    )
  }
  assert.equal(speech.status().workers, 0)
  assert.match(speech.workers()[0]?.problem ?? '', /no speech worker of this fleet answers there \(401\)/)
})

test('[LK21] the answer of one worker, relayed, gives a token for that worker only: another refuses it', async (t) => {
  const near = await startLocalWorker(t, { workerId: 'wrk_near' })
  const far = await startLocalWorker(t, { workerId: 'wrk_far' })
  const relay = await impostor(t, () => refusal(''))
  const attempt = new Scope(systemClock)
  t.after(() => attempt.close())
  const credentials = { podId: 'pod_test', fleetSecret: TEST_SECRET }
  const wallMs = () => systemClock.wallMs()
  const dialled = await dialLink(attempt, { workerId: undefined, url: near.address.url }, credentials, wallMs)
  assert.equal(dialled?.workerId, 'wrk_near')
  // What a relay would have been given: the token for wrk_near, tried at wrk_far.
  const again = await dialLink(attempt, { workerId: dialled?.workerId, url: relay.url }, credentials, wallMs)
  again?.socket.on('error', () => {})
  await until('a token', () => relay.seen.length === 1)
  const stolen = relay.seen[0]?.authorization as string
  assert.match(stolen, /^Bearer /)
  assert.equal(await statusAt(far, { authorization: stolen }), 401)
  assert.equal(await statusAt(far, { authorization: stolen, 'parley-nonce': 'n'.repeat(43) }), 401)
})

async function statusAt({ address }: LocalWorker, headers: Record<string, string>): Promise<number | undefined> {
  const socket = new WebSocket(address.url, 'parley-link.v1', { headers })
  socket.on('error', () => {})
  return new Promise((resolve) => {
    socket.on('unexpected-response', (_request, response) => {
      resolve(response.statusCode)
      socket.terminate()
    })
    socket.on('open', () => resolve(undefined))
  })
}

test('[PW6] over TLS only who is trusted by worker.tlsCaFile, under the name that was dialled', async (t) => {
  const credentials = ({ cert, key }: TestCertificate) => ({ cert: Buffer.from(cert), key: Buffer.from(key) })
  const [mine, other] = [credentials(FIRST_CERTIFICATE), credentials(SECOND_CERTIFICATE)]
  const workers = [
    await startLocalWorker(t, { tls: mine }),
    await startLocalWorker(t, { tls: other }),
    await startLocalWorker(t, { tls: mine, host: '127.0.0.2' }), // a name the certificate does not have
  ]
  const urls = workers.map(({ address }) => address.url)
  assert.match(urls[0] ?? '', /^wss:/)
  const speech = linksTo(t, urls, [FIRST_CERTIFICATE.cert])
  await until('up', () => speech.status().workers === 1)
  await until('problems', () => speech.workers().filter(({ problem }) => problem !== undefined).length === 2)
  assert.deepEqual(
    speech.workers().map(({ state }) => state),
    ['ready', 'unreachable', 'unreachable'],
  )
  assert.match(speech.workers()[1]?.problem ?? '', /self-signed|unable to verify/)
  assert.match(speech.workers()[2]?.problem ?? '', /altname|does not match/i)
})
