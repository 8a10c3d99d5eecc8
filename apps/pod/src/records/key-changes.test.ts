import assert from 'node:assert/strict'
import { test } from 'node:test'
import { keyChanges, rememberedKeys } from './key-changes.ts'

const ada = { tenant: 'acme', id: 'ada' }
const bob = { tenant: 'acme', id: 'bob' }
const namesake = { tenant: 'other', id: 'ada' }

test('[REC5] keys that went from the configuration, or came with it, are noted; at the first start none has changed', () => {
  assert.deepEqual(keyChanges(undefined, [ada]), [])
  const before = rememberedKeys([bob, ada])
  assert.equal(before, rememberedKeys([ada, bob]))
  assert.deepEqual(keyChanges(before, [ada, bob]), [])
  assert.deepEqual(keyChanges(before, [ada, namesake]), [
    { ...bob, action: 'api-key.revoke' },
    { ...namesake, action: 'api-key.add' },
  ])
  assert.deepEqual(keyChanges(rememberedKeys([]), []), [])
  for (const noise of ['', 'null', '{', '7']) assert.deepEqual(keyChanges(noise, [ada]), [], noise)
})
