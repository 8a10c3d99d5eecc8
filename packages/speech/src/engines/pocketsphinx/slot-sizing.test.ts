import assert from 'node:assert/strict'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { test } from 'node:test'
import { DECODER_BYTES, machineRoom, measuredSlots, SLOTS_PER_CORE, slotsFor } from './slot-sizing.ts'

const GIGABYTE = 1e9

test('[PS1] slots are four to a core as long as half the memory holds their decoders, and at least one', () => {
  assert.equal(slotsFor({ cores: 2, availableBytes: 24 * GIGABYTE }), 2 * SLOTS_PER_CORE)
  assert.equal(slotsFor({ cores: 16, availableBytes: 2 * GIGABYTE }), Math.floor(GIGABYTE / DECODER_BYTES))
  assert.equal(slotsFor({ cores: 1, availableBytes: 1e6 }), 1)
})

test('[PS1] several workers share the machine', () => {
  assert.equal(slotsFor({ cores: 8, availableBytes: 64 * GIGABYTE }, 1 / 4), 2 * SLOTS_PER_CORE)
  assert.equal(
    4 * slotsFor({ cores: 64, availableBytes: 8 * GIGABYTE }, 1 / 4),
    4 * Math.floor(GIGABYTE / DECODER_BYTES),
  )
})

test('[PS1] what a decoder was measured to cost decides, where it was measured', () => {
  const room = { cores: 2, availableBytes: 24 * GIGABYTE }
  assert.equal(measuredSlots(room, 1, 0.15), 8)
  assert.equal(measuredSlots(room, 1 / 2, 0.15), 4)
  assert.equal(measuredSlots(room, 1, 2), 1)
  assert.equal(measuredSlots(room, 1, 0.000_001), 64)
  assert.equal(measuredSlots({ cores: 16, availableBytes: GIGABYTE }, 1, 0.15), 4)
})

test('[PS1] a control group limits cores and memory; without one the machine does', async (t) => {
  const root = await mkdtemp(join(tmpdir(), 'parley-room-'))
  t.after(() => rm(root, { recursive: true }))
  const write = async (path: string, text: string) => {
    await mkdir(dirname(join(root, path)), { recursive: true })
    await writeFile(join(root, path), text)
  }
  const free = await machineRoom(root)
  assert.ok(free.cores >= 1 && Number.isFinite(free.availableBytes) && free.availableBytes > 0)
  await write('proc/meminfo', 'MemTotal: 9000000 kB\nMemAvailable:    4000000 kB\n')
  await write('sys/fs/cgroup/cpu.max', 'max 100000\n')
  await write('sys/fs/cgroup/memory.max', 'max\n')
  assert.deepEqual(await machineRoom(root), { cores: free.cores, availableBytes: 4_096_000_000 })
  await write('sys/fs/cgroup/cpu.max', '100000 100000\n')
  await write('sys/fs/cgroup/memory.max', '1000000000\n')
  await write('sys/fs/cgroup/memory.current', '300000000\n')
  assert.deepEqual(await machineRoom(root), { cores: 1, availableBytes: 700_000_000 })
})
