import assert from 'node:assert/strict'
import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import test, { type TestContext } from 'node:test'
import { buildError, buildPage, sourcesHash } from './page-build.ts'

/** A project whose page is built by a script of three lines. */
async function project(
  t: TestContext,
  build: string,
): Promise<{ root: string; put(file: string, text: string): Promise<void> }> {
  const root = await mkdtemp(path.join(os.tmpdir(), 'parley-page-'))
  t.after(() => rm(root, { recursive: true, force: true }))
  const put = async (file: string, text: string) => {
    await mkdir(path.dirname(path.join(root, file)), { recursive: true })
    await writeFile(path.join(root, file), text)
  }
  await put('apps/dashboard/index.html', '<p>')
  await put('apps/dashboard/src/main.ts', 'one')
  await put('apps/dashboard/build.ts', build)
  return { root, put }
}

const COPIES = `import { cp } from 'node:fs/promises'
export const buildPage = ({ outDir }) => cp('src', outDir, { recursive: true })
`
const FAILS = `export const buildPage = async () => { throw new Error('no such colour') }
`

test('[UP11] the page is built once, and again when a source changed', async (t) => {
  const { root, put } = await project(t, COPIES)
  const page = path.join(root, 'apps/dashboard/dist/main.ts')
  assert.deepEqual(await buildPage(root), { kind: 'built' })
  assert.deepEqual(await buildPage(root), { kind: 'unchanged' })
  await put('packages/client/src/index.ts', 'export {}')
  assert.deepEqual(await buildPage(root), { kind: 'built' })
  await put('packages/client/src/index.test.ts', 'a test is no source')
  assert.deepEqual(await buildPage(root), { kind: 'unchanged' })
  await put('apps/dashboard/src/main.ts', 'two')
  assert.deepEqual(await buildPage(root), { kind: 'built' })
  assert.equal(await readFile(page, 'utf8'), 'two')
})

test('[UP11] a build that fails says why and leaves the page that was there', async (t) => {
  const { root, put } = await project(t, COPIES)
  await buildPage(root)
  await put('apps/dashboard/build.ts', FAILS)
  const failed = await buildPage(root)
  assert.equal(failed.kind, 'failed')
  assert.match((failed as { reason: string }).reason, /no such colour/)
  assert.equal(await readFile(path.join(root, 'apps/dashboard/dist/main.ts'), 'utf8'), 'one')
  await cp(path.join(root, 'apps/dashboard/src'), path.join(root, 'packages/client/src'), { recursive: true })
  assert.notEqual(await sourcesHash(root), '')
})

test('[UP11] without the page there is nothing to build, and that is said', async (t) => {
  const { root } = await project(t, COPIES)
  await rm(path.join(root, 'apps/dashboard/index.html'))
  assert.deepEqual(await buildPage(root), { kind: 'failed', reason: 'apps/dashboard/index.html is not there' })
})

test('[UP11] of all that a build says, the line with the mistake is told', () => {
  assert.equal(
    buildError('x Build failed\n\n[MISSING_EXPORT] "a" is not exported\n  at b'),
    '[MISSING_EXPORT] "a" is not exported',
  )
  assert.equal(buildError('\nsomething\n'), 'something')
  assert.equal(buildError(''), 'no reason given')
})
