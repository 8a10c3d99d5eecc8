import assert from 'node:assert/strict'
import test from 'node:test'
import { type Check, evaluate, isHealthy } from './evaluate.ts'
import type { Facts, PackageFact } from './facts.ts'

const GIB = 1 << 30
const installed = (isInstalled: boolean | undefined, ...names: string[]): PackageFact[] =>
  names.map((name) => ({ name, set: 'runtime', why: 'a reason', isInstalled }))

const GOOD: Facts = {
  isRoot: false,
  nodeVersion: '24.21.0',
  pinnedVersion: '24.21.0',
  runsPinned: true,
  npmSet: 'runtime',
  packages: installed(
    true,
    'libpocketsphinx3',
    'pocketsphinx-en-us',
    'espeak-ng',
    'liblc3-0',
    'redis-server',
    'postgresql-15',
    'apertium',
    'apertium-eng-spa',
  ),
  libraries: { pocketsphinx: true, model: true, lc3: true },
  espeak: '/usr/bin/espeak-ng',
  redis: '/usr/bin/redis-server',
  postgres: '/usr/lib/postgresql/15/bin',
  chromium: '/usr/bin/chromium',
  translationModes: ['eng-spa', 'spa-eng'],
  host: '127.0.0.1',
  port: 8080,
  portProblem: undefined,
  portIsOurs: false,
  openFiles: { soft: 1024, hard: 524_288 },
  cgroup: { cores: Number.POSITIVE_INFINITY, memoryBytes: Number.POSITIVE_INFINITY },
  machine: { cores: 4, memoryBytes: 8 * GIB },
  receiveBufferMaxBytes: 4_194_304,
  dataDir: '/home/ada/.local/share/parley',
  dataDirProblem: undefined,
  freeDiskBytes: 20 * GIB,
  isPageBuilt: true,
}

function check(change: Partial<Facts>, id: string): Check {
  const found = evaluate({ ...GOOD, ...change }).find((candidate) => candidate.id === id)
  assert.ok(found, id)
  return found
}

test('[DR1] a machine that has everything is healthy and has nothing to mend', () => {
  const checks = evaluate(GOOD)
  assert.equal(isHealthy(checks), true)
  assert.deepEqual(
    checks.filter((candidate) => candidate.status !== 'ok' || candidate.fix !== undefined),
    [],
  )
  for (const { id, enables, found } of checks) assert.ok(enables !== '' && found !== '', id)
})

test('[DR1] what serving cannot do without is missing; the rest is a warning', () => {
  const missing: [Partial<Facts>, string][] = [
    [{ nodeVersion: '20.1.0', runsPinned: false }, 'node'],
    [{ npmSet: 'none' }, 'npm-packages'],
    [{ libraries: { pocketsphinx: false, model: true, lc3: true } }, 'pocketsphinx'],
    [{ libraries: { pocketsphinx: true, model: false, lc3: true } }, 'pocketsphinx'],
    [{ portProblem: 'port 8080 on 127.0.0.1 is taken by process 1 (x)' }, 'port'],
    [{ dataDirProblem: 'this user may not write there' }, 'data-dir'],
  ]
  for (const [change, id] of missing) {
    assert.equal(check(change, id).status, 'missing', id)
    assert.equal(isHealthy(evaluate({ ...GOOD, ...change })), false, id)
  }
  const warnings: [Partial<Facts>, string][] = [
    [{ libraries: { pocketsphinx: true, model: true, lc3: false } }, 'lc3'],
    [{ espeak: undefined }, 'espeak'],
    [{ redis: undefined }, 'redis'],
    [{ postgres: undefined }, 'postgres'],
    [{ translationModes: [] }, 'translation'],
    [{ chromium: undefined }, 'chromium'],
    [{ openFiles: { soft: 256, hard: 1024 } }, 'open-files'],
    [{ receiveBufferMaxBytes: 212_992 }, 'socket-buffer'],
    [{ cgroup: { cores: 0.5, memoryBytes: GIB } }, 'cpu'],
    [{ cgroup: { cores: 4, memoryBytes: GIB } }, 'memory'],
    [{ freeDiskBytes: 1_000_000 }, 'disk'],
    [{ isPageBuilt: false }, 'page'],
  ]
  for (const [change, id] of warnings) {
    assert.equal(check(change, id).status, 'warning', id)
    assert.equal(isHealthy(evaluate({ ...GOOD, ...change })), true, id)
  }
})

test('[DR2] each lack comes with the one command that mends it, for this user and this system', () => {
  const lacking = {
    packages: installed(false, 'libpocketsphinx3', 'pocketsphinx-en-us', 'liblc3-0'),
    libraries: { pocketsphinx: false, model: false, lc3: false },
  }
  const command = 'apt-get install -y --no-install-recommends libpocketsphinx3 pocketsphinx-en-us'
  assert.equal(check(lacking, 'pocketsphinx').fix, `sudo ${command}`)
  assert.equal(check({ ...lacking, isRoot: true }, 'pocketsphinx').fix, command)
  const elsewhere = { ...lacking, packages: installed(undefined, 'libpocketsphinx3', 'pocketsphinx-en-us', 'liblc3-0') }
  assert.match(check(elsewhere, 'lc3').fix ?? '', /^install liblc3-0 \(Debian's names\)/)
  const silent = { packages: installed(false, 'espeak-ng'), espeak: undefined }
  assert.equal(check(silent, 'espeak').fix, 'sudo apt-get install -y --no-install-recommends espeak-ng')
  const oneWay = { packages: installed(false, 'apertium-eng-cat'), translationModes: ['eng-spa'] }
  assert.equal(check(oneWay, 'translation').found, '1 direction (eng-spa); not installed: apertium-eng-cat')
  const mute = { ...oneWay, translationModes: [] }
  assert.equal(check(mute, 'translation').fix, 'sudo apt-get install -y --no-install-recommends apertium-eng-cat')
  assert.match(check({ receiveBufferMaxBytes: 1 }, 'socket-buffer').fix ?? '', /sysctl -w net\.core\.rmem_max=4194304$/)
})

test('[DR3] limits are judged by what holds: the hard limit of files, the tightest cgroup', () => {
  assert.equal(check({ openFiles: { soft: 256, hard: 4096 } }, 'open-files').status, 'ok')
  assert.match(check({ cgroup: { cores: 1.5, memoryBytes: 2 * GIB } }, 'cpu').found, /^1\.5 cores, of 4, limited/)
  assert.match(check({ cgroup: { cores: 1, memoryBytes: 2 * GIB } }, 'memory').found, /^2\.0 GiB, limited/)
  assert.equal(check({ openFiles: undefined, receiveBufferMaxBytes: undefined }, 'open-files').status, 'ok')
})

test('[DR3] a port that a platform of this data directory holds is no lack', () => {
  const ours = check({ portProblem: 'port 8080 is taken', portIsOurs: true }, 'port')
  assert.equal(ours.status, 'ok')
  assert.match(ours.found, /a platform of yours/)
})
