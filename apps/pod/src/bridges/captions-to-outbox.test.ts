import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { CaptionSink } from '@parley/sessions'
import { CaptionsToOutbox } from './captions-to-outbox.ts'

test('[UT1] everything recognition says of a stream reaches the feed of its session, in order', () => {
  const told: unknown[][] = []
  const feed: CaptionSink = {
    partial: (partial) => void told.push(['partial', partial]),
    final: (final) => void told.push(['final', final]),
    abandoned: (...abandoned) => void told.push(['abandoned', ...abandoned]),
    flushed: (flushId) => void told.push(['flushed', flushId]),
    settled: (mediaTime) => void told.push(['settled', mediaTime]),
    speechState: (...state) => void told.push(['speech', ...state]),
  }
  const bridge = new CaptionsToOutbox(feed)
  const partial = { index: 0, text: 'one', stable: 1, startMs: 10, endMs: 20 }
  const final = {
    index: 0,
    text: 'One.',
    startMs: 10,
    endMs: 30,
    marks: { receivedAtMs: 1, endOfSpeechMs: 2, finalAtMs: 3 },
  }
  bridge.onState('waiting', 'worker_lost')
  bridge.onState('ready')
  bridge.onPartial(partial)
  bridge.onFinal(final)
  bridge.onAbandoned({ index: 1, reason: 'no_worker' })
  bridge.onFlushed(7)
  bridge.onSettled(5_000_000_000)
  assert.deepEqual(told, [
    ['speech', 'waiting', 'worker_lost'],
    ['speech', 'ready', undefined],
    ['partial', partial],
    ['final', final],
    ['abandoned', 1, 'no_worker'],
    ['flushed', 7],
    ['settled', 5_000_000_000],
  ])
})
