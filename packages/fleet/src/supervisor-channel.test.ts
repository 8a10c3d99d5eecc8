import assert from 'node:assert/strict'
import { EventEmitter } from 'node:events'
import { test } from 'node:test'
import { ManualClock } from '@parley/kernel/testing'
import { openSupervisorChannel } from './supervisor-channel.ts'
import { threadPoolProblem, threadPoolSize, workerEnvironment } from './worker-environment.ts'

class Port extends EventEmitter {
  connected = true
  readonly sent: unknown[] = []
  throws = false
  send(message: unknown, callback: (error: Error | null) => void): boolean {
    if (this.throws) throw new Error('channel closed')
    this.sent.push(message)
    callback(null)
    return true
  }
}

function rig() {
  const clock = new ManualClock()
  const port = new Port()
  const channel = openSupervisorChannel<{ level: string }>(port, clock)
  assert.ok(channel)
  return { clock, port, channel }
}

const START = { type: 'start', config: { level: 'info' }, fleetSecret: 's' } as const

test('[MB1] the start message brings configuration and secret; what comes later is kept for its listener, in order', async () => {
  const { port, channel, clock } = rig()
  port.emit('message', { type: 'workers', workers: [] })
  port.emit('message', START)
  port.emit('message', { type: 'from.the.future' })
  port.emit('message', null)
  port.emit('message', { type: 'stop' })
  assert.deepEqual(await channel.start, START)
  const seen: string[] = []
  channel.onMessage((message) => seen.push(message.type))
  port.emit('message', { type: 'mintPageCode', requestId: 'r' })
  assert.deepEqual(seen, ['workers', 'stop', 'mintPageCode'])
  assert.equal(clock.pendingTimers, 0)
})

test('[MB1] without a start message within 10 s the start fails', async () => {
  const { channel, clock } = rig()
  clock.advance(10_000)
  await assert.rejects(channel.start, /start message/)
})

test('[MB2] the end of the channel is told once, at once when it is over already, and fails a start still awaited', async () => {
  const { port, channel } = rig()
  let gone = 0
  channel.onGone(() => gone++)
  port.connected = false
  port.emit('disconnect')
  assert.equal(gone, 1)
  await assert.rejects(channel.start, /gone/)
  const late = openSupervisorChannel(port, new ManualClock())
  late?.onGone(() => gone++)
  assert.equal(gone, 2)
  await assert.rejects(late?.start ?? Promise.resolve(), /gone/)
})

test('[MB2] sending never fails: a supervisor that is gone needs no word', async () => {
  const { port, channel } = rig()
  const failed = { type: 'failed', code: 'X', message: 'x', exitCode: 1 } as const
  await channel.send(failed)
  port.throws = true
  await channel.send(failed)
  port.emit('disconnect')
  await channel.send(failed)
  assert.deepEqual(port.sent, [failed])
  await assert.rejects(channel.start)
})

test('[MB2] a closed channel listens no more, and a process without one has no supervisor', async () => {
  const { port, channel } = rig()
  port.emit('message', START)
  await channel.start
  channel.close()
  assert.deepEqual([port.listenerCount('message'), port.listenerCount('disconnect')], [0, 0])
  assert.equal(openSupervisorChannel({ on() {}, off() {} }, new ManualClock()), undefined)
})

test('[MB3] a worker is started with a thread for each slot and some to spare, and can tell when it was not', () => {
  assert.deepEqual(workerEnvironment(8), { UV_THREADPOOL_SIZE: '12' })
  assert.equal(threadPoolSize(0), 64)
  assert.equal(threadPoolSize(5_000), 1_024)
  assert.equal(threadPoolProblem('12', 8), undefined)
  assert.match(threadPoolProblem(undefined, 8) ?? '', /4 threads for 8 slots.*UV_THREADPOOL_SIZE=12/)
  assert.match(threadPoolProblem('nonsense', 8) ?? '', /UV_THREADPOOL_SIZE=12/)
})

test('[MB4] drains reach a worker in their order, also those that came before it listened', async () => {
  const { port, channel } = rig()
  port.emit('message', START)
  port.emit('message', { type: 'drain', withinMs: 5 })
  await channel.start
  const seen: unknown[] = []
  channel.onMessage((message) => seen.push(message))
  port.emit('message', { type: 'undrain' })
  assert.deepEqual(seen, [{ type: 'drain', withinMs: 5 }, { type: 'undrain' }])
})
