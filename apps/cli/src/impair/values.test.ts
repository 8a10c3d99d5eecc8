import assert from 'node:assert/strict'
import test from 'node:test'
import { InvalidArgumentError } from 'commander'
import {
  directed,
  parseBurst,
  parseBytes,
  parseCut,
  parseDurationMs,
  parseListen,
  parsePeriodicCut,
  parseRate,
  parseSeed,
  parseShare,
  parseTarget,
} from './values.ts'

test('[IMP1] values with their unit', () => {
  assert.deepEqual(
    ['200ms', '10s', '1.5 s', '2min', '1h', '0ms'].map(parseDurationMs),
    [200, 10_000, 1_500, 120_000, 3_600_000, 0],
  )
  assert.deepEqual(
    ['5%', '0.5%', '100%'].map((text) => parseShare(text)),
    [0.05, 0.005, 1],
  )
  assert.deepEqual(['800bps', '64kbps', '2Mbps', '2.5mbps'].map(parseRate), [800, 64_000, 2_000_000, 2_500_000])
  assert.deepEqual(['1500B', '64KiB', '32kB'].map(parseBytes), [1_500, 65_536, 32_000])
  assert.equal(parseSeed('7'), 7)
})

test('[IMP1] bursts and cuts', () => {
  assert.deepEqual(parseBurst('200ms/10s'), { kind: 'periodic', burstMs: 200, everyMs: 10_000 })
  assert.deepEqual(parseBurst('2%/200ms'), { kind: 'random', lossRatio: 0.02, meanBurstMs: 200 })
  assert.deepEqual(parseBurst('2%/5packets'), { kind: 'randomPackets', lossRatio: 0.02, meanBurstPackets: 5 })
  assert.deepEqual(parseCut('udp@10s+3s'), { what: 'udp', atMs: 10_000, forMs: 3_000 })
  assert.deepEqual(parseCut('0ms+3s'), { what: 'both', atMs: 0, forMs: 3_000 })
  assert.deepEqual(parsePeriodicCut('15s+2s'), { what: 'both', everyMs: 15_000, forMs: 2_000 })
})

test('[IMP1] addresses: a port alone is on the loopback', () => {
  assert.deepEqual(parseListen('9000'), { host: '127.0.0.1', port: 9000 })
  assert.deepEqual(parseListen('0.0.0.0:0'), { host: '0.0.0.0', port: 0 })
  assert.deepEqual(parseTarget('[::1]:8080'), { host: '::1', port: 8080, isTls: false })
  assert.deepEqual(parseTarget('https://example.org'), { host: 'example.org', port: 443, isTls: true })
  assert.deepEqual(parseTarget('http://127.0.0.1:8080/'), { host: '127.0.0.1', port: 8080, isTls: false })
})

test('[IMP1] what is wrong is refused with the right form', () => {
  const wrong: [parse: (text: string) => unknown, text: string, right: RegExp][] = [
    [parseDurationMs, '200', /"200" is not a time with its unit, such as 200ms/],
    [parseDurationMs, '-1s', /a time with its unit/],
    [parseDurationMs, '5%', /a time with its unit/],
    [(text) => parseShare(text), '0.05', /such as 5%/],
    [(text) => parseShare(text), '101%', /at most 100%/],
    [(text) => parseShare(text, 0.5), '60%', /at most 50%/],
    [parseRate, '2M', /such as 64kbps or 2Mbps/],
    [parseBytes, '64', /such as 64KiB/],
    [parseBurst, '200ms', /such as 200ms\/10s/],
    [parseBurst, '200ms/10s/1s', /such as 200ms\/10s/],
    [parseBurst, '200ms/10', /a time with its unit/],
    [parseCut, '10s', /such as both@10s\+3s/],
    [parseCut, 'all@10s+3s', /such as both@10s\+3s/],
    [parsePeriodicCut, '10s', /such as 15s\+2s/],
    [parseListen, '70000', /a port such as 9000/],
    [parseTarget, 'host', /an address such as/],
    [parseTarget, '0', /an address such as/],
    [parseTarget, 'http://', /an address such as/],
    [parseSeed, '-1', /a whole number/],
    [parseSeed, '4294967296', /a whole number/],
  ]
  for (const [parse, text, right] of wrong) {
    assert.throws(
      () => parse(text),
      (error: Error) => error instanceof InvalidArgumentError && right.test(error.message),
      text,
    )
  }
})

test('[IMP2] a value may be for one direction', () => {
  const parse = directed(parseDurationMs)
  assert.deepEqual(parse('down:5ms', parse('40ms')), [
    { direction: 'both', value: 40 },
    { direction: 'down', value: 5 },
  ])
})
