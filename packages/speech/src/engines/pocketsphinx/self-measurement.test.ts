import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { silence, synthesise } from '@parley/audio/testing'
import { eventually, ManualClock } from '@parley/kernel/testing'
import { ListenerLog } from '../../testing/listener-log.ts'
import { loadPocketSphinx } from './library.ts'
import { PocketSphinxRecogniser } from './pocketsphinx-recogniser.ts'
import { measureDecoding } from './self-measurement.ts'

const BLOCKS = 50

/** A decoder whose every block costs `costMs` of CPU and `takesMs` of time. */
function rig(costMs: number, takesMs: number) {
  const clock = new ManualClock()
  let spentMs = 0
  let blocks = 0
  const decoder = {
    begin() {},
    feedHere() {
      blocks++
      spentMs += costMs
      clock.advance(takesMs)
    },
    async end() {
      return ''
    },
  }
  const measure = () => measureDecoding(decoder, new Int16Array(BLOCKS * 320 + 100), clock, () => spentMs)
  return { measure, blocks: () => blocks }
}

test('[PS10] the cost of a decoder is its CPU time over the time of the speech, whatever else the machine does', async () => {
  const { measure, blocks } = rig(3, 3)
  assert.equal(await measure(), 3 / 20)
  assert.equal(blocks(), BLOCKS)
})

test('[PS10] measuring ends after two seconds with what was heard by then', async () => {
  const { measure, blocks } = rig(5, 100)
  assert.equal(await measure(), 5 / 20)
  assert.equal(blocks(), 20)
})

const library = await loadPocketSphinx()

describe('PocketSphinx measured', library.ok ? {} : { skip: library.error.message }, () => {
  test('[PS10] streams are taken while it is measured, with a decoder of their own; slots grow and shrink at once', async (t) => {
    const clock = new ManualClock()
    const recogniser = new PocketSphinxRecogniser({ clock, slots: 1 })
    t.after(() => recogniser.close())
    assert.equal(await recogniser.measure(silence(100)), undefined)
    await recogniser.start()
    const measuring = recogniser.measure(await synthesise('The quick brown fox', 'slt'))
    const first = await recogniser.openStream({ language: 'en', firstIndex: 0 }, new ListenerLog())
    assert.ok(first.ok)
    assert.equal(await recogniser.measure(silence(100)), undefined)
    const second = await recogniser.openStream({ language: 'en', firstIndex: 0 }, new ListenerLog())
    assert.ok(!second.ok && second.error.code === 'NO_SLOT')
    const realTimeFactor = await measuring
    assert.ok(realTimeFactor !== undefined && realTimeFactor > 0.005 && realTimeFactor < 5, String(realTimeFactor))
    recogniser.setSlots(2)
    const third = await recogniser.openStream({ language: 'en', firstIndex: 0 }, new ListenerLog())
    assert.ok(third.ok)
    recogniser.setSlots(1)
    assert.deepEqual([recogniser.status().slots, recogniser.status().slotsUsed], [1, 2])
    await third.value.close()
    await first.value.close()
    await eventually(() => (recogniser.status().decodersWarm === 1 ? undefined : 'not one decoder'))
    assert.throws(() => recogniser.setSlots(0), RangeError)
  })

  test('[RC9] audio that waits is told with the age of the oldest', async (t) => {
    const clock = new ManualClock()
    const recogniser = new PocketSphinxRecogniser({ clock, slots: 1 })
    t.after(() => recogniser.close())
    await recogniser.start()
    const stream = await recogniser.openStream({ language: 'en', firstIndex: 0 }, new ListenerLog())
    assert.ok(stream.ok)
    stream.value.push(0, silence(1_000))
    clock.advance(250)
    stream.value.push(1_000, silence(1_000))
    assert.deepEqual(recogniser.status().backlog, { audioMs: 2_000, oldestMs: 250, lostMsTotal: 0 })
    await eventually(() => (recogniser.status().backlog?.audioMs === 0 ? undefined : 'still waiting'))
  })
})
