// Kills, freezes and cuts at random under eight live streams, with the engine that ships.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { loadPocketSphinx, POCKETSPHINX_INSTALL_COMMAND } from '@parley/speech'
import { weatherStorm } from '../testing/speech/worker-storm.ts'

const engine = await loadPocketSphinx({})
const skip = engine.ok ? false : `PocketSphinx is not installed: ${POCKETSPHINX_INSTALL_COMMAND}`

test('[PW8] a storm of kills, freezes and cuts, and all workers gone at once: every transcript is the undisturbed one', {
  skip,
}, async (t) => {
  const report = await weatherStorm(t, { seed: 4, streams: 8, sentences: 4, disturbances: 15, blackout: true })
  t.diagnostic(JSON.stringify(report))
  assert.ok(report.kills > 0 && report.freezes > 0 && report.cuts > 0 && report.failovers > 8, JSON.stringify(report))
})
