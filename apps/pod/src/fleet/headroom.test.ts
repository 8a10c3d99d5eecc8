import assert from 'node:assert/strict'
import { test } from 'node:test'
import { AMPLE_PLACING_RATIO, headroomOf, type LoadReading, placingRatioOf } from './headroom.ts'
import { startLoadMeter } from './load-meter.ts'

const IDLE: LoadReading = {
  loopUtilisationRatio: 0.1,
  machineIdleMs: 1_000,
  machineTotalMs: 2_000,
  rssBytes: 100,
  availableBytes: 900,
  sockets: 10,
  maxSockets: 100,
  slots: 4,
  slotsUsed: 1,
  udpPacketsTotal: 50,
  udpLostTotal: 3,
}
const after = (more: Partial<LoadReading>): LoadReading => ({
  ...IDLE,
  machineIdleMs: 1_750,
  machineTotalMs: 3_000,
  ...more,
})

test('[PF1] headroom is what is left since the last report, 0 to 1', () => {
  assert.deepEqual(headroomOf(IDLE, after({ udpPacketsTotal: 145, udpLostTotal: 8 })), {
    loop: 0.9,
    cpu: 0.75,
    memory: 0.9,
    sockets: 0.9,
    slots: 0.75,
    udp: 0.5,
  })
  const full = after({ loopUtilisationRatio: 1, sockets: 120, slotsUsed: 9, availableBytes: 0, udpLostTotal: 53 })
  const { cpu, ...rest } = headroomOf(IDLE, full)
  assert.deepEqual([cpu, new Set(Object.values(rest))], [0.75, new Set([0])])
})

test('[PF1] what cannot be measured is not reported', () => {
  const unknown = after({ loopUtilisationRatio: undefined, machineIdleMs: undefined, slots: 0 })
  assert.deepEqual(Object.keys(headroomOf(IDLE, unknown)), ['memory', 'sockets', 'udp'])
  assert.equal('cpu' in headroomOf(IDLE, IDLE), false, 'no time has passed')
})

test('[PF1] the meter reads the machine it runs on', () => {
  const { machineIdleMs: _idle, machineTotalMs: _total, rssBytes: _rss, availableBytes: _available, ...pod } = IDLE
  const { memory = 0, sockets } = startLoadMeter(() => pod)()
  assert.equal(sockets, 0.9)
  assert.ok(memory > 0 && memory < 1, `${memory}`)
})

const seats = (ratedSeats: number, more = {}) => ({ ratedSeats, warmingSeats: 0, isAlone: false, ...more })

test('[PF2] placement goes by what is scarce, from half on; seats alone decide when nothing is', () => {
  assert.equal(placingRatioOf({ loop: 0.5, cpu: 0.9, memory: 0.7 }, seats(2_000)), AMPLE_PLACING_RATIO)
  assert.equal(placingRatioOf({}, seats(2_000)), AMPLE_PLACING_RATIO)
  assert.equal(placingRatioOf({ loop: 0.25, memory: 0.4 }, seats(2_000)), 0.5)
  assert.equal(placingRatioOf({ cpu: 0.21 }, seats(2_000)), placingRatioOf({ cpu: 0.24 }, seats(2_000)), 'noise')
  assert.equal(placingRatioOf({ sockets: 0.1, cpu: 0.4 }, seats(2_000)), 0.2)
})

test('[PF2] memory and sockets refuse at their bound; a busy loop, processor or worker leaves room for twenty between reports', () => {
  assert.equal(placingRatioOf({ memory: 0 }, seats(2_000, { warmingSeats: 100 })), 0)
  assert.equal(placingRatioOf({ loop: 0, cpu: 0, slots: 0, udp: 0 }, seats(2_000)), 0.1)
  assert.equal(placingRatioOf({ cpu: 0 }, seats(40)), 0.5, '20 of 40')
  assert.equal(placingRatioOf({ cpu: 0 }, seats(5)), 1)
  const young = placingRatioOf({ cpu: 0 }, seats(2_000, { warmingSeats: 500 }))
  assert.equal(young, 0.3375, 'what the directory subtracts is no bound either')
})

test('[PF2] a pod alone goes by memory and sockets: there is nobody else to be better off with', () => {
  const alone = seats(2_000, { isAlone: true })
  assert.equal(placingRatioOf({ loop: 0, cpu: 0, slots: 0, udp: 0 }, alone), AMPLE_PLACING_RATIO)
  assert.equal(placingRatioOf({ loop: 0, memory: 0.05 }, alone), 0.1)
})
