import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { chmod, mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { openDataDirectory, readOrCreate, readOrCreateApiKey, readOrCreateSigningKey } from './data-directory.ts'

async function emptyFolder(t: TestContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'parley-data-'))
  t.after(() => rm(folder, { recursive: true, force: true }))
  return folder
}

const modeOf = async (path: string) => (await stat(path)).mode & 0o777

test('[ID1] the data directory and its secrets are for their owner only', async (t) => {
  const path = join(await emptyFolder(t), 'deep', 'data')
  const directory = await openDataDirectory(path)
  await readOrCreateApiKey(directory)
  await readOrCreateSigningKey(directory)
  assert.equal(await modeOf(path), 0o700)
  assert.equal(await modeOf(directory.runPath), 0o700)
  assert.equal(await modeOf(join(path, 'apiKey')), 0o600)
  assert.equal(await modeOf(join(path, 'signing.key')), 0o600)
})

test('[ID1] a folder and files that others could read are tightened', async (t) => {
  const path = await emptyFolder(t)
  await chmod(path, 0o755)
  await writeFile(join(path, 'apiKey'), `pk_${'a'.repeat(32)}\n`, { mode: 0o644 })
  const directory = await openDataDirectory(path)
  assert.equal(await readOrCreateApiKey(directory), `pk_${'a'.repeat(32)}`)
  assert.equal(await modeOf(path), 0o700)
  assert.equal(await modeOf(join(path, 'apiKey')), 0o600)
})

test('[ID2] the API key is made once and stays; the signing key is 32 bytes', async (t) => {
  const directory = await openDataDirectory(await emptyFolder(t))
  const first = await readOrCreateApiKey(directory)
  assert.match(first, /^pk_[0-9a-z]{32}$/)
  assert.equal(await readOrCreateApiKey(directory), first)
  const key = await readOrCreateSigningKey(directory)
  assert.equal(key.length, 32)
  assert.deepEqual(await readOrCreateSigningKey(directory), key)
})

test('[ID2] many starts at once agree on one key and leave nothing else behind', async (t) => {
  const path = await emptyFolder(t)
  const keys = await Promise.all(
    Array.from({ length: 20 }, async () => readOrCreateApiKey(await openDataDirectory(path))),
  )
  assert.equal(new Set(keys).size, 1)
  assert.deepEqual((await readdir(path)).sort(), ['apiKey', 'run'])
  assert.equal((await readFile(join(path, 'apiKey'), 'utf8')).trim(), keys[0])
})

test('[ID2] a secret that somebody else made in the meantime is used, not replaced', async (t) => {
  const path = join(await emptyFolder(t), 'secret')
  const content = await readOrCreate(path, () => {
    writeFileSync(path, 'theirs', { mode: 0o600 })
    return Buffer.from('ours')
  })
  assert.equal(content.toString(), 'theirs')
  assert.equal(await readFile(path, 'utf8'), 'theirs')
})

test('[ID2] a damaged secret is named, never replaced silently', async (t) => {
  const path = await emptyFolder(t)
  const directory = await openDataDirectory(path)
  await writeFile(join(path, 'signing.key'), 'short')
  await assert.rejects(readOrCreateSigningKey(directory), { code: 'SECRET_DAMAGED', exitCode: 2 })
  await writeFile(join(path, 'apiKey'), '')
  await assert.rejects(readOrCreateApiKey(directory), /apiKey is damaged.*Delete it/)
})

test('[ID1] a data directory that is a file or a dangling link fails in one clear line', async (t) => {
  const folder = await emptyFolder(t)
  await writeFile(join(folder, 'file'), '')
  await symlink(join(folder, 'nowhere', 'deeper'), join(folder, 'dangling'))
  for (const name of ['file', 'dangling']) {
    await assert.rejects(openDataDirectory(join(folder, name)), (error: Error & { code: string }) => {
      assert.equal(error.code, 'DATA_DIR_UNUSABLE')
      assert.ok(!error.message.includes('\n') && error.message.includes(join(folder, name)))
      return true
    })
  }
})
