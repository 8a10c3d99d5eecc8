import assert from 'node:assert/strict'
import { test } from 'node:test'
import { eventually } from '@parley/kernel/testing'
import type { Problem } from '@parley/protocol'
import { WebSocket } from 'ws'
import { type PodHarness, rawRequest, startTestPod, upgradeText } from '../testing/pod-harness.ts'

async function refusal(pod: PodHarness, path: string, headers: Record<string, string | undefined> = {}) {
  const answer = await rawRequest(pod.port, upgradeText(path, headers))
  const problem = JSON.parse(answer.body) as Problem
  assert.match(answer.headers['content-type'] ?? '', /^application\/problem\+json/)
  assert.equal(answer.headers.connection, 'close')
  assert.equal(Number(answer.headers['content-length']), Buffer.byteLength(answer.body))
  assert.equal(answer.headers['x-request-id'], problem.requestId)
  assert.equal(problem.status, answer.status)
  return { ...answer, problem }
}

async function open(pod: PodHarness, headers: Record<string, string> = {}): Promise<WebSocket> {
  const socket = new WebSocket(`ws://127.0.0.1:${pod.port}${pod.wsPath}`, 'parley.v1', { headers })
  await new Promise((resolve, reject) => {
    socket.once('open', resolve)
    socket.once('error', reject)
  })
  return socket
}

/** Waits for the close of both ends, so that the next test finds nothing of this one. */
async function shut(pod: PodHarness, ...sockets: WebSocket[]): Promise<void> {
  for (const socket of sockets) socket.terminate()
  await eventually(() => (pod.pod.health().sessions.connections === 0 ? undefined : 'connections are still counted'))
}

test('[HT13] an accepted upgrade speaks parley.v1 and is handed to sessions with who it is', async (t) => {
  const pod = await startTestPod(t)
  const socket = await open(pod, { 'x-request-id': 'my-1', 'x-forwarded-for': '198.51.100.1' })
  assert.equal(socket.protocol, 'parley.v1')
  assert.equal(socket.extensions, '')
  const { peer } = pod.sessions.attached[0] ?? assert.fail('nothing was attached')
  assert.deepEqual(peer, {
    address: '127.0.0.1',
    requestId: 'my-1',
    wsUrl: `ws://127.0.0.1:${pod.port}${pod.wsPath}`,
    mayCarryKeys: false,
  })
  await shut(pod, socket)
})

test('[HT19] a client on this machine without a proxy may be told keys', async (t) => {
  const pod = await startTestPod(t)
  const socket = await open(pod)
  assert.equal(pod.sessions.attached[0]?.peer.mayCarryKeys, true)
  await shut(pod, socket)
})

test('[HT13] refusals are problems on the raw socket', async (t) => {
  const pod = await startTestPod(t)
  const cases: [string, string, Record<string, string | undefined>, number, string][] = [
    ['another pod', '/p/pod_other/v1/ws', {}, 421, 'WRONG_POD'],
    ['no such address', '/v1/ws', {}, 404, 'NOT_FOUND'],
    ['no subprotocol', pod.wsPath, { 'sec-websocket-protocol': undefined }, 400, 'SUBPROTOCOL_REQUIRED'],
    ['another subprotocol', pod.wsPath, { 'sec-websocket-protocol': 'chat' }, 400, 'SUBPROTOCOL_REQUIRED'],
    ['a foreign page', pod.wsPath, { origin: 'https://evil.example' }, 403, 'ORIGIN_REFUSED'],
    ['an opaque page', pod.wsPath, { origin: 'null' }, 403, 'ORIGIN_REFUSED'],
    ['an old version', pod.wsPath, { 'sec-websocket-version': '8' }, 400, 'BAD_REQUEST'],
    ['a bad key', pod.wsPath, { 'sec-websocket-key': 'x' }, 400, 'BAD_REQUEST'],
    ['a bent Host', pod.wsPath, { host: 'a/b' }, 400, 'BAD_REQUEST'],
    ['a malformed list of subprotocols', pod.wsPath, { 'sec-websocket-protocol': 'parley.v1,,' }, 400, 'BAD_REQUEST'],
  ]
  for (const [what, path, headers, status, code] of cases) {
    const { problem } = await refusal(pod, path, headers)
    assert.deepEqual([problem.status, problem.code], [status, code], what)
  }
  assert.equal(pod.sessions.attached.length, 0)
  assert.equal(pod.pod.health().sessions.connections, 0)
})

test('[HT9] a page of this host or an allowed one may connect', async (t) => {
  const pod = await startTestPod(t, { settings: { 'server.allowedOrigins': 'https://app.example.org' } })
  const own = await open(pod, { origin: pod.url })
  const named = await open(pod, { origin: 'https://app.example.org' })
  await shut(pod, own, named)
})

test('[HT13] an upgrade to something else than WebSocket is answered as the request it also is', async (t) => {
  const pod = await startTestPod(t)
  const text =
    'GET /livez HTTP/1.1\r\nhost: x\r\nconnection: close, Upgrade, HTTP2-Settings\r\nupgrade: h2c\r\nhttp2-settings: AAMAAABkAAQAoAAAAAIAAAAA\r\n\r\n'
  const answer = await rawRequest(pod.port, text)
  assert.deepEqual([answer.status, answer.body], [200, 'ok\n'])
})

test('[HT14] connections in all are limited, and free again when closed', async (t) => {
  const pod = await startTestPod(t, { settings: { 'limits.connections': '2' } })
  const sockets = [await open(pod), await open(pod)]
  const { problem, headers } = await refusal(pod, pod.wsPath)
  assert.deepEqual([problem.code, problem.status], ['TOO_MANY_CONNECTIONS', 429])
  assert.match(problem.detail, /limit of 2 connections in all/)
  assert.ok(Number(headers['retry-after']) > 0)
  await shut(pod, ...sockets)
  await shut(pod, await open(pod))
})

test('[HT14] connections per address are limited; the address is what a trusted proxy names', async (t) => {
  const settings = { 'limits.connectionsPerAddress': '1', 'server.trustedProxies': '127.0.0.1' }
  const pod = await startTestPod(t, { settings })
  const first = await open(pod, { 'x-forwarded-for': '2001:db8::1' })
  const { problem } = await refusal(pod, pod.wsPath, { 'x-forwarded-for': '2001:db8::2' })
  assert.equal(problem.code, 'TOO_MANY_CONNECTIONS')
  assert.match(problem.detail, /limit of 1 connections from one address/)
  const other = await open(pod, { 'x-forwarded-for': '2001:db8:0:1::1' })
  assert.equal(pod.sessions.attached[1]?.peer.address, '2001:db8:0:1::1')
  await shut(pod, first, other)
})

test('[HT14] spoofed forwarding headers do not help against the limit', async (t) => {
  const pod = await startTestPod(t, { settings: { 'limits.connectionsPerAddress': '1' } })
  const first = await open(pod, { 'x-forwarded-for': '198.51.100.1' })
  const { problem } = await refusal(pod, pod.wsPath, { 'x-forwarded-for': '198.51.100.2' })
  assert.equal(problem.code, 'TOO_MANY_CONNECTIONS')
  await shut(pod, first)
})

test('[HT17] a message of a megabyte closes the connection with 1009, whatever it is', async (t) => {
  const pod = await startTestPod(t)
  for (const message of ['x'.repeat(1_000_000), Buffer.alloc(1_000_000)]) {
    const socket = await open(pod)
    // The pod's side reports what it received; the real sessions listen for it.
    pod.sessions.attached.at(-1)?.socket.on('error', () => {})
    const closed = new Promise<number>((resolve) => socket.once('close', resolve))
    socket.on('error', () => {})
    socket.send(message)
    assert.equal(await closed, 1009)
  }
  await shut(pod)
})

test('[HT13] a peer that vanishes in the middle of a handshake leaves nothing', async (t) => {
  const pod = await startTestPod(t)
  const { connect } = await import('node:net')
  for (let count = 0; count < 20; count++) {
    const socket = connect(pod.port, '127.0.0.1')
    socket.on('error', () => {})
    socket.write(upgradeText(pod.wsPath), () => socket.resetAndDestroy())
  }
  await eventually(() => (pod.pod.health().sessions.connections === 0 ? undefined : 'connections are still counted'))
  await shut(pod, await open(pod))
})

test('[HT13] refused upgrades are counted by code', async (t) => {
  const pod = await startTestPod(t, { settings: { 'admin.port': '0' } })
  await refusal(pod, '/p/pod_other/v1/ws')
  await refusal(pod, '/p/pod_other/v1/ws')
  const exposed = await (await fetch(`${pod.pod.adminUrl}/metrics`)).text()
  assert.match(exposed, /parley_upgrades_refused_total\{code="WRONG_POD"\} 2/)
})
