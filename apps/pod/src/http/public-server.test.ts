import assert from 'node:assert/strict'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { systemClock } from '@parley/kernel'
import { eventually, ManualClock } from '@parley/kernel/testing'
import { OPERATIONS, type Operation, type OperationId, ParleyError, type Problem } from '@parley/protocol'
import { API_KEY, type PodHarness, rawRequest, startTestPod } from '../testing/pod-harness.ts'
import { FAILED_AUTHENTICATIONS_PER_MINUTE } from './public-server.ts'

const post = (body: unknown, headers: Record<string, string> = {}): RequestInit => ({
  method: 'POST',
  headers: { 'content-type': 'application/json', ...headers },
  body: typeof body === 'string' ? body : JSON.stringify(body),
})

/** The problem an answer holds, checked to be a whole one that agrees with the status and headers. */
async function problem(response: Response): Promise<Problem> {
  assert.match(response.headers.get('content-type') ?? '', /^application\/problem\+json/)
  const body = (await response.json()) as Problem
  assert.equal(body.status, response.status)
  assert.equal(body.type, `https://parley.dev/errors/${body.code}`)
  assert.equal(body.requestId, response.headers.get('x-request-id'))
  assert.ok(body.title && body.detail && body.hop)
  return body
}

async function openPage(pod: PodHarness): Promise<string> {
  const opened = await fetch(`${pod.url}/v1/page/session`, post({ code: pod.pod.mintPageCode().code }))
  assert.equal(opened.status, 200)
  return (opened.headers.get('set-cookie') ?? '').split(';')[0] ?? ''
}

test('[HT1] a session is created, seen, watched and ended over REST', async (t) => {
  const pod = await startTestPod(t)
  const created = await pod.call('/v1/sessions', post({ language: 'en', metadata: { room: '1' } }))
  assert.equal(created.status, 201)
  const session = (await created.json()) as { sessionId: string; url: string }
  assert.equal(session.url, `ws://127.0.0.1:${pod.port}${pod.wsPath}`)
  assert.equal(created.headers.get('cache-control'), 'no-store')
  const path = `/v1/sessions/${session.sessionId}`
  assert.equal(((await (await pod.call(path)).json()) as { state: string }).state, 'opening')
  const link = await pod.call(`${path}/watch-links`, post({ lifetimeMs: 5_000 }))
  assert.equal(link.status, 201)
  const { linkId, pageUrl } = (await link.json()) as { linkId: string; pageUrl: string }
  assert.match(pageUrl, new RegExp(`^http://127.0.0.1:${pod.port}/watch#`))
  assert.equal((await pod.call(`${path}/watch-links/${linkId}`, { method: 'DELETE' })).status, 204)
  assert.equal((await pod.call(path, { method: 'DELETE' })).status, 204)
  assert.equal((await problem(await pod.call(path))).code, 'SESSION_UNKNOWN')
})

test('[HT1] every operation of the table has a route', async (t) => {
  const pod = await startTestPod(t)
  for (const [id, { method, path }] of Object.entries(OPERATIONS) as [OperationId, Operation][]) {
    const response = await fetch(`${pod.url}${path.replaceAll(/\{\w+\}/g, 'x')}`, { method })
    assert.ok(![404, 405].includes(response.status), `${id} answered ${response.status}`)
    await response.arrayBuffer()
  }
})

test('[HT5] voices are listed to whoever may have sessions, and to nobody else', async (t) => {
  const pod = await startTestPod(t)
  const listed = await pod.call('/v1/voices')
  assert.deepEqual(await listed.json(), { voices: [{ name: 'tone', language: 'en', engine: 'scripted' }] })
  assert.equal((await problem(await fetch(`${pod.url}/v1/voices`))).code, 'UNAUTHENTICATED')
})

test('[HT1] a body that may be empty may be missing; fields are checked by name, unknown ones refused', async (t) => {
  const pod = await startTestPod(t)
  assert.equal((await pod.call('/v1/sessions', { method: 'POST' })).status, 201)
  const unknown = await problem(await pod.call('/v1/sessions', post({ langauge: 'en' })))
  assert.deepEqual([unknown.code, unknown.status, unknown.field], ['UNKNOWN_FIELD', 400, 'langauge'])
  const invalid = await problem(await pod.call('/v1/sessions', post({ language: 7 })))
  assert.deepEqual([invalid.code, invalid.field], ['INVALID_FIELD', 'language'])
  const missing = await problem(await pod.call('/v1/tokens', post({})))
  assert.deepEqual([missing.code, missing.field], ['INVALID_FIELD', 'user'])
  const poisoned = await problem(await pod.call('/v1/sessions', post('{"__proto__":{"admin":true}}')))
  assert.equal(poisoned.code, 'BAD_REQUEST')
  assert.equal(pod.sessions.creates.length, 1)
})

test('[HT18] the history is read page by page; its query is checked by name', async (t) => {
  const pod = await startTestPod(t)
  const { sessionId } = (await (await pod.call('/v1/sessions', post({}))).json()) as { sessionId: string }
  const history = (query: string) => pod.call(`/v1/sessions/${sessionId}/history${query}`)
  const page = await history('?afterSeq=12&limit=7')
  assert.equal(page.status, 200)
  assert.match(page.headers.get('content-type') ?? '', /^application\/json/)
  assert.deepEqual(await page.json(), {
    sessionId,
    firstSeq: 1,
    lastSeq: 2,
    events: [{ seq: 1 }, { seq: 2 }],
    more: false,
  })
  assert.equal((await history('')).status, 200)
  assert.deepEqual(pod.sessions.historyQueries, [{ afterSeq: 12, limit: 7 }, {}])
  const cases: [string, string, string][] = [
    ['?afterSeq=-1', 'INVALID_FIELD', 'afterSeq'],
    ['?afterSeq=1.5', 'INVALID_FIELD', 'afterSeq'],
    ['?afterSeq=', 'INVALID_FIELD', 'afterSeq'],
    ['?afterSeq=0x10', 'INVALID_FIELD', 'afterSeq'],
    ['?limit=0', 'INVALID_FIELD', 'limit'],
    ['?limit=1001', 'INVALID_FIELD', 'limit'],
    ['?limit=1&limit=2', 'INVALID_FIELD', 'limit'],
    ['?before=3', 'UNKNOWN_FIELD', 'before'],
  ]
  for (const [query, code, field] of cases) {
    const refused = await problem(await history(query))
    assert.deepEqual([refused.code, refused.field, refused.status], [code, field, 400], query)
  }
  assert.equal((await problem(await pod.call('/v1/sessions/ses_x/history'))).code, 'SESSION_UNKNOWN')
  const stranger = await fetch(`${pod.url}/v1/sessions/${sessionId}/history`)
  assert.equal((await problem(stranger)).code, 'UNAUTHENTICATED')
})

test('[HT2] what is refused before a handler runs is a problem too', async (t) => {
  const pod = await startTestPod(t)
  const cases: [string, Promise<Response>, number, string][] = [
    ['malformed JSON', pod.call('/v1/sessions', post('{"language":')), 400, 'BAD_REQUEST'],
    ['empty JSON', pod.call('/v1/sessions', post('')), 400, 'BAD_REQUEST'],
    ['an array', pod.call('/v1/sessions', post([])), 400, 'INVALID_FIELD'],
    ['text', pod.call('/v1/sessions', post('hi', { 'content-type': 'text/plain' })), 415, 'UNSUPPORTED_MEDIA_TYPE'],
    [
      'a form',
      pod.call('/v1/sessions', post('a=b', { 'content-type': 'application/x-www-form-urlencoded' })),
      415,
      'UNSUPPORTED_MEDIA_TYPE',
    ],
    ['70 kB', pod.call('/v1/sessions', post({ language: 'x'.repeat(70_000) })), 413, 'MESSAGE_TOO_LARGE'],
    ['nothing there', pod.call('/nowhere'), 404, 'NOT_FOUND'],
    ['nothing under /v1', pod.call('/v1/nowhere', { method: 'POST' }), 404, 'NOT_FOUND'],
    ['a very long id', pod.call(`/v1/sessions/${'x'.repeat(3_000)}`), 404, 'NOT_FOUND'],
    ['a malformed URL', pod.call('/v1/sessions/%zz'), 400, 'BAD_REQUEST'],
    ['a strange id', pod.call('/v1/sessions/..%2f..%2fetc'), 404, 'SESSION_UNKNOWN'],
    ['a WebSocket address without upgrade', pod.call(pod.wsPath), 426, 'UPGRADE_REQUIRED'],
    ['the WebSocket address of another pod', pod.call('/p/pod_other/v1/ws'), 421, 'WRONG_POD'],
  ]
  for (const [what, response, status, code] of cases) {
    const body = await problem(await response)
    assert.deepEqual([body.status, body.code], [status, code], what)
  }
})

test('[HT3] a wrong method is told the right ones', async (t) => {
  const pod = await startTestPod(t)
  const response = await pod.call('/v1/sessions', { method: 'PUT' })
  assert.equal(response.headers.get('allow'), 'OPTIONS, POST')
  const body = await problem(response)
  assert.deepEqual([body.code, body.status, body.allowed], ['METHOD_NOT_ALLOWED', 405, ['OPTIONS', 'POST']])
  assert.equal((await problem(await pod.call('/livez', { method: 'POST' }))).code, 'METHOD_NOT_ALLOWED')
  assert.equal((await fetch(`${pod.url}/v1/sessions`, { method: 'OPTIONS' })).status, 204)
})

test('[HT2] what is not HTTP, too long or too slow is answered with a problem and cut', async (t) => {
  const pod = await startTestPod(t)
  const noise = await rawRequest(pod.port, 'EHLO example.org\r\n\r\n')
  assert.deepEqual([noise.status, JSON.parse(noise.body).code], [400, 'BAD_REQUEST'])
  const long = await rawRequest(pod.port, `GET / HTTP/1.1\r\nhost: x\r\nx-long: ${'x'.repeat(20_000)}\r\n\r\n`)
  assert.deepEqual([long.status, JSON.parse(long.body).code], [431, 'HEADERS_TOO_LARGE'])
  const noHost = await rawRequest(pod.port, 'GET /livez HTTP/1.1\r\n\r\n')
  assert.equal(noHost.status, 400)
})

test('[HT2] a request that does not arrive in time is answered 408', async (t) => {
  const timeouts = { headersMs: 50, requestMs: 100, checkMs: 20 }
  const pod = await startTestPod(t, { overrides: { timeouts } })
  const slowHead = await rawRequest(pod.port, 'GET /livez HTTP/1.1\r\nhost: x\r\n')
  assert.deepEqual([slowHead.status, JSON.parse(slowHead.body).code], [408, 'REQUEST_TIMEOUT'])
  const head = `POST /v1/sessions HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ${API_KEY}\r\ncontent-type: application/json`
  const slowBody = await rawRequest(pod.port, `${head}\r\ncontent-length: 10\r\n\r\n{`)
  assert.equal(slowBody.status, 408)
})

test('[HT2] a handler that throws answers INTERNAL, tells nothing of the cause, and logs it', async (t) => {
  const pod = await startTestPod(t)
  pod.sessions.failure = new Error('the secret cause')
  const response = await pod.call('/v1/sessions', post({}))
  const body = await problem(response)
  assert.deepEqual([body.code, body.status, body.retryable], ['INTERNAL', 500, true])
  assert.ok(!JSON.stringify(body).includes('secret cause'))
  const line = pod.lines.find((each) => each.level === 'error')
  assert.equal(line?.fields.requestId, body.requestId)
  assert.equal((line?.fields as { err?: Error } | undefined)?.err?.message, 'the secret cause')
})

test('[HT2] a refusal of sessions keeps its code, status and retry advice', async (t) => {
  const pod = await startTestPod(t)
  pod.sessions.refusal = new ParleyError('NO_SLOT', { retryAfterMs: 1_200 })
  const response = await pod.call('/v1/sessions', post({}))
  assert.equal(response.headers.get('retry-after'), '2')
  const body = await problem(response)
  assert.deepEqual([body.code, body.status, body.hop, body.retryAfterMs], ['NO_SLOT', 503, 'worker', 1_200])
})

test('[HT4] a sane request id is kept, anything else replaced', async (t) => {
  const pod = await startTestPod(t)
  const idFor = async (id: string) =>
    (await fetch(`${pod.url}/livez`, { headers: { 'x-request-id': id } })).headers.get('x-request-id')
  assert.equal(await idFor('abc-1.2:3_4'), 'abc-1.2:3_4')
  for (const id of ['', 'a b', 'x'.repeat(65), '{"a":1}']) assert.match((await idFor(id)) ?? '', /^req_[0-9a-z]{20}$/)
})

test('[HT5] who may call what: nobody, a user, a backend', async (t) => {
  const pod = await startTestPod(t)
  const none = await fetch(`${pod.url}/v1/sessions`, post({}))
  assert.equal(none.headers.get('www-authenticate'), 'Bearer realm="parley"')
  assert.equal((await problem(none)).code, 'UNAUTHENTICATED')
  assert.equal((await problem(await pod.call('/v1/sessions', post({}, { authorization: 'Bearer wrong' })))).status, 401)

  const minted = await pod.call('/v1/tokens', post({ user: 'ann', lifetimeMs: 60_000 }))
  assert.equal(minted.status, 201)
  const { token } = (await minted.json()) as { token: string }
  const asAnn = { authorization: `Bearer ${token}` }
  assert.equal((await pod.call('/v1/sessions', post({}, asAnn))).status, 201)
  const forbidden = await problem(await pod.call('/v1/tokens', post({ user: 'bob' }, asAnn)))
  assert.deepEqual([forbidden.code, forbidden.status], ['FORBIDDEN', 403])
  assert.deepEqual(pod.sessions.creates.at(-1)?.principal, {
    tenant: 'default',
    role: 'user',
    user: 'ann',
    keyId: undefined,
  })
})

test('[HT5] a stranger is turned away before its body is read', async (t) => {
  const pod = await startTestPod(t)
  const response = await fetch(`${pod.url}/v1/sessions`, post('{"broken'))
  assert.equal((await problem(response)).code, 'UNAUTHENTICATED')
})

test('[HT6] a one-time code opens a page session; the cookie is out of reach of scripts', async (t) => {
  const pod = await startTestPod(t)
  const { code } = pod.pod.mintPageCode()
  const askedAtMs = systemClock.nowMs()
  const opened = await fetch(`${pod.url}/v1/page/session`, post({ code }))
  const tookS = (systemClock.nowMs() - askedAtMs) / 1000
  const cookie = opened.headers.get('set-cookie') ?? ''
  const [, ageS] = /^parley_page=[^;]+; Path=\/; HttpOnly; SameSite=Strict; Max-Age=(\d+)$/.exec(cookie) ?? []
  // Twelve hours, less what opening it took and the rest of a second.
  assert.ok(Number(ageS) <= 43_200 && Number(ageS) >= 43_200 - tookS - 1, cookie)
  const info = (await opened.json()) as { authenticated: boolean; languages: string[]; version: string }
  assert.deepEqual([info.authenticated, info.languages], [true, ['en']])
  const again = await fetch(`${pod.url}/v1/page/session`, post({ code }))
  assert.equal((await problem(again)).code, 'CODE_INVALID')

  const pageInfo = async (headers: Record<string, string>) =>
    ((await (await fetch(`${pod.url}/v1/page`, { headers })).json()) as { authenticated: boolean }).authenticated
  assert.equal(await pageInfo({ cookie: cookie.split(';')[0] ?? '' }), true)
  assert.equal(await pageInfo({ cookie: 'parley_page=forged' }), false)
  assert.equal(await pageInfo({}), false)
})

test('[HT6] a second code in the same browser keeps its user; another browser is another user', async (t) => {
  const pod = await startTestPod(t)
  const userOf = async (cookie: string) => {
    const response = await fetch(`${pod.url}/v1/sessions`, post({}, { cookie, origin: pod.url }))
    assert.equal(response.status, 201)
    return pod.sessions.creates.at(-1)?.principal.user
  }
  const first = await openPage(pod)
  const user = await userOf(first)
  assert.match(user ?? '', /^page:/)
  const { code } = pod.pod.mintPageCode()
  const renewed = await fetch(`${pod.url}/v1/page/session`, post({ code }, { cookie: first }))
  assert.equal(await userOf((renewed.headers.get('set-cookie') ?? '').split(';')[0] ?? ''), user)
  assert.notEqual(await userOf(await openPage(pod)), user)
})

test('[HT6] over TLS, also a proxy that tells, the cookie is Secure and bound to this host', async (t) => {
  const pod = await startTestPod(t, { settings: { 'server.trustedProxies': '127.0.0.1' } })
  const { code } = pod.pod.mintPageCode()
  const opened = await fetch(`${pod.url}/v1/page/session`, post({ code }, { 'x-forwarded-proto': 'https' }))
  assert.match(opened.headers.get('set-cookie') ?? '', /^__Host-parley_page=.*; Secure$/)
})

test('[HT9] a page session changes nothing for another page: own or allowed Origin, or refused', async (t) => {
  const pod = await startTestPod(t, { settings: { 'server.allowedOrigins': 'https://app.example.org' } })
  const cookie = await openPage(pod)
  const create = (headers: Record<string, string>) => fetch(`${pod.url}/v1/sessions`, post({}, { cookie, ...headers }))
  assert.equal((await problem(await create({}))).code, 'ORIGIN_REFUSED')
  assert.equal((await problem(await create({ origin: 'https://evil.example' }))).code, 'ORIGIN_REFUSED')
  assert.equal((await problem(await create({ origin: 'null' }))).code, 'ORIGIN_REFUSED')
  assert.equal((await create({ origin: pod.url })).status, 201)
  assert.equal((await create({ origin: 'https://app.example.org' })).status, 201)
  // Reading needs no Origin: browsers send none with it.
  const seen = await fetch(`${pod.url}/v1/sessions/ses_x`, { headers: { cookie } })
  assert.equal((await problem(seen)).code, 'SESSION_UNKNOWN')
  const { code } = pod.pod.mintPageCode()
  const login = await fetch(`${pod.url}/v1/page/session`, post({ code }, { origin: 'https://evil.example' }))
  assert.equal((await problem(login)).code, 'ORIGIN_REFUSED')
})

test('[HT9] browsers of allowed origins may read answers, others not', async (t) => {
  const pod = await startTestPod(t, { settings: { 'server.allowedOrigins': 'https://app.example.org' } })
  const preflight = (origin: string) =>
    fetch(`${pod.url}/v1/sessions`, { method: 'OPTIONS', headers: { origin, 'access-control-request-method': 'POST' } })
  const allowed = await preflight('https://app.example.org')
  assert.equal(allowed.status, 204)
  assert.equal(allowed.headers.get('access-control-allow-origin'), 'https://app.example.org')
  assert.match(allowed.headers.get('access-control-allow-headers') ?? '', /authorization/)
  assert.match(allowed.headers.get('vary') ?? '', /Origin/i)
  const refused = await preflight('https://evil.example')
  assert.equal(refused.headers.get('access-control-allow-origin'), null)
  assert.equal((await problem(refused)).code, 'ORIGIN_REFUSED')
  const answer = await pod.call('/v1/sessions', post({}, { origin: 'https://evil.example' }))
  assert.equal(answer.headers.get('access-control-allow-origin'), null)
})

test('[HT12] an address may make so many requests per minute; probes are not counted', async (t) => {
  const pod = await startTestPod(t, { settings: { 'limits.requestsPerMinute': '3' }, clock: new ManualClock() })
  for (let count = 0; count < 3; count++) assert.equal((await pod.call('/v1/page')).status, 200)
  const limited = await pod.call('/v1/page')
  assert.equal(limited.headers.get('retry-after'), '20')
  const body = await problem(limited)
  assert.deepEqual([body.code, body.status, body.retryAfterMs], ['RATE_LIMITED', 429, 20_000])
  assert.equal((await problem(await pod.call('/nowhere'))).status, 429)
  for (const path of ['/livez', '/readyz', '/health']) assert.equal((await fetch(pod.url + path)).status, 200)
})

test('[HT12] the limit follows the address a trusted proxy names', async (t) => {
  const settings = { 'limits.requestsPerMinute': '1', 'server.trustedProxies': '127.0.0.1' }
  const pod = await startTestPod(t, { settings, clock: new ManualClock() })
  const from = async (address: string) =>
    (await fetch(`${pod.url}/v1/page`, { headers: { 'x-forwarded-for': address } })).status
  assert.deepEqual(
    [await from('198.51.100.1'), await from('198.51.100.1'), await from('198.51.100.2')],
    [200, 429, 200],
  )
  assert.deepEqual(
    [await from('2001:db8::1'), await from('2001:db8::2'), await from('2001:db8:0:1::1')],
    [200, 429, 200],
  )
})

test('[HT12] spoofed forwarding headers do not help against the limit', async (t) => {
  const pod = await startTestPod(t, { settings: { 'limits.requestsPerMinute': '1' }, clock: new ManualClock() })
  const from = async (address: string) =>
    (await fetch(`${pod.url}/v1/page`, { headers: { 'x-forwarded-for': address } })).status
  assert.deepEqual([await from('198.51.100.1'), await from('198.51.100.2')], [200, 429])
})

test('[ID10] too many wrong credentials or codes from an address: even right ones wait', async (t) => {
  const clock = new ManualClock()
  const pod = await startTestPod(t, { clock })
  const wrong = { authorization: 'Bearer pk_wrong' }
  for (let count = 0; count < FAILED_AUTHENTICATIONS_PER_MINUTE - 1; count++) {
    assert.equal((await pod.call('/v1/sessions', post({}, wrong))).status, 401)
  }
  // No credential at all is no attempt at one.
  assert.equal((await fetch(`${pod.url}/v1/sessions`, post({}))).status, 401)
  assert.equal((await problem(await fetch(`${pod.url}/v1/page/session`, post({ code: 'guess' })))).code, 'CODE_INVALID')
  const limited = await pod.call('/v1/sessions', post({}))
  assert.equal((await problem(limited)).code, 'RATE_LIMITED')
  const { code } = pod.pod.mintPageCode()
  assert.equal((await fetch(`${pod.url}/v1/page/session`, post({ code }))).status, 429)
  clock.advance(60_000 / FAILED_AUTHENTICATIONS_PER_MINUTE)
  assert.equal((await pod.call('/v1/sessions', post({}))).status, 201)
})

test('[HT7] livez depends on nothing, readyz and health on speech and the phase; HEAD is answered', async (t) => {
  const pod = await startTestPod(t)
  const status = async (path: string, method = 'GET') => (await fetch(pod.url + path, { method })).status
  assert.deepEqual([await status('/livez'), await status('/readyz'), await status('/health')], [200, 200, 200])
  assert.deepEqual(
    [await status('/livez', 'HEAD'), await status('/readyz', 'HEAD'), await status('/health', 'HEAD')],
    [200, 200, 200],
  )
  assert.deepEqual(await (await fetch(`${pod.url}/health`)).json(), {
    status: 'ok',
    checks: { speech: 'ok', seats: 'ok' },
  })
  pod.speech.setReady(false)
  assert.deepEqual([await status('/livez'), await status('/readyz'), await status('/health', 'HEAD')], [200, 503, 503])
  const degraded = await (await fetch(`${pod.url}/health`)).json()
  assert.deepEqual(degraded, { status: 'degraded', checks: { speech: 'failing', seats: 'ok' } })
})

test('[HT15] browsers are told to run nothing inline and nothing from elsewhere', async (t) => {
  const pod = await startTestPod(t)
  const { headers } = await fetch(`${pod.url}/livez`)
  const policy = headers.get('content-security-policy') ?? ''
  for (const part of [
    "default-src 'none'",
    "connect-src 'self' ws: wss:",
    "script-src 'self'",
    "frame-ancestors 'none'",
  ]) {
    assert.ok(policy.includes(part), part)
  }
  assert.doesNotMatch(policy, /unsafe-|upgrade-insecure|script-src[^;]*blob/)
  assert.equal(headers.get('x-content-type-options'), 'nosniff')
  assert.equal(headers.get('referrer-policy'), 'no-referrer')
  assert.match(headers.get('permissions-policy') ?? '', /microphone=\(self\)/)
  assert.equal(headers.get('strict-transport-security'), null)
  assert.equal(headers.get('x-powered-by'), null)
  const answer = await pod.call('/v1/voices')
  assert.equal(answer.status, 200)
  assert.equal(answer.headers.get('content-security-policy'), "default-src 'none';frame-ancestors 'none'")
  for (const [name, value] of [
    ['x-content-type-options', 'nosniff'],
    ['referrer-policy', 'no-referrer'],
    ['x-frame-options', 'DENY'],
    ['strict-transport-security', null],
  ] as const) {
    assert.equal(answer.headers.get(name), value, name)
  }
  const refused = await fetch(`${pod.url}/v1/voices`)
  assert.deepEqual([refused.status, refused.headers.get('x-content-type-options')], [401, 'nosniff'])
})

async function builtPage(t: TestContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'parley-page-'))
  t.after(() => rm(folder, { recursive: true, force: true }))
  await mkdir(join(folder, 'assets'))
  await writeFile(join(folder, 'index.html'), '<!doctype html><title>Parley</title>')
  await writeFile(join(folder, 'favicon.svg'), '<svg/>')
  await writeFile(join(folder, 'assets', 'index-3f2a.js'), 'export {}')
  return folder
}

test('[HT16] the page starts at / and /watch, asked for again each time; hashed assets are kept', async (t) => {
  const pod = await startTestPod(t, { pageFolder: await builtPage(t) })
  for (const path of ['/', '/watch', '/watch?x=1']) {
    const page = await fetch(pod.url + path)
    assert.match(await page.text(), /<title>Parley/)
    assert.match(page.headers.get('content-type') ?? '', /text\/html/)
    assert.equal(page.headers.get('cache-control'), 'no-cache')
  }
  const asset = await fetch(`${pod.url}/assets/index-3f2a.js`)
  assert.equal(asset.headers.get('cache-control'), 'public, max-age=31536000, immutable')
  assert.match(asset.headers.get('content-type') ?? '', /javascript/)
  assert.equal((await fetch(`${pod.url}/favicon.svg`)).headers.get('cache-control'), 'no-cache')
  const gone = await fetch(`${pod.url}/assets/index-old.js`)
  assert.equal(gone.headers.get('cache-control'), 'no-store')
  assert.equal((await problem(gone)).code, 'NOT_FOUND')
  for (const path of ['/../package.json', '/..%2fpackage.json', '/assets/..%2f..%2f..%2fetc/passwd']) {
    const { status, body } = await rawRequest(pod.port, `GET ${path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n`)
    assert.ok(status === 400 || status === 403 || status === 404, `${path} answered ${status}`)
    assert.doesNotMatch(body, /root:/)
  }
})

test('[HT16] a page that was not built is a plain sentence, and the API works', async (t) => {
  const pod = await startTestPod(t)
  const page = await fetch(`${pod.url}/`)
  assert.equal(page.status, 503)
  assert.match(await page.text(), /The page has not been built.*parley up/s)
  assert.equal((await pod.call('/v1/sessions', post({}))).status, 201)
})

test('[HT8] without a sane Host nothing is created, unless publicUrl says who we are', async (t) => {
  const pod = await startTestPod(t)
  const text = (host: string) =>
    `POST /v1/sessions HTTP/1.1\r\nhost: ${host}\r\nauthorization: Bearer ${API_KEY}\r\nconnection: close\r\n\r\n`
  const bent = await rawRequest(pod.port, text('evil/..'))
  assert.deepEqual([bent.status, JSON.parse(bent.body).field], [400, 'host'])
  const named = await startTestPod(t, { settings: { 'server.publicUrl': 'https://captions.example.org/' } })
  const created = await rawRequest(named.port, text('evil/..'))
  assert.match(created.body, /wss:\/\/captions\.example\.org\/p\/pod_/)
  assert.equal(named.pod.url, 'https://captions.example.org')
})

test('[HT11] the pod answers over IPv6', async (t) => {
  const pod = await startTestPod(t, { settings: { 'server.host': '::1' } })
  assert.match(pod.url, /^http:\/\/\[::1\]:\d+$/)
  const created = await pod.call('/v1/sessions', post({}))
  const { url } = (await created.json()) as { url: string }
  assert.equal(url, `ws://[::1]:${pod.port}${pod.wsPath}`)
})

test('[TM3] answers are counted by route template, whatever address was asked for', async (t) => {
  const pod = await startTestPod(t)
  await pod.call('/v1/sessions/ses_a')
  await pod.call('/v1/sessions/ses_b')
  await pod.call('/random/1')
  await pod.call('/random/2')
  await eventually(() => (pod.pod.health().http.requestsTotal >= 4 ? undefined : 'not counted yet'))
  assert.deepEqual(pod.pod.health().http.byStatus, { 404: 4 })
})
