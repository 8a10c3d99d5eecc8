import assert from 'node:assert/strict'
import test from 'node:test'
import type { ReceivedCaption } from '@parley/client'
import { SummaryCounter } from './summary.ts'

const WAY = { interruptions: 0, resentMs: 0, transport: 'ws' } as const
const partial = (index: number): ReceivedCaption => ({ utterance: { epoch: 1, index } }) as ReceivedCaption

test('[CC5] silence and what is heard again at another pod are answers; whatever else was given up is not', () => {
  const counter = new SummaryCounter()
  for (const index of [0, 1, 2]) counter.partial(partial(index))
  counter.abandoned(0, 'no_speech')
  counter.abandoned(1, 'moved')
  assert.deepEqual(counter.result(0, 0, WAY), { ...counter.result(0, 0, WAY), abandoned: 1, unanswered: 1 })
  counter.abandoned(2, 'no_worker')
  assert.deepEqual(counter.result(0, 0, WAY), { ...counter.result(0, 0, WAY), abandoned: 2, unanswered: 1 })
})
