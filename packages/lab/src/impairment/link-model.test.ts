import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { type Burst, type LinkImpairment, NO_IMPAIRMENT } from './impairment.ts'
import { LinkModel, type PacketFate } from './link-model.ts'

const PACKETS = 20_000
const EVERY_MS = 20

const link = (wanted: Partial<LinkImpairment>, seed = 7) => new LinkModel({ ...NO_IMPAIRMENT, ...wanted }, seed)

/** The fates of `count` packets, one every `everyMs`. */
function fates(wanted: Partial<LinkImpairment>, seed = 7, count = PACKETS, everyMs = EVERY_MS): PacketFate[] {
  const flow = link(wanted, seed).flow(0)
  return Array.from({ length: count }, (_, index) => flow.datagram(index * everyMs, 100))
}

const dropped = (all: readonly PacketFate[], reason: string) =>
  all.filter((fate) => fate.kind === 'dropped' && fate.reason === reason).length
const isNear = (measured: number, asked: number, toleranceRatio: number, what: string) =>
  assert.ok(Math.abs(measured - asked) <= asked * toleranceRatio, `${what}: asked ${asked}, measured ${measured}`)

/** Lengths of the runs of packets lost in bursts. */
function runs(all: readonly PacketFate[]): number[] {
  const lengths: number[] = []
  let length = 0
  for (const fate of all) {
    if (fate.kind === 'dropped' && fate.reason === 'burst') length++
    else if (length > 0) {
      lengths.push(length)
      length = 0
    }
  }
  return lengths
}
const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length

const anyLink = fc.record({
  lossRatio: fc.double({ min: 0, max: 1, noNaN: true }),
  delayMs: fc.integer({ min: 0, max: 500 }),
  jitterMs: fc.integer({ min: 0, max: 500 }),
  jitterShape: fc.constantFrom('uniform' as const, 'normal' as const, 'exponential' as const),
  reorderRatio: fc.double({ min: 0, max: 0.5, noNaN: true }),
  duplicateRatio: fc.double({ min: 0, max: 1, noNaN: true }),
  rateBitsPerSecond: fc.option(fc.integer({ min: 1_000, max: 10_000_000 }), { nil: undefined }),
  burst: fc.option(
    fc.oneof(
      fc.constant<Burst>({ kind: 'periodic', burstMs: 50, everyMs: 400 }),
      fc.constant<Burst>({ kind: 'random', lossRatio: 0.2, meanBurstMs: 60 }),
      fc.constant<Burst>({ kind: 'randomPackets', lossRatio: 0.2, meanBurstPackets: 4 }),
    ),
    { nil: undefined },
  ),
})
const traffic = fc.array(
  fc.record({ gapMs: fc.integer({ min: 0, max: 60 }), bytes: fc.integer({ min: 0, max: 1_500 }) }),
  {
    maxLength: 100,
  },
)

test('[IM1] the same seed decides the same, for any impairment and any traffic', () => {
  fc.assert(
    fc.property(anyLink, traffic, fc.nat(), (wanted, packets, seed) => {
      const decide = () => {
        const flow = link(wanted, seed).flow(3)
        let nowMs = 0
        return packets.map(({ gapMs, bytes }) => {
          nowMs += gapMs
          return flow.datagram(nowMs, bytes)
        })
      }
      assert.deepEqual(decide(), decide())
    }),
  )
  assert.notDeepEqual(fates({ lossRatio: 0.5 }, 1), fates({ lossRatio: 0.5 }, 2))
})

test('[IM1] flows draw apart: what one carries changes nothing for another', () => {
  const alone = link({ lossRatio: 0.3, jitterMs: 9 })
  const together = link({ lossRatio: 0.3, jitterMs: 9 })
  const [flow, same, other] = [alone.flow(1), together.flow(1), together.flow(2)]
  for (let index = 0; index < 500; index++) {
    other.datagram(index * EVERY_MS, 100)
    assert.deepEqual(same.datagram(index * EVERY_MS, 100), flow.datagram(index * EVERY_MS, 100))
  }
})

test('[IM1] another kind of trouble leaves which packets are lost as it was', () => {
  const lost = (wanted: Partial<LinkImpairment>) =>
    fates({ lossRatio: 0.1, ...wanted }).flatMap((fate, index) => (fate.kind === 'dropped' ? [index] : []))
  assert.deepEqual(lost({}), lost({ jitterMs: 30, reorderRatio: 0.3, duplicateRatio: 0.5, delayMs: 40 }))
})

test('[IM2] loss, copies, held-back packets, delay and jitter converge to what was asked', () => {
  const all = fates({ lossRatio: 0.05, duplicateRatio: 0.02, reorderRatio: 0.2, delayMs: 40, jitterMs: 10 })
  isNear(dropped(all, 'loss') / PACKETS, 0.05, 0.1, 'loss')
  const through = all.flatMap((fate, index) => (fate.kind === 'delivered' ? [{ ...fate, index }] : []))
  isNear(through.filter((fate) => fate.againAtMs !== undefined).length / through.length, 0.02, 0.15, 'copies')
  isNear(through.filter((fate) => fate.isHeldBack).length / through.length, 0.2, 0.05, 'held back')
  const delays = through.filter((fate) => !fate.isHeldBack).map((fate) => fate.atMs - fate.index * EVERY_MS)
  isNear(mean(delays), 45, 0.02, 'mean delay')
  assert.ok(Math.min(...delays) >= 40 && Math.max(...delays) <= 50)
})

test('[IM2] each shape of jitter has the mean and the bounds it says', () => {
  const delays = (wanted: Partial<LinkImpairment>) =>
    fates(wanted, 7, PACKETS, 1_000).map((fate, index) => (fate.kind === 'delivered' ? fate.atMs - index * 1_000 : NaN))
  const exponential = delays({ jitterMs: 20, jitterShape: 'exponential' })
  isNear(mean(exponential), 20, 0.05, 'exponential')
  assert.ok(Math.max(...exponential) <= 200)
  const around = delays({ delayMs: 100, jitterMs: 10, jitterShape: 'normal' })
  isNear(mean(around), 100, 0.01, 'normal')
  isNear(Math.sqrt(mean(around.map((delay) => (delay - 100) ** 2))), 10, 0.05, 'standard deviation')
  assert.ok(Math.min(...delays({ delayMs: 1, jitterMs: 50, jitterShape: 'normal' })) >= 0)
})

test('[IM5, IM2] random bursts have their mean length and their share, by time and by packets', () => {
  const byTime = fates({ burst: { kind: 'random', lossRatio: 0.05, meanBurstMs: 200 } }, 7, 100_000)
  isNear(dropped(byTime, 'burst') / byTime.length, 0.05, 0.15, 'share by time')
  // A burst of 200 ms on average that takes at least one packet: by 20 ms steps, 10.5 packets.
  isNear(mean(runs(byTime)), 10.5, 0.15, 'length by time')
  const byPackets = fates({ burst: { kind: 'randomPackets', lossRatio: 0.1, meanBurstPackets: 5 } }, 7, 100_000)
  isNear(dropped(byPackets, 'burst') / byPackets.length, 0.1, 0.1, 'share by packets')
  isNear(mean(runs(byPackets)), 5, 0.1, 'length by packets')
})

test('[IM5] a periodic burst rages once in every period, at a place the seed decides', () => {
  const starts = [1, 2, 3].map((seed) => {
    const all = fates({ burst: { kind: 'periodic', burstMs: 200, everyMs: 10_000 } }, seed)
    assert.deepEqual([...new Set(runs(all))], [10])
    assert.equal(runs(all).length, (PACKETS * EVERY_MS) / 10_000)
    return all.findIndex((fate) => fate.kind === 'dropped')
  })
  assert.equal(new Set(starts).size, 3)
})

test('[IM3] nothing overtakes while nothing asks for it: datagrams', () => {
  fc.assert(
    fc.property(anyLink, traffic, (wanted, packets) => {
      const flow = link({ ...wanted, reorderRatio: 0 }).flow(0)
      let nowMs = 0
      let lastMs = 0
      for (const { gapMs, bytes } of packets) {
        nowMs += gapMs
        const fate = flow.datagram(nowMs, bytes)
        if (fate.kind === 'dropped') continue
        assert.ok(fate.atMs >= lastMs && fate.atMs >= nowMs)
        if (fate.againAtMs !== undefined) assert.ok(fate.againAtMs >= fate.atMs)
        lastMs = fate.atMs
      }
    }),
  )
})

test('[IM3] nothing overtakes in a byte stream, whatever is asked', () => {
  fc.assert(
    fc.property(anyLink, traffic, (wanted, pieces) => {
      const flow = link(wanted).flow(0)
      let nowMs = 0
      let lastMs = 0
      for (const { gapMs, bytes } of pieces) {
        nowMs += gapMs
        const { atMs } = flow.bytes(nowMs, bytes)
        assert.ok(atMs >= lastMs && atMs >= nowMs)
        lastMs = atMs
      }
    }),
  )
})

test('[IM6] who is held back is overtaken by the next one, which is not held back itself', () => {
  const all = fates({ reorderRatio: 0.5, reorderByMs: 30 })
  let overtaken = 0
  for (const [index, fate] of all.entries()) {
    const next = all[index + 1]
    if (fate.kind !== 'delivered' || next?.kind !== 'delivered' || !fate.isHeldBack) continue
    assert.equal(next.isHeldBack, false)
    assert.equal(next.atMs, (index + 1) * EVERY_MS)
    if (next.atMs < fate.atMs) overtaken++
  }
  isNear(overtaken / PACKETS, 0.5, 0.02, 'overtaken')
})

test('[IM4] a packet leaves when its last bit is sent, and what does not fit is dropped', () => {
  const flow = link({ rateBitsPerSecond: 8_000, queueBytes: 1_500 }).flow(0)
  const at = (fate: PacketFate) => (fate.kind === 'delivered' ? fate.atMs : fate.reason)
  assert.deepEqual(
    [0, 0, 0, 1_000, 3_000].map((nowMs) => at(flow.datagram(nowMs, 1_000))),
    [1_000, 'queue', 'queue', 2_000, 4_000],
  )
})

test('[IM4] what waits never exceeds the queue, and the rate is what was asked', () => {
  const model = link({ rateBitsPerSecond: 1_000_000, queueBytes: 20_000 })
  const flow = model.flow(0)
  let through = 0
  for (let nowMs = 0; nowMs < 10_000; nowMs += 1) {
    if (flow.datagram(nowMs, 500).kind === 'delivered') through += 500
    assert.ok(model.queuedBytes(nowMs) <= 20_000)
  }
  isNear((through * 8) / 10, 1_000_000, 0.02, 'bits per second')
})

test('[IM4] flows share the rate, and a byte stream is told when there is room', () => {
  const model = link({ rateBitsPerSecond: 80_000, queueBytes: 10_000 })
  model.flow(1).bytes(0, 30_000)
  assert.deepEqual(model.flow(0).datagram(0, 100), { kind: 'dropped', reason: 'queue' })
  assert.equal(model.hasRoom(0), false)
  const roomAtMs = model.roomAtMs(0)
  assert.ok(Math.abs(roomAtMs - 2_000) < 1)
  assert.equal(model.hasRoom(roomAtMs), true)
})

test('[IM8] what the network would lose of TCP comes later, and all behind it', () => {
  const flow = link({ lossRatio: 1, retransmitMs: 200 }).flow(0)
  assert.deepEqual(flow.bytes(0, 100), { atMs: 200, isRetransmitted: true })
  const quiet = link({ lossRatio: 1, retransmitMs: 0 }).flow(0)
  assert.deepEqual(quiet.bytes(0, 100), { atMs: 0, isRetransmitted: false })
  const model = link({ burst: { kind: 'periodic', burstMs: 500, everyMs: 501 }, retransmitMs: 200 })
  const inBurst = model.flow(0)
  const first = inBurst.bytes(10, 100)
  assert.ok(first.isRetransmitted && first.atMs >= 700, `${first.atMs}`)
  assert.ok(inBurst.bytes(11, 100).atMs >= first.atMs)
  // Many segments have many chances.
  const many = link({ lossRatio: 0.05 }, 3)
  const count = Array.from({ length: 500 }, (_, index) => many.flow(index).bytes(index, 14_600)).filter(
    (piece) => piece.isRetransmitted,
  ).length
  isNear(count / 500, 1 - 0.95 ** 10, 0.15, 'pieces of ten segments')
})

test('[IM16] what is set holds for packets decided from then on', () => {
  const model = link({})
  const flow = model.flow(0)
  assert.equal(flow.datagram(0, 100).kind, 'delivered')
  model.set({ ...NO_IMPAIRMENT, lossRatio: 1 })
  assert.equal(flow.datagram(1, 100).kind, 'dropped')
  model.set({ ...NO_IMPAIRMENT, burst: { kind: 'periodic', burstMs: 999, everyMs: 1_000 } })
  assert.deepEqual(flow.datagram(500, 100), { kind: 'dropped', reason: 'burst' })
  model.set(NO_IMPAIRMENT)
  assert.equal(flow.datagram(600, 100).kind, 'delivered')
})
