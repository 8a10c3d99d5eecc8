import assert from 'node:assert/strict'
import { createSocket } from 'node:dgram'
import { test } from 'node:test'
import { bufferGrant, kernelDropsReader, parseUdpTable } from './kernel-facts.ts'

const TABLE = `   sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode ref pointer drops
  412: 0100007F:1F90 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 31337 2 0000000000000000 17
 1530: 00000000000000000000000001000000:A2C8 00000000000000000000000000000000:0000 07 00000000:00000000 00:00000000 00000000  1000        0 99 2 0000000000000000 0

something that is no row
`

test('[UD13] rows of the table are read by column, other lines left out', () => {
  assert.deepEqual(parseUdpTable(TABLE), [
    { port: 8_080, inode: '31337', drops: 17 },
    { port: 0xa2c8, inode: '99', drops: 0 },
  ])
  assert.deepEqual(parseUdpTable(''), [])
})

test('[UD13] what the kernel dropped on a socket of ours is found by its inode', {
  skip: process.platform !== 'linux',
}, async (t) => {
  const bind = async (type: 'udp4' | 'udp6', address: string) => {
    const socket = createSocket({ type, recvBufferSize: 4_096 })
    t.after(() => socket.close())
    await new Promise<void>((resolve) => socket.bind(0, address, resolve))
    return socket
  }
  for (const [type, address] of [
    ['udp4', '127.0.0.1'],
    ['udp6', '::1'],
  ] as const) {
    const socket = await bind(type, address)
    const read = kernelDropsReader(socket.address().port)
    assert.equal(read(), 0)
    // This loop does not come to reading: the buffer overflows.
    const sender = await bind(type, address)
    const sent: Promise<void>[] = []
    for (let index = 0; index < 200; index++) {
      sent.push(
        new Promise((resolve) => sender.send(Buffer.alloc(500), socket.address().port, address, () => resolve())),
      )
    }
    await Promise.all(sent)
    assert.ok(read() > 0, `${type}: no drop seen`)
  }
})

test("[UD13] a port that is nobody's has no drops", () => {
  assert.equal(kernelDropsReader(1)(), 0)
})

test('[UD12] what the kernel granted is told in the terms of the request', () => {
  assert.deepEqual(bufferGrant(4_194_304, 8_388_608, 'linux'), { receiveBufferBytes: 4_194_304, isGranted: true })
  // net.core.rmem_max of a fresh Debian: 208 KiB, reported as twice that.
  assert.deepEqual(bufferGrant(4_194_304, 425_984, 'linux'), { receiveBufferBytes: 212_992, isGranted: false })
  // Twice a grant that is too small by one is not enough.
  assert.equal(bufferGrant(4_194_304, 8_388_606, 'linux').isGranted, false)
  assert.deepEqual(bufferGrant(4_194_304, 4_194_304, 'darwin'), { receiveBufferBytes: 4_194_304, isGranted: true })
})
