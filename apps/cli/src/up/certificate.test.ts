import assert from 'node:assert/strict'
import { X509Certificate } from 'node:crypto'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import https from 'node:https'
import type { AddressInfo } from 'node:net'
import os from 'node:os'
import path from 'node:path'
import test, { type TestContext } from 'node:test'
import { systemClock } from '@parley/kernel'
import { certificateNames, isUsable, keepCertificate } from './certificate.ts'

const DAY_MS = 86_400_000
const NAMES = ['localhost', '127.0.0.1', '::1', 'captions.lan']

async function dataDirectory(t: TestContext): Promise<string> {
  const folder = await mkdtemp(path.join(os.tmpdir(), 'parley-tls-'))
  t.after(() => rm(folder, { recursive: true, force: true }))
  return folder
}

test('[UP10] the certificate is kept, and renewed near its end or for a new address', async (t) => {
  const dataDir = await dataDirectory(t)
  const nowMs = systemClock.wallMs()
  const first = await keepCertificate(dataDir, NAMES, nowMs)
  assert.equal(first.isNew, true)
  const kept = await keepCertificate(dataDir, NAMES, nowMs + 300 * DAY_MS)
  assert.deepEqual([kept.isNew, kept.fingerprint], [false, first.fingerprint])
  const wider = await keepCertificate(dataDir, [...NAMES, '192.0.2.5'], nowMs)
  assert.deepEqual([wider.isNew, wider.fingerprint === first.fingerprint], [true, false])
  const renewed = await keepCertificate(dataDir, NAMES, nowMs + 340 * DAY_MS)
  assert.equal(renewed.isNew, true)
  const certificate = new X509Certificate(await readFile(renewed.certFile))
  assert.equal(isUsable(certificate, NAMES, nowMs + 400 * DAY_MS), true)
})

test('[UP10] a client that trusts the kept certificate connects by name and by address', async (t) => {
  const { certFile, keyFile } = await keepCertificate(await dataDirectory(t), NAMES, systemClock.wallMs())
  const [cert, key] = [await readFile(certFile), await readFile(keyFile)]
  const server = https.createServer({ cert, key }, (_request, response) => response.end('ok')).listen(0, '127.0.0.1')
  await new Promise((resolve) => server.once('listening', resolve))
  t.after(() => server.close())
  const { port } = server.address() as AddressInfo
  for (const host of ['localhost', '127.0.0.1']) {
    const status = await new Promise((resolve, reject) => {
      https
        .get(
          {
            host,
            port,
            ca: cert,
            agent: false,
            lookup: (_name, _options, found) => found(null, [{ address: '127.0.0.1', family: 4 }]),
          },
          (response) => {
            response.resume()
            resolve(response.statusCode)
          },
        )
        .on('error', reject)
    })
    assert.equal(status, 200)
  }
})

test('[UP10] it names every reachable address of the machine and the host that was asked for', () => {
  const info = (address: string) =>
    ({ address, internal: false, family: 'IPv4', netmask: '', mac: '', cidr: null }) as os.NetworkInterfaceInfo
  const interfaces = { eth0: [info('192.0.2.7'), info('fe80::1')], lo: [info('127.0.0.1')] }
  assert.deepEqual(certificateNames('box', interfaces, '0.0.0.0'), [
    'localhost',
    'box',
    'box.local',
    '127.0.0.1',
    '::1',
    '192.0.2.7',
  ])
  assert.ok(certificateNames('box', interfaces, 'captions.example').includes('captions.example'))
})
