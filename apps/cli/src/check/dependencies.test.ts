import assert from 'node:assert/strict'
import { glob, readFile } from 'node:fs/promises'
import path from 'node:path'
import { test } from 'node:test'
import { ROOT } from '../context.ts'

interface Manifest {
  readonly dependencies?: Record<string, string>
  readonly devDependencies?: Record<string, string>
  readonly optionalDependencies?: Record<string, string>
}

async function declared(): Promise<Map<string, string>> {
  const all = new Map<string, string>()
  for await (const file of glob(['package.json', 'packages/*/package.json', 'apps/*/package.json'], { cwd: ROOT })) {
    const manifest = JSON.parse(await readFile(path.join(ROOT, file), 'utf8')) as Manifest
    for (const set of [manifest.dependencies, manifest.devDependencies, manifest.optionalDependencies]) {
      for (const [name, version] of Object.entries(set ?? {})) all.set(name, version)
    }
  }
  return new Map([...all].filter(([name]) => !name.startsWith('@parley/')))
}

test('every dependency is pinned and explained, and nothing else is', async () => {
  const page = await readFile(path.join(ROOT, 'docs/dependencies.md'), 'utf8')
  const npmTables = page.slice(0, page.indexOf('## Debian packages'))
  const rows = npmTables.split('\n').filter((line) => line.startsWith('| `'))
  const explained = new Set(
    rows.flatMap((row) => [...(row.split('|')[1] ?? '').matchAll(/`([^`]+)`/g)].map((match) => match[1])),
  )
  const names = await declared()
  for (const [name, version] of names) {
    assert.match(version, /^(?:npm:[^@]+@)?\d+\.\d+\.\d+/, `${name} is not pinned: ${version}`)
    assert.ok(explained.has(name), `${name} is not explained in docs/dependencies.md`)
  }
  for (const name of explained) assert.ok(names.has(name as string), `${name} is explained but not a dependency`)
})

test('the lock file names no registry', async () => {
  const lock = await readFile(path.join(ROOT, 'package-lock.json'), 'utf8')
  assert.doesNotMatch(lock, /"resolved": "https?:/)
})

test('the lock file is whole: npm ci refuses one that leaves out an optional package', async () => {
  const lock = JSON.parse(await readFile(path.join(ROOT, 'package-lock.json'), 'utf8')) as {
    packages: Record<string, { optionalDependencies?: Record<string, string> }>
  }
  const names = new Set(Object.keys(lock.packages).map((where) => where.slice(where.lastIndexOf('node_modules/') + 13)))
  for (const [where, entry] of Object.entries(lock.packages)) {
    for (const name of Object.keys(entry.optionalDependencies ?? {})) {
      assert.ok(names.has(name), `${where || 'the root'} wants ${name}, which the lock file does not have`)
    }
  }
})
