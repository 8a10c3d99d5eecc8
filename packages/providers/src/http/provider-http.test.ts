// Real sockets, a clock that stands still: a deadline passes when the test says so.
import assert from 'node:assert/strict'
import { createServer, type RequestListener, type ServerResponse } from 'node:http'
import { createSecureServer } from 'node:http2'
import { type AddressInfo, createServer as createTcpServer, type Socket } from 'node:net'
import { type TestContext, test } from 'node:test'
import { eventually, ManualClock } from '@parley/kernel/testing'
import { testCertificate } from '../testing/certificate.ts'
import { type HttpCall, ProviderHttp, type ProviderHttpOptions } from './provider-http.ts'

const CALL: HttpCall = { method: 'POST', path: '/x', body: '{}', firstByteMs: 1_000, wholeMs: 2_000, maxBytes: 10_000 }

async function serve(t: TestContext, onRequest: RequestListener) {
  const sockets = new Set<Socket>()
  const server = createServer({ keepAliveTimeout: 60_000 }, onRequest)
  let connections = 0
  server.on('connection', (socket) => {
    connections++
    sockets.add(socket)
    socket.on('close', () => sockets.delete(socket))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.after(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  const { port } = server.address() as AddressInfo
  return { url: `http://127.0.0.1:${port}`, sockets, connections: () => connections }
}

function client(t: TestContext, baseUrl: string, more: Partial<ProviderHttpOptions> = {}) {
  const clock = new ManualClock()
  const http = new ProviderHttp({ clock, baseUrl, ...more })
  t.after(() => http.close())
  return { clock, http }
}

async function failureOf(calling: ReturnType<ProviderHttp['call']>) {
  const result = await calling
  assert.ok(!result.ok, 'it did not fail')
  return result.error
}

test('[PRV1] a server that takes the request and says nothing ends at the deadline for the first byte', async (t) => {
  let asked = 0
  const { url } = await serve(t, () => void asked++)
  const { clock, http } = client(t, url)
  const calling = failureOf(http.call(CALL))
  await eventually(() => (asked === 0 ? 'nothing was asked' : undefined))
  clock.advance(999)
  assert.equal(clock.pendingTimers, 1)
  clock.advance(1)
  const failure = await calling
  assert.equal(failure.kind, 'timeout')
  assert.match(failure.message, /not begun to answer within 1000 ms/)
  assert.equal(clock.pendingTimers, 0)
})

test('[PRV1] a byte every now and then ends at the deadline for the whole; streamed, only a pause does', async (t) => {
  let response: ServerResponse | undefined
  const { url } = await serve(t, (_, reply) => {
    response = reply
    reply.writeHead(200).write('a')
  })
  const { clock, http } = client(t, url)
  let got = ''
  const whole = failureOf(http.call(CALL))
  await eventually(() => (response === undefined ? 'not asked' : undefined))
  for (let at = 0; at < 19; at++) {
    response?.write('b')
    await clock.advanceAsync(100)
  }
  await clock.advanceAsync(100)
  assert.match((await whole).message, /not finished its answer within 2000 ms/)

  response = undefined
  const streaming = http.stream(CALL, (part) => {
    got += part
  })
  await eventually(() => (got === '' ? 'nothing came' : undefined))
  for (const letter of 'bcdef') {
    clock.advance(1_900)
    ;(response as ServerResponse | undefined)?.write(letter)
    await eventually(() => (got.endsWith(letter) ? undefined : `${letter} has not come`))
  }
  clock.advance(2_000)
  const streamed = await streaming
  assert.ok(!streamed.ok && streamed.error.kind === 'timeout')
  assert.equal(got, 'abcdef')
})

test('[PRV2] an answer longer than its bound is not taken, and a long error is cut', async (t) => {
  const { url } = await serve(t, (request, reply) => {
    reply.writeHead(request.url === '/error' ? 500 : 200)
    const fill = () => {
      while (!reply.destroyed && reply.write('x'.repeat(4_096)));
    }
    reply.on('drain', fill)
    fill()
  })
  const { http, clock } = client(t, url)
  const tooLong = await failureOf(http.call(CALL))
  assert.deepEqual([tooLong.kind, /more than 10000 bytes/.test(tooLong.message)], ['nonsense', true])
  const failure = await failureOf(http.call({ ...CALL, path: '/error' }))
  assert.equal(failure.kind, 'server')
  assert.ok(failure.message.length < 300)
  assert.equal(clock.pendingTimers, 0)
})

test('[PRV3] an answer that breaks off is broken; what never stood is unreachable, each in its own words', async (t) => {
  const { url } = await serve(t, (_, reply) => {
    reply.writeHead(200, { 'content-length': '100' })
    reply.write('half', () => reply.socket?.destroy())
  })
  assert.equal((await failureOf(client(t, url).http.call(CALL))).kind, 'broken')

  const unknown = await failureOf(client(t, 'http://no-such-host.invalid/v1').http.call(CALL))
  assert.equal(unknown.kind, 'unreachable')
  assert.match(unknown.message, /no-such-host\.invalid is not known/)

  const gone = createTcpServer()
  await new Promise<void>((resolve) => gone.listen(0, '127.0.0.1', resolve))
  const { port } = gone.address() as AddressInfo
  await new Promise((resolve) => gone.close(resolve))
  const refused = await failureOf(client(t, `http://127.0.0.1:${port}`).http.call(CALL))
  assert.equal(refused.kind, 'unreachable')
  assert.match(refused.message, /accepts no connection/)

  const mumbling = createTcpServer((socket) => {
    socket.on('error', () => {})
    socket.end('220 mail server ready\r\n')
  })
  await new Promise<void>((resolve) => mumbling.listen(0, '127.0.0.1', resolve))
  t.after(() => mumbling.close())
  const other = client(t, `http://127.0.0.1:${(mumbling.address() as AddressInfo).port}`)
  assert.equal((await failureOf(other.http.call(CALL))).kind, 'nonsense')
})

test('[PRV5] the key is sent, and stands in no failure; a redirect is not followed', async (t) => {
  const seen: (string | undefined)[] = []
  const elsewhere = await serve(t, (request, reply) => {
    seen.push(`elsewhere ${request.headers.authorization}`)
    reply.end()
  })
  const { url } = await serve(t, (request, reply) => {
    seen.push(request.headers.authorization)
    if (request.url?.endsWith('/moved')) reply.writeHead(307, { location: elsewhere.url }).end()
    else reply.writeHead(401).end(`no such key: ${request.headers.authorization}`)
  })
  const { http } = client(t, `${url}/v1/`, { apiKey: 'hunter2' })
  const failure = await failureOf(http.call(CALL))
  assert.equal(failure.kind, 'key_refused')
  assert.doesNotMatch(JSON.stringify(failure), /hunter2/)
  const moved = await failureOf(http.call({ ...CALL, path: '/moved' }))
  assert.deepEqual([moved.kind, moved.status], ['refused', 307])
  assert.deepEqual(seen, ['Bearer hunter2', 'Bearer hunter2'])

  const odd = client(t, url, { apiKey: 'hunter3\n' })
  const impossible = await failureOf(odd.http.call(CALL))
  assert.equal(impossible.kind, 'key_refused')
  assert.doesNotMatch(impossible.message, /hunter/)
  assert.equal(seen.length, 2)
})

test('[PRV6] connections are used again; one that the server closed meanwhile costs nothing', async (t) => {
  let asked = 0
  let isClosing = false
  const { url, connections } = await serve(t, (request, reply) => {
    asked++
    request.resume()
    if (isClosing) {
      isClosing = false
      request.socket.destroy()
    } else reply.end('good')
  })
  const { http } = client(t, url)
  for (let round = 0; round < 20; round++) assert.ok((await http.call(CALL)).ok)
  // A second one, for a call that comes in the moment in which the first is being given back.
  const kept = connections()
  assert.ok(kept <= 2, `${kept} connections`)
  isClosing = true
  assert.ok((await http.call(CALL)).ok)
  assert.equal(asked, 22)
  assert.ok(connections() <= kept + 1)
})

test('[PRV6] a fresh connection that is closed without an answer is not asked again', async (t) => {
  let asked = 0
  const { url } = await serve(t, (request) => {
    asked++
    request.socket.destroy()
  })
  assert.equal((await failureOf(client(t, url).http.call(CALL))).kind, 'broken')
  assert.equal(asked, 1)
})

test('[PRV6] [PRV7] over TLS many calls share one HTTP/2 connection; an unknown authority is not trusted', async (t) => {
  const { cert, key } = await testCertificate()
  const versions = new Set<string>()
  let connections = 0
  const server = createSecureServer({ cert, key, allowHTTP1: true }, (request, reply) => {
    versions.add(request.httpVersion)
    request.resume()
    reply.end('good')
  })
  const sockets = new Set<Socket>()
  server.on('secureConnection', () => void connections++)
  server.on('connection', (socket) => void sockets.add(socket))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.after(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  const url = `https://localhost:${(server.address() as AddressInfo).port}`
  const strange = await failureOf(client(t, url).http.call(CALL))
  assert.equal(strange.kind, 'unreachable')
  assert.match(strange.message, /certificate.*not trusted/)
  const before = connections
  const { http } = client(t, url, { ca: cert })
  assert.ok((await http.call(CALL)).ok)
  const all = await Promise.all(Array.from({ length: 20 }, () => http.call(CALL)))
  assert.ok(all.every(({ ok }) => ok))
  assert.deepEqual([...versions], ['2.0'])
  assert.equal(connections - before, 1)
})

test('[PRV8] a call that is cancelled settles at once; one that never had to begin sends nothing', async (t) => {
  let asked = 0
  const { url, sockets } = await serve(t, () => void asked++)
  const { http, clock } = client(t, url)
  const leaving = new AbortController()
  const calling = failureOf(http.call({ ...CALL, signal: leaving.signal }))
  await eventually(() => (asked === 0 ? 'nothing was asked' : undefined))
  leaving.abort()
  assert.equal((await calling).kind, 'cancelled')
  assert.equal((await failureOf(http.call({ ...CALL, signal: leaving.signal }))).kind, 'cancelled')
  assert.equal(asked, 1)
  assert.equal(clock.pendingTimers, 0)
  await eventually(() => (sockets.size > 0 ? 'the connection is still there' : undefined))
})

test('[PRV8] 200 rounds of every outcome leave no timer and no connection beyond those kept', async (t) => {
  const { url, sockets } = await serve(t, (request, reply) => {
    request.resume()
    switch (request.url) {
      case '/good':
        reply.end('good')
        break
      case '/busy':
        reply.writeHead(429, { 'retry-after': '1' }).end('{}')
        break
      case '/half':
        reply.writeHead(200, { 'content-length': '9' })
        reply.write('half', () => reply.socket?.destroy())
        break
    }
  })
  const { http, clock } = client(t, url, { connections: 4 })
  const kinds = new Map<string, number>()
  for (let round = 0; round < 200; round++) {
    const leaving = new AbortController()
    const calls = ['/good', '/busy', '/half', '/hang'].map((path) =>
      http.call({ ...CALL, path, ...(path === '/hang' ? { signal: leaving.signal } : {}) }),
    )
    queueMicrotask(() => leaving.abort())
    for (const result of await Promise.all(calls)) {
      const kind = result.ok ? 'good' : result.error.kind
      kinds.set(kind, (kinds.get(kind) ?? 0) + 1)
    }
  }
  assert.deepEqual(Object.fromEntries(kinds), { good: 200, rate_limited: 200, broken: 200, cancelled: 200 })
  assert.equal(clock.pendingTimers, 0)
  await eventually(() => (sockets.size > 4 ? `${sockets.size} connections` : undefined))
  await http.close()
  await eventually(() => (sockets.size > 0 ? `${sockets.size} connections` : undefined))
})

test('[PRV8] closed, it ends what is under way and takes nothing more', async (t) => {
  let asked = 0
  const { url } = await serve(t, () => void asked++)
  const { http, clock } = client(t, url)
  const calling = failureOf(http.call(CALL))
  await eventually(() => (asked === 0 ? 'nothing was asked' : undefined))
  await Promise.all([http.close(), http.close()])
  assert.equal((await calling).kind, 'broken')
  assert.equal((await failureOf(http.call(CALL))).kind, 'cancelled')
  assert.equal(clock.pendingTimers, 0)
})
