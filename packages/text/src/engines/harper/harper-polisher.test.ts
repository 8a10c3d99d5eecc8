// Harper itself in its thread, and its crashes.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { systemClock } from '@parley/kernel'
import { eventually } from '@parley/kernel/testing'
import { polisherContract } from '../../testing/text-engine-contract.ts'
import type { QueueListener } from '../restarting-queue.ts'
import type { FoundLint } from './chosen-changes.ts'
import { HarperPolisher } from './harper-polisher.ts'
import { HarperRunner } from './harper-runner.ts'

polisherContract('harper', {
  create: async (clock) => {
    let listener: QueueListener<readonly FoundLint[]> | undefined
    const engine = new HarperPolisher({
      clock,
      maxChangedWords: 4,
      startRunner: (next) => {
        listener = next
        return new HarperRunner(next)
      },
    })
    return { engine, breakDown: () => listener?.onBroken('broken on demand') }
  },
  texts: [
    'we needs to talk',
    'This is an new idea.',
    'I want to to go home',
    'Good morning.',
    'he have gone',
    'Thank you!',
  ],
  language: 'en-US',
  unknownLanguage: 'es',
})

test('[HP3] its thread is started when it is wanted, and once', async (t) => {
  let starts = 0
  const startRunner = (listener: QueueListener<readonly FoundLint[]>) => {
    starts++
    return new HarperRunner(listener)
  }
  const polisher = new HarperPolisher({ clock: systemClock, maxChangedWords: 4, startRunner })
  t.after(() => polisher.close())
  await polisher.start()
  polisher.warm({ from: 'es' })
  assert.deepEqual([polisher.status().ready, starts], [true, 0])
  polisher.warm({ from: 'en-GB' })
  polisher.warm({ from: 'en' })
  const request = { requestId: 'r', text: 'we needs to talk', language: 'en', deadlineMs: 60_000 }
  assert.ok((await polisher.polish(request)).ok)
  assert.equal(starts, 1)
})

const TROUBLE = new URL('../../testing/trouble-thread.ts', import.meta.url)

test('[HP3] a thread that dies is started again, its text asked once more; one that kills it again fails alone', async (t) => {
  let starts = 0
  const polisher = new HarperPolisher({
    clock: systemClock,
    maxChangedWords: 4,
    startRunner: (listener) => {
      starts++
      return new HarperRunner(listener, TROUBLE)
    },
  })
  t.after(() => polisher.close())
  await polisher.start()
  const polish = (text: string) => polisher.polish({ requestId: 'r', text, language: 'en', deadlineMs: 30_000 })
  const words = ['one', 'exit now', 'two', 'throw now', 'three']
  const outcomes = await Promise.all(words.map(polish))
  assert.deepEqual(
    outcomes.map((outcome) => (outcome.ok ? outcome.value.text : outcome.error.code)),
    ['one', 'ENGINE_FAILED', 'two', 'ENGINE_FAILED', 'three'],
  )
  assert.equal(starts, 5)
  await eventually(() => (polisher.status().ready ? undefined : 'not ready'))
  assert.ok((await polish('four')).ok)
})

test('[HP3] without its thread it says so, and comes back when there is one', async (t) => {
  let isThere = false
  const polisher = new HarperPolisher({
    clock: {
      ...systemClock,
      after: (delayMs, fn) => systemClock.after(delayMs > 1_000 && delayMs < 10_000 ? 50 : delayMs, fn),
    },
    maxChangedWords: 4,
    startRunner: (listener) => {
      if (!isThere) throw new Error('no thread to be had')
      return new HarperRunner(listener, TROUBLE)
    },
  })
  t.after(() => polisher.close())
  await polisher.start()
  polisher.warm({ from: 'en' })
  await eventually(() => (polisher.status().ready ? 'nothing has happened' : undefined))
  assert.match(polisher.status().problem ?? '', /no thread to be had/)
  isThere = true
  await eventually(() => (polisher.status().ready ? undefined : 'not ready'), { withinMs: 20_000 })
})
