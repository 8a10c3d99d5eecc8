import assert from 'node:assert/strict'
import test from 'node:test'
import { installedSet, type LockPackages } from './installed-packages.ts'

const LINUX = { os: 'linux', cpu: 'x64', libc: 'glibc' }
const LOCKED: LockPackages = {
  '': { version: '0.1.0' },
  'apps/cli': { version: '0.1.0' },
  'node_modules/@parley/cli': { link: true },
  'node_modules/a': { version: '1.0.0' },
  'node_modules/tool': { version: '2.0.0', dev: true },
  'node_modules/native-linux': { version: '1.0.0', optional: true, os: ['linux'], cpu: ['x64'], libc: ['glibc'] },
  'node_modules/native-musl': { version: '1.0.0', optional: true, os: ['linux'], cpu: ['x64'], libc: ['musl'] },
  'node_modules/native-mac': { version: '1.0.0', optional: true, os: ['darwin'], cpu: ['arm64'] },
  'node_modules/extra': { version: '1.0.0', optional: true },
}
const RUNTIME: LockPackages = {
  'node_modules/a': { version: '1.0.0' },
  'node_modules/native-linux': { version: '1.0.0' },
}
const FULL: LockPackages = { ...RUNTIME, 'node_modules/tool': { version: '2.0.0' } }

test('[LA5] a set is complete when every package that this platform needs is there in its version', () => {
  assert.equal(installedSet(LOCKED, FULL, LINUX), 'full')
  assert.equal(installedSet(LOCKED, RUNTIME, LINUX), 'runtime')
  assert.equal(installedSet(LOCKED, { ...FULL, 'node_modules/a': { version: '1.0.1' } }, LINUX), 'none')
  assert.equal(installedSet(LOCKED, {}, LINUX), 'none')
})

test('[LA2] a native part of this platform that npm left out makes the set incomplete', () => {
  assert.equal(installedSet(LOCKED, { 'node_modules/a': { version: '1.0.0' } }, LINUX), 'none')
  assert.equal(installedSet(LOCKED, { 'node_modules/a': { version: '1.0.0' } }, { ...LINUX, cpu: 'arm64' }), 'runtime')
})
