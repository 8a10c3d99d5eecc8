import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { VoiceInfo } from '@parley/protocol'
import type { LoadReport } from './load-meter.ts'
import { VoicesTold } from './voices-told.ts'

const voice = (name: string, language = 'en'): VoiceInfo => ({ name, language, engine: 'x' })
const report = (...voices: VoiceInfo[]): LoadReport => ({
  type: 'worker.load',
  slots: 0,
  slotsUsed: 0,
  decodersWarm: 0,
  engines: [],
  cpuRatio: 0,
  rssBytes: 0,
  voices,
})

test('[LK9] voices are left out while they are what was told last, for a pod that keeps them', () => {
  const told = new VoicesTold()
  told.mayLeaveOut(true)
  const voicesOf = (next: LoadReport) => told.reportFor(next).voices?.map(({ name }) => name)
  assert.deepEqual(voicesOf(report(voice('a'))), ['a'])
  assert.equal(voicesOf(report(voice('a'))), undefined)
  assert.deepEqual(voicesOf(report(voice('a'), voice('b'))), ['a', 'b'])
  assert.deepEqual(voicesOf(report(voice('b'), voice('a'))), ['b', 'a'])
  assert.equal(voicesOf(report(voice('b'), voice('a'))), undefined)
  assert.deepEqual(voicesOf(report(voice('b'), voice('a', 'es'))), ['b', 'a'])
  assert.deepEqual(voicesOf(report()), [])
  assert.equal(voicesOf(report()), undefined)
  const old = new VoicesTold()
  for (let turn = 0; turn < 2; turn++) assert.equal(old.reportFor(report(voice('a'))).voices?.length, 1)
})
