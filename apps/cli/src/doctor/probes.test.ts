import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import path from 'node:path'
import test from 'node:test'
import { testConfig } from '@parley/config/testing'
import { bareEnvironment, temporaryFolder } from '@parley/kernel/testing'
import { APERTIUM_PACKAGES } from '@parley/text/engines'
import { ROOT } from '../context.ts'
import type { Check } from './evaluate.ts'
import { parseCpuMax, parseOpenFiles, parsePackageList, probe } from './probes.ts'

test('[DR3] limits are read from what the system writes', () => {
  const limits =
    'Limit  Soft Limit  Hard Limit  Units\nMax open files            1024                 unlimited            files\n'
  assert.deepEqual(parseOpenFiles(limits), { soft: 1024, hard: Number.POSITIVE_INFINITY })
  assert.equal(parseOpenFiles(''), undefined)
  assert.equal(parseCpuMax('150000 100000\n'), 1.5)
  assert.equal(parseCpuMax('max 100000\n'), Number.POSITIVE_INFINITY)
  assert.equal(parseCpuMax(''), Number.POSITIVE_INFINITY)
})

test('[DR4] the doctor looks for the very packages that the launcher installs', async () => {
  const listed = parsePackageList(await readFile(path.join(ROOT, 'scripts/packages.sh'), 'utf8'))
  const names = listed.filter((entry) => entry.set === 'runtime').map((entry) => entry.name)
  const translation = APERTIUM_PACKAGES.split(' ')
  assert.deepEqual(names, [
    'libpocketsphinx3',
    'pocketsphinx-en-us',
    'espeak-ng',
    'liblc3-0',
    ...translation,
    'redis-server',
  ])
  assert.deepEqual(
    listed.filter((entry) => entry.set === 'pods').map((entry) => entry.name),
    ['postgresql-15'],
  )
  assert.deepEqual(
    listed.filter((entry) => entry.set === 'test').map((entry) => entry.name),
    ['chromium', 'nginx'],
  )
})

test('[DR3] a taken port names its holder, and a data directory in the way of a file says so', async (t) => {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.after(() => server.close())
  const { port } = server.address() as { port: number }
  const dir = path.join(ROOT, 'package.json/below')
  const facts = await probe(testConfig({ server: { port }, data: { dir } }), process.env)
  assert.match(facts.portProblem ?? '', new RegExp(`taken by process ${process.pid}`))
  assert.equal(facts.portIsOurs, false)
  assert.match(facts.dataDirProblem ?? '', /package\.json is a file/)
  assert.equal(facts.nodeVersion, process.versions.node)
})

test('[DR1] parley doctor --json is one object whose ok is the exit code', async () => {
  const dataDir = temporaryFolder('doctor')
  const args = [
    path.join(ROOT, 'apps/cli/src/main.ts'),
    'doctor',
    '--json',
    '--data-dir',
    dataDir,
    '--set',
    'server.port=0',
  ]
  const [exitCode, stdout] = await new Promise<[number, string]>((resolve) => {
    execFile(process.execPath, args, { env: bareEnvironment({ HOME: dataDir }) }, (error, out) =>
      resolve([error ? Number(error.code) : 0, out]),
    )
  })
  const answer = JSON.parse(stdout) as { ok: boolean; checks: Check[] }
  assert.equal(exitCode, answer.ok ? 0 : 1)
  assert.ok(answer.checks.length > 10)
  for (const found of answer.checks) assert.ok(found.status === 'ok' || found.fix !== undefined, found.id)
})
