// What is true of the directory in Redis alone: losing it, its credentials, its neighbours, its restarts.
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { after, type TestContext, test } from 'node:test'
import { Scope, systemClock } from '@parley/kernel'
import { eventually, ManualClock } from '@parley/kernel/testing'
import { generate } from 'selfsigned'
import { asking, granted, joined, load, RedisRig, readyOf, refusalOf } from '../../testing/directory-rig.ts'
import { RedisServer } from '../../testing/redis-server.ts'
import { type DirectoryChange, SETTLE_MS } from '../directory.ts'
import { SCHEMA_VERSION } from './keys.ts'
import { newConnection, type RedisConnection } from './redis-connection.ts'
import { RedisDirectory } from './redis-directory.ts'
import type { RedisLinkOptions } from './redis-link.ts'

const rig = new RedisRig()
after(() => rig.stop())

/** A connection of the test's own, past the directory. */
async function plain(t: TestContext, url: string): Promise<RedisConnection> {
  const connection = newConnection({ url }, () => {})
  await connection.connect()
  t.after(() => connection.destroy())
  return connection
}

function open(t: TestContext, url: string, more: Partial<RedisLinkOptions> = {}): RedisDirectory {
  const scope = new Scope(systemClock)
  t.after(() => scope.close())
  return new RedisDirectory({ clock: systemClock, scope, address: { url }, ...more })
}

/** On a machine that is busy with other tests. */
const PATIENTLY = { withinMs: 20_000 }

/** What is wrong, once something is. */
async function problemOf(directory: RedisDirectory): Promise<{ problem: string; isMisconfigured: boolean }> {
  let found = { problem: '', isMisconfigured: false }
  await eventually(() => {
    if (directory.state.kind === 'away' && directory.state.problem !== 'not connected yet') found = directory.state
    return found.problem === '' ? JSON.stringify(directory.state) : undefined
  }, PATIENTLY)
  return found
}

test('[FD18] Redis lost: refused at once, with why; back by itself, and who watches is told to look again', async (t) => {
  const server = await RedisServer.start()
  t.after(() => server.stop())
  const directory = open(t, server.url)
  const [states, changes]: [string[], DirectoryChange[]] = [[], []]
  directory.onState(({ kind }) => states.push(kind))
  directory.watch((change) => changes.push(change))
  await readyOf(directory)
  const by = await joined(directory, 'pod_a')
  await server.kill()
  await eventually(() => (directory.state.kind === 'away' ? undefined : 'still ready'), PATIENTLY)
  const answer = await directory.claim(asking(by, 'ses_1'))
  assert.ok(!answer.ok && answer.error.code === 'DIRECTORY_AWAY')
  assert.match(answer.error.message, /the directory is away \(Redis at 127\.0\.0\.1:\d+: .+\); decide locally/)
  assert.ok(answer.error.retryAfterMs > 0)
  await server.start()
  await readyOf(directory)
  assert.equal(await refusalOf(directory.report(by, load())), 'MEMBER_FENCED')
  await joined(directory, 'pod_a')
  await eventually(() => (changes.at(-1)?.kind === 'joined' ? undefined : JSON.stringify(changes)), PATIENTLY)
  assert.deepEqual(
    changes.map(({ kind }) => kind),
    ['resync', 'joined', 'resync', 'joined'],
  )
  assert.equal(states[0], 'ready')
  assert.equal(states.at(-1), 'ready')
})

test('[FD18] a Redis that stands still is away after the deadline, and calls that wait for it are refused', async (t) => {
  const server = await RedisServer.start()
  t.after(() => server.stop())
  const directory = open(t, server.url, { commandTimeoutMs: 250 })
  await readyOf(directory)
  const by = await joined(directory, 'pod_a')
  server.pause()
  t.after(() => server.unpause())
  const waiting = Array.from({ length: 10 }, (_, n) => directory.claim(asking(by, `ses_${n}`)))
  for (const answer of await Promise.all(waiting)) assert.ok(!answer.ok && answer.error.code === 'DIRECTORY_AWAY')
  assert.match((await problemOf(directory)).problem, /no answer within 250 ms/)
  server.unpause()
  await readyOf(directory)
})

test('[FD19] wrong and missing credentials are said by name, and mended without a restart', async (t) => {
  const server = await RedisServer.start({ password: 'right-password' })
  t.after(() => server.stop())
  const wrong = open(t, server.url.replace('right-password', 'wrong-password'))
  const { problem, isMisconfigured } = await problemOf(wrong)
  assert.match(problem, /refuses the credentials \(WRONGPASS\): correct user or password in the Redis URL/)
  assert.equal(isMisconfigured, true)
  assert.doesNotMatch(problem, /wrong-password/)
  const missing = open(t, server.url.replace(':right-password@', ''))
  assert.match((await problemOf(missing)).problem, /wants a password \(NOAUTH\)/)
  await readyOf(open(t, server.url))
  const admin = await plain(t, server.url)
  await admin.send(['CONFIG', 'SET', 'requirepass', 'wrong-password'])
  await readyOf(wrong)
})

test('[FD19] what the user of the URL may not is said by name', async (t) => {
  const { url } = await rig.server()
  const admin = await plain(t, url)
  await admin.send(['ACL', 'SETUSER', 'limited', 'on', '>pw', '~other:*', '&*', '+@all', '-info'])
  const limited = open(t, url.replace('redis://', 'redis://limited:pw@'))
  const { problem, isMisconfigured } = await problemOf(limited)
  assert.match(problem, /lacks a permission at 127\.0\.0\.1:\d+ \(NOPERM\): allow it INFO/)
  assert.equal(isMisconfigured, true)
})

test('[FD19] what is no Redis, no address and no TLS port are said by name', async (t) => {
  const { url } = await rig.server()
  const tls = open(t, url.replace('redis:', 'rediss:'), { commandTimeoutMs: 300 })
  assert.match((await problemOf(tls)).problem, /is that its TLS port\? if not, write redis:\/\/ instead of rediss:\/\//)
  const web = createServer((socket) => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n')).listen(0, '127.0.0.1')
  await once(web, 'listening')
  t.after(() => web.close())
  const { port } = web.address() as { port: number }
  assert.match((await problemOf(open(t, `redis://127.0.0.1:${port}`))).problem, /Redis at 127\.0\.0\.1:\d+: /)
  assert.throws(() => open(t, 'http://127.0.0.1'), /write redis:\/\//)
  assert.throws(() => open(t, url, { fleet: 'a:b' }), /is no name/)
})

test('[FD19] TLS: with the authority it works, without it the certificate is what is said', async (t) => {
  const folder = mkdtempSync(path.join(tmpdir(), 'parley-redis-tls-'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  const [certFile, keyFile] = [path.join(folder, 'cert.pem'), path.join(folder, 'key.pem')]
  const { cert, private: key } = await generate([{ name: 'commonName', value: '127.0.0.1' }], {
    extensions: [{ name: 'subjectAltName', altNames: [{ type: 7, ip: '127.0.0.1' }] }],
  })
  writeFileSync(certFile, cert)
  writeFileSync(keyFile, key)
  const server = await RedisServer.start({ tls: { certFile, keyFile } })
  t.after(() => server.stop())
  const trusting = open(t, server.url, { address: { url: server.url, ca: cert } })
  await readyOf(trusting)
  await joined(trusting, 'pod_a')
  const { problem, isMisconfigured } = await problemOf(open(t, server.url))
  assert.match(problem, /the certificate of Redis at 127\.0\.0\.1:\d+ is not trusted/)
  assert.equal(isMisconfigured, true)
})

test('[FD19] an eviction policy that throws away leases is a warning, told once', async (t) => {
  const server = await RedisServer.start({ evictionPolicy: 'allkeys-lru' })
  t.after(() => server.stop())
  const directory = open(t, server.url)
  const told: string[] = []
  directory.link.on('warning', (warning) => told.push(warning))
  await readyOf(directory)
  assert.match(directory.warnings.join(), /maxmemory-policy of Redis at .* is allkeys-lru: .*set it to noeviction/)
  await server.restart()
  await readyOf(directory)
  assert.equal(told.length, 1)
  assert.deepEqual((await rig.directory(t, { fleet: 'w' })).warnings, [])
})

test('[FD20] keys of others and of other fleets stay as they are, whatever happens to the fleet', async (t) => {
  const [one, other] = [await rig.subject(t, 'one'), await rig.subject(t, 'other')]
  const admin = await plain(t, (await rig.server()).url)
  const foreign = ['session:ses_1', 'parley:meta', 'parley:{one}', 'parley:{onemore}:meta', 'members']
  for (const key of foreign) await admin.send(['SET', key, 'not a hash'])
  const snapshot = async () => Promise.all(foreign.map((key) => admin.send(['GET', key])))
  const before = await snapshot()
  const by = await joined(other.directory, 'pod_a', { leaseMs: 600_000 })
  await granted(other.directory.claim(asking(by, 'ses_1')))
  const mine = await joined(one.directory, 'pod_a')
  await granted(one.directory.claim(asking(mine, 'ses_1')))
  await admin.send(['HSET', 'parley:{one}:meta', 'runId', 'another server'])
  await refusalOf(one.directory.report(mine, load()))
  await readyOf(one.directory)
  assert.deepEqual(await granted(one.directory.members()), [])
  const left = (await admin.send(['KEYS', 'parley:{one}:*'])) as string[]
  assert.deepEqual(left, ['parley:{one}:meta'])
  assert.deepEqual(await snapshot(), before)
  await granted(other.directory.report(by, load()))
  assert.equal((await granted(other.directory.locate('ses_1')))?.state, 'reserved')
})

test('[FD21] scripts that Redis has forgotten are sent again; flushed keys are a new epoch', async (t) => {
  const { directory, clock } = await rig.subject(t)
  const admin = await plain(t, (await rig.server()).url)
  const by = await joined(directory, 'pod_a')
  await admin.send(['SCRIPT', 'FLUSH'])
  await granted(directory.report(by, load()))
  clock.advance(1_000)
  await admin.send(['FLUSHALL'])
  assert.equal(await refusalOf(directory.report(by, load())), 'MEMBER_FENCED')
  const again = await joined(directory, 'pod_a')
  assert.ok(again.token.epoch > by.token.epoch)
})

test('[FD21] a server that comes back with what it had saved begins anew: what it knows may be old', async (t) => {
  const { directory, clock } = await rig.subject(t, 'restarted')
  const by = await joined(directory, 'pod_a')
  await granted(directory.claim(asking(by, 'ses_1')))
  clock.advance(SETTLE_MS)
  const admin = await plain(t, (await rig.server()).url)
  await admin.send(['HSET', 'parley:{restarted}:meta', 'runId', 'the one before'])
  const answer = await directory.locate('ses_1')
  assert.ok(!answer.ok && answer.error.code === 'DIRECTORY_AWAY')
  assert.match(answer.error.message, /is another one now/)
  await readyOf(directory)
  assert.equal(await granted(directory.locate('ses_1')), undefined)
  const again = await joined(directory, 'pod_a', { lastToken: by.token })
  assert.ok(again.token.epoch > by.token.epoch)
  assert.equal(await refusalOf(directory.claim(asking(again, 'ses_1', { isResume: true }))), 'DIRECTORY_SETTLING')
})

test('[FD22] keys of a much later layout are left alone; those of the next one are worked with', async (t) => {
  const admin = await plain(t, (await rig.server()).url)
  const first = await rig.directory(t, { fleet: 'later' })
  const by = await joined(first, 'pod_a', { leaseMs: 60_000 })
  await admin.send(['HSET', 'parley:{later}:meta', 'schema', '2'])
  await granted(first.report(by, load()))
  await admin.send(['HSET', 'parley:{later}:meta', 'schema', '3'])
  assert.equal(await refusalOf(first.report(by, load())), 'DIRECTORY_AWAY')
  const { problem, isMisconfigured } = await problemOf(first)
  assert.match(problem, /the fleet's keys at .* have schema 3, this version reads up to 2: update it/)
  assert.equal(isMisconfigured, true)
  assert.equal(await admin.send(['EXISTS', 'parley:{later}:member:pod_a']), 1)
})

test('[FD22] members of this version and of the one before share a fleet, whoever came first, and a much older one is told', async (t) => {
  const { url } = await rig.server()
  const of = (fleet: string, testSchemaVersion: number) => open(t, url, { fleet, testSchemaVersion })
  const versions = { new: SCHEMA_VERSION, old: SCHEMA_VERSION - 1 }
  for (const [n, order] of (['new', 'old'] as const).entries()) {
    const fleet = `versions-${n}`
    const one = of(fleet, versions[order])
    await readyOf(one)
    const a = await joined(one, 'pod_a', { leaseMs: 60_000, version: order })
    const other = of(fleet, versions[order === 'new' ? 'old' : 'new'])
    await readyOf(other)
    const b = await joined(other, 'pod_b', { leaseMs: 60_000, version: 'other' })
    assert.deepEqual(
      (await granted(other.members())).map(({ memberId, version }) => [memberId, version]),
      [
        ['pod_a', order],
        ['pod_b', 'other'],
      ],
    )
    const placed = await granted(one.claim(asking(a, 'ses_1', { only: 'pod_b' })))
    await granted(other.confirm(b, { sessionId: 'ses_1', token: placed.token }))
    const session = { sessionId: 'ses_1', token: placed.token }
    const moved = await granted(other.move({ ...asking(b, 'ses_1'), session }))
    await granted(one.confirm(a, { sessionId: 'ses_1', token: moved.token }))
    assert.equal((await granted(other.locate('ses_1')))?.memberId, 'pod_a')
    const again = await granted(one.reclaim(a, [{ sessionId: 'ses_1', token: moved.token }]))
    assert.ok(again[0]?.ok)
    await granted(other.drain('pod_a', 1_000))
    assert.equal((await granted(one.report(a, load()))).isDraining, true)
    await granted(one.release({ sessionId: 'ses_1', token: moved.token }))
    assert.equal(await granted(other.locate('ses_1')), undefined)
    const older = of(fleet, SCHEMA_VERSION - 2)
    const { isMisconfigured } = await problemOf(older)
    assert.equal(isMisconfigured, true)
  }
})

test('[FD23] members whose clocks are 30 s apart: leases and reservations are the same for both', async (t) => {
  const clocks = [new ManualClock(Date.UTC(2030, 0, 1)), new ManualClock(Date.UTC(2030, 0, 1) + 30_000)]
  const [ahead, behind] = await Promise.all(clocks.map((clock) => rig.directory(t, { fleet: 'clocks', clock })))
  assert.ok(ahead && behind)
  const [a, b] = [await joined(ahead, 'pod_a', { leaseMs: 20_000 }), await joined(behind, 'pod_b', { leaseMs: 20_000 })]
  const { token } = await granted(ahead.claim(asking(a, 'ses_1', { only: 'pod_b', reserveMs: 20_000 })))
  await granted(behind.confirm(b, { sessionId: 'ses_1', token }))
  await granted(ahead.report(a, load()))
  const ages = await Promise.all(
    [ahead, behind].map(async (each) => (await granted(each.members())).map(({ ageMs }) => ageMs)),
  )
  for (const ageMs of ages.flat()) assert.ok(ageMs >= 0 && ageMs < 15_000, `${ageMs}`)
  assert.ok(Math.abs(a.token.epoch - systemClock.wallMs()) < 60_000, 'the clock of Redis, not of a member')
})

test('[FD24] 500 claims at once through two connections against room for 300 on two pods: exactly 300, 50 times', async (t) => {
  for (let run = 0; run < 50; run++) {
    const fleet = `burst-${run}`
    const [one, other] = await Promise.all([rig.directory(t, { fleet }), rig.directory(t, { fleet })])
    const a = await joined(one, 'pod_a', { ratedSeats: 180, leaseMs: 60_000 })
    const b = await joined(other, 'pod_b', { ratedSeats: 120, leaseMs: 60_000 })
    const answers = await Promise.all(
      Array.from({ length: 500 }, (_, n) =>
        n % 2 ? one.claim(asking(a, `ses_${n}`)) : other.claim(asking(b, `ses_${n}`)),
      ),
    )
    const places = answers.flatMap((answer) => (answer.ok ? [answer.value.memberId] : []))
    assert.deepEqual([places.length, places.filter((id) => id === 'pod_a').length], [300, 180], `run ${run}`)
  }
})

test('[FD25] a report is one command, and a session three', async (t) => {
  const directory = await rig.directory(t, { fleet: 'counted' })
  const admin = await plain(t, (await rig.server()).url)
  const commands = async () => {
    const stats = String(await admin.send(['INFO', 'commandstats']))
    return Number(/cmdstat_evalsha:calls=(\d+)/.exec(stats)?.[1] ?? 0)
  }
  const by = await joined(directory, 'pod_a', { ratedSeats: 200, leaseMs: 60_000 })
  const before = await commands()
  for (let n = 0; n < 60; n++) await granted(directory.report(by, load({ leaseMs: 60_000 })))
  assert.equal((await commands()) - before, 60)
  for (let n = 0; n < 20; n++) {
    const sessionId = `ses_${n}`
    const { token } = await granted(directory.claim(asking(by, sessionId)))
    await granted(directory.confirm(by, { sessionId, token }))
    await granted(directory.release({ sessionId, token }))
  }
  assert.ok((await commands()) - before <= 120)
})
