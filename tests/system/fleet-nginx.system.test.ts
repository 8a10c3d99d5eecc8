// Two pods behind one host name, a real nginx with the configuration that `parley emit nginx --fleet` writes: what clients see of them.
import assert from 'node:assert/strict'
import { chmod, mkdir, writeFile } from 'node:fs/promises'
import https from 'node:https'
import path from 'node:path'
import { type TestContext, test } from 'node:test'
import { MemoryDirectory } from '@parley/fleet'
import { newId, systemClock } from '@parley/kernel'
import { eventually, temporaryFolder } from '@parley/kernel/testing'
import { CLIENT_SUBPROTOCOL, type Problem, type SessionCreated, type SessionView } from '@parley/protocol'
import { silentLogger } from '@parley/telemetry'
import { WebSocket } from 'ws'
import { composePod } from '../../apps/pod/src/compose.ts'
import type { Pod } from '../../apps/pod/src/pod.ts'
import { API_KEY, testConfig } from '../../apps/pod/src/testing/pod-harness.ts'
import { PCM16 } from '../../apps/pod/src/testing/sessions/session-harness.ts'
import { TestClient } from '../../apps/pod/src/testing/sessions/test-client.ts'
import { ManualWorker } from '../../apps/pod/src/testing/speech/manual-worker.ts'
import { TEST_SECRET } from '../../apps/pod/src/testing/speech/worker-process.ts'
import { FIRST_CERTIFICATE, type TestCertificate } from '../../apps/pod/src/testing/test-certificates.ts'
import { freePorts, RunningNginx, SKIP_NGINX } from '../lib/nginx.ts'

interface Front {
  readonly pods: readonly [Pod, Pod]
  readonly nginx: RunningNginx
  readonly url: string
}

/** Pods are told the address of a proxy that is there only when their ports are known. */
async function start(t: TestContext, requestsPerMinute = 600, certificate?: TestCertificate): Promise<Front> {
  const folder = temporaryFolder('front')
  await mkdir(path.join(folder, 'page'))
  await writeFile(path.join(folder, 'page/index.html'), '<!doctype html><title>the page</title>')
  const worker = await ManualWorker.start({ slots: 50 })
  const directory = new MemoryDirectory(systemClock)
  const ids = [newId('pod'), newId('pod')] as const
  const ports = await freePorts(2)
  const nginx = await RunningNginx.start({
    pods: ids.map((id, n) => [id, ports[n] ?? 0] as const),
    plan: { idleTimeoutMs: 5_000, tls: certificate && (await keep(folder, certificate)) },
  })
  const url = `${certificate ? 'https' : 'http'}://127.0.0.1:${nginx.port}`
  const startPod = async (index: 0 | 1): Promise<Pod> => {
    const settings = {
      'udp.enabled': 'false',
      'admin.port': '0',
      'server.port': String(ports[index]),
      'server.publicUrl': url,
      'server.trustedProxies': '127.0.0.1',
      'limits.requestsPerMinute': String(requestsPerMinute),
      'log.level': 'silent',
    }
    const pod = await composePod({
      clock: systemClock,
      config: testConfig(folder, settings),
      podId: ids[index],
      fleetSecret: TEST_SECRET,
      logger: silentLogger,
      pageFolder: path.join(folder, 'page'),
      fleetDirectory: { kind: 'redis', directory },
    })
    pod.setWorkers([worker.address])
    return pod
  }
  const pods = [await startPod(0), await startPod(1)] as const
  t.after(async () => {
    await Promise.all(pods.map((pod) => pod.stop()))
    await Promise.all([nginx.stop(), worker.end()])
  })
  await eventually(async () => {
    const answer = await directory.members()
    const count = answer.ok ? answer.value.length : 0
    return count === 2 && pods.every((pod) => pod.speech.status().ready) ? undefined : `${count} members`
  })
  return { pods, nginx, url }
}

/** Where nginx reads it: it is not root. */
async function keep(folder: string, { cert, key }: TestCertificate): Promise<{ certFile: string; keyFile: string }> {
  const files = { certFile: path.join(folder, 'front.crt'), keyFile: path.join(folder, 'front.key') }
  await chmod(folder, 0o755)
  await writeFile(files.certFile, cert)
  await writeFile(files.keyFile, key, { mode: 0o644 })
  return files
}

const call = (url: string, init: RequestInit = {}): Promise<Response> =>
  fetch(url, {
    ...init,
    headers: {
      authorization: `Bearer ${API_KEY}`,
      ...(init.body ? { 'content-type': 'application/json' } : {}),
      ...init.headers,
    },
  })

async function create(url: string): Promise<SessionCreated> {
  const answer = await call(`${url}/v1/sessions`, { method: 'POST', body: '{}' })
  const body = await answer.text()
  assert.equal(answer.status, 201, body)
  return JSON.parse(body) as SessionCreated
}

async function connect(created: SessionCreated): Promise<TestClient> {
  const client = await TestClient.connect(created.url)
  client.send({ type: 'hello', token: created.ticket, audio: PCM16 })
  return client
}

test('[EMN8, PF9] sessions on both pods by one address; each is reached through its path, and a dead pod is stood in for', {
  skip: SKIP_NGINX,
}, async (t) => {
  const { pods, nginx, url } = await start(t)
  const wsUrls = pods.map(({ podId }) => `ws://127.0.0.1:${nginx.port}/p/${podId}/v1/ws`)

  // Every address a client is told is that of the one host name.
  const created = await Promise.all(Array.from({ length: 4 }, () => create(url)))
  // On a machine that does much else one may have nothing left for a while.
  await eventually(
    async () => {
      if (new Set(created.map((each) => each.url)).size === pods.length) return undefined
      created.push(await create(url))
      return 'one pod gets every session'
    },
    { everyMs: 500 },
  )
  assert.deepEqual(new Set(created.map((each) => each.url)), new Set(wsUrls))
  const clients = await Promise.all(created.map(connect))
  for (const [n, client] of clients.entries()) {
    const welcome = await client.expect('welcome')
    assert.equal(created[n]?.url.includes(welcome.podId), true)
    assert.deepEqual(new Set(welcome.entryUrls), new Set(wsUrls))
  }
  // A call about a session: any pod may get it; the right one is named by an address of the same host.
  const [one] = created as [SessionCreated]
  const at = `/v1/sessions/${one.sessionId}`
  const owner = /\/p\/([^/]+)\//.exec(one.url)?.[1] ?? ''
  const view = (await (await call(`${url}/p/${owner}${at}`)).json()) as SessionView
  assert.deepEqual([view.podId, view.state], [owner, 'active'])
  const other = pods.find(({ podId }) => podId !== owner)?.podId
  const wrong = await call(`${url}/p/${other}${at}`)
  assert.deepEqual([wrong.status, ((await wrong.json()) as Problem).location], [421, `${url}/p/${owner}${at}`])

  // Longer than nothing is said by nginx's measure: client and pod ask each other.
  const page = await fetch(`${url}/watch`)
  assert.deepEqual([page.status, (await page.text()).includes('the page')], [200, true])
  for (const hidden of ['/metrics', '/fleet', '/admin/sessions', '/budgets']) {
    const answer = await call(`${url}${hidden}`)
    assert.notEqual(answer.status === 200 && answer.headers.get('content-type')?.includes('json'), true, hidden)
  }

  // A pod that is gone: new sessions go to the other, and what is asked of it by its path is answered in its place.
  const [gone, left] = pods
  await gone.stop()
  for (let n = 0; n < 4; n++) assert.ok((await create(url)).url.includes(left.podId))
  // Its clients are let in there too, and told what became of their sessions.
  const atOther = await TestClient.connect(`ws://127.0.0.1:${nginx.port}/p/${gone.podId}/v1/ws`)
  atOther.send({ type: 'hello', token: one.ticket, audio: PCM16 })
  assert.match((await atOther.expect('error')).code, /^(SESSION_|TICKET_USED|WRONG_POD)/)
  atOther.cut()
  const known = await call(`${url}/p/${gone.podId}/v1/sessions/ses_unknown`)
  assert.ok([404, 421].includes(known.status), String(known.status))
  for (const client of clients) client.cut()
})

test('[EMN8] limits per address count who came to nginx, not nginx; what a client says of its address is not believed', {
  skip: SKIP_NGINX,
}, async (t) => {
  const { url } = await start(t, 30)
  const statuses: number[] = []
  for (let n = 0; n < 90 && !statuses.includes(429); n++) {
    const headers = { 'x-forwarded-for': `203.0.113.${n}`, forwarded: `for=203.0.113.${n}` }
    statuses.push((await call(`${url}/v1/voices`, { headers })).status)
  }
  assert.ok(statuses.includes(429), `${statuses.length} passed`)
})

test('[EMN8, PF9] with a certificate clients speak TLS with nginx, and are told so', {
  skip: SKIP_NGINX,
}, async (t) => {
  const { nginx } = await start(t, 600, FIRST_CERTIFICATE)
  const created = await new Promise<SessionCreated>((resolve, reject) => {
    const headers = { authorization: `Bearer ${API_KEY}`, 'content-type': 'application/json', 'content-length': 2 }
    const options = { method: 'POST', headers, ca: FIRST_CERTIFICATE.cert }
    const request = https.request(`https://127.0.0.1:${nginx.port}/v1/sessions`, options, (response) => {
      let text = ''
      response.on('data', (part) => {
        text += part
      })
      response.once('end', () => resolve(JSON.parse(text) as SessionCreated))
    })
    request.once('error', reject)
    request.end('{}')
  })
  assert.match(created.url, new RegExp(`^wss://127\\.0\\.0\\.1:${nginx.port}/p/pod_`))
  const socket = new WebSocket(created.url, CLIENT_SUBPROTOCOL, { ca: FIRST_CERTIFICATE.cert })
  await new Promise((resolve, reject) => socket.once('open', resolve).once('error', reject))
  socket.send(JSON.stringify({ type: 'hello', token: created.ticket, audio: PCM16 }))
  const first = await new Promise((resolve) => socket.once('message', resolve))
  assert.equal((JSON.parse(String(first)) as { type: string }).type, 'welcome')
  socket.terminate()
})
