import assert from 'node:assert/strict'
import { test } from 'node:test'
import { testConfig } from '@parley/config/testing'
import { callUrlAt, directUrlOf, reachedUrl, urlsAt } from './addresses.ts'

test('[PF9] a pod bound to loopback or to every address is reached by the name the caller used, at its own port', () => {
  for (const bound of ['http://127.0.0.1:8081', 'http://localhost:8081/', 'http://0.0.0.0:8081', 'http://[::]:8081']) {
    assert.equal(reachedUrl(bound, 'box.lan:8080'), 'http://box.lan:8081', bound)
    assert.equal(reachedUrl(bound, '192.168.1.4:8080'), 'http://192.168.1.4:8081', bound)
    assert.equal(reachedUrl(bound, '[fe80::1]:8080'), 'http://[fe80::1]:8081', bound)
  }
  assert.equal(reachedUrl('https://localhost:8081', 'box.lan'), 'https://box.lan:8081')
})

test('[PF9] an address that others can reach is told as it is, and so is any when nobody knows how the caller came', () => {
  assert.equal(reachedUrl('https://captions.example.org/', 'box.lan:8080'), 'https://captions.example.org')
  assert.equal(reachedUrl('http://10.0.0.7:8080', 'box.lan:8080'), 'http://10.0.0.7:8080')
  assert.equal(reachedUrl('http://127.0.0.1:8081', undefined), 'http://127.0.0.1:8081')
})

test('[PF9] below it are the WebSocket, the page, and calls by which a proxy can route', () => {
  const urls = { wsUrl: 'wss://c.example.org/p/pod_a/v1/ws', pageUrl: 'https://c.example.org/' }
  assert.deepEqual(urlsAt('https://c.example.org', 'pod_a'), urls)
  assert.equal(
    callUrlAt('https://c.example.org', 'pod_a', '/v1/sessions/ses_1/history?limit=2'),
    'https://c.example.org/p/pod_a/v1/sessions/ses_1/history?limit=2',
  )
})

test('[PF17] where a proxy reaches the listener: where it is bound, or at the name other pods have for this machine', () => {
  const at = (server: object, fleet: object = {}, tls: object = {}) =>
    directUrlOf(testConfig({ server, fleet, tls }), 8081)
  assert.equal(at({ host: '127.0.0.1' }), 'http://127.0.0.1:8081')
  assert.equal(at({ host: '10.0.0.5', insecure: true }, { announcedHost: 'pod-1.lan' }), 'http://10.0.0.5:8081')
  assert.equal(at({ host: '0.0.0.0', insecure: true }), 'http://127.0.0.1:8081')
  assert.equal(at({ host: '0.0.0.0', insecure: true }, { announcedHost: 'pod-1.lan' }), 'http://pod-1.lan:8081')
  assert.equal(at({ host: '::', insecure: true }, { host: '10.0.0.5' }), 'http://10.0.0.5:8081')
  assert.equal(at({ host: '::1' }), 'http://[::1]:8081')
})
