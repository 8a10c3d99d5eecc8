import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { test } from 'node:test'
import { promisify } from 'node:util'
import { createSession } from '../index.ts'
import { startFakePod } from '../testing/index.ts'

const run = promisify(execFile)

/** A certificate for localhost, made by openssl; undefined where there is none. */
async function selfSigned(folder: string): Promise<{ cert: string; key: string } | undefined> {
  const [cert, key] = [path.join(folder, 'cert.pem'), path.join(folder, 'key.pem')]
  const made = await run('openssl', [
    ...['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2'],
    ...['-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost', '-keyout', key, '-out', cert],
  ]).catch(() => undefined)
  return made && { cert: await readFile(cert, 'utf8'), key: await readFile(key, 'utf8') }
}

test('[CL5] a platform with its own certificate is trusted when its authority is given, and only then', async (context) => {
  const folder = await mkdtemp(path.join(tmpdir(), 'parley-client-'))
  context.after(() => rm(folder, { recursive: true, force: true }))
  const tls = await selfSigned(folder)
  if (!tls) return context.skip('openssl is not installed')
  const pod = await startFakePod({ tls })
  context.after(() => pod.close())
  const session = await createSession({ url: pod.url, apiKey: pod.apiKey, ca: tls.cert })
  await session.connect()
  session.sendPcm(new Int16Array(320))
  assert.equal((await session.endAudio()).lastSeq, 0)
  await session.close()
  const address = { url: pod.url, apiKey: pod.apiKey }
  await assert.rejects(createSession(address), /authority that is not trusted here\. Give that authority with `ca`/)
  await assert.rejects(createSession({ ...address, url: pod.url.replace('https', 'http') }), { code: 'CONNECT_FAILED' })
})

test('[CL5] TLS towards a server that has none says so', async (context) => {
  const pod = await startFakePod()
  context.after(() => pod.close())
  const url = pod.url.replace('http', 'https')
  await assert.rejects(createSession({ url, apiKey: pod.apiKey }), /does not speak TLS\. Try the address with http/)
})

test('[CL5] an encrypted platform that names a readable WebSocket address is not followed', async (context) => {
  const folder = await mkdtemp(path.join(tmpdir(), 'parley-client-'))
  context.after(() => rm(folder, { recursive: true, force: true }))
  const tls = await selfSigned(folder)
  if (!tls) return context.skip('openssl is not installed')
  const pod = await startFakePod({ tls })
  context.after(() => pod.close())
  const body = JSON.stringify({ sessionId: 'ses_x', ticket: 't', url: 'ws://localhost/ws' })
  pod.answerNext(201, 'application/json', body)
  const address = { url: pod.url, apiKey: pod.apiKey, ca: tls.cert }
  await assert.rejects(createSession(address), /is encrypted but names a WebSocket address that is not.*publicUrl/)
})
