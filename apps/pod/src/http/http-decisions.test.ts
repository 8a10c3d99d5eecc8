import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ManualClock } from '@parley/kernel/testing'
import { OPERATIONS } from '@parley/protocol'
import { NO_STATS } from '../testing/fake-sessions.ts'
import { AddressBuckets, ConnectionCounts } from './address-limits.ts'
import { createClientResolver, mayCarryKeys } from './client-address.ts'
import { listenFailure, urlHost } from './listen.ts'
import { createOriginPolicy } from './origins.ts'
import { isSaneHost, publicUrlsOf } from './public-urls.ts'
import { readQuery } from './query.ts'
import { readinessOf } from './readiness.ts'
import { allowedMethods, routerPath } from './route-table.ts'
import { decideUpgrade, type UpgradeContext, type UpgradeRequest } from './upgrade-decision.ts'

test('[HT10] without trusted proxies nothing that is forwarded is believed', () => {
  const clientOf = createClientResolver([])
  const client = clientOf('203.0.113.7', false, { 'x-forwarded-for': '198.51.100.1', 'x-forwarded-proto': 'https' })
  assert.deepEqual(client, { address: '203.0.113.7', network: '203.0.113.7', isTls: false })
})

test('[HT19] keys travel over TLS or not beyond this machine', () => {
  const plain = { address: 'x', network: 'x', isTls: false }
  const local = { host: 'localhost:8080' }
  const may: [string, object][] = [
    ['127.0.0.1', { host: '127.0.0.1:80' }],
    ['::1', { host: '[::1]:80' }],
    ['::ffff:127.0.0.1', local],
    ['127.8.7.6', { host: 'LOCALHOST' }],
  ]
  for (const [remote, headers] of may) assert.ok(mayCarryKeys(plain, remote, headers as never), remote)
  assert.ok(mayCarryKeys({ ...plain, isTls: true }, '203.0.113.7', { 'x-forwarded-for': '1.2.3.4' }))
  const mayNot: [string, Record<string, string>][] = [
    ['203.0.113.7', local],
    ['10.0.0.1', local],
    ['127.0.0.1', { host: 'parley.example' }],
    ['127.0.0.1', {}],
    ['127.0.0.1', { ...local, forwarded: 'for=1.2.3.4' }],
    ['127.0.0.1', { ...local, 'x-forwarded-for': '127.0.0.1' }],
    ['127.0.0.1', { ...local, 'x-forwarded-proto': 'https' }],
    ['127.0.0.1', { ...local, 'x-forwarded-anything': '' }],
    ['127.0.0.1', { ...local, 'x-real-ip': '127.0.0.1' }],
    ['127.0.0.1', { ...local, via: '1.1 proxy' }],
  ]
  for (const [remote, headers] of mayNot) {
    assert.equal(mayCarryKeys(plain, remote, headers), false, `${remote} ${JSON.stringify(headers)}`)
  }
  assert.equal(mayCarryKeys(plain, undefined, local), false)
})

test('[HT18] of a query numbers are read where the schema wants them, and nothing else is changed', () => {
  const { query } = OPERATIONS.getHistory
  assert.deepEqual(readQuery(query, { afterSeq: '12', limit: '7' }), { afterSeq: 12, limit: 7 })
  assert.deepEqual(readQuery(query, { afterSeq: '-1', limit: '1.5' }), { afterSeq: -1, limit: 1.5 })
  const asIs = { afterSeq: '', limit: ['1', '2'], other: '3', constructor: '4' }
  assert.deepEqual(readQuery(query, asIs), asIs)
  for (const text of ['0x10', '1e3', ' 1', 'Infinity', '99999999999999999999']) {
    assert.deepEqual(readQuery(query, { afterSeq: text }), { afterSeq: text })
  }
  assert.deepEqual(readQuery(query, undefined), {})
})

test('[HT10] behind a trusted proxy the nearest address that is not one counts', () => {
  const clientOf = createClientResolver(['10.0.0.0/8', '::1', 'fd00::/8'])
  const from = (remote: string, forwarded: string | string[]) =>
    clientOf(remote, false, { 'x-forwarded-for': forwarded }).address
  assert.equal(from('10.1.2.3', '198.51.100.1'), '198.51.100.1')
  assert.equal(from('::ffff:10.1.2.3', '198.51.100.1'), '198.51.100.1')
  assert.equal(from('::1', '198.51.100.1, 10.9.9.9'), '198.51.100.1')
  // What the client itself wrote is left of what the proxy saw, and does not count.
  assert.equal(from('10.1.2.3', '1.1.1.1, 198.51.100.1'), '198.51.100.1')
  assert.equal(from('10.1.2.3', ['1.1.1.1', '198.51.100.1']), '198.51.100.1')
  assert.equal(from('10.1.2.3', 'nonsense'), '10.1.2.3')
  assert.equal(from('10.1.2.3', '198.51.100.1, nonsense'), '10.1.2.3')
  assert.equal(from('10.1.2.3', '[2001:db8::5]:4711'), '2001:db8::5')
  assert.equal(from('10.1.2.3', '198.51.100.1:4711'), '198.51.100.1')
  assert.equal(from('10.1.2.3', '10.4.4.4, 10.5.5.5'), '10.4.4.4')
  // The same header from somebody else.
  assert.equal(from('203.0.113.7', '198.51.100.1'), '203.0.113.7')
})

test('[HT10] the protocol is what a trusted proxy says, otherwise what the socket is', () => {
  const clientOf = createClientResolver(['10.0.0.0/8'])
  assert.equal(clientOf('10.1.2.3', false, { 'x-forwarded-proto': 'https' }).isTls, true)
  assert.equal(clientOf('10.1.2.3', true, { 'x-forwarded-proto': 'http' }).isTls, false)
  assert.equal(clientOf('10.1.2.3', true, {}).isTls, true)
  assert.equal(clientOf('203.0.113.7', false, { 'x-forwarded-proto': 'https' }).isTls, false)
})

test('[HT11] addresses of one /64 are one network, IPv4 in IPv6 clothes is IPv4', () => {
  const clientOf = createClientResolver([])
  const network = (remote: string) => clientOf(remote, false, {}).network
  assert.equal(network('2001:db8:1:2::1'), network('2001:db8:1:2:ffff::9'))
  assert.notEqual(network('2001:db8:1:2::1'), network('2001:db8:1:3::1'))
  assert.equal(network('::ffff:203.0.113.7'), '203.0.113.7')
  assert.equal(network('fe80::1%eth0'), network('fe80::2'))
})

test('[HT9] the own origin, by host, and those named are allowed; no other, not "null"', () => {
  const policy = createOriginPolicy(['https://app.example.org'], 'https://captions.example.org')
  const allowed: [string, string][] = [
    ['http://localhost:8080', 'localhost:8080'],
    ['https://app.example.org', 'localhost:8080'],
    ['https://captions.example.org', 'internal:8080'],
    ['https://pod.example.org', 'pod.example.org'],
    ['https://pod.example.org', 'pod.example.org:443'],
    ['http://[::1]:8080', '[::1]:8080'],
  ]
  for (const [origin, host] of allowed) assert.equal(policy.isAllowed(origin, host), true, `${origin} at ${host}`)
  const refused: [string, string | undefined][] = [
    ['http://localhost:9999', 'localhost:8080'],
    ['https://evil.example', 'localhost:8080'],
    ['https://app.example.org.evil.example', 'localhost:8080'],
    ['http://app.example.org', 'localhost:8080'],
    ['null', 'null'],
    ['file://', ''],
    ['garbage', 'garbage'],
    ['http://localhost:8080', undefined],
  ]
  for (const [origin, host] of refused) assert.equal(policy.isAllowed(origin, host), false, `${origin} at ${host}`)
})

test('[HT8] the addresses told follow publicUrl, else the Host header and TLS', () => {
  assert.deepEqual(publicUrlsOf('https://captions.example.org/speech/', 'pod_1', false, 'ignored'), {
    wsUrl: 'wss://captions.example.org/speech/p/pod_1/v1/ws',
    pageUrl: 'https://captions.example.org/speech/',
  })
  assert.deepEqual(publicUrlsOf('', 'pod_1', false, '[::1]:8080'), {
    wsUrl: 'ws://[::1]:8080/p/pod_1/v1/ws',
    pageUrl: 'http://[::1]:8080/',
  })
  assert.equal(publicUrlsOf('', 'pod_1', true, 'pod.example.org')?.wsUrl, 'wss://pod.example.org/p/pod_1/v1/ws')
  assert.equal(publicUrlsOf('', 'pod_1', true, 'a/b'), undefined)
  assert.equal(publicUrlsOf('', 'pod_1', true, undefined), undefined)
})

test('[HT8] a Host that could bend a URL is not sane', () => {
  for (const host of ['localhost', 'a.b-c.example:1', '127.0.0.1:8080', '[2001:db8::1]:443', 'x', 'example.org.']) {
    assert.equal(isSaneHost(host), true, host)
  }
  for (const host of [
    '',
    'a b',
    'a/b',
    'user@host',
    'a#b',
    'a?b',
    'host:99999',
    '-a',
    '[::1',
    'a'.repeat(300),
    'host:',
  ]) {
    assert.equal(isSaneHost(host), false, host)
  }
})

test('[HT12] each address has a bucket of its own that refills by the minute', () => {
  const clock = new ManualClock()
  const buckets = new AddressBuckets(clock, 60)
  for (let count = 0; count < 60; count++) assert.equal(buckets.takeOrWaitMs('a'), 0)
  assert.equal(buckets.takeOrWaitMs('a'), 1_000)
  assert.equal(buckets.waitMs('a'), 1_000)
  assert.equal(buckets.takeOrWaitMs('b'), 0)
  clock.advance(1_000)
  assert.equal(buckets.takeOrWaitMs('a'), 0)
})

test('[HT12] addresses remembered are bounded: the one not seen for longest is forgotten', () => {
  const buckets = new AddressBuckets(new ManualClock(), 1, 2)
  buckets.takeOrWaitMs('a')
  buckets.takeOrWaitMs('b')
  buckets.takeOrWaitMs('a')
  buckets.takeOrWaitMs('c')
  assert.equal(buckets.size, 2)
  assert.ok(buckets.waitMs('a') > 0)
  assert.equal(buckets.waitMs('b'), 0)
})

test('[HT14] connections are counted in all and per address, and uncounted once', () => {
  const counts = new ConnectionCounts()
  const first = counts.add('a')
  counts.add('a')
  counts.add('b')
  assert.deepEqual([counts.total, counts.of('a'), counts.of('b')], [3, 2, 1])
  first()
  first()
  assert.deepEqual([counts.total, counts.of('a')], [2, 1])
})

const request: UpgradeRequest = {
  method: 'GET',
  url: '/p/pod_1/v1/ws',
  host: 'localhost:8080',
  origin: undefined,
  webSocketKey: 'dGhlIHNhbXBsZSBub25jZQ==',
  webSocketVersion: '13',
  subprotocols: 'parley.v1',
}
const context: UpgradeContext = {
  podId: 'pod_1',
  phase: 'serving',
  origins: createOriginPolicy([], ''),
  connections: 0,
  connectionsOfAddress: 0,
  maxConnections: 10,
  maxConnectionsPerAddress: 5,
}

const decide = (change: Partial<UpgradeRequest>, situation: Partial<UpgradeContext> = {}) => {
  const decision = decideUpgrade({ ...request, ...change }, { ...context, ...situation })
  return decision.ok ? 'accepted' : decision.error.code
}

test('[HT13] an upgrade is decided from the address inwards', () => {
  assert.equal(decide({}), 'accepted')
  assert.equal(decide({ url: '/p/pod_1/v1/ws?x=1' }), 'accepted')
  assert.equal(decide({ url: '/v1/ws' }), 'NOT_FOUND')
  assert.equal(decide({ url: '/p/pod_1/v1/ws/' }), 'NOT_FOUND')
  assert.equal(decide({ url: '/p/pod_2/v1/ws', subprotocols: undefined }), 'WRONG_POD')
  const fleet = { socketUrlOf: (id: string) => (id === 'pod_2' ? 'ws://b/p/pod_2/v1/ws' : undefined) }
  assert.equal(decide({ url: '/p/pod_2/v1/ws' }, fleet), 'WRONG_POD')
  assert.equal(decide({ url: '/p/pod_gone/v1/ws' }, fleet), 'accepted', 'nobody has that id (any more)')
  assert.equal(decide({ method: 'POST' }), 'METHOD_NOT_ALLOWED')
  assert.equal(decide({ webSocketVersion: '8' }), 'BAD_REQUEST')
  assert.equal(decide({ webSocketKey: 'short' }), 'BAD_REQUEST')
  assert.equal(decide({ webSocketKey: undefined }), 'BAD_REQUEST')
  assert.equal(decide({ origin: 'https://evil.example' }), 'ORIGIN_REFUSED')
  assert.equal(decide({ origin: 'http://localhost:8080' }), 'accepted')
  assert.equal(decide({ subprotocols: undefined }), 'SUBPROTOCOL_REQUIRED')
  assert.equal(decide({ subprotocols: 'parley.v2,chat' }), 'SUBPROTOCOL_REQUIRED')
  assert.equal(decide({ subprotocols: 'chat, parley.v1' }), 'accepted')
  assert.equal(decide({}, { phase: 'draining' }), 'DRAINING')
  assert.equal(decide({}, { phase: 'starting' }), 'accepted')
  assert.equal(decide({}, { connections: 10 }), 'TOO_MANY_CONNECTIONS')
  assert.equal(decide({}, { connections: 5, connectionsOfAddress: 5 }), 'TOO_MANY_CONNECTIONS')
})

test('[HT7, REC1] readiness: serving and speech; a pod that is full or has lost its records is degraded, not away', () => {
  const full = { ...NO_STATS, active: 10 }
  const at = (...args: Parameters<typeof readinessOf>) => {
    const { isReady, status } = readinessOf(...args)
    return `${status} ${isReady}`
  }
  assert.equal(at('serving', { ready: true }, NO_STATS), 'ok true')
  assert.equal(at('serving', { ready: true }, full), 'degraded true')
  assert.equal(at('serving', { ready: false }, NO_STATS), 'degraded false')
  const lost = { lostForMs: 7 }
  assert.equal(at('serving', { ready: true }, NO_STATS, { lostForMs: undefined }), 'ok true')
  assert.equal(at('serving', { ready: true }, NO_STATS, lost), 'degraded true')
  assert.deepEqual(readinessOf('serving', { ready: true }, NO_STATS, lost).checks.records, 'failing')
  assert.equal('records' in readinessOf('serving', { ready: true }, NO_STATS).checks, false)
  assert.equal(at('starting', { ready: false }, NO_STATS), 'starting false')
  assert.equal(at('draining', { ready: true }, NO_STATS), 'draining false')
})

test('[HT3] the table says which methods an address answers', () => {
  assert.equal(
    routerPath('/v1/sessions/{sessionId}/watch-links/{linkId}'),
    '/v1/sessions/:sessionId/watch-links/:linkId',
  )
  assert.deepEqual(allowedMethods('/v1/sessions'), ['OPTIONS', 'POST'])
  assert.deepEqual(allowedMethods('/v1/sessions/ses_1'), ['DELETE', 'GET', 'HEAD', 'OPTIONS'])
  assert.deepEqual(allowedMethods('/nowhere'), [])
})

test('[POD3] why a listener cannot listen is one line, an exit code, and the setting to change', () => {
  const tcp = { kind: 'tcp', host: '0.0.0.0', port: 80, setting: 'server.port (--port)' } as const
  const failure = (code: string) => listenFailure(Object.assign(new Error('x'), { code }), tcp)
  assert.deepEqual([failure('EADDRINUSE').code, failure('EADDRINUSE').exitCode], ['PORT_IN_USE', 3])
  assert.match(failure('EADDRINUSE').message, /^port 80 of 0\.0\.0\.0 is taken.*--port.*$/)
  assert.deepEqual([failure('EACCES').code, failure('EACCES').exitCode], ['PORT_PERMISSION', 4])
  assert.equal(failure('EADDRNOTAVAIL').exitCode, 2)
  assert.equal(failure('EMFILE').exitCode, 70)
  assert.deepEqual(['::', '0.0.0.0', '::1', '[::1]', 'example.org'].map(urlHost), [
    'localhost',
    'localhost',
    '[::1]',
    '[::1]',
    'example.org',
  ])
})
