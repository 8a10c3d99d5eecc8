import assert from 'node:assert/strict'
import { test } from 'node:test'
import { hashAddress } from './packet-source.ts'
import { SourceLimits, sourceKey } from './source-limits.ts'

test('[UD6] an address has its share of packets per second, and the others theirs', () => {
  const limits = new SourceLimits(100, 0)
  const taken = (address: string, times: number, nowMs: number) =>
    Array.from({ length: times }).filter(() => limits.take(address, nowMs)).length
  assert.equal(taken('10.0.0.1', 500, 0), 100)
  assert.equal(taken('10.0.0.2', 50, 0), 50)
  assert.equal(taken('10.0.0.1', 500, 500), 50)
  assert.equal(taken('10.0.0.1', 500, 60_000), 100)
})

test('[UD6] IPv6 hosts are told apart by their /64, IPv4 by the address', () => {
  const cases = [
    ['203.0.113.9', '203.0.113.9'],
    ['::ffff:203.0.113.9', '::ffff:203.0.113.9'],
    ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2'],
    ['2001:db8:1:2::6', '2001:db8:1:2'],
    ['2001:db8::6', '2001:db8:0:0'],
    ['::1', '0:0:0:0'],
    ['::', '0:0:0:0'],
    ['fe80::1%eth0', 'fe80:0:0:0'],
    ['2001:db8:1:2:3::', '2001:db8:1:2'],
  ] as const
  for (const [address, key] of cases) assert.equal(sourceKey(address), key)
})

test('[UD6] the table is bounded: newcomers share one limit until others have been quiet', () => {
  const limits = new SourceLimits(10, 0, 100)
  for (let host = 0; host < 100; host++) assert.ok(limits.take(`10.0.0.${host}`, 0))
  const newcomers = Array.from({ length: 50 }, (_, host) => limits.take(`10.1.0.${host}`, 0))
  assert.equal(newcomers.filter(Boolean).length, 10)
  assert.equal(limits.size, 100)
  // Those known keep theirs.
  assert.ok(limits.take('10.0.0.5', 0))
  // After a quiet second their buckets are full again and say nothing.
  assert.ok(limits.take('10.1.0.1', 1_500))
  assert.ok(limits.size < 10)
})

test('[UD5] addresses that differ have different hashes, which depend on the seed', () => {
  const hashes = new Set<number>()
  for (let host = 0; host < 2_000; host++) hashes.add(hashAddress(`10.0.${host >> 8}.${host & 255}`, 12_345))
  assert.equal(hashes.size, 2_000)
  assert.notEqual(hashAddress('10.0.0.1', 1), hashAddress('10.0.0.1', 2))
})
