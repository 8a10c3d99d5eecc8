import assert from 'node:assert/strict'
import { rename, writeFile } from 'node:fs/promises'
import type { IncomingHttpHeaders } from 'node:http'
import { Agent, request } from 'node:https'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import type { TLSSocket } from 'node:tls'
import { Scope } from '@parley/kernel'
import { eventually, ManualClock } from '@parley/kernel/testing'
import { collectingLogger } from '@parley/telemetry/testing'
import { WebSocket } from 'ws'
import { helmetOptions } from '../http/security-headers.ts'
import { startTestPod, temporaryFolder } from '../testing/pod-harness.ts'
import { FIRST_CERTIFICATE, SECOND_CERTIFICATE, type TestCertificate } from '../testing/test-certificates.ts'
import { loadCredentials, watchCredentials } from './credentials.ts'

async function pemFiles(t: TestContext, { cert, key }: TestCertificate = FIRST_CERTIFICATE) {
  const folder = await temporaryFolder(t)
  const files = { certFile: join(folder, 'cert.pem'), keyFile: join(folder, 'key.pem') }
  await writeFile(files.certFile, cert)
  await writeFile(files.keyFile, key)
  return { mode: 'files', ...files } as const
}

/** Answer of a TLS request and the certificate that came with it. */
interface TlsAnswer {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly body: string
  readonly fingerprint: string
}

function tlsGet(port: number, ca: string): Promise<TlsAnswer> {
  return new Promise((resolve, reject) => {
    const agent = new Agent({ keepAlive: false })
    const call = request({ host: '127.0.0.1', port, path: '/livez', ca, agent }, (response) => {
      const { fingerprint256 } = (response.socket as TLSSocket).getPeerCertificate()
      let body = ''
      response.on('data', (chunk) => {
        body += chunk
      })
      const { statusCode: status = 0, headers } = response
      response.once('end', () => resolve({ status, headers, body, fingerprint: fingerprint256 }))
    })
    call.once('error', reject)
    call.end()
  })
}

const settingsOf = ({ certFile, keyFile }: { certFile: string; keyFile: string }) => ({
  'tls.mode': 'files',
  'tls.certFile': certFile,
  'tls.keyFile': keyFile,
})

test('[POD4] with a certificate the pod speaks TLS: REST, WebSocket, addresses, HSTS', async (t) => {
  const pod = await startTestPod(t, { settings: settingsOf(await pemFiles(t)) })
  assert.match(pod.url, /^https:\/\/127\.0\.0\.1:\d+$/)
  const { status, body } = await tlsGet(pod.port, FIRST_CERTIFICATE.cert)
  assert.deepEqual([status, body], [200, 'ok\n'])
  const socket = new WebSocket(`wss://127.0.0.1:${pod.port}${pod.wsPath}`, 'parley.v1', { ca: FIRST_CERTIFICATE.cert })
  await new Promise((resolve, reject) => socket.once('open', resolve).once('error', reject))
  assert.match(pod.sessions.attached[0]?.peer.wsUrl ?? '', /^wss:/)
  socket.terminate()
  await assert.rejects(fetch(`http://127.0.0.1:${pod.port}/livez`))
})

test('[HT15] HSTS goes with real certificates only: it would lock people out behind one of our own', async (t) => {
  const pod = await startTestPod(t, { settings: settingsOf(await pemFiles(t)) })
  const { headers } = await tlsGet(pod.port, FIRST_CERTIFICATE.cert)
  assert.match(headers['strict-transport-security'] ?? '', /^max-age=\d+$/)
  // The supervisor, which makes the certificate, leaves this mode for the pod to see.
  assert.equal(helmetOptions('self-signed').strictTransportSecurity, false)
  assert.equal(helmetOptions('off').strictTransportSecurity, false)
})

test('[POD4] what is wrong with the files is said in one line', async (t) => {
  const good = await pemFiles(t)
  const other = await pemFiles(t, SECOND_CERTIFICATE)
  const cases = [
    [{ ...good, certFile: '' }, 'TLS_MISSING', /tls\.certFile is not set/],
    [
      { ...good, keyFile: '/nowhere/key.pem' },
      'TLS_MISSING',
      /tls\.keyFile: cannot read \/nowhere\/key\.pem \(ENOENT\)/,
    ],
    [{ ...good, certFile: good.keyFile }, 'TLS_INVALID', /not a PEM certificate/],
    [{ ...good, keyFile: other.keyFile }, 'TLS_INVALID', /does not belong to the certificate/],
  ] as const
  for (const [tls, code, message] of cases) {
    await assert.rejects(loadCredentials(tls), (error: Error & { code: string; exitCode: number }) => {
      assert.deepEqual([error.code, error.exitCode], [code, 2])
      assert.match(error.message.split('\n')[0] ?? '', message)
      return true
    })
  }
  assert.equal(await loadCredentials({ mode: 'off', certFile: '', keyFile: '' }), undefined)
})

test('[POD4] a renewed certificate is used without a restart; a bad one leaves the old in use', async (t) => {
  const tls = await pemFiles(t)
  const clock = new ManualClock()
  const scope = new Scope(clock)
  const logger = collectingLogger()
  const used: string[] = []
  const server = { setSecureContext: ({ cert }: { cert?: unknown }) => void used.push(String(cert)) }
  const replace = async (path: string, content: string) => {
    await writeFile(`${path}.new`, content)
    await rename(`${path}.new`, path)
  }
  await watchCredentials(scope, server, tls, logger)
  const look = async (until: () => boolean, what: string) =>
    eventually(() => {
      clock.advance(60_000)
      return until() ? undefined : what
    })

  await replace(tls.certFile, SECOND_CERTIFICATE.cert)
  await look(() => logger.lines.some((line) => line.level === 'warn'), 'the bad pair was not noticed')
  assert.deepEqual(used, [])
  await replace(tls.keyFile, SECOND_CERTIFICATE.key)
  await look(() => used.length > 0, 'the new pair was not taken')
  assert.deepEqual(used, [SECOND_CERTIFICATE.cert])
  await scope.close()
  assert.equal(clock.pendingTimers, 0)
})
