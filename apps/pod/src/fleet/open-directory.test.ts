import assert from 'node:assert/strict'
import { test } from 'node:test'
import { RedisServer, readyOf } from '@parley/fleet/testing'
import { Scope, systemClock } from '@parley/kernel'
import { silentLogger } from '@parley/telemetry'
import { usableLimits } from '@parley/text'
import { testConfig } from '../testing/pod-harness.ts'
import { openDirectory } from './open-directory.ts'

const LIMITS = usableLimits({ requestsPerMinute: 100 })
const demand = { requestsPerMinute: 1e6, tokensPerMinute: 0, partials: 0, finals: 0 }

test('[TS18, TS19] pods of a fleet with Redis share budgets and finals in it; one alone shares nothing', async (t) => {
  const alone = new Scope(systemClock)
  t.after(() => alone.close())
  const memory = await openDirectory(systemClock, alone, testConfig('/nonexistent').fleet, silentLogger)
  assert.deepEqual([memory.kind, memory.shared], ['memory', undefined])

  const server = await RedisServer.start()
  t.after(() => server.stop())
  const { fleet } = testConfig('/nonexistent', { 'fleet.redisUrl': server.url })
  const podOf = async () => {
    const scope = new Scope(systemClock)
    t.after(() => scope.close())
    const opened = await openDirectory(systemClock, scope, fleet, silentLogger)
    await readyOf(opened.directory)
    assert.ok(opened.shared)
    return opened.shared
  }
  const [a, b] = [await podOf(), await podOf()]
  const ask = async ({ budgets }: typeof a, holder: string): Promise<number> => {
    const answer = await budgets.renew('openai', { holder, limits: LIMITS, demand, leaseMs: 5_000 })
    return answer.ok ? answer.value.requestsPerMinute : -1
  }
  assert.deepEqual([await ask(a, 'a'), await ask(b, 'b'), await ask(a, 'a'), await ask(b, 'b')], [90, 0, 45, 45])
  await a.texts.set('key', 'sealed', 60_000)
  assert.deepEqual(await b.texts.get('key'), { ok: true, value: 'sealed' })
})
