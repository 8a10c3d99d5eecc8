import assert from 'node:assert/strict'
import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto'
import { test } from 'node:test'
import {
  MAX_UDP_PACKET_BYTES,
  MAX_UDP_PAYLOAD_BYTES,
  UDP_HEADER_BYTES,
  UDP_KINDS,
  UDP_NONCE_BYTES,
  UDP_PROBE_BYTES,
  UDP_TAG_BYTES,
  type UdpKind,
  writeUdpHeader,
  writeUdpNonce,
} from '@parley/protocol'
import fc from 'fast-check'
import sodium from 'sodium-native'
import { OpenerTable, PacketOpener, PacketSealer, packetBytes, packetFault, ReceiverSeal, SenderSeal } from './index.ts'

const SEED = 20_272
const CHANNEL = 0xdead_beef
const PROBE = Uint8Array.from({ length: UDP_PROBE_BYTES }, (_, index) => index + 1)
const hex = (text: string) => Buffer.from(text, 'hex')

const pairOf = (key = randomBytes(32)) => ({
  key,
  sender: new SenderSeal(CHANNEL, key),
  receiver: new ReceiverSeal(CHANNEL, key),
})

function audio(sender: SenderSeal, seq: number, payload: Uint8Array = Uint8Array.of(1, 2, 3)): Uint8Array {
  const target = new Uint8Array(MAX_UDP_PACKET_BYTES)
  return target.slice(0, sender.sealAudio(target, seq, seq * 960, payload))
}

function probe(sender: SenderSeal, content = PROBE): Uint8Array {
  const target = new Uint8Array(MAX_UDP_PACKET_BYTES)
  return target.slice(0, sender.sealProbe(target, content))
}

function answer(receiver: ReceiverSeal, mediaTime: number): Uint8Array {
  const target = new Uint8Array(MAX_UDP_PACKET_BYTES)
  return target.slice(0, receiver.sealAnswer(target, receiver.payload, mediaTime))
}

/** The packet as node:crypto seals it. */
function sealElsewhere(key: Buffer, kind: UdpKind, counter: number, mediaTime: number, payload: Uint8Array): Buffer {
  const header = Buffer.alloc(UDP_HEADER_BYTES)
  const nonce = Buffer.alloc(UDP_NONCE_BYTES)
  writeUdpHeader(header, kind, CHANNEL, counter, mediaTime)
  writeUdpNonce(nonce, kind, counter)
  const cipher = createCipheriv('chacha20-poly1305', key, nonce, { authTagLength: UDP_TAG_BYTES })
  cipher.setAAD(header, { plaintextLength: payload.byteLength })
  return Buffer.concat([header, cipher.update(payload), cipher.final(), cipher.getAuthTag()])
}

test('[SL1] the cipher is the one of RFC 8439: its example of section 2.8.2', () => {
  const key = Buffer.from(Array.from({ length: 32 }, (_, index) => 0x80 + index))
  const nonce = hex('070000004041424344454647')
  const associated = hex('50515253c0c1c2c3c4c5c6c7')
  const message = Buffer.from(
    "Ladies and Gentlemen of the class of '99: If I could offer you only one tip for the future, sunscreen would be it.",
  )
  const expected = hex(
    'd31a8d34648e60db7b86afbc53ef7ec2a4aded51296e08fea9e2b5a736ee62d63dbea45e8ca9671282fafb69da92728b1a71de0a9e060b2905d6a5b6' +
      '7ecd3b3692ddbd7f2d778b8c9803aee328091b58fab324e4fad675945585808b4831d7bc3ff4def08e4b7a9de576d26586cec64b61161ae10b594f09' +
      'e26a7e902ecbd0600691',
  )
  const cipher = Buffer.alloc(message.byteLength + UDP_TAG_BYTES)
  sodium.crypto_aead_chacha20poly1305_ietf_encrypt(cipher, message, associated, null, nonce, key)
  assert.deepEqual(cipher, expected)
  // In place, as packets are opened.
  sodium.crypto_aead_chacha20poly1305_ietf_decrypt(
    cipher.subarray(0, message.byteLength),
    null,
    cipher,
    associated,
    nonce,
    key,
  )
  assert.deepEqual(cipher.subarray(0, message.byteLength), message)
})

test('[SL1] another implementation opens our packets and we open its', () => {
  const { key, sender, receiver } = pairOf()
  const payload = randomBytes(60)
  assert.equal(receiver.open(sealElsewhere(key, UDP_KINDS.audio, 2 ** 32 - 1, 960, payload)), undefined)
  assert.deepEqual(Buffer.from(receiver.payload), payload)
  assert.equal(receiver.counter, 2 ** 32 - 1)
  // The upper half of the counter is in the nonce only.
  assert.equal(receiver.open(sealElsewhere(key, UDP_KINDS.audio, 2 ** 32 + 5, 2 ** 32 + 960, payload)), undefined)
  assert.equal(receiver.counter, 2 ** 32 + 5)
  assert.equal(receiver.mediaTime, 960)

  const packet = Buffer.from(audio(sender, 2 ** 32 + 9, payload))
  const nonce = hex('110000000000000100000009')
  const decipher = createDecipheriv('chacha20-poly1305', key, nonce, { authTagLength: UDP_TAG_BYTES })
  decipher.setAAD(packet.subarray(0, UDP_HEADER_BYTES), { plaintextLength: payload.byteLength })
  decipher.setAuthTag(packet.subarray(-UDP_TAG_BYTES))
  assert.deepEqual(decipher.update(packet.subarray(UDP_HEADER_BYTES, -UDP_TAG_BYTES)), payload)
  decipher.final()
})

test('[SL2] no bit of a packet can be changed', () => {
  const { sender, receiver } = pairOf()
  const packet = audio(sender, 70, randomBytes(40))
  for (let bit = 0; bit < packet.byteLength * 8; bit++) {
    const tampered = packet.slice()
    tampered[bit >> 3] = (tampered[bit >> 3] as number) ^ (1 << (bit & 7))
    assert.notEqual(receiver.open(tampered), undefined, `bit ${bit}`)
  }
  assert.equal(receiver.open(packet), undefined)
})

test("[SL2] a key, a channel or a kind that is not the packet's opens nothing", () => {
  const { key, sender, receiver } = pairOf()
  const stranger = new ReceiverSeal(CHANNEL, randomBytes(32))
  const elsewhere = new ReceiverSeal(CHANNEL + 1, key)
  const packet = audio(sender, 0, PROBE)
  assert.equal(stranger.open(packet), 'not_authentic')
  assert.equal(elsewhere.open(packet), 'unknown_channel')
  const renamed = packet.slice()
  writeUdpHeader(renamed, UDP_KINDS.audio, CHANNEL + 1, 0, 0)
  assert.equal(elsewhere.open(renamed), 'not_authentic')
  const asProbe = packet.slice()
  asProbe[0] = UDP_KINDS.probe
  assert.equal(receiver.open(asProbe), 'not_authentic')
  assert.equal(receiver.open(packet), undefined)
})

test('[SL3] what came before does not come again, and forged packets do not move the window', () => {
  const { sender, receiver } = pairOf()
  const packets = Array.from({ length: 200 }, (_, seq) => audio(sender, seq))
  const at = (seq: number) => packets[seq] as Uint8Array
  const forged = at(199).slice()
  forged[20] = (forged[20] as number) ^ 1
  assert.equal(receiver.open(forged), 'not_authentic')
  assert.equal(receiver.open(at(100)), undefined)
  assert.equal(receiver.isNewest, true)
  assert.equal(receiver.open(at(100)), 'replayed')
  assert.equal(receiver.open(at(37)), undefined)
  assert.equal(receiver.isNewest, false)
  assert.equal(receiver.open(at(37)), 'replayed')
  assert.equal(receiver.open(at(36)), 'out_of_window')
})

test('[SL3] every order, loss and repetition within the window gives each packet once', () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 0, max: 63 }), { maxLength: 200 }), (order) => {
      const { sender, receiver } = pairOf()
      const packets = Array.from({ length: 64 }, (_, seq) => audio(sender, seq))
      const seen = new Set<number>()
      for (const seq of order) {
        const refusal = receiver.open(packets[seq] as Uint8Array)
        assert.equal(refusal, seen.has(seq) ? 'replayed' : undefined)
        if (refusal === undefined) assert.equal(receiver.counter, seq)
        seen.add(seq)
      }
    }),
    { seed: SEED, numRuns: 100 },
  )
})

test('[SL4] audio and probes have a window each', () => {
  const { sender, receiver } = pairOf()
  assert.equal(receiver.open(audio(sender, 1_000)), undefined)
  assert.equal(receiver.isProbe, false)
  const first = probe(sender)
  assert.equal(receiver.open(first), undefined)
  assert.equal(receiver.isProbe, true)
  assert.equal(receiver.isNewest, true)
  assert.equal(receiver.counter, 0)
  assert.equal(receiver.open(first), 'replayed')
  assert.equal(receiver.open(audio(sender, 1_001)), undefined)
})

test('[SL5] a stream goes on over 2^32, reordered across it', () => {
  const { sender, receiver } = pairOf()
  const packets = new Map(
    Array.from({ length: 40 }, (_, index) => 2 ** 32 - 20 + index).map((seq) => [seq, audio(sender, seq)]),
  )
  // Its first packet is close to 2^32: nearest to 0 of all it could be.
  for (const [seq] of packets) {
    const swapped = seq % 2 === 0 ? seq + 1 : seq - 1
    assert.equal(receiver.open(packets.get(swapped) as Uint8Array), undefined)
    assert.equal(receiver.counter, swapped)
  }
  assert.equal(receiver.open(packets.get(2 ** 32 - 1) as Uint8Array), 'replayed')
})

test('[SL6] packets sent back open nowhere', () => {
  const { sender, receiver } = pairOf()
  assert.equal(sender.openAnswer(audio(sender, 0)), 'wrong_direction')
  const asked = probe(sender)
  assert.equal(sender.openAnswer(asked), 'wrong_direction')
  assert.equal(receiver.open(asked), undefined)
  const answered = answer(receiver, 960)
  assert.equal(receiver.open(answered), 'wrong_direction')
  const renamed = answered.slice()
  renamed[0] = UDP_KINDS.probe
  assert.equal(receiver.open(renamed), 'replayed', 'the number is that of the probe')
  assert.equal(sender.openAnswer(answered), undefined)
  assert.equal(sender.openAnswer(answered), 'replayed')
})

test('[SL7] lengths, kinds and versions that cannot be are named, without a key', () => {
  const { sender } = pairOf()
  const packet = audio(sender, 0)
  const asked = probe(sender)
  const with0 = (bytes: Uint8Array, index: number, value: number) => {
    const changed = bytes.slice()
    changed[index] = value
    return changed
  }
  assert.equal(packetFault('receiver', packet), undefined)
  assert.equal(packetFault('receiver', packet.subarray(0, packetBytes(0))), 'too_short')
  assert.equal(packetFault('receiver', new Uint8Array(0)), 'too_short')
  const longest = new Uint8Array(MAX_UDP_PACKET_BYTES)
  longest[0] = UDP_KINDS.audio
  assert.equal(packetFault('receiver', longest), undefined)
  const tooLong = new Uint8Array(MAX_UDP_PACKET_BYTES + 1)
  tooLong[0] = UDP_KINDS.audio
  assert.equal(packetFault('receiver', tooLong), 'too_long')
  for (const kind of [0x00, 0x01, 0x10, 0x13, 0x21, 0x22, 0x33, 0xff]) {
    assert.equal(packetFault('receiver', with0(packet, 0, kind)), 'unknown_kind', `kind ${kind}`)
  }
  assert.equal(packetFault('receiver', with0(packet, 13, 1)), 'unknown_kind')
  assert.equal(packetFault('receiver', with0(packet, 0, UDP_KINDS.probeAnswer)), 'wrong_direction')
  assert.equal(packetFault('receiver', asked.subarray(0, -1)), 'too_short')
  assert.equal(packetFault('receiver', Buffer.concat([asked, asked])), 'too_long')
})

test('[SL7] no bytes make opening throw, and none that were not sealed here open', () => {
  const { sender, receiver } = pairOf()
  const genuine = audio(sender, 5, randomBytes(30))
  const bytes = fc.oneof(
    fc.uint8Array({ maxLength: MAX_UDP_PACKET_BYTES + 40 }),
    // Close to the real thing: the header of a packet, or a piece of one.
    fc.uint8Array({ maxLength: 80 }).map((tail) => Buffer.concat([genuine.subarray(0, UDP_HEADER_BYTES), tail])),
    fc.nat({ max: genuine.byteLength - 1 }).map((length) => genuine.subarray(0, length)),
    fc.uint8Array({ minLength: 1, maxLength: 20 }).map((tail) => Buffer.concat([genuine, tail])),
  )
  fc.assert(
    fc.property(bytes, (packet) => {
      assert.notEqual(receiver.open(packet), undefined)
      assert.notEqual(sender.openAnswer(packet), undefined)
    }),
    { seed: SEED, numRuns: 5_000 },
  )
  assert.equal(receiver.open(genuine), undefined)
})

test('[SL8] a seq is sealed once, probes count up, a probe is answered once and exactly as long', () => {
  const { sender, receiver } = pairOf()
  audio(sender, 5)
  assert.throws(() => audio(sender, 5), RangeError)
  assert.throws(() => audio(sender, 4), RangeError)
  assert.throws(() => audio(sender, Number.NaN), RangeError)
  audio(sender, 9)
  assert.throws(() => answer(receiver, 0), /no probe/)
  const first = probe(sender)
  const second = probe(sender)
  assert.equal(sender.probesSealed, 2)
  for (const [counter, packet] of [first, second].entries()) {
    assert.equal(receiver.open(packet), undefined)
    const answered = answer(receiver, 0x1_0000_0000 + 480)
    assert.equal(answered.byteLength, packet.byteLength)
    assert.throws(() => answer(receiver, 0), /no probe/)
    assert.equal(sender.openAnswer(answered), undefined)
    assert.equal(sender.answerCounter, counter)
    assert.equal(sender.answerMediaTime, 480)
    assert.deepEqual(Uint8Array.from(sender.answerContent), PROBE)
  }
  assert.throws(() => probe(sender, new Uint8Array(7)), RangeError)
  assert.throws(() => new PacketSealer(1, randomBytes(31)), RangeError)
})

test('[SL9] a closed end opens and seals nothing', () => {
  const { sender, receiver } = pairOf()
  const [early, late] = [audio(sender, 0), audio(sender, 1)]
  assert.equal(receiver.open(early), undefined)
  receiver.close()
  receiver.close()
  assert.equal(receiver.open(late), 'unknown_channel')
  sender.close()
  assert.throws(() => audio(sender, 2), /closed/)
  assert.throws(() => probe(sender), /closed/)
})

test('[SL9] a row used again knows neither the key nor the window of the channel before', () => {
  const table = new OpenerTable()
  const keys = [randomBytes(32), randomBytes(32)] as const
  const [first, second] = keys.map((key) => new SenderSeal(CHANNEL, key)) as [SenderSeal, SenderSeal]
  const row = table.add(keys[0])
  assert.equal(table.open(row, audio(first, 500)), undefined)
  table.remove(row)
  assert.equal(table.add(keys[1]), row)
  assert.equal(table.open(row, audio(first, 501)), 'not_authentic')
  assert.equal(table.open(row, audio(second, 0)), undefined)
  assert.equal(table.isNewest, true)
})

test('[SL10] channels of one table, opened, used and closed in any order, do not meet', () => {
  const commands = fc.array(fc.record({ slot: fc.nat({ max: 39 }), act: fc.constantFrom('toggle', 'send', 'again') }), {
    maxLength: 300,
  })
  fc.assert(
    fc.property(commands, (acts) => {
      const table = new OpenerTable()
      const open = new Map<number, { row: number; sender: SenderSeal; seq: number; last: Uint8Array | undefined }>()
      for (const { slot, act } of acts) {
        const channel = open.get(slot)
        if (act === 'toggle') {
          if (channel) {
            table.remove(channel.row)
            open.delete(slot)
          } else {
            const key = randomBytes(32)
            open.set(slot, { row: table.add(key), sender: new SenderSeal(slot, key), seq: 0, last: undefined })
          }
        } else if (channel && act === 'send') {
          channel.last = audio(channel.sender, channel.seq, Uint8Array.of(slot))
          assert.equal(table.open(channel.row, channel.last), undefined)
          assert.equal(table.counter, channel.seq++)
          assert.deepEqual([...table.payload], [slot])
        } else if (channel?.last) {
          for (const [other, { row }] of open) {
            assert.equal(
              table.open(row, channel.last),
              other === slot ? 'replayed' : foreignVerdict(open.get(other), channel),
            )
          }
        }
        assert.equal(table.size, open.size)
      }
    }),
    { seed: SEED, numRuns: 60 },
  )
})

/** A foreign packet is not authentic; one whose counter the other channel has accepted is not even tried. */
function foreignVerdict(other: { seq: number } | undefined, from: { seq: number }): string {
  const behind = (other?.seq ?? 0) - 1 - (from.seq - 1)
  if (behind >= 64) return 'out_of_window'
  return behind >= 0 ? 'replayed' : 'not_authentic'
}

test('[SL11] payloads of every length come out as they went in', () => {
  const { sender, receiver } = pairOf()
  for (let bytes = 1; bytes <= MAX_UDP_PAYLOAD_BYTES; bytes++) {
    const payload = randomBytes(bytes)
    const packet = audio(sender, bytes, payload)
    assert.equal(packet.byteLength, packetBytes(bytes))
    assert.equal(receiver.open(packet), undefined)
    assert.deepEqual(Buffer.from(receiver.payload), payload)
  }
  assert.throws(() => audio(sender, 5_000, new Uint8Array(MAX_UDP_PAYLOAD_BYTES + 1)), RangeError)
  assert.throws(() => audio(sender, 5_000, new Uint8Array(0)), RangeError)
  assert.throws(() => sender.sealAudio(new Uint8Array(30), 5_000, 0, new Uint8Array(10)), RangeError)
  // A refused frame has used up nothing.
  audio(sender, 5_000)
})

test('[SL6] an opener of one role has no ear for the other direction', () => {
  const key = randomBytes(32)
  const sealer = new PacketSealer(CHANNEL, key)
  const target = new Uint8Array(MAX_UDP_PACKET_BYTES)
  const packet = target.slice(0, sealer.seal(target, UDP_KINDS.probeAnswer, 3, 0, PROBE))
  assert.equal(new PacketOpener('receiver', CHANNEL, key).open(packet), 'wrong_direction')
  const opener = new PacketOpener('sender', CHANNEL, key)
  assert.equal(opener.open(packet), undefined)
  assert.equal(opener.kind, UDP_KINDS.probeAnswer)
})
