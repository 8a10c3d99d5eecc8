import assert from 'node:assert/strict'
import { test } from 'node:test'
import { compileCheck, SERVER_MESSAGES, type ServerMessage, type ServerMessageType } from '@parley/protocol'
import { decodeServerMessage, knownCloseReason } from './server-messages.ts'

const utterance = { epoch: 1, index: 0 }
const FULL: { readonly [Name in ServerMessageType]: Extract<ServerMessage, { type: Name }> } = {
  welcome: {
    type: 'welcome',
    requestId: 'r',
    protocolVersion: 1,
    role: 'owner',
    sessionId: 'ses_x',
    podId: 'pod_x',
    epoch: 1,
    language: 'en',
    audio: { codec: 'pcm16', sampleRateHz: 16_000, frameMs: 20 },
    seq: 0,
    speech: 'ready',
    pingIntervalMs: 2_000,
    deadAfterMs: 4_000,
    graceMs: 60_000,
    entryUrls: ['https://a'],
    subscriptions: { version: 1, streams: ['captions.final'] },
    replayTo: 7,
    resumed: true,
    resumeToken: 'secret',
    resumesAnywhere: true,
    microphone: true,
    receivedMediaTime: 320,
    settledMediaTime: 0,
    audioPaceRatio: 3,
    udp: { host: 'h', port: 1, channel: 0, key: 'k', maxPayloadBytes: 1_200 },
    udpRefused: 'insecure',
  },
  subscribed: { type: 'subscribed', requestId: 'r', version: 0, streams: [] },
  microphone: { type: 'microphone', wanted: false },
  settled: { type: 'settled', mediaTime: 320 },
  truncated: { type: 'truncated', firstSeq: 3 },
  'speak.started': {
    type: 'speak.started',
    requestId: 'r',
    speech: 0,
    sampleRateHz: 16_000,
    voice: 'slt',
    language: 'en-US',
  },
  'captions.set': {
    type: 'captions.set',
    requestId: 'r',
    version: 1,
    translateTo: ['es'],
    polish: 'finals',
    speak: ['es'],
    unavailable: [{ language: 'xx', stage: 'translate', message: 'no', retryable: false }],
    via: [{ language: 'ca', through: ['es'] }],
  },
  translation: {
    type: 'translation',
    kind: 'final',
    utterance,
    revision: 4,
    seq: 2,
    language: 'es',
    text: 'hola',
    of: 3,
    startMs: 0,
    endMs: 900,
    translateMs: 12,
  },
  'translation.failed': { type: 'translation.failed', utterance, seq: 3, language: 'es', reason: 'budget' },
  polished: { type: 'polished', utterance, revision: 4, seq: 4, of: 3, text: 'Hello.', language: 'en' },
  'voice.started': {
    type: 'voice.started',
    speech: 1,
    utterance,
    language: 'es',
    sampleRateHz: 22_050,
    voice: 'espeak-es',
  },
  'voice.ended': { type: 'voice.ended', speech: 1, utterance, language: 'es', samples: 22_050, reason: 'said' },
  'speak.ended': { type: 'speak.ended', requestId: 'r', samples: 16_000 },
  'speak.cancelled': { type: 'speak.cancelled', requestId: 'r', samples: 320 },
  caption: {
    type: 'caption',
    kind: 'final',
    utterance,
    revision: 1,
    seq: 1,
    text: 'hello',
    stable: 5,
    startMs: 0,
    endMs: 900.5,
    language: 'en',
    marks: { receivedAtMs: 1, endOfSpeechMs: 2, finalAtMs: 3 },
  },
  abandoned: { type: 'abandoned', utterance, seq: 1, reason: 'deadline' },
  'audio.ended': { type: 'audio.ended', requestId: 'r', lastSeq: -1, seq: 1, finals: 0, abandoned: 0 },
  speech: { type: 'speech', state: 'waiting', reason: 'worker_lost' },
  watchers: { type: 'watchers', count: 3 },
  message: { type: 'message', messageId: 'msg_1', sentAtMs: 5, data: { ring: true } },
  ping: { type: 'ping', id: 7 },
  pong: { type: 'pong', id: 7, lastSeq: 3 },
  error: {
    type: 'error',
    code: 'RATE_LIMITED',
    hop: 'pod',
    message: 'slower',
    retryable: true,
    retryAfterMs: 100,
    requestId: 'r',
    field: 'f',
    value: 'v',
    allowed: ['a', 1],
    location: 'l',
  },
  move: { type: 'move', url: 'wss://b/p/2/v1/ws', withinMs: 3_000 },
  closing: { type: 'closing', reason: 'deleted', message: 'bye', mayResume: false },
}

test('[CL20] every message of the protocol is understood as the schemas understand it', () => {
  for (const [name, schema] of Object.entries(SERVER_MESSAGES)) {
    const message = FULL[name as ServerMessageType]
    assert.ok(compileCheck(schema)(message).ok, `the sample of ${name} fits the schema`)
    assert.deepEqual(decodeServerMessage(JSON.stringify(message)), { ok: true, value: message })
  }
})

test('[CL20] whatever a schema requires, this check requires too', () => {
  for (const [name, schema] of Object.entries(SERVER_MESSAGES)) {
    const message = FULL[name as ServerMessageType]
    const check = compileCheck(schema)
    for (const field of Object.keys(message)) {
      const { [field as keyof typeof message]: _removed, ...without } = message
      const isRequired = !check(without).ok || (name === 'caption' && field === 'seq')
      assert.equal(decodeServerMessage(JSON.stringify(without)).ok, !isRequired, `${name} without ${field}`)
    }
  }
})

test('[CL20] fields and types this client does not know are ignored', () => {
  assert.ok(decodeServerMessage(JSON.stringify({ ...FULL.ping, mood: 'fine' })).ok)
  assert.deepEqual(decodeServerMessage('{"type":"moved","to":"x"}'), {
    ok: true,
    value: { type: 'unknown', name: 'moved' },
  })
  assert.equal(knownCloseReason('from_the_future'), 'internal')
})

test('[CL21] garbage is told by field, and never repeats what it said', () => {
  const secret = 'what the speaker said'
  for (const text of [
    secret,
    '[]',
    'null',
    '{}',
    '{"type":7}',
    '{"type":"__proto__"}'.replace('__proto__', 'caption'),
    JSON.stringify({ ...FULL.caption, text: 5 }),
    JSON.stringify({ ...FULL.caption, text: secret, stable: 99 }),
    JSON.stringify({ ...FULL.caption, text: secret, seq: undefined }),
    JSON.stringify({ ...FULL.caption, text: secret, endMs: null }),
    JSON.stringify({ ...FULL.welcome, pingIntervalMs: 0 }),
  ]) {
    const decoded = decodeServerMessage(text)
    assert.equal(decoded.ok, false, text)
    assert.ok(!JSON.stringify(decoded).includes(secret))
  }
})

test('[CL21] names of Object.prototype are no message types', () => {
  for (const type of ['constructor', 'toString', '__proto__']) {
    assert.deepEqual(decodeServerMessage(`{"type":"${type}"}`), { ok: true, value: { type: 'unknown', name: type } })
  }
})
