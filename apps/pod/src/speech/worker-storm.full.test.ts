// Kills, freezes and cuts at random under eight live streams, and all workers gone at once among them, with the engine that ships.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { loadPocketSphinx, POCKETSPHINX_INSTALL_COMMAND } from '@parley/speech'
import { weatherStorm } from '../testing/speech/worker-storm.ts'

const engine = await loadPocketSphinx({})
const skip = engine.ok ? false : `PocketSphinx is not installed: ${POCKETSPHINX_INSTALL_COMMAND}`

test('[PW8] a hundred kills, freezes and cuts under eight streams: every transcript is the undisturbed one', {
  skip,
}, async (t) => {
  const report = await weatherStorm(t, { seed: 100, streams: 8, sentences: 12, disturbances: 100, blackout: true })
  t.diagnostic(JSON.stringify(report))
  assert.ok(report.kills >= 20 && report.freezes >= 20 && report.cuts >= 20, JSON.stringify(report))
})

test('[PW8] fifteen of them within a minute: every transcript is the undisturbed one', { skip }, async (t) => {
  const report = await weatherStorm(t, { seed: 4, streams: 8, sentences: 4, disturbances: 15, blackout: true })
  t.diagnostic(JSON.stringify(report))
  assert.ok(report.kills > 0 && report.freezes > 0 && report.cuts > 0 && report.failovers > 8, JSON.stringify(report))
})
