import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { isOpusPacketStereo, opusPacketMs } from './opus-packet.ts'

const toc = (config: number, stereo: 0 | 1, countCode: number) => (config << 3) | (stereo << 2) | countCode

test('[AU13] the duration of an Opus packet is read from its first bytes', () => {
  const cases: readonly (readonly [number[], number | undefined])[] = [
    [[toc(8, 0, 0)], 10],
    [[toc(9, 0, 0)], 20],
    [[toc(11, 0, 0)], 60],
    [[toc(15, 0, 0)], 20],
    [[toc(16, 0, 0)], 2.5],
    [[toc(31, 0, 1)], 40],
    [[toc(31, 0, 2)], 40],
    [[toc(31, 0, 3), 3], 60],
    [[toc(30, 0, 3), 0xc0 | 12], 120],
    [[toc(31, 0, 3), 0x80], undefined],
    [[toc(31, 0, 3)], undefined],
    [[], undefined],
  ]
  for (const [bytes, expected] of cases) assert.equal(opusPacketMs(Uint8Array.from(bytes)), expected, String(bytes))
})

test('[AU13] stereo is told from the first byte, and any bytes have an answer', () => {
  assert.equal(isOpusPacketStereo(Uint8Array.of(toc(9, 1, 0))), true)
  assert.equal(isOpusPacketStereo(Uint8Array.of(toc(9, 0, 0))), false)
  assert.equal(isOpusPacketStereo(new Uint8Array(0)), false)
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 4 }), (bytes) => {
      const ms = opusPacketMs(bytes)
      assert.ok(ms === undefined || (ms >= 2.5 && ms <= 63 * 60))
    }),
    { seed: 20263 },
  )
})
