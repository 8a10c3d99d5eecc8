import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { SubscriptionSet } from '@parley/protocol'
import { EVERYTHING, onSubscribe, wantsMicrophone } from './subscriptions.ts'

const set = (version: number, ...streams: SubscriptionSet['streams']): SubscriptionSet => ({ version, streams })

test('[SUB1] who never said anything wants everything', () => {
  assert.equal(EVERYTHING.version, 0)
  assert.ok(EVERYTHING.partials && EVERYTHING.finals && wantsMicrophone(EVERYTHING))
  assert.equal(onSubscribe(EVERYTHING, undefined), EVERYTHING)
})

test('[SUB1] a newer set replaces the whole one, an older or equal one changes nothing', () => {
  const first = onSubscribe(EVERYTHING, set(3, 'captions.partial'))
  assert.deepEqual(first, { version: 3, streams: ['captions.partial'], partials: true, finals: false })
  assert.equal(onSubscribe(first, set(3, 'captions.final')), first)
  assert.equal(onSubscribe(first, set(2)), first)
  const second = onSubscribe(first, set(4, 'captions.final'))
  assert.deepEqual([second.partials, second.finals], [false, true])
  assert.deepEqual(onSubscribe(second, set(4)), second, 'said twice is said once')
})

test('[SUB2] an empty set wants nothing, the microphone neither', () => {
  const nothing = onSubscribe(EVERYTHING, set(1))
  assert.deepEqual([nothing.partials, nothing.finals, wantsMicrophone(nothing)], [false, false, false])
  assert.ok(wantsMicrophone(onSubscribe(nothing, set(2, 'captions.final'))))
})

test('[SUB1] what was asked for may change afterwards without changing what is in force', () => {
  const asked = set(1, 'captions.final')
  const inForce = onSubscribe(EVERYTHING, asked)
  asked.streams.push('captions.partial')
  assert.deepEqual(inForce.streams, ['captions.final'])
})
