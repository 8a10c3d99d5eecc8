import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ManualClock } from '@parley/kernel/testing'
import { type AudioFormat, encodeAudioFrame } from '@parley/protocol'
import { newSessionCounters, Session, type SessionHost } from '@parley/sessions'
import { FakeSlot, FakeText, RecordingChannel } from '@parley/sessions/testing'
import { type StoredRecord, UsageMeter } from '@parley/store'
import { SessionsToRecords } from './sessions-to-records.ts'

const PCM: AudioFormat = { codec: 'pcm16', sampleRateHz: 16_000, frameMs: 20 }
const MARKS = { receivedAtMs: 1, endOfSpeechMs: 2, finalAtMs: 3 }
/** 2026-11-27T23:59:58Z: two seconds before another UTC day. */
const LATE_MS = 1_795_823_998_000

function setUp(wallMs = LATE_MS) {
  const clock = new ManualClock(wallMs)
  const records: StoredRecord[] = []
  const meter = new UsageMeter('pod_1')
  const set = { backMs: 0 }
  const wall = { wallMs: () => clock.wallMs() - set.backMs }
  const bridge = new SessionsToRecords({ clock: wall, podId: 'pod_1', meter, record: (record) => records.push(record) })
  const text = new FakeText()
  const host: SessionHost = {
    clock,
    policy: { ticketLifetimeMs: 60_000, graceMs: 30_000 },
    audioLimits: { paceRatio: 3, maxBytes: 10_000_000 },
    historyLimits: { maxBytes: 262_144, budget: { maxBytes: 10_000_000, usedBytes: 0 } },
    watchersPerSession: 10,
    counters: newSessionCounters(),
    text,
    witness: bridge,
    onClosed: () => {},
  }
  let sessions = 0
  const open = (tenant = 'acme', user = 'ada') => {
    const identity = { id: `ses_${++sessions}` as never, tenant, user, language: 'en', metadata: {} }
    return new Session(identity, new FakeSlot(), host)
  }
  /** Frames of 20 ms at true pace. */
  const hear = (session: Session, frames: number, fromSeq = 0) => {
    for (let seq = fromSeq; seq < fromSeq + frames; seq++) {
      session.audio(encodeAudioFrame(seq, seq * 320, new Uint8Array(640)), clock.nowMs())
      clock.advance(20)
    }
  }
  const rows = <Name extends StoredRecord['table']>(table: Name) =>
    records.filter((record) => record.table === table).map((record) => record.row) as Extract<
      StoredRecord,
      { table: Name }
    >['row'][]
  return { clock, set, records, meter, bridge, text, open, hear, rows, host }
}

const heardMs = (meter: UsageMeter): number => meter.take().reduce((sum, { speechMs }) => sum + speechMs, 0)

test('[RA5] a session that changes its pod ends in no record: its pod writes no end, the next one writes on with a greater token and counts what it hears itself', () => {
  const { open, hear, rows, meter, clock, host } = setUp()
  const session = open()
  session.join(new RecordingChannel(), PCM)
  hear(session, 50)
  const from = session.checkpoint
  session.handedOver()
  assert.deepEqual(
    rows('sessions').map(({ endedAtMs }) => endedAtMs),
    [null],
  )
  assert.equal(heardMs(meter), 1_000)
  const next: StoredRecord[] = []
  const other = new UsageMeter('pod_2')
  const fenceOf = () => ({ epoch: 3, counter: 7 })
  const record = (each: StoredRecord): unknown => next.push(each)
  const witness = new SessionsToRecords({ clock, podId: 'pod_2', meter: other, fenceOf, record })
  const there = new Session(session.identity, new FakeSlot(), { ...host, witness }, from)
  there.resume(new RecordingChannel())
  hear(there, 25, 50)
  there.end('deleted')
  const written = next.flatMap(({ table, row }) =>
    table === 'sessions'
      ? [row as { pod: string; fenceEpoch: number; fenceCounter: number; endReason: string | null }]
      : [],
  )
  assert.deepEqual(
    written.map(({ pod, fenceEpoch, fenceCounter, endReason }) => [pod, fenceEpoch, fenceCounter, endReason]),
    [
      ['pod_2', 3, 7, null],
      ['pod_2', 3, 7, 'deleted'],
    ],
  )
  assert.equal(heardMs(other), 500)
})

test('[REC2] a session is recorded when it begins and when it is over, once each, with its reason', () => {
  const { clock, open, rows } = setUp()
  const session = open()
  assert.deepEqual(rows('sessions'), [
    {
      sessionId: 'ses_1',
      tenant: 'acme',
      userId: 'ada',
      pod: 'pod_1',
      language: 'en',
      startedAtMs: LATE_MS,
      endedAtMs: null,
      endReason: null,
      fenceEpoch: 0,
      fenceCounter: 0,
    },
  ])
  clock.advance(5_000)
  session.end('deleted')
  session.end('shutting_down')
  assert.equal(rows('sessions').length, 2)
  const { startedAtMs, endedAtMs, endReason } = rows('sessions')[1] ?? {}
  assert.deepEqual([startedAtMs, endedAtMs, endReason], [LATE_MS, LATE_MS + 5_000, 'deleted'])
})

test('[REC2] a clock that was set back ends no session before its start', () => {
  const { set, open, rows } = setUp()
  const session = open()
  set.backMs = 3_600_000
  session.end('client_left')
  assert.equal(rows('sessions')[1]?.endedAtMs, LATE_MS)
})

test('[REC3] finals, translations and mended texts come as they were told; partials and what came too late do not', () => {
  const { text, open, rows } = setUp()
  const session = open()
  session.join(new RecordingChannel(), PCM, {
    captions: { version: 1, translateTo: ['es'], polish: 'finals', speak: [] },
  })
  session.feed.partial({ index: 0, text: 'hell', stable: 0, startMs: 5, endMs: 20 })
  session.feed.final({ index: 0, text: 'hello', startMs: 5.4, endMs: 30.6, marks: MARKS })
  const { desk } = text
  const caption = desk.finalOf(0)
  desk.sink.translated(caption, false, 'es', 'hol')
  desk.sink.translated(caption, true, 'es', 'hola')
  desk.sink.translated(caption, true, 'es', 'hola twice')
  desk.sink.polished(caption, true, 'Hello.')
  session.end('client_left')
  session.feed.final({ index: 1, text: 'late', startMs: 40, endMs: 50, marks: MARKS })
  const brief = rows('finals').map(({ kind, language, revision, text: said }) => [kind, language, revision, said])
  assert.deepEqual(brief, [
    ['final', 'en', 2, 'hello'],
    ['translation', 'es', 3, 'hola'],
    ['polished', 'en', 4, 'Hello.'],
  ])
  const { sessionId, utteranceEpoch, utteranceIndex, tenant, userId, startMs, endMs } = rows('finals')[1] ?? {}
  const where = [sessionId, utteranceEpoch, utteranceIndex, tenant, userId, startMs, endMs]
  assert.deepEqual(where, ['ses_1', 1, 0, 'acme', 'ada', 5, 31])
})

test('[REC4] audio is counted to the frame, per tenant and UTC day, whenever it is asked for and at the end', () => {
  const { meter, bridge, open, hear } = setUp()
  const mine = open()
  const other = open('other')
  for (const session of [mine, other]) session.join(new RecordingChannel(), PCM)
  hear(mine, 50)
  hear(other, 10)
  bridge.measure()
  bridge.measure()
  const taken = () => meter.take().map(({ tenant, day, speechMs }) => [tenant, day, speechMs])
  assert.deepEqual(taken(), [
    ['acme', '2026-11-27', 1_000],
    ['other', '2026-11-27', 200],
  ])
  bridge.measure()
  assert.deepEqual(taken(), [], 'nothing was heard since')
  hear(mine, 50, 50)
  mine.end('client_left')
  mine.end('client_left')
  bridge.measure()
  assert.deepEqual(taken(), [['acme', '2026-11-28', 1_000]])
})
