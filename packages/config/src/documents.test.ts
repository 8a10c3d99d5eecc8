import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import test from 'node:test'
import { configMarkdown, exampleYaml } from './documents.ts'
import { CONFIG_KEYS } from './keys.ts'

test('[CF11] config/example.yaml is what the schema says', async () => {
  const file = await readFile(new URL('../../../config/example.yaml', import.meta.url), 'utf8')
  assert.equal(file, exampleYaml(), 'out of date: ./parley config example > config/example.yaml')
})

test('[CF11] example and reference page hold every key with its environment name', () => {
  const page = configMarkdown()
  for (const key of CONFIG_KEYS) {
    assert.ok(page.includes(`\`${key.path}\``), key.path)
    assert.ok(page.includes(`\`${key.envName}\``), key.envName)
    assert.ok(exampleYaml().includes(key.name === '' ? `\n${key.section}:` : `\n  ${key.name}:`), key.path)
  }
})
