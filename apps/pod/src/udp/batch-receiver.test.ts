// Real sockets and the real system call.
import assert from 'node:assert/strict'
import { createSocket, type Socket } from 'node:dgram'
import { once } from 'node:events'
import { type TestContext, test } from 'node:test'
import { eventually } from '@parley/kernel/testing'
import { BATCH_PACKETS, type BatchReceiver, openBatchReceiver } from './batch-receiver.ts'
import { socketDescriptor } from './kernel-facts.ts'
import { hashAddress } from './packet-source.ts'

const isLinux = process.platform === 'linux'

async function bound(t: TestContext, type: 'udp4' | 'udp6', host: string): Promise<Socket> {
  const socket = createSocket(type)
  t.after(() => socket.close())
  const listening = once(socket, 'listening')
  socket.bind(0, host)
  await listening
  return socket
}

async function rig(t: TestContext, type: 'udp4' | 'udp6', host: string) {
  const socket = await bound(t, type, host)
  const descriptor = socketDescriptor(socket.address().port)
  assert.ok(descriptor !== undefined, 'this process can find its own socket')
  const batches = await openBatchReceiver(descriptor)
  assert.ok(batches)
  return { port: socket.address().port, batches }
}

interface Taken {
  readonly text: string
  readonly address: string
  readonly port: number
  readonly hash: number
}

const SEED = 77

/** Without a turn of the loop between sending and taking: libuv would read them. */
function takeAll(batches: BatchReceiver): Taken[] {
  const taken: Taken[] = []
  for (let count = batches.receive(); count > 0; count = batches.receive()) {
    for (let index = 0; index < count; index++) {
      const text = Buffer.from(batches.packet(index)).toString()
      taken.push({ text, address: batches.address(), port: batches.port, hash: batches.hash(SEED) })
    }
  }
  return taken
}

/** Sends in one go and returns what arrived; loopback delivers before `send` returns. */
async function exchange(t: TestContext, type: 'udp4' | 'udp6', host: string, target: string, texts: readonly string[]) {
  const { port, batches } = await rig(t, type, host)
  const sender = createSocket({
    type: target.includes(':') ? 'udp6' : 'udp4',
    lookup: (name, _options, callback) => callback(null, name, target.includes(':') ? 6 : 4),
  })
  t.after(() => sender.close())
  // With this lookup the socket is bound before bind() returns: whoever listens later would wait forever.
  const listening = once(sender, 'listening')
  sender.bind(0)
  await listening
  for (const text of texts) sender.send(text, port, target)
  const taken = takeAll(batches)
  return { taken, from: sender.address().port }
}

test('[UD18] takes all packets of a burst, in order, with their bytes and where they came from', {
  skip: !isLinux && 'Linux only',
}, async (t) => {
  const texts = Array.from({ length: BATCH_PACKETS * 2 + 5 }, (_, index) => 'x'.repeat(index % 90) + index)
  const { taken, from } = await exchange(t, 'udp4', '127.0.0.1', '127.0.0.1', texts)
  assert.deepEqual(
    taken.map(({ text }) => text),
    texts,
  )
  assert.deepEqual(new Set(taken.map(({ address, port }) => `${address} ${port}`)), new Set([`127.0.0.1 ${from}`]))
  assert.deepEqual(new Set(taken.map(({ hash }) => hash)), new Set([hashAddress('127.0.0.1', SEED)]))
})

test('[UD18] IPv6, and IPv4 at a socket for both', { skip: !isLinux && 'Linux only' }, async (t) => {
  const six = await exchange(t, 'udp6', '::1', '::1', ['six'])
  assert.deepEqual(
    six.taken.map(({ text, port, hash }) => [text, port, hash]),
    [['six', six.from, hashAddress('::1', SEED)]],
  )
  const both = await exchange(t, 'udp6', '::', '127.0.0.1', ['four'])
  assert.deepEqual(
    both.taken.map(({ text, address, hash }) => [text, address, hash]),
    [['four', '::ffff:127.0.0.1', hashAddress('::ffff:127.0.0.1', SEED)]],
  )
})

test('[UD18] an empty packet is one, an overlong one is cut and still longer than any that is taken', {
  skip: !isLinux && 'Linux only',
}, async (t) => {
  const { taken } = await exchange(t, 'udp4', '127.0.0.1', '127.0.0.1', ['', 'y'.repeat(9_000), 'z'])
  assert.deepEqual(
    taken.map(({ text }) => text.length),
    [0, 1_536, 1],
  )
})

test('[UD18] with nothing there it returns at once, and what comes through the loop is not taken twice', {
  skip: !isLinux && 'Linux only',
}, async (t) => {
  const { batches } = await rig(t, 'udp4', '127.0.0.1')
  assert.equal(batches.receive(), 0)
  const socket = await bound(t, 'udp4', '127.0.0.1')
  const heard: string[] = []
  socket.on('message', (packet) => heard.push(packet.toString()))
  const descriptor = socketDescriptor(socket.address().port)
  const other = descriptor === undefined ? undefined : await openBatchReceiver(descriptor)
  assert.ok(other)
  const sender = await bound(t, 'udp4', '127.0.0.1')
  for (let n = 0; n < 200; n++) sender.send(`${n}`, socket.address().port, '127.0.0.1')
  const taken: string[] = []
  await eventually(() => {
    taken.push(...takeAll(other).map(({ text }) => text))
    return taken.length + heard.length === 200 ? undefined : `${taken.length} taken, ${heard.length} heard`
  })
  assert.equal(new Set([...taken, ...heard]).size, 200)
})
