import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { ManualClock } from '@parley/kernel/testing'
import { ListenerLog } from '../../testing/listener-log.ts'
import { INSTALL_COMMAND, loadPocketSphinx } from './library.ts'
import { PocketSphinxRecogniser } from './pocketsphinx-recogniser.ts'

test('[PS7] a missing model is named with the command that installs it', async (t) => {
  const modelDirectory = await mkdtemp(join(tmpdir(), 'parley-model-'))
  t.after(() => rm(modelDirectory, { recursive: true }))
  const loaded = await loadPocketSphinx({ modelDirectory })
  assert.ok(!loaded.ok)
  assert.ok(loaded.error.message.includes(modelDirectory) && loaded.error.message.includes(INSTALL_COMMAND))
})

test('[PS7] a recogniser without its engine starts, says what is missing, and refuses streams with advice', async (t) => {
  const modelDirectory = await mkdtemp(join(tmpdir(), 'parley-model-'))
  t.after(() => rm(modelDirectory, { recursive: true }))
  const clock = new ManualClock()
  const recogniser = new PocketSphinxRecogniser({ clock, slots: 2, library: { modelDirectory } })
  await recogniser.start()
  const { ready, slots, problem } = recogniser.status()
  assert.deepEqual([ready, slots], [false, 0])
  assert.match(problem ?? '', /apt-get install/)
  const refused = await recogniser.openStream({ language: 'en', firstIndex: 0 }, new ListenerLog())
  assert.ok(!refused.ok && refused.error.code === 'SPEECH_UNAVAILABLE')
  assert.match(refused.error.message, /apt-get install/)
  assert.ok((refused.error.retryAfterMs ?? 0) > 0)
  assert.equal(recogniser.status().slotsUsed, 0)
  await recogniser.close()
  assert.equal(clock.pendingTimers, 0)
})

test('[PS7] a missing library is named with the command that installs it', async (t) => {
  const installed = await loadPocketSphinx()
  if (!installed.ok) return t.skip(installed.error.message)
  const loaded = await loadPocketSphinx({ pocketsphinx: 'libno-such-thing.so.9' })
  assert.ok(!loaded.ok)
  assert.ok(loaded.error.message.includes('libno-such-thing.so.9') && loaded.error.message.includes(INSTALL_COMMAND))
})
