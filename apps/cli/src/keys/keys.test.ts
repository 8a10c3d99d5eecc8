import assert from 'node:assert/strict'
import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:http'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { PassThrough } from 'node:stream'
import test, { type TestContext } from 'node:test'
import { systemClock } from '@parley/kernel'
import type { CliContext } from '../context.ts'
import { EXIT } from '../exit-codes.ts'
import { Output } from '../output/index.ts'
import { writeRun } from '../platform/run-file.ts'
import { runCli } from '../program.ts'

const KEY = { id: 'app', tenant: 'acme', role: 'backend', isRevoked: false }

/** A platform whose admin listener answers that; what it was asked. */
async function fakePlatform(t: TestContext, status: number, body: unknown) {
  const dataDir = await mkdtemp(path.join(tmpdir(), 'parley-keys-'))
  await mkdir(path.join(dataDir, 'run'))
  const socket = path.join(dataDir, 'run/admin.sock')
  const asked: string[] = []
  const server = createServer((request, response) => {
    asked.push(`${request.method} ${request.url}`)
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body))
  })
  await new Promise<void>((resolve) => server.listen(socket, resolve))
  const [url, adminUrl] = ['http://127.0.0.1:8080', `unix:${socket}`]
  await writeRun(dataDir, { url, pid: process.pid, adminUrl, podPid: process.pid, startedAtMs: 1 })
  t.after(async () => {
    server.closeAllConnections()
    await new Promise<void>((resolve) => server.close(() => resolve()))
    await rm(dataDir, { recursive: true, force: true })
  })
  const run = (...args: string[]) => cli(dataDir, ...args)
  return { asked, run }
}

async function cli(dataDir: string, ...args: string[]) {
  const [stdout, stderr] = [new PassThrough(), new PassThrough()]
  const output = new Output({ stdout, stderr }, {})
  const context: CliContext = { env: {}, cwd: '/', homeDir: '/nonexistent', clock: systemClock, output }
  const before = process.exitCode
  const exitCode = await runCli(['keys', ...args, '--data-dir', dataDir], context)
  process.exitCode = before ?? 0
  return { exitCode, out: String(stdout.read() ?? ''), err: String(stderr.read() ?? '') }
}

test('[KEY1] list shows keys, their state, and who has not confirmed', async (t) => {
  const answer = { keys: [KEY, { ...KEY, id: 'old', isRevoked: true }], pendingPods: ['pod_b'] }
  const { asked, run } = await fakePlatform(t, 200, answer)
  const { exitCode, out } = await run('list')
  assert.equal(exitCode, EXIT.ok)
  assert.match(out, /app +acme +backend +valid\n/)
  assert.match(out, /old +acme +backend +revoked\n/)
  assert.match(out, /not confirmed yet by pod_b/)
  assert.deepEqual(JSON.parse((await run('list', '--json')).out), answer)
  assert.deepEqual(asked, ['GET /keys', 'GET /keys'])
})

test('[KEY2] revoke says what was done and who has not confirmed; a refusal is told in the words of the platform', async (t) => {
  const done = await fakePlatform(t, 200, { key: { ...KEY, isRevoked: true }, pendingPods: ['pod_b'] })
  const { exitCode, out, err } = await done.run('revoke', 'app', '--tenant', 'acme')
  assert.equal(exitCode, EXIT.ok)
  assert.match(out, /key app of tenant acme is revoked/)
  assert.match(err, /not confirmed yet by pod_b/)
  assert.deepEqual(done.asked, ['POST /keys/app/revoke?tenant=acme'])
  const refused = await fakePlatform(t, 404, { detail: 'the configuration has no API key app' })
  const answer = await refused.run('revoke', 'app')
  assert.deepEqual([answer.exitCode, /has no API key app/.test(answer.err)], [EXIT.failed, true])
  assert.equal((await cli('/nonexistent', 'list')).exitCode, EXIT.missing)
})
