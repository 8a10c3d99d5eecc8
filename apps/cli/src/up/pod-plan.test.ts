import assert from 'node:assert/strict'
import test from 'node:test'
import { resolveConfig } from '@parley/config'
import { planPods, socketOf } from './pod-plan.ts'

function config(...settings: string[]) {
  const flags = settings.map((setting) => {
    const [key = '', value = ''] = setting.split('=')
    return { flag: `--set ${key}`, key, value }
  })
  const resolved = resolveConfig({ env: {}, cwd: '/', homeDir: '/home/ada', flags })
  if (!resolved.ok) throw new Error(resolved.error.map(({ message }) => message).join('; '))
  return resolved.value.config
}

const ALONE = { redisUrl: '', databaseUrl: '' }

test('[UP14] each pod has ports and an admin socket of its own; the rest they share', () => {
  const given = config('udp.port=9000', 'fleet.port=9100', 'admin.socket=/run/p/admin.sock')
  const [first, second, third] = planPods(given, [8080, 8081, 8083], {
    redisUrl: 'redis://x',
    databaseUrl: 'postgres://y',
  })
  assert.deepEqual([first?.name, second?.name, third?.name], ['pod 1', 'pod 2', 'pod 3'])
  const own = (plan: typeof first) => [
    plan?.config.server.port,
    plan?.config.udp.port,
    plan?.config.fleet.port,
    plan?.config.admin.socket,
  ]
  assert.deepEqual(own(first), [8080, 9000, 9100, '/run/p/admin.sock'])
  assert.deepEqual(own(second), [8081, 9001, 9101, '/run/p/admin-pod-2.sock'])
  assert.deepEqual(own(third), [8083, 9002, 9102, '/run/p/admin-pod-3.sock'])
  assert.equal(third?.config.fleet.redisUrl, 'redis://x')
  assert.equal(third?.config.records.databaseUrl, 'postgres://y')
  assert.equal(third?.config.data.dir, given.data.dir)
})

test('[UP14] ports that are to be free ones stay so, and a TCP admin listener takes the next port', () => {
  const [, second] = planPods(config('admin.port=9200'), [0, 0], ALONE)
  assert.deepEqual(
    [second?.config.server.port, second?.config.udp.port, second?.config.fleet.port, second?.config.admin.port],
    [0, 0, 0, 9201],
  )
  assert.equal(planPods(config(), [8080], ALONE)[0]?.name, 'pod')
  assert.equal(socketOf('', 3), '')
})
