import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { test } from 'node:test'
import { promisify } from 'node:util'
import { ROOT } from '../context.ts'
import { bundleOptions } from './bundles.ts'

/** Names of each package, where it was read, and whether what one of its entries makes is understood by the other. */
const SCRIPT = `
  const names = ['typebox', 'typebox/compile', 'typebox/schema', 'typebox/value', 'kysely', 'jose']
  const all = await Promise.all(names.map((name) => import(name)))
  const [{ Type }, { Compile }, , { Value }] = all
  const schema = Type.Object({ count: Type.Integer() }, { additionalProperties: false })
  const checks = [Value.Check(schema, { count: 1 }), Compile(schema).Check({ count: 1.5 }), Compile(schema).Check({ count: 2 })]
  const where = names.map((name) => import.meta.resolve(name))
  console.log(JSON.stringify({ exported: all.map((module) => Object.keys(module)), checks, where }))
`

interface Told {
  readonly exported: readonly (readonly string[])[]
  readonly checks: readonly boolean[]
  readonly where: readonly string[]
}

async function told(nodeOptions: string): Promise<Told> {
  const env = { ...process.env, NODE_OPTIONS: nodeOptions }
  const args = ['--input-type=module', '--eval', SCRIPT]
  const { stdout } = await promisify(execFile)(process.execPath, args, { cwd: ROOT, env })
  return JSON.parse(stdout) as Told
}

test('[TST5] bundles export what the packages export, and work together as they do', async () => {
  const [plain, bundled] = await Promise.all([told(''), told(await bundleOptions(ROOT))])
  assert.deepEqual(bundled.exported, plain.exported)
  assert.deepEqual(
    [plain.checks, bundled.checks],
    [
      [true, false, true],
      [true, false, true],
    ],
  )
  assert.ok(plain.where.every((url) => !url.includes('/.cache/bundles/')))
  assert.ok(bundled.where.every((url) => url.includes('/.cache/bundles/')))
})
