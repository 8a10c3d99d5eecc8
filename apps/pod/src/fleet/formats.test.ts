// Pods of this version and of the one beside it: what they keep for each other and tell each other, against files of today's format.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Result } from '@parley/kernel'
import {
  CHECKPOINT_VERSION,
  HandOverAnswerSchema,
  HandOverCallSchema,
  PodMessageAnswerSchema,
  PodMessageSchema,
  PodOpenCallSchema,
  PodRevocationsSchema,
  readCheckpoint,
  SessionCheckpointSchema,
  SessionCreatedSchema,
} from '@parley/protocol'
import {
  missingPaths,
  type ObjectShape,
  storedFormat,
  surplusPaths,
  withAdded,
  withoutAdded,
} from '../testing/formats/index.ts'
import { readState } from './adopter.ts'
import { HAND_OVER } from './hand-over.ts'
import { OPEN_SESSION } from './pod-call.ts'
import { REVOCATIONS_CALL } from './revocation-spread.ts'
import { MESSAGES_CALL } from './unicast.ts'
import { decodeRecord, encodeRecord, RECORD_KINDS, readToSessionPod, readToWatcherPod } from './watch-records.ts'

type Read = (value: unknown) => Result<unknown, unknown>
interface Format {
  readonly shape: object
  readonly read: Read
  /** There is a file of the least that is allowed. */
  readonly hasLeast?: true
}
const FORMATS: Readonly<Record<string, Format>> = {
  checkpoint: { shape: SessionCheckpointSchema, read: (value) => readState(JSON.stringify(value)), hasLeast: true },
  'hand-over-call': { shape: HandOverCallSchema, read: HAND_OVER.checkAsked, hasLeast: true },
  'hand-over-answer': { shape: HandOverAnswerSchema, read: HAND_OVER.checkAnswered },
  'open-call': { shape: PodOpenCallSchema, read: OPEN_SESSION.checkAsked, hasLeast: true },
  'open-answer': { shape: SessionCreatedSchema, read: OPEN_SESSION.checkAnswered },
  'messages-call': { shape: PodMessageSchema, read: MESSAGES_CALL.checkAsked, hasLeast: true },
  'messages-answer': { shape: PodMessageAnswerSchema, read: MESSAGES_CALL.checkAnswered },
  revocations: { shape: PodRevocationsSchema, read: REVOCATIONS_CALL.checkAsked },
}
const HOW =
  'a format has changed: keep the stored file, add one of what is written now, and read both (formats/index.ts)'

for (const [name, { shape, read, hasLeast }] of Object.entries(FORMATS)) {
  test(`[OV1, OV2] ${name}: the stored file is read whole, is all there is, and fields of a newer version are let pass`, () => {
    const whole = storedFormat(name)
    const back = read(whole)
    assert.ok(back.ok, back.ok ? '' : String((back.error as Error).message ?? JSON.stringify(back.error)))
    assert.deepEqual(back.value, whole)
    const of = shape as ObjectShape
    assert.deepEqual(missingPaths(of, whole, false), [], HOW)
    assert.deepEqual(surplusPaths(of, whole, false), [], HOW)
    const newer = read(withAdded(of, whole))
    assert.ok(newer.ok, 'a field that is not known is in the way')
    assert.deepEqual(withoutAdded(newer.value), whole)
    const least = hasLeast ? storedFormat(`${name}-least`) : whole
    assert.equal(read(least).ok, true, HOW)
    assert.deepEqual(
      missingPaths(of, least, true),
      [],
      'what a version adds is optional: the one before does not write it',
    )
    if (hasLeast) assert.deepEqual(surplusPaths(of, least, true), [], HOW)
  })
}

test('[OV4] a state of a newer format, and one that does not fit, are told apart from one that can be read', () => {
  const state = storedFormat('checkpoint') as Record<string, unknown>
  const problemOf = (value: unknown) => {
    const read = readCheckpoint(value)
    return read.ok ? undefined : read.error
  }
  const version = CHECKPOINT_VERSION + 1
  assert.deepEqual(problemOf({ ...state, version, seq: 'of another kind' }), { kind: 'newer', version })
  for (const value of [undefined, 'text', [], {}, { ...state, version: 0 }, { ...state, epoch: 0 }]) {
    assert.equal(problemOf(value)?.kind, 'unreadable', JSON.stringify(value))
  }
  assert.equal(readState('{').ok, false)
  const call = { ...(storedFormat('hand-over-call') as object), checkpoint: { ...state, version } }
  const asked = HAND_OVER.checkAsked(call)
  assert.ok(!asked.ok)
  assert.deepEqual([asked.error.code, asked.error.entry.retryable], ['STATE_UNREADABLE', true])
  assert.match(asked.error.message, new RegExp(`has format ${version}, this pod reads up to ${CHECKPOINT_VERSION}`))
})

test('[OV3] words that a newer version has added to a list cost what they ask for, not the rest', () => {
  const state = storedFormat('checkpoint') as { captions: object; history: object[] }
  const read = readCheckpoint({
    ...state,
    subscriptions: { version: 3, streams: ['captions.final', 'emotions'] },
    captions: { ...state.captions, polish: 'aloud' },
    history: [...state.history, { seq: 3, kind: 'emotion', json: '{"type":"emotion","seq":3}' }],
  })
  assert.ok(read.ok)
  const { subscriptions, captions, history } = read.value
  assert.deepEqual([subscriptions.streams, captions.polish], [['captions.final'], 'off'])
  assert.deepEqual(history.at(-1), { seq: 3, kind: 'abandoned', json: '{"type":"emotion","seq":3}' })
  const answer = storedFormat('messages-answer') as { sessions: object[] }
  const told = MESSAGES_CALL.checkAnswered({ ...answer, sessions: [{ ...answer.sessions[0], result: 'postponed' }] })
  assert.equal(told.ok && told.value.sessions[0]?.result, 'unreachable')
  const revoked = [{ kind: 'device', id: 'dev_1', untilMs: 2_000_000_000_000 }]
  const known = REVOCATIONS_CALL.checkAsked({ digest: 'd', revoked })
  assert.deepEqual(known.ok && known.value.revoked, revoked)
})

interface StoredLink {
  readonly toSessionPod: readonly object[]
  readonly toWatcherPod: readonly object[]
  readonly records: Readonly<Record<string, string>>
}

test('[OV1, OV2] the link for watchers: stored messages and records are read as they were meant, with or without more', () => {
  const { toSessionPod, toWatcherPod, records } = storedFormat('watch-link') as StoredLink
  for (const message of toSessionPod) {
    const read = readToSessionPod(JSON.stringify(message))
    assert.deepEqual(read.ok && read.value, message)
    const { hello, wish } = message as { hello?: Record<string, object>; wish?: object }
    const more = { addedLater: 1 }
    const subscriptions = hello?.subscriptions ? { subscriptions: { ...hello.subscriptions, ...more } } : {}
    const newer = {
      ...{ ...message, ...more },
      ...(hello ? { hello: { ...hello, ...more, ...subscriptions } } : {}),
      ...(wish ? { wish: { ...wish, ...more } } : {}),
    }
    const same = readToSessionPod(JSON.stringify(newer))
    assert.deepEqual(same.ok && withoutAdded(same.value), message)
  }
  for (const message of toWatcherPod) {
    assert.deepEqual(readToWatcherPod(JSON.stringify(message)), message)
    assert.deepEqual(readToWatcherPod(JSON.stringify({ ...message, addedLater: 1 })), message)
  }
  assert.deepEqual(Object.keys(records), [...RECORD_KINDS], HOW)
  for (const [kind, hex] of Object.entries(records)) {
    const record = decodeRecord(Buffer.from(hex, 'hex'))
    assert.ok(record && record !== 'passed')
    assert.deepEqual([record.kind, record.key, record.channels], [kind, 3, [1, 2]])
    assert.equal(encodeRecord(record).toString('hex'), hex, HOW)
  }
})

test('[OV3] the link for watchers: unknown kinds have no effect and are answered, unknown words have the nearest that is known', () => {
  const { toSessionPod } = storedFormat('watch-link') as StoredLink
  const answerTo = (message: object) => {
    const read = readToSessionPod(JSON.stringify(message))
    return read.ok ? read.value : read.error.answer
  }
  assert.deepEqual(answerTo({ is: 'later', channel: 1 }), { is: 'unknown', channel: 1, of: 'later' })
  assert.deepEqual(answerTo({ is: 'later' }), { is: 'unknown', of: 'later' })
  assert.deepEqual(answerTo({ is: 'want', channel: 1, wish: { type: 'later' } }), {
    is: 'unknown',
    channel: 1,
    of: 'want',
  })
  const [join] = toSessionPod as { hello: object }[]
  const refusal = { is: 'refused', channel: 1, code: 'UNKNOWN_MESSAGE', details: {} }
  assert.deepEqual(answerTo({ ...join, hello: { captions: { version: 'x' } } }), refusal)
  const subscriptions = { version: 1, streams: ['emotions', 'captions.final'] }
  const joined = answerTo({ ...join, hello: { subscriptions } }) as { hello: { subscriptions: { streams: string[] } } }
  assert.deepEqual(joined.hello.subscriptions.streams, ['captions.final'])
  const told = (message: object) => readToWatcherPod(JSON.stringify(message))
  const details = { message: 'words' }
  assert.deepEqual(told({ is: 'refused', channel: 1, code: 'OF_LATER', details }), { ...refusal, details })
  assert.deepEqual(told({ is: 'closed', channel: 1, reason: 'of_later' }), {
    is: 'closed',
    channel: 1,
    reason: 'socket_lost',
  })
  assert.equal(told({ is: 'later', channel: 1 }), undefined)
  const record = encodeRecord({ kind: 'keep', key: 0, channels: [1], payload: Buffer.from('x') })
  record[0] = RECORD_KINDS.length
  assert.equal(decodeRecord(record), 'passed')
  assert.equal(decodeRecord(record.subarray(0, 5)), undefined)
})
