import assert from 'node:assert/strict'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import test, { type TestContext } from 'node:test'
import { RedisDirectory } from '@parley/fleet/redis'
import { Scope, systemClock } from '@parley/kernel'
import { eventually } from '@parley/kernel/testing'
import { isAlive } from '../platform/run-file.ts'
import { OwnRedis } from './own-redis.ts'
import { freePort } from './port-check.ts'

async function start(t: TestContext) {
  const folder = await mkdtemp(path.join(os.tmpdir(), 'parley-own-redis-'))
  const scope = new Scope(systemClock)
  const said: string[] = []
  t.after(async () => {
    await scope.close()
    await rm(folder, { recursive: true, force: true })
  })
  const onReport = (_level: string, message: string) => said.push(message)
  const options = { clock: systemClock, scope, folder: path.join(folder, 'redis'), port: await freePort(), onReport }
  return { redis: await OwnRedis.start(options), scope, said }
}

async function stateOf(t: TestContext, url: string): Promise<RedisDirectory> {
  const scope = new Scope(systemClock)
  t.after(() => scope.close())
  return new RedisDirectory({ clock: systemClock, scope, address: { url } })
}

const readyOf = (directory: RedisDirectory) =>
  eventually(() => (directory.state.kind === 'ready' ? undefined : directory.state.problem), { withinMs: 20_000 })

test('[UP15] it keeps leases, asks for a password that no command line shows, and is started again when it dies', async (t) => {
  const { redis, said } = await start(t)
  const directory = await stateOf(t, redis.url)
  await readyOf(directory)
  assert.deepEqual(directory.warnings, [], 'noeviction')
  const pid = redis.pid ?? 0
  const password = new URL(redis.url).password
  assert.equal((await readFile(`/proc/${pid}/cmdline`, 'utf8')).includes(password), false)
  const stranger = await stateOf(t, redis.url.replace(password, 'guessed'))
  await eventually(() => {
    const { state } = stranger
    return state.kind === 'away' && state.isMisconfigured ? undefined : 'let in'
  })
  process.kill(pid, 'SIGKILL')
  await eventually(() => (redis.pid !== undefined && redis.pid !== pid ? undefined : 'not back'))
  await readyOf(directory)
  assert.match(
    said.join('\n'),
    /redis ended \(SIGKILL\); sessions go on.*starting it again\nredis is back \(process \d+\)/,
  )
})

test('[UP15] it ends with the platform', async (t) => {
  const { redis, scope, said } = await start(t)
  const pid = redis.pid ?? 0
  await scope.close()
  await eventually(() => (isAlive(pid) ? 'alive' : undefined))
  assert.deepEqual(said, [])
})

test('[UP15] where there is no redis-server that is said with the command that installs it', async (t) => {
  const before = process.env.PATH
  t.after(() => {
    process.env.PATH = before
  })
  process.env.PATH = '/nonexistent'
  await assert.rejects(start(t), /apt-get install --no-install-recommends redis-server\n.*--redis redis:/)
})
