import assert from 'node:assert/strict'
import { isIP, isIPv4 } from 'node:net'
import { test } from 'node:test'
import fc from 'fast-check'
import { addressText, hashAddress, hashAddressBytes, writeAddress } from './packet-source.ts'
import { sourceKey } from './source-limits.ts'

const ipv4 = fc.uint8Array({ minLength: 4, maxLength: 4 })
const ipv6 = fc.oneof(
  fc.uint8Array({ minLength: 16, maxLength: 16 }),
  // Zeros in the middle, and IPv4 in IPv6.
  ipv4.map((bytes) => Uint8Array.of(0xfe, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, ...bytes)),
  ipv4.map((bytes) => Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, ...bytes)),
)

/** As libuv writes it: the longest run of zero groups shortened. */
function shortened(bytes: Uint8Array): string {
  const text = addressText(bytes, 0, bytes.length)
  return bytes.length === 4 || text.includes('.') ? text : new URL(`http://[${text}]/`).hostname.slice(1, -1)
}

test('[UD18] an address hashes alike in words and in bytes, however its words are written', () => {
  fc.assert(
    fc.property(fc.oneof(ipv4, ipv6), fc.integer(), fc.nat(30), (bytes, seed, offset) => {
      const packed = new Uint8Array(offset + bytes.length)
      packed.set(bytes, offset)
      const hash = hashAddressBytes(packed, offset, bytes.length, seed)
      const text = addressText(packed, offset, bytes.length)
      assert.equal(hashAddress(text, seed), hash)
      assert.equal(hashAddress(shortened(bytes), seed), hash)
      const target = new Uint8Array(16)
      assert.deepEqual(target.subarray(0, writeAddress(text, target)), bytes)
    }),
  )
})

test('[UD18] an address in words is one that sockets take, and limits count it as the same', () => {
  fc.assert(
    fc.property(fc.oneof(ipv4, ipv6), (bytes) => {
      const text = addressText(bytes, 0, bytes.length)
      assert.equal(isIP(text), bytes.length === 4 ? 4 : 6)
      if (!isIPv4(text) && !text.includes('.')) {
        const groups = (address: string) =>
          sourceKey(address)
            .split(':')
            .map((group) => Number.parseInt(group, 16))
        assert.deepEqual(groups(text), groups(shortened(bytes)))
      }
    }),
  )
})

test('what is no address is none', () => {
  for (const text of ['', '1.2.3', '1.2.3.4.5', '1:2:3', '1:2:3:4:5:6:7:8:9', '1:2:3:4:5:6:7:8::9']) {
    assert.equal(writeAddress(text, new Uint8Array(32)), 0, text)
  }
})
