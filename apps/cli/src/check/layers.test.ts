// A gate that checks nothing looks the same as a clean tree: plant each kind of violation and see it caught.
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { cp, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { after, before, test } from 'node:test'
import { ROOT as root } from '../context.ts'

let tree = ''

before(async () => {
  tree = await mkdtemp(path.join(tmpdir(), 'parley-layers-'))
  for (const name of ['.dependency-cruiser.cjs', 'tsconfig.json', 'tsconfig.base.json', 'package.json']) {
    await cp(path.join(root, name), path.join(tree, name))
  }
  await symlink(path.join(root, 'node_modules'), path.join(tree, 'node_modules'))
})
after(() => rm(tree, { recursive: true, force: true }))

/** Cruises a tree of the given files with the project's own rules; returns the report. */
async function cruise(files: Record<string, string>): Promise<{ code: number; report: string }> {
  for (const folder of ['packages', 'apps']) await rm(path.join(tree, folder), { recursive: true, force: true })
  for (const [name, text] of Object.entries({ 'apps/x/src/index.ts': 'export const x = 1\n', ...files })) {
    await mkdir(path.dirname(path.join(tree, name)), { recursive: true })
    await writeFile(path.join(tree, name), text)
  }
  await mkdir(path.join(tree, 'packages'), { recursive: true })
  const bin = path.join(root, 'node_modules/.bin/depcruise')
  return new Promise((resolve) => {
    execFile(
      process.execPath,
      [bin, '--config', '.dependency-cruiser.cjs', 'packages', 'apps'],
      { cwd: tree },
      (error, stdout, stderr) =>
        resolve({ code: typeof error?.code === 'number' ? error.code : 0, report: stdout + stderr }),
    )
  })
}

test('a tree that keeps the layers passes, and its modules were really read', async () => {
  const { code, report } = await cruise({
    'packages/kernel/src/index.ts': 'export type Clock = number\n',
    'packages/protocol/src/index.ts': "import type { Clock } from '../../kernel/src/index.ts'\nexport type P = Clock\n",
  })
  assert.equal(code, 0, report)
  assert.match(report, /no dependency violations found \([1-9]\d* modules/)
})

test('an import against the layers is caught, types included', async () => {
  const { code, report } = await cruise({
    'packages/protocol/src/index.ts': 'export type P = number\n',
    'packages/kernel/src/index.ts': "import type { P } from '../../protocol/src/index.ts'\nexport type Clock = P\n",
  })
  assert.notEqual(code, 0)
  assert.match(report, /kernel-imports-nothing/)
})

test('a cycle is caught, types included', async () => {
  const { code, report } = await cruise({
    'packages/kernel/src/a.ts': "import type { B } from './b.ts'\nexport type A = B | 1\n",
    'packages/kernel/src/b.ts': "import type { A } from './a.ts'\nexport type B = A | 2\n",
  })
  assert.notEqual(code, 0)
  assert.match(report, /no-cycles/)
})

test('domain packages that import each other, and apps that do, are caught', async () => {
  const { report } = await cruise({
    'packages/speech/src/index.ts': 'export const s = 1\n',
    'packages/sessions/src/index.ts': "import { s } from '../../speech/src/index.ts'\nexport const t = s\n",
    'apps/pod/src/a.ts': "import { x } from '../../x/src/index.ts'\nexport const y = x\n",
  })
  assert.match(report, /sessions-sideways/)
  assert.match(report, /apps-apart/)
})

test('a fake used by the product, a side door and an undeclared dependency are caught', async () => {
  const { report } = await cruise({
    'packages/kernel/src/testing/index.ts': 'export const fake = 1\n',
    'packages/kernel/src/inner.ts': 'export const inner = 1\n',
    'packages/kernel/package.json': '{"name":"@parley/kernel","type":"module"}',
    'packages/kernel/src/a.ts': "import { fake } from './testing/index.ts'\nexport const b = fake\n",
    'packages/audio/src/b.ts': "import { inner } from '../../kernel/src/inner.ts'\nexport const c = inner\n",
    'packages/audio/package.json': '{"name":"@parley/audio","type":"module"}',
    'packages/audio/src/c.ts': "import fastify from 'fastify'\nexport const d = fastify\n",
  })
  assert.match(report, /no-testing-in-product/)
  assert.match(report, /one-door/)
  assert.match(report, /declared-dependencies/)
})
