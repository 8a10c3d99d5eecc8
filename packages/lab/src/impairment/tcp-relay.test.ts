import assert from 'node:assert/strict'
import type { Socket } from 'node:net'
import { test } from 'node:test'
import { seededRandom, systemClock } from '@parley/kernel'
import { eventually, ManualClock } from '@parley/kernel/testing'
import { type Caller, call, openTcpEnd } from '../testing/index.ts'
import { type Relay, type RelayOptions, startRelay } from './relay.ts'

const echo = (socket: Socket): void => void socket.pipe(socket)

async function rig(options: Partial<RelayOptions> = {}, onSocket: (socket: Socket) => void = echo) {
  const clock = new ManualClock()
  const target = await openTcpEnd(onSocket)
  const relay = await startRelay({ clock, tcp: { to: target.address }, ...options })
  const at = relay.tcp as NonNullable<Relay['tcp']>
  const callers: Caller[] = []
  return {
    clock,
    target,
    relay,
    async call() {
      const caller = await call(at)
      callers.push(caller)
      return caller
    },
    async [Symbol.asyncDispose]() {
      for (const { socket } of callers) socket.destroy()
      await Promise.all([relay.close(), target.close()])
    },
  }
}

const hears = (caller: Caller, text: string) =>
  eventually(() =>
    caller.text() === text ? undefined : `heard "${caller.text().slice(-60)}", not "${text.slice(-60)}"`,
  )
const ends = (caller: Caller, how: RegExp) =>
  eventually(() => (how.test(caller.ended() ?? '') ? undefined : `ended: ${caller.ended()}`))
const entered = (relay: Relay, bytes: number) =>
  eventually(() =>
    relay.report().up.tcpBytes >= bytes ? undefined : `${relay.report().up.tcpBytes} of ${bytes} entered`,
  )

/** A reset may come before the system has said that the connection stands. */
async function isTurnedAway(r: { call(): Promise<Caller> }): Promise<void> {
  const caller = await r.call().catch((error: NodeJS.ErrnoException) => assert.equal(error.code, 'ECONNRESET'))
  if (caller) await ends(caller, /ECONNRESET/)
}

test('[IM3] bytes keep their order under delay, jitter, rate and loss, on a real clock', async () => {
  const both = {
    delayMs: 3,
    jitterMs: 8,
    lossRatio: 0.02,
    retransmitMs: 5,
    rateBitsPerSecond: 20_000_000,
    queueBytes: 20_000,
  }
  await using r = await rig({ clock: systemClock, impairment: { both }, seed: 3 })
  const caller = await r.call()
  const random = seededRandom(9)
  let sent = ''
  for (let index = 0; index < 60; index++) {
    const part = String.fromCharCode(97 + (index % 26)).repeat(1 + Math.floor(random() * 4_000))
    sent += part
    caller.socket.write(part)
  }
  await hears(caller, sent)
  const { up, down } = r.relay.report()
  assert.deepEqual([up.tcpBytes, up.tcpDeliveredBytes, down.tcpDeliveredBytes], [sent.length, sent.length, sent.length])
  assert.ok(up.tcpRetransmitted > 0)
})

test('[IM2] delay of bytes is kept to the millisecond of the clock', async () => {
  await using r = await rig({ impairment: { up: { delayMs: 50 } } })
  const caller = await r.call()
  caller.socket.write('late')
  await entered(r.relay, 4)
  await eventually(() => (r.target.sockets.length === 1 ? undefined : 'not connected'))
  r.clock.advance(49)
  assert.equal(r.relay.report().up.tcpDeliveredBytes, 0)
  r.clock.advance(1)
  await hears(caller, 'late')
})

test('[IM14] a half-closed connection still carries the other way', async () => {
  await using r = await rig({}, (socket) => {
    let text = ''
    socket.on('data', (part) => {
      text += part
    })
    socket.on('end', () => socket.end(`you said ${text}`))
  })
  const caller = await r.call()
  caller.socket.end('good bye')
  await hears(caller, 'you said good bye')
  await ends(caller, /end/)
  await eventually(() => (r.relay.report().tcpConnections === 0 ? undefined : 'still there'))
  assert.equal(r.relay.report().tcpResetTotal, 0)
})

test('[IM14] a reader that stops slows the sender; the relay holds no more than its bound', async () => {
  const maxHeldTcpBytes = 100_000
  await using r = await rig({ maxHeldTcpBytes, clock: systemClock }, (socket) => socket.pause())
  const caller = await r.call()
  const block = Buffer.alloc(65_536, 'x')
  // The systems at both ends hold some megabytes; far more is offered.
  const total = 64 << 20
  let written = 0
  const write = () => {
    while (written < total) {
      written += block.length
      if (!caller.socket.write(block)) return
    }
  }
  caller.socket.on('drain', write)
  write()
  await eventually(() => (r.relay.report().heldBytes >= maxHeldTcpBytes ? undefined : 'not full yet'))
  assert.ok(r.relay.report().heldBytes <= maxHeldTcpBytes + 65_536, `${r.relay.report().heldBytes}`)
  assert.ok(written < total)
  let received = 0
  r.target.sockets[0]?.on('data', (part) => {
    received += part.length
  })
  r.target.sockets[0]?.resume()
  await eventually(() => (received >= total ? undefined : `${received} of ${total}`), { withinMs: 20_000 })
  assert.equal(r.relay.report().heldBytes, 0)
})

test('[IM4] a rate holds for TCP, and the queue stays near its bound', async () => {
  const queueBytes = 5_000
  await using r = await rig({ impairment: { up: { rateBitsPerSecond: 800_000, queueBytes } } })
  const caller = await r.call()
  caller.socket.write('x'.repeat(100_000))
  await entered(r.relay, 100_000)
  for (let nowMs = 0; nowMs < 500; nowMs += 5) {
    r.clock.advance(5)
    assert.ok(r.relay.report().up.queueBytes <= queueBytes + 1_460)
  }
  const delivered = r.relay.report().up.tcpDeliveredBytes
  assert.ok(Math.abs(delivered - 50_000) < 3_000, `${delivered} bytes in half a second of 100 kB/s`)
  await r.clock.advanceAsync(600, 5)
  await hears(caller, 'x'.repeat(100_000))
})

test('[IM10] a silent cut passes nothing and closes nothing; afterwards everything comes, in order', async () => {
  await using r = await rig()
  const caller = await r.call()
  caller.socket.write('before ')
  await hears(caller, 'before ')
  r.relay.cut({ forMs: 3_000 })
  assert.deepEqual(r.relay.cutState, { tcp: 'silent', udp: 'silent' })
  caller.socket.write('during ')
  caller.socket.write('still ')
  await entered(r.relay, 20)
  const newcomer = await r.call()
  newcomer.socket.write('new')
  await entered(r.relay, 23)
  r.clock.advance(2_999)
  // One that goes round the relay arrives after whatever the relay would have let through.
  const direct = await call(r.target.address)
  await eventually(() => (r.target.sockets.length >= 2 ? undefined : 'not there yet'))
  direct.socket.destroy()
  assert.equal(r.relay.report().up.tcpDeliveredBytes, 7)
  assert.equal(caller.ended(), undefined)
  assert.equal(r.target.sockets.length, 2)
  r.clock.advance(1)
  await hears(caller, 'before during still ')
  await hears(newcomer, 'new')
  assert.deepEqual(r.relay.cutState, { tcp: 'open', udp: 'open' })
})

test('[IM10] an end that gives up in the silence is heard of after it, and its held bytes are gone', async () => {
  await using r = await rig({}, (socket) => socket.resume())
  const caller = await r.call()
  caller.socket.write('1234567')
  await eventually(() => (r.target.sockets[0]?.bytesRead === 7 ? undefined : 'not there yet'))
  r.relay.cut({ what: 'tcp' })
  caller.socket.write('held')
  await entered(r.relay, 11)
  caller.socket.resetAndDestroy()
  await eventually(() => (r.relay.report().heldBytes === 0 ? undefined : 'still held'))
  assert.equal(r.target.sockets[0]?.destroyed, false)
  r.relay.heal()
  await eventually(() => (r.target.sockets[0]?.destroyed ? undefined : 'the target does not know'))
  assert.equal(r.target.sockets[0]?.bytesRead, 7)
  await eventually(() => (r.relay.report().tcpConnections === 0 ? undefined : 'still there'))
})

test('[IM11] a cut that resets ends connections at both ends and turns new ones away until it is over', async () => {
  await using r = await rig()
  const caller = await r.call()
  caller.socket.write('x')
  await hears(caller, 'x')
  r.relay.cut({ how: 'reset', forMs: 1_000 })
  await ends(caller, /ECONNRESET/)
  await eventually(() => (r.target.sockets[0]?.destroyed ? undefined : 'the target does not know'))
  await isTurnedAway(r)
  assert.equal(r.relay.report().tcpRefusedTotal, 1)
  r.clock.advance(1_000)
  const later = await r.call()
  later.socket.write('y')
  await hears(later, 'y')
  assert.equal(r.relay.report().tcpResetTotal, 1)
})

test('[IM12] a rebind resets the connections, and new ones go through at once', async () => {
  await using r = await rig()
  const caller = await r.call()
  r.relay.rebind()
  await ends(caller, /ECONNRESET/)
  const later = await r.call()
  later.socket.write('y')
  await hears(later, 'y')
})

test('[IM11] a reset by one end reaches the other; a target that is not there resets and is told', async () => {
  await using r = await rig({}, () => {})
  const caller = await r.call()
  await eventually(() => (r.target.sockets.length === 1 ? undefined : 'not connected'))
  r.target.sockets[0]?.resetAndDestroy()
  await ends(caller, /ECONNRESET/)
  const problems: string[] = []
  r.relay.on('problem', (message) => problems.push(message))
  await r.target.close()
  const refused = await r.call()
  await ends(refused, /ECONNRESET/)
  assert.match(problems[0] ?? '', /^127\.0\.0\.1:\d+ does not take connections: .*ECONNREFUSED/)
  assert.equal(r.relay.report().tcpUnreachableTotal, 1)
})

test('[IM11] no more connections than the bound', async () => {
  await using r = await rig({ maxConnections: 1 })
  const first = await r.call()
  await isTurnedAway(r)
  first.socket.write('x')
  await hears(first, 'x')
})
