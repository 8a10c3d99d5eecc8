import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { test } from 'node:test'
import { systemClock } from '@parley/kernel'
import { eventually, ManualClock } from '@parley/kernel/testing'
import { call, openTcpEnd, openUdpEnd } from '../testing/index.ts'
import type { CutChange } from './cut-book.ts'
import { ImpairmentError, startRelay } from './relay.ts'

const nowhere = { host: '127.0.0.1', port: 9 }
/** Sockets and timers of this process that keep it alive. */
const handles = () => process.getActiveResourcesInfo().filter((name) => /TCP|UDP|Timeout/.test(name)).length

test('[IM17] both halves listen on one port of the loopback address', async () => {
  const relay = await startRelay({ clock: systemClock, tcp: { to: nowhere }, udp: { to: nowhere } })
  assert.equal(relay.tcp?.port, relay.udp?.port)
  assert.deepEqual([relay.tcp?.host, relay.udp?.host], ['127.0.0.1', '127.0.0.1'])
  await relay.close()
})

test('[IM17] a port that was asked for and is taken is an error, and nothing is left', async () => {
  const taken = await openTcpEnd()
  const before = handles()
  const listen = { port: taken.address.port }
  await assert.rejects(startRelay({ clock: systemClock, tcp: { listen, to: nowhere }, udp: { to: nowhere } }), {
    code: 'EADDRINUSE',
  })
  const udp = await openUdpEnd()
  const beside = { listen: { port: udp.address.port }, to: nowhere }
  await assert.rejects(startRelay({ clock: systemClock, tcp: { to: nowhere }, udp: beside }), { code: 'EADDRINUSE' })
  await udp.close()
  await taken.close()
  await eventually(() => (handles() <= before ? undefined : `${handles()} handles, ${before} before`))
})

test('[IM7] an impossible impairment starts no relay and changes none', async () => {
  const impairment = { up: { lossRatio: 2 } }
  await assert.rejects(startRelay({ clock: systemClock, tcp: { to: nowhere }, impairment }), ImpairmentError)
  const relay = await startRelay({ clock: systemClock, tcp: { to: nowhere } })
  assert.throws(() => relay.setImpairment(impairment), /up\.lossRatio is 2; it must be a ratio from 0 to 1/)
  await relay.close()
})

test('[IM9, IM16] cuts are told as they come, planned, by hand and of a plan that is set later', async () => {
  const clock = new ManualClock()
  clock.advance(5_000)
  const relay = await startRelay({
    clock,
    tcp: { to: nowhere },
    impairment: { cuts: [{ atMs: 1_000, forMs: 500, what: 'udp' }], periodicCuts: [{ everyMs: 10_000, forMs: 1_000 }] },
  })
  const told: string[] = []
  relay.on('cut', ({ kind, cut, atMs }: CutChange) => told.push(`${atMs} ${cut.what} ${cut.origin} ${kind}`))
  clock.advance(10_000)
  relay.cut({ what: 'tcp', how: 'reset' })
  relay.heal()
  relay.setImpairment({ cuts: [{ atMs: 10, forMs: 5 }] })
  clock.advance(100)
  assert.deepEqual(told, [
    '1000 udp plan begun',
    '1500 udp plan ended',
    '10000 both plan begun',
    '10000 tcp hand begun',
    '10000 both plan ended',
    '10000 tcp hand ended',
    '10010 both plan begun',
    '10015 both plan ended',
  ])
  assert.equal(relay.report().cutsTotal, 4)
  await relay.close()
  assert.equal(clock.pendingTimers, 0)
})

test('[IM18] a process that reset a connection while its FIN was being sent comes to its end', async () => {
  const program = `
    import { connect, createServer } from 'node:net'
    import { resetSocket } from ${JSON.stringify(new URL('./reset-socket.ts', import.meta.url).href)}
    const server = createServer({ allowHalfOpen: true }, (socket) => {
      server.close()
      socket.on('error', () => {}).on('close', () => {}).resume()
      setTimeout(() => socket.destroy(), 200)
    })
    server.listen(0, '127.0.0.1', () => {
      const caller = connect({ host: '127.0.0.1', port: server.address().port, allowHalfOpen: true }).on('error', () => {})
      caller.on('connect', () => setImmediate(() => {
        caller.end()
        // The FIN is handed to the system on the next tick, and is under way until the loop has turned.
        process.nextTick(() => process.nextTick(() => resetSocket(caller)))
      }))
    })`
  const child = spawn(process.execPath, ['--input-type=module', '-e', program], { stdio: 'inherit', timeout: 10_000 })
  assert.deepEqual(await once(child, 'close'), [0, null])
})

test('[IM18] closing leaves no socket and no timer, whatever is under way; it may be called again', async () => {
  const before = handles()
  const clock = new ManualClock()
  const [tcp, udp, source] = [await openTcpEnd(), await openUdpEnd(), await openUdpEnd()]
  const relay = await startRelay({
    clock,
    tcp: { to: tcp.address },
    udp: { to: udp.address },
    impairment: { both: { delayMs: 1_000, rateBitsPerSecond: 8_000 }, periodicCuts: [{ everyMs: 500, forMs: 100 }] },
  })
  assert.ok(relay.tcp && relay.udp)
  const caller = await call(relay.tcp)
  caller.socket.write('x'.repeat(200_000))
  source.send('delayed', relay.udp)
  await eventually(() => (relay.report().heldBytes > 7 ? undefined : 'nothing held'))
  await eventually(() => (relay.report().up.packets === 1 ? undefined : 'no datagram'))
  await Promise.all([relay.close(), relay.close()])
  assert.equal(clock.pendingTimers, 0)
  await eventually(() => (caller.ended() === 'ECONNRESET' ? undefined : `${caller.ended()}`))
  await Promise.all([tcp.close(), udp.close(), source.close()])
  await eventually(() => (handles() <= before ? undefined : `${handles()} handles, ${before} before`))
})
