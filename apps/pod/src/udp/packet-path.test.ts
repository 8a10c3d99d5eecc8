import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { test } from 'node:test'
import { MAX_UDP_PACKET_BYTES, UDP_KINDS, UDP_PROBE_BYTES } from '@parley/protocol'
import { SenderSeal } from '@parley/sealing'
import fc from 'fast-check'
import { PacketPath } from './packet-path.ts'
import { DatagramSource } from './packet-source.ts'
import { makeSharedCounters, readCounter, type UdpCounter } from './shared-counters.ts'
import { makeSharedRing, RingReader, RingWriter } from './shared-ring.ts'
import { UDP_DROP_REASONS } from './udp-port.ts'

const SEED = 20_275
const OPUS = { frameMs: 20, frameSamples: 320 }
const PCM = { frameMs: 20, frameSamples: 0 }
const HOME = { address: '10.0.0.1', port: 4_000 }
const AWAY = { address: '10.0.0.2', port: 4_000 }

interface Frame {
  readonly handle: number
  readonly seq: number
  readonly mediaTime: number
  readonly text: string
  readonly atMs: number
}

interface Answer {
  readonly packet: Uint8Array
  readonly address: string
  readonly port: number
}

/** The path with a ring that is emptied on demand; every call is a batch of its own. */
class Rig {
  readonly counters = makeSharedCounters()
  readonly answers: Answer[] = []
  readonly path: PacketPath
  nowMs = 0
  readonly #reader: RingReader
  readonly #source = new DatagramSource()
  readonly #target = new Uint8Array(MAX_UDP_PACKET_BYTES)
  #handles = 0

  constructor({ ringBytes = 1 << 20, sourcePacketsPerSecond = 1_000 } = {}) {
    const ring = makeSharedRing(ringBytes)
    this.#reader = new RingReader(ring)
    this.path = new PacketPath({
      ring: new RingWriter(ring),
      counters: this.counters,
      sourcePacketsPerSecond,
      nowMs: 0,
      answer: (packet, source) => this.answers.push({ packet, address: source.address(), port: source.port }),
    })
  }

  open(frame = OPUS, channel = randomBytes(4).readUInt32BE()) {
    const key = randomBytes(32)
    const handle = ++this.#handles
    const handedOver = new Uint8Array(key)
    this.path.open(handle, channel, handedOver, frame, this.nowMs)
    assert.ok(
      handedOver.every((byte) => byte === 0),
      'the key that was handed over is wiped',
    )
    return { handle, channel, key, sender: new SenderSeal(channel, key) }
  }

  audio(sender: SenderSeal, seq: number, text = `frame ${seq}`): Uint8Array {
    return this.#target.slice(0, sender.sealAudio(this.#target, seq, seq * 320, Buffer.from(text)))
  }

  probe(sender: SenderSeal): Uint8Array {
    return this.#target.slice(0, sender.sealProbe(this.#target, Buffer.alloc(UDP_PROBE_BYTES, 7)))
  }

  receive(packet: Uint8Array, from = HOME): void {
    this.path.startBatch(this.nowMs, 1_000_000 + this.nowMs)
    this.path.receive(packet, this.#source.set(from))
    this.path.endBatch(this.nowMs)
  }

  at(nowMs: number): void {
    this.nowMs = nowMs
    this.path.endBatch(nowMs)
  }

  drain(): Frame[] {
    const frames: Frame[] = []
    this.#reader.drain((handle, seq, mediaTime, payload, atMs) => {
      frames.push({ handle, seq, mediaTime, text: Buffer.from(payload).toString(), atMs })
    }, Number.POSITIVE_INFINITY)
    return frames
  }

  seqs(): number[] {
    return this.drain().map(({ seq }) => seq)
  }

  count(name: UdpCounter): number {
    return readCounter(this.counters, name)
  }

  drops(): Record<string, number> {
    return Object.fromEntries(
      UDP_DROP_REASONS.map((reason) => [reason, this.count(reason)] as const).filter(([, count]) => count > 0),
    )
  }
}

const flipped = (packet: Uint8Array, index = packet.byteLength - 1): Uint8Array => {
  const changed = packet.slice()
  changed[index] = (changed[index] as number) ^ 1
  return changed
}

const sealed = (rig: Rig, sender: SenderSeal, count: number): Uint8Array[] =>
  Array.from({ length: count }, (_, seq) => rig.audio(sender, seq))
const pick = (packets: readonly Uint8Array[], index: number): Uint8Array => packets[index] as Uint8Array

test('[UD1] frames come out in order with what they were sent with and when they were taken', () => {
  const rig = new Rig()
  const { handle, sender } = rig.open()
  const packets = sealed(rig, sender, 4)
  for (const [index, seq] of [0, 2, 1, 3].entries()) {
    rig.nowMs = index
    rig.receive(pick(packets, seq))
  }
  assert.deepEqual(rig.drain(), [
    { handle, seq: 0, mediaTime: 0, text: 'frame 0', atMs: 1_000_000 },
    { handle, seq: 1, mediaTime: 320, text: 'frame 1', atMs: 1_000_002 },
    { handle, seq: 2, mediaTime: 640, text: 'frame 2', atMs: 1_000_001 },
    { handle, seq: 3, mediaTime: 960, text: 'frame 3', atMs: 1_000_003 },
  ])
  assert.equal(rig.count('reordered'), 1)
})

test('[UD1] seq goes on over 2^32 and over jumps', () => {
  const rig = new Rig()
  const { sender } = rig.open()
  const seqs = [2 ** 31, 2 ** 32 - 1, 2 ** 32, 2 ** 32 + 1]
  for (const packet of seqs.map((seq) => rig.audio(sender, seq))) rig.receive(packet)
  assert.deepEqual(rig.seqs(), seqs)
})

test('[UD2] a gap is waited for 1.5 frames, then passed on; the packet that was missing is late', () => {
  const rig = new Rig()
  const { sender } = rig.open()
  const packets = sealed(rig, sender, 6)
  for (const seq of [0, 2, 3]) rig.receive(pick(packets, seq))
  assert.deepEqual(rig.seqs(), [0])
  assert.equal(rig.path.deadlineMs, 30)
  rig.at(29)
  assert.deepEqual(rig.seqs(), [])
  rig.at(30)
  assert.deepEqual(rig.seqs(), [2, 3])
  assert.equal(rig.path.deadlineMs, Number.POSITIVE_INFINITY)
  rig.receive(pick(packets, 1))
  rig.receive(pick(packets, 4))
  assert.deepEqual(rig.seqs(), [4])
  assert.deepEqual(rig.drops(), { late: 1 })
  assert.equal(rig.count('missing'), 1)
})

test('[UD3] every datagram that is not delivered is counted under one reason', () => {
  const rig = new Rig()
  const { sender, channel } = rig.open()
  const [first, second] = [rig.audio(sender, 100), rig.audio(sender, 200)]
  const stranger = new SenderSeal(channel + 1, randomBytes(32))
  rig.receive(first)
  rig.receive(second)
  const cases: readonly (readonly [UdpCounter, Uint8Array])[] = [
    ['too_short', first.subarray(0, 30)],
    ['too_short', new Uint8Array(0)],
    ['too_long', Buffer.concat([first, Buffer.alloc(MAX_UDP_PACKET_BYTES)])],
    ['unknown_kind', first.with(0, 0x31)],
    ['wrong_direction', first.with(0, UDP_KINDS.probeAnswer)],
    ['unknown_channel', rig.audio(stranger, 0)],
    ['not_authentic', flipped(rig.audio(sender, 201))],
    ['replayed', second],
    ['out_of_window', first],
  ]
  for (const [reason, packet] of cases) {
    const before = rig.count(reason)
    rig.receive(packet)
    assert.equal(rig.count(reason), before + 1, reason)
  }
  assert.deepEqual(rig.seqs(), [100, 200])
  const dropped = Object.values(rig.drops()).reduce((sum, count) => sum + count, 0)
  assert.equal(dropped, cases.length)
  assert.equal(rig.count('packets'), rig.count('frames') + dropped)
})

test('[UD3] no bytes stop the path, and the books balance', () => {
  const rig = new Rig({ sourcePacketsPerSecond: 1_000_000 })
  const channels = [rig.open(), rig.open()]
  const genuine = channels.flatMap(({ sender }) => sealed(rig, sender, 40))
  const packet = fc.oneof(
    { weight: 3, arbitrary: fc.nat({ max: genuine.length - 1 }).map((index) => pick(genuine, index)) },
    { weight: 1, arbitrary: fc.uint8Array({ maxLength: MAX_UDP_PACKET_BYTES + 20 }) },
    {
      weight: 2,
      arbitrary: fc
        .tuple(fc.nat({ max: genuine.length - 1 }), fc.nat({ max: 60 }))
        .map(([index, at]) => flipped(pick(genuine, index), at % pick(genuine, index).byteLength)),
    },
    {
      weight: 1,
      arbitrary: fc
        .tuple(fc.nat({ max: genuine.length - 1 }), fc.nat({ max: 60 }))
        .map(([i, n]) => pick(genuine, i).subarray(0, n)),
    },
  )
  fc.assert(
    fc.property(fc.array(fc.tuple(packet, fc.nat({ max: 40 })), { maxLength: 60 }), (steps) => {
      for (const [bytes, afterMs] of steps) {
        rig.nowMs += afterMs
        rig.receive(bytes)
      }
      rig.at(rig.nowMs + 100)
      assert.equal(
        rig.count('packets') - rig.count('frames') - rig.count('probes'),
        Object.values(rig.drops()).reduce((sum, count) => sum + count, 0),
      )
      rig.drain()
    }),
    { seed: SEED, numRuns: 300 },
  )
})

test('[UD4] a probe is answered once, as long as it is, to where it came from, with what has arrived', () => {
  const rig = new Rig()
  const { sender } = rig.open()
  const asked = rig.probe(sender)
  rig.receive(asked, AWAY)
  assert.deepEqual(
    rig.answers.map(({ address, port }) => ({ address, port })),
    [AWAY],
  )
  const first = rig.answers[0] as Answer
  assert.equal(first.packet.byteLength, asked.byteLength)
  assert.equal(sender.openAnswer(first.packet), undefined)
  assert.equal(sender.answerMediaTime, 0)
  const packets = sealed(rig, sender, 4)
  for (const seq of [0, 1, 3]) rig.receive(pick(packets, seq))
  rig.receive(rig.probe(sender))
  assert.equal(sender.openAnswer((rig.answers[1] as Answer).packet), undefined)
  assert.equal(sender.answerCounter, 1)
  // Frame 3 still waits for 2: only what went to the main loop has arrived.
  assert.equal(sender.answerMediaTime, 640)
})

test('[UD4] nothing else is answered: repeated, forged, reflected, foreign and cut probes, audio and junk', () => {
  const rig = new Rig()
  const { sender, channel } = rig.open()
  const asked = rig.probe(sender)
  rig.receive(asked)
  assert.equal(rig.answers.length, 1)
  const foreign = rig.probe(new SenderSeal(channel, randomBytes(32)))
  const answered = (rig.answers[0] as Answer).packet
  const silent = [
    asked,
    flipped(rig.probe(sender)),
    answered,
    answered.with(0, UDP_KINDS.probe),
    foreign,
    rig.probe(sender).subarray(0, -1),
    rig.audio(sender, 0),
    randomBytes(38),
    rig.probe(new SenderSeal(channel + 1, randomBytes(32))),
  ]
  for (const packet of silent) rig.receive(packet, AWAY)
  assert.equal(rig.answers.length, 1)
  assert.equal(rig.count('probes'), 1)
})

test('[UD4] the media time of an answer counts the samples of short PCM frames and is modulo 2^32', () => {
  const rig = new Rig()
  const { sender } = rig.open(PCM)
  rig.receive(rig.audio(sender, 0, 'ab'.repeat(100)))
  rig.receive(rig.probe(sender))
  sender.openAnswer((rig.answers[0] as Answer).packet)
  assert.equal(sender.answerMediaTime, 100)
  const far = 2 ** 32 / 320
  const seq = Math.ceil(far)
  rig.receive(rig.audio(sender, seq, 'abcd'))
  rig.receive(rig.probe(sender))
  sender.openAnswer((rig.answers[1] as Answer).packet)
  assert.equal(sender.answerMediaTime, ((seq * 320) % 2 ** 32) + 2)
})

test('[UD5] a channel follows its newest authentic packet and nothing else', () => {
  const rig = new Rig({ sourcePacketsPerSecond: 10 })
  const { sender } = rig.open()
  const packets = sealed(rig, sender, 40)
  rig.receive(pick(packets, 5), HOME)
  assert.equal(rig.count('rebinds'), 0)
  // Older, repeated and forged packets from elsewhere move nothing.
  rig.receive(pick(packets, 4), AWAY)
  rig.receive(pick(packets, 5), AWAY)
  rig.receive(flipped(pick(packets, 9)), AWAY)
  assert.equal(rig.count('rebinds'), 0)
  rig.receive(pick(packets, 6), AWAY)
  assert.equal(rig.count('rebinds'), 1)
  // A probe that is the newest of its kind moves it too, also to another port only.
  rig.receive(rig.probe(sender), { ...AWAY, port: 4_001 })
  assert.equal(rig.count('rebinds'), 2)
  rig.receive(pick(packets, 7), HOME)
  assert.equal(rig.count('rebinds'), 3)
  assert.deepEqual(rig.drops(), { replayed: 1, not_authentic: 1 })
})

test('[UD6] a flood from one source harms neither bound sessions behind the same address nor others', () => {
  const rig = new Rig({ sourcePacketsPerSecond: 100 })
  const [bound, other] = [rig.open(), rig.open()]
  const packets = [sealed(rig, bound.sender, 60), sealed(rig, other.sender, 60)] as const
  rig.receive(pick(packets[0], 0), HOME)
  for (let junk = 0; junk < 1_000; junk++) {
    rig.nowMs = junk
    rig.receive(flipped(pick(packets[0], 59)), { ...HOME, port: 5_000 })
    if (junk % 20 !== 0) continue
    // Sends on from where it is bound.
    if (junk > 0) rig.receive(pick(packets[0], junk / 20), HOME)
    rig.receive(pick(packets[1], junk / 20), AWAY)
  }
  assert.equal(rig.count('frames'), 100)
  // A second's worth at once and what a second refills.
  assert.ok(Math.abs(rig.count('not_authentic') - 200) <= 2, `${rig.count('not_authentic')} were opened`)
  assert.equal(rig.count('source_rate'), 1_000 - rig.count('not_authentic'))
})

test("[UD6] packets that name no channel use up nobody's share", () => {
  const rig = new Rig({ sourcePacketsPerSecond: 10 })
  const { sender, channel } = rig.open()
  const stray = rig.audio(new SenderSeal(channel + 1, randomBytes(32)), 0)
  for (let junk = 0; junk < 1_000; junk++) rig.receive(stray, HOME)
  rig.receive(rig.audio(sender, 0), HOME)
  assert.equal(rig.count('frames'), 1)
  assert.deepEqual(rig.drops(), { unknown_channel: 1_000 })
})

test('[UD7] a session may send three times real time and two seconds of that at once', () => {
  const rig = new Rig()
  const { sender } = rig.open()
  const packets = sealed(rig, sender, 2_000)
  // 3 x 50 packets and 10 probes per second.
  for (let seq = 0; seq < 400; seq++) rig.receive(pick(packets, seq))
  assert.equal(rig.count('frames'), 320)
  assert.deepEqual(rig.drops(), { session_rate: 80 })
  rig.drain()
  rig.nowMs = 1_000
  for (let seq = 400; seq < 700; seq++) rig.receive(pick(packets, seq))
  assert.equal(rig.count('frames'), 480)
})

test('[UD7] what others send in its name takes nothing from a session', () => {
  const rig = new Rig()
  const { sender } = rig.open()
  const packets = sealed(rig, sender, 100)
  rig.receive(pick(packets, 0), HOME)
  // Spoofed: from the very address and port the session is bound to.
  for (let junk = 0; junk < 2_000; junk++) rig.receive(flipped(pick(packets, 99)), HOME)
  for (let seq = 1; seq < 99; seq++) rig.receive(pick(packets, seq), HOME)
  assert.equal(rig.count('frames'), 99)
})

test('[UD9] a closed channel is unknown, gives up what it held, and its key opens nothing in another', () => {
  const rig = new Rig()
  const before = rig.open()
  const packets = sealed(rig, before.sender, 4)
  rig.receive(pick(packets, 0))
  rig.receive(pick(packets, 2))
  assert.equal(rig.count('channels'), 1)
  rig.path.close(before.handle)
  rig.path.close(before.handle)
  assert.equal(rig.count('channels'), 0)
  assert.equal(rig.path.deadlineMs, Number.POSITIVE_INFINITY)
  rig.receive(pick(packets, 3))
  assert.deepEqual(rig.drops(), { unknown_channel: 1 })
  // The same number, were it to come again, has another key.
  const after = rig.open(OPUS, before.channel)
  rig.receive(pick(packets, 3))
  assert.equal(rig.count('not_authentic'), 1)
  rig.receive(rig.audio(after.sender, 0))
  assert.deepEqual(
    rig.drain().map(({ handle, seq }) => ({ handle, seq })),
    [
      { handle: before.handle, seq: 0 },
      { handle: after.handle, seq: 0 },
    ],
  )
})

test('[UD9] channels opened, used and closed by the thousand do not meet', () => {
  const rig = new Rig({ sourcePacketsPerSecond: 1_000_000 })
  const open = new Map<number, ReturnType<Rig['open']> & { seq: number }>()
  const random = { next: SEED }
  const below = (limit: number) => {
    random.next = (Math.imul(random.next, 1_103_515_245) + 12_345) >>> 0
    return random.next % limit
  }
  for (let step = 0; step < 20_000; step++) {
    const slot = below(300)
    const channel = open.get(slot)
    rig.nowMs += 1
    if (!channel) {
      const made = rig.open()
      open.set(slot, { ...made, seq: 0 })
    } else if (below(20) === 0) {
      rig.path.close(channel.handle)
      open.delete(slot)
    } else {
      rig.receive(rig.audio(channel.sender, channel.seq, `slot ${slot}`), { address: '10.0.0.9', port: 1 + slot })
      const [frame] = rig.drain()
      assert.deepEqual(frame && { handle: frame.handle, seq: frame.seq, text: frame.text }, {
        handle: channel.handle,
        seq: channel.seq++,
        text: `slot ${slot}`,
      })
    }
  }
  assert.equal(rig.count('channels'), open.size)
  assert.equal(rig.path.keys, open.size)
  assert.deepEqual(rig.drops(), {})
})

test('[UD10] frames the full ring refuses are counted, and taken again when there is room', () => {
  const rig = new Rig({ ringBytes: 4_096 })
  const { sender } = rig.open()
  const packets = sealed(rig, sender, 200)
  for (let seq = 0; seq < 150; seq++) rig.receive(pick(packets, seq))
  const taken = rig.count('frames')
  assert.ok(taken > 30 && taken < 150)
  assert.deepEqual(rig.drops(), { ring_full: 150 - taken })
  assert.ok(rig.count('ringPeakBytes') > 3_500)
  assert.deepEqual(
    rig.seqs(),
    Array.from({ length: taken }, (_, seq) => seq),
  )
  rig.receive(pick(packets, 150))
  assert.deepEqual(rig.seqs(), [150])
})
