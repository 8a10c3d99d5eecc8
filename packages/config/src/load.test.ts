import assert from 'node:assert/strict'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import test, { type TestContext } from 'node:test'
import { loadConfig } from './load.ts'
import { formatMistake } from './mistakes.ts'
import { testConfig } from './testing/index.ts'

async function folders(t: TestContext) {
  const root = await mkdtemp(path.join(os.tmpdir(), 'parley-config-'))
  t.after(() => rm(root, { recursive: true, force: true }))
  const [cwd, homeDir] = [path.join(root, 'cwd'), path.join(root, 'home')]
  const dataDir = path.join(homeDir, '.local/share/parley')
  await mkdir(cwd)
  await mkdir(dataDir, { recursive: true })
  const put = (file: string, port: number) => writeFile(file, `server:\n  port: ${port}\n`)
  return { root, cwd, homeDir, dataDir, put }
}

test('[CF2] the file is the first of --config, $PARLEY_CONFIG, ./parley.yaml and parley.yaml in the data directory', async (t) => {
  const { root, cwd, homeDir, dataDir, put } = await folders(t)
  const port = async (options: { env?: Record<string, string>; configFile?: string } = {}) => {
    const loaded = await loadConfig({ env: {}, cwd, homeDir, ...options })
    assert.ok(loaded.ok)
    return loaded.value.config.server.port
  }
  assert.equal(await port(), 8080)
  await put(path.join(dataDir, 'parley.yaml'), 4)
  assert.equal(await port(), 4)
  await put(path.join(cwd, 'parley.yaml'), 3)
  assert.equal(await port(), 3)
  await put(path.join(root, 'env.yaml'), 2)
  assert.equal(await port({ env: { PARLEY_CONFIG: path.join(root, 'env.yaml') } }), 2)
  await put(path.join(cwd, 'flag.yaml'), 1)
  assert.equal(await port({ env: { PARLEY_CONFIG: path.join(root, 'env.yaml') }, configFile: 'flag.yaml' }), 1)
})

test('[CF2] the data directory that a flag names is where its parley.yaml is looked for', async (t) => {
  const { root, cwd, homeDir, put } = await folders(t)
  await put(path.join(root, 'parley.yaml'), 5)
  const loaded = await loadConfig({
    env: {},
    cwd,
    homeDir,
    flags: [{ flag: '--data-dir', key: 'data.dir', value: root }],
  })
  assert.ok(loaded.ok)
  assert.equal(loaded.value.config.server.port, 5)
  assert.equal(loaded.value.file, path.join(root, 'parley.yaml'))
})

test('[CF6] a file that was named and cannot be read is a mistake that says who named it', async (t) => {
  const { cwd, homeDir } = await folders(t)
  const missing = await loadConfig({ env: {}, cwd, homeDir, configFile: 'nowhere.yaml' })
  assert.ok(!missing.ok)
  assert.match(
    missing.error.map(formatMistake).join(),
    /^--config: .*nowhere\.yaml cannot be read: there is no such file$/,
  )
  const folder = await loadConfig({ env: { PARLEY_CONFIG: cwd }, cwd, homeDir })
  assert.ok(!folder.ok)
  assert.match(folder.error.map(formatMistake).join(), /^PARLEY_CONFIG: .* cannot be read: it is a folder$/)
})

test('[CF10] tests get a whole configuration with their overrides checked like any other', () => {
  const config = testConfig({ server: { port: 0, allowedOrigins: ['https://a.example'] }, data: { dir: '/tmp/x' } })
  assert.equal(config.server.port, 0)
  assert.deepEqual(config.server.allowedOrigins, ['https://a.example'])
  assert.equal(config.sessions.seats, 2000)
  assert.throws(() => testConfig({ server: { port: -5 } }), /server\.port/)
})
