import assert from 'node:assert/strict'
import { test } from 'node:test'
import { systemClock } from '@parley/kernel'
import { eventually, ManualClock } from '@parley/kernel/testing'
import { openUdpEnd } from '../testing/index.ts'
import { type Relay, type RelayOptions, startRelay } from './relay.ts'

/** A relay between a fresh source and an echoing target, on a clock that stands still unless told. */
async function rig(options: Partial<RelayOptions> = {}) {
  const clock = new ManualClock()
  const [target, source] = [await openUdpEnd({ echo: true }), await openUdpEnd()]
  const relay = await startRelay({ clock, udp: { to: target.address }, ...options })
  const at = relay.udp as NonNullable<Relay['udp']>
  return {
    clock,
    target,
    source,
    relay,
    at,
    async [Symbol.asyncDispose]() {
      await Promise.all([relay.close(), target.close(), source.close()])
    },
  }
}

const texts = (end: { heard: readonly { text: string }[] }) => end.heard.map(({ text }) => text)
const has = (end: { heard: readonly unknown[] }, count: number) =>
  eventually(() => (end.heard.length >= count ? undefined : `${end.heard.length} of ${count} came`))
const entered = ({ relay }: { relay: Relay }, count: number) =>
  eventually(
    () => (relay.report().up.packets >= count ? undefined : `${relay.report().up.packets} of ${count} entered`),
    { everyMs: 0 },
  )

test('[IM13] datagrams go through and back, each source by a port of its own', async () => {
  await using r = await rig()
  const second = await openUdpEnd()
  r.source.send('one', r.at)
  second.send('two', r.at)
  await Promise.all([has(r.source, 1), has(second, 1)])
  assert.deepEqual([texts(r.source), texts(second)], [['one'], ['two']])
  assert.equal(new Set(r.target.heard.map(({ from }) => from.port)).size, 2)
  assert.equal(r.source.heard[0]?.from.port, r.at.port)
  assert.equal(r.relay.report().udpFlows, 2)
  await second.close()
})

test('[IM13] nobody but the target reaches a source through the upstream port', async () => {
  await using r = await rig()
  r.source.send('hello', r.at)
  await has(r.source, 1)
  const stranger = await openUdpEnd()
  const { port } = r.target.heard[0]?.from ?? assert.fail()
  stranger.send('intruder', { host: '127.0.0.1', port })
  r.source.send('again', r.at)
  await has(r.source, 2)
  assert.deepEqual(texts(r.source), ['hello', 'again'])
  assert.equal(r.relay.report().down.packets, 2)
  await stranger.close()
})

test('[IM13] no more flows than the bound; an idle one makes room', async () => {
  await using r = await rig({ maxFlows: 1, flowIdleMs: 1_000 })
  const second = await openUdpEnd()
  r.source.send('one', r.at)
  await has(r.source, 1)
  second.send('two', r.at)
  await eventually(() => (r.relay.report().up.dropped.flows === 1 ? undefined : 'not dropped'))
  r.clock.advance(1_250)
  assert.equal(r.relay.report().udpFlows, 0)
  second.send('three', r.at)
  await has(second, 1)
  assert.deepEqual(texts(second), ['three'])
  await second.close()
})

test('[IM2, IM15] loss, copies and reordering are those of the model, and every datagram is accounted for', async () => {
  const impairment = { up: { lossRatio: 0.1, duplicateRatio: 0.1, reorderRatio: 0.2, reorderByMs: 30 } }
  await using r = await rig({ impairment, seed: 4 })
  const count = 500
  for (let index = 0; index < count; index++) {
    r.source.send(String(index), r.at)
    await entered(r, index + 1)
    r.clock.advance(20)
  }
  r.clock.advance(100)
  const { up } = r.relay.report()
  await has(r.target, up.deliveredPackets + up.duplicated)
  assert.equal(up.deliveredPackets + up.dropped.loss, count)
  assert.ok(up.dropped.loss > 30 && up.dropped.loss < 75, `${up.dropped.loss} lost`)
  assert.ok(up.duplicated > 25 && up.duplicated < 75, `${up.duplicated} doubled`)
  assert.ok(up.reordered > 60 && up.reordered < 130, `${up.reordered} overtaken`)
  const heard = texts(r.target).map(Number)
  assert.equal(new Set(heard).size, up.deliveredPackets)
  const overtaken = [...new Set(heard)].filter((value, place, all) =>
    all.slice(0, place).some((earlier) => earlier > value),
  )
  assert.equal(overtaken.length, up.reordered)
  assert.equal(r.relay.report().heldBytes, 0)
})

test('[IM2] delay is kept to the millisecond of the clock, both ways', async () => {
  await using r = await rig({ impairment: { both: { delayMs: 40 } } })
  r.source.send('late', r.at)
  await entered(r, 1)
  r.clock.advance(39)
  assert.equal(r.relay.report().up.deliveredPackets, 0)
  assert.equal(r.relay.report().heldBytes, 4)
  r.clock.advance(1)
  await has(r.target, 1)
  await eventually(() => (r.relay.report().down.packets === 1 ? undefined : 'no answer'))
  r.clock.advance(40)
  await has(r.source, 1)
  assert.equal(r.relay.report().up.delayed, 1)
})

test('[IM2] delay holds on a real clock too', async () => {
  await using r = await rig({ clock: systemClock, impairment: { both: { delayMs: 40, jitterMs: 10 } } })
  const startMs = systemClock.nowMs()
  r.source.send('late', r.at)
  await has(r.source, 1)
  assert.ok(systemClock.nowMs() - startMs >= 78)
})

test('[IM15] more delayed than it holds is dropped and counted', async () => {
  await using r = await rig({ impairment: { up: { delayMs: 1_000 } }, maxHeldUdpBytes: 10 })
  for (const text of ['12345', '67890', 'x']) r.source.send(text, r.at)
  await entered(r, 3)
  assert.equal(r.relay.report().up.dropped.memory, 1)
  r.clock.advance(1_000)
  await has(r.target, 2)
})

test('[IM10] in a silent cut datagrams vanish, and those that fall due in it', async () => {
  await using r = await rig({ impairment: { up: { delayMs: 20 } } })
  r.source.send('on its way', r.at)
  await entered(r, 1)
  r.relay.cut()
  r.source.send('in the cut', r.at)
  await entered(r, 2)
  r.clock.advance(20)
  assert.equal(r.relay.report().up.dropped.cut, 2)
  r.relay.heal()
  r.source.send('after', r.at)
  await entered(r, 3)
  r.clock.advance(20)
  await has(r.target, 1)
  assert.deepEqual(texts(r.target), ['after'])
})

test('[IM12] after a rebind the target hears another port, and answers come back', async () => {
  await using r = await rig()
  r.source.send('before', r.at)
  await has(r.source, 1)
  r.relay.rebind()
  r.source.send('after', r.at)
  await has(r.source, 2)
  const [before, after] = r.target.heard
  assert.notEqual(before?.from.port, after?.from.port)
  assert.equal(r.relay.report().udpRebindsTotal, 1)
  assert.equal(r.relay.report().udpFlows, 1)
})

test('[IM16] what is set holds for flows that exist', async () => {
  await using r = await rig()
  r.source.send('before', r.at)
  await has(r.source, 1)
  r.relay.setImpairment({ up: { lossRatio: 1 } })
  r.source.send('lost', r.at)
  await eventually(() => (r.relay.report().up.dropped.loss === 1 ? undefined : 'not lost'))
  r.relay.setImpairment({})
  r.source.send('after', r.at)
  await has(r.source, 2)
  assert.deepEqual(texts(r.source), ['before', 'after'])
})
