import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { Scope } from '@parley/kernel'
import { eventually, ManualClock } from '@parley/kernel/testing'
import { silentLogger } from '@parley/telemetry'
import { temporaryFolder } from '../testing/pod-harness.ts'
import { createApiKeys } from './api-keys.ts'
import { REVOKED_FILE, REVOKED_FILE_PERIOD_MS, RevocationFile } from './revocation-file.ts'
import { KEY_REVOKED_FOR_MS, MAX_REVOCATIONS, type Revocation, Revocations } from './revocations.ts'

const HOUR_MS = 3_600_000
const hashOf = (key: string): string => createHash('sha256').update(key).digest('hex')
const link = (n: number, untilMs: number): Revocation => ({ kind: 'link', id: `wat_${n}`, untilMs })

test('[ID12] a revoked key is refused; another one of the same id is not, nor are others', () => {
  const clock = new ManualClock()
  const revocations = new Revocations(clock)
  const key = (secret: string) => [{ id: 'app', tenant: 'acme', role: 'backend' as const, sha256: hashOf(secret) }]
  const before = createApiKeys('pk_own', key('pk_old'), revocations)
  assert.equal(before.find('pk_old')?.keyId, 'app')
  const hash = before.hashOf('acme', 'app') as string
  assert.equal(before.hashOf('other', 'app'), undefined)
  revocations.add([{ kind: 'key', id: hash, untilMs: clock.wallMs() + KEY_REVOKED_FOR_MS }])
  assert.equal(before.find('pk_old'), undefined)
  assert.equal(before.find('pk_own')?.role, 'admin')
  assert.deepEqual(
    before.list().map(({ id, isRevoked }) => [id, isRevoked]),
    [
      ['default', false],
      ['app', true],
    ],
  )
  const after = createApiKeys('pk_own', key('pk_new'), revocations)
  assert.equal(after.find('pk_new')?.keyId, 'app')
})

test('[ID13] sets grow in any order to the same; what is over is not known any more, and made room for first', () => {
  const clock = new ManualClock()
  const wallMs = clock.wallMs()
  const [one, other] = [new Revocations(clock), new Revocations(clock)]
  const all = [
    link(1, wallMs + 1_000),
    link(2, wallMs + HOUR_MS),
    { ...link(3, wallMs + HOUR_MS), kind: 'key' as const },
  ]
  const heard: Revocation[] = []
  one.onAdded((added) => heard.push(...added))
  one.add(all)
  for (const each of all.toReversed()) other.add([each])
  assert.equal(one.digest(), other.digest())
  assert.deepEqual([one.add(all), heard.length], [[], 3], 'nothing new')
  const before = one.digest()
  clock.advance(1_000)
  assert.equal(one.has('link', 'wat_1'), false)
  assert.equal(one.has('link', 'wat_2'), true)
  assert.notEqual(one.digest(), before)
  assert.deepEqual(other.add([link(9, wallMs)]), [], 'it is over already')
  one.add(Array.from({ length: MAX_REVOCATIONS }, (_, n) => link(100 + n, wallMs + 2_000 + n)))
  assert.equal(one.size, MAX_REVOCATIONS)
  assert.equal(one.has('key', 'wat_3'), true, 'ends later than the links')
})

async function podOf(t: TestContext, path: string) {
  const clock = new ManualClock()
  const scope = new Scope(clock)
  t.after(() => scope.close())
  const revocations = new Revocations(clock)
  const file = new RevocationFile({ path, runPath: path }, revocations, silentLogger)
  await file.open(scope)
  return { clock, revocations, file }
}

test('[ID13] what one pod of a directory revokes the other finds there, and whoever starts later', async (t) => {
  const folder = await temporaryFolder(t)
  const [a, b] = [await podOf(t, folder), await podOf(t, folder)]
  const untilMs = a.clock.wallMs() + HOUR_MS
  a.revocations.add([link(1, untilMs)])
  b.revocations.add([link(2, untilMs)])
  await eventually(async () => {
    for (const { clock, file } of [a, b]) {
      clock.advance(REVOKED_FILE_PERIOD_MS)
      await file.sync()
    }
    return a.revocations.digest() === b.revocations.digest() && a.revocations.size === 2 ? undefined : 'not alike'
  })
  const later = await podOf(t, folder)
  assert.equal(later.revocations.digest(), a.revocations.digest())
})

test('[ID13] a file that is no list of revocations is left as it is, and what is revoked holds nonetheless', async (t) => {
  const folder = await temporaryFolder(t)
  const path = join(folder, REVOKED_FILE)
  await writeFile(path, '{"version":7}')
  const { clock, revocations, file } = await podOf(t, folder)
  revocations.add([link(1, clock.wallMs() + HOUR_MS)])
  await file.sync()
  assert.equal(revocations.has('link', 'wat_1'), true)
  assert.equal(await readFile(path, 'utf8'), '{"version":7}')
})
