import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import {
  asyncApiDocument,
  audioFrameFault,
  CLIENT_MESSAGES,
  CLOSE_REASONS,
  CODECS,
  checkAudioFormat,
  decodeClientMessage,
  decodeSpeechFrame,
  ERRORS,
  encodeAudioFrame,
  encodeSpeechFrame,
  errorMessage,
  extendUint32,
  frameMediaTime,
  frameSeq,
  isFrameLength,
  LINK_RECORD_HEADER_BYTES,
  OPERATIONS,
  openApiDocument,
  ParleyError,
  readLinkRecords,
  SERVER_MESSAGES,
  writeLinkRecord,
} from './index.ts'

const uint32 = () => fc.integer({ min: 0, max: 0xffff_ffff })

test('[PV1] exactly the closed list of formats passes, and a refusal names field, value and choices', () => {
  const rates = [8_000, 11_025, 16_000, 22_050, 24_000, 44_100, 48_000]
  const frames = [5, 10, 20, 30, 40, 60, 120]
  const accepted: string[] = []
  for (const codec of [...CODECS, 'mp3', '__proto__']) {
    for (const sampleRateHz of rates) {
      for (const frameMs of frames) {
        const result = checkAudioFormat({ codec, sampleRateHz, frameMs })
        if (result.ok) accepted.push(`${codec}/${sampleRateHz}/${frameMs}`)
        else assert.ok(result.error.allowed.length > 0 && !result.error.allowed.includes(result.error.value))
      }
    }
  }
  assert.equal(accepted.length, 16 + 16 + 1)
  assert.ok(accepted.includes('lc3/16000/10'))
  const refused = checkAudioFormat({ codec: 'lc3', sampleRateHz: 48_000, frameMs: 10 })
  assert.deepEqual(refused, { ok: false, error: { field: 'sampleRateHz', value: 48_000, allowed: [16_000] } })
})

test('[PV2] frame lengths', () => {
  const pcm = { codec: 'pcm16', sampleRateHz: 16_000, frameMs: 20 } as const
  assert.deepEqual(
    [0, 1, 2, 639, 640, 642].map((length) => isFrameLength(pcm, length)),
    [false, false, true, false, true, false],
  )
  const lc3 = { codec: 'lc3', sampleRateHz: 16_000, frameMs: 10 } as const
  assert.deepEqual(
    [0, 19, 20, 400, 401].map((length) => isFrameLength(lc3, length)),
    [false, false, true, true, false],
  )
})

test('[AF1, AF3] audio frames survive the wire; what is none is told apart', () => {
  fc.assert(
    fc.property(uint32(), uint32(), fc.uint8Array({ minLength: 1, maxLength: 100 }), (seq, mediaTime, payload) => {
      const message = encodeAudioFrame(seq, mediaTime, payload)
      assert.equal(audioFrameFault(message), undefined)
      assert.equal(frameSeq(message), seq)
      assert.equal(frameMediaTime(message), mediaTime)
      assert.deepEqual(message.subarray(10), payload)
    }),
  )
  const good = encodeAudioFrame(1, 2, new Uint8Array([3]))
  assert.equal(audioFrameFault(good.subarray(0, 10)), 'too_short')
  assert.equal(audioFrameFault(Uint8Array.from(good, (byte, index) => (index === 0 ? 9 : byte))), 'unknown_kind')
  assert.equal(audioFrameFault(Uint8Array.from(good, (byte, index) => (index === 1 ? 1 : byte))), 'reserved_flags')
})

test('[AF2] counters extend across wraps in both directions', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 0, max: 2 ** 50 }),
      fc.integer({ min: -(2 ** 31) + 1, max: 2 ** 31 - 1 }),
      (last, step) => {
        const next = last + step
        if (next < 0) return
        assert.equal(extendUint32(next % 2 ** 32, last), next)
      },
    ),
  )
  assert.equal(extendUint32(5, 0xffff_fff0), 0x1_0000_0005)
})

test('[PM1] no text makes decoding throw', () => {
  fc.assert(
    fc.property(
      fc.oneof(
        fc.string(),
        fc.json(),
        fc.anything().map((value) => JSON.stringify(value) ?? 'undefined'),
      ),
      (text) => {
        const result = decodeClientMessage(text)
        if (!result.ok) assert.ok(result.error.code in ERRORS)
      },
    ),
  )
  for (const type of ['__proto__', 'constructor', 'toString']) {
    const result = decodeClientMessage(JSON.stringify({ type }))
    assert.equal(!result.ok && result.error.code, 'UNKNOWN_MESSAGE')
  }
})

test('[PM2] an error names the field, the value and the fix, and echoes the requestId', () => {
  const result = decodeClientMessage('{"type":"audio.end","requestId":"r1","lastSeq":"many"}')
  assert.ok(!result.ok)
  const wire = errorMessage(result.error.code, result.error.details)
  assert.equal(wire.code, 'INVALID_FIELD')
  assert.equal(wire.field, 'lastSeq')
  assert.equal(wire.value, 'many')
  assert.equal(wire.requestId, 'r1')
  assert.match(wire.message, /"lastSeq" must be integer, got many/)
  const missing = decodeClientMessage('{"type":"hello"}')
  assert.match(!missing.ok ? missing.error.message : '', /"token" is missing/)
  const long = decodeClientMessage(JSON.stringify({ type: 'x'.repeat(10_000) }))
  assert.ok(!long.ok && long.error.message.length < 300)
})

test('[PM3] unknown fields and types are refused by name', () => {
  const field = decodeClientMessage('{"type":"ping","id":1,"colour":"red"}')
  assert.equal(!field.ok && field.error.code, 'UNKNOWN_FIELD')
  assert.equal(!field.ok && field.error.details.field, 'colour')
  const nested = decodeClientMessage(
    '{"type":"hello","token":"t","audio":{"codec":"opus","sampleRateHz":16000,"frameMs":20,"channels":2}}',
  )
  assert.equal(!nested.ok && nested.error.details.field, 'audio.channels')
  const type = decodeClientMessage('{"type":"shout"}')
  assert.deepEqual(!type.ok && type.error.details.allowed, Object.keys(CLIENT_MESSAGES))
})

test('[LR1] link records survive the wire and a cut message says so', () => {
  const record = fc.record({ stream: uint32(), mediaTime: uint32(), payload: fc.uint8Array({ maxLength: 60 }) })
  fc.assert(
    fc.property(fc.array(record, { maxLength: 20 }), fc.nat({ max: 200 }), (records, cut) => {
      const length = records.reduce((sum, { payload }) => sum + LINK_RECORD_HEADER_BYTES + payload.byteLength, 0)
      const message = new Uint8Array(length)
      const ends: number[] = []
      let offset = 0
      for (const { stream, mediaTime, payload } of records) {
        offset = writeLinkRecord(message, offset, stream, mediaTime, payload)
        ends.push(offset)
      }
      const read: { stream: number; mediaTime: number; payload: Uint8Array }[] = []
      assert.equal(
        readLinkRecords(message, (stream, mediaTime, payload) => read.push({ stream, mediaTime, payload })),
        true,
      )
      assert.deepEqual(
        read,
        records.map((wanted) => ({ ...wanted })),
      )
      const at = Math.min(cut, length)
      let whole = 0
      assert.equal(
        readLinkRecords(message.subarray(0, at), () => whole++),
        at === 0 || ends.includes(at),
      )
      assert.equal(whole, ends.filter((end) => end <= at).length)
    }),
  )
})

test('[EC1] every code has a status, a sentence and a fix', () => {
  for (const [code, entry] of Object.entries(ERRORS)) {
    assert.match(code, /^[A-Z][A-Z_]+$/)
    assert.ok(entry.httpStatus >= 400 && entry.httpStatus < 600, code)
    assert.match(entry.title, /^[A-Z].*\.$/s, code)
    assert.match(entry.fix, /\.$/, code)
  }
  assert.equal(new ParleyError('NO_SLOT').message, ERRORS.NO_SLOT.title)
})

test('[EC2] close codes are sendable', () => {
  for (const [reason, { closeCode }] of Object.entries(CLOSE_REASONS)) {
    const sendable =
      [1000, 1001, 1003, 1007, 1008, 1009, 1011].includes(closeCode) || (closeCode >= 4000 && closeCode < 5000)
    assert.ok(sendable, reason)
  }
})

function references(value: unknown): string[] {
  if (Array.isArray(value)) return value.flatMap(references)
  if (typeof value !== 'object' || value === null) return []
  return Object.entries(value).flatMap(([key, inner]) => (key === '$ref' ? [String(inner)] : references(inner)))
}

const resolves = (document: unknown, reference: string): boolean =>
  reference
    .replace(/^#\//, '')
    .split('/')
    .reduce<unknown>(
      (value, key) => (value as Record<string, unknown> | undefined)?.[key.replaceAll('~1', '/')],
      document,
    ) !== undefined

test('[AF4] a frame of a speech survives encoding and decoding; what is none is told apart from it and from audio', () => {
  const sample = fc.integer({ min: -32_768, max: 32_767 })
  const uint32 = fc.integer({ min: 0, max: 0xffff_ffff })
  fc.assert(
    fc.property(uint32, uint32, fc.array(sample, { minLength: 1, maxLength: 200 }), (speech, mediaTime, samples) => {
      const payload = Buffer.alloc(2 * samples.length)
      for (const [n, value] of samples.entries()) payload.writeInt16LE(value, 2 * n)
      const message = encodeSpeechFrame(speech, mediaTime, payload)
      assert.deepEqual(decodeSpeechFrame(message), { speech, mediaTime, samples: Int16Array.from(samples) })
      assert.equal(audioFrameFault(message), 'unknown_kind')
    }),
  )
  const good = encodeSpeechFrame(1, 2, new Uint8Array(4))
  const wrong = [
    good.subarray(0, 10),
    good.subarray(0, 11),
    encodeAudioFrame(1, 2, new Uint8Array(4)),
    Uint8Array.of(2, 1, ...good.subarray(2)),
    new Uint8Array(0),
  ]
  for (const message of wrong) assert.equal(decodeSpeechFrame(message), undefined)
})

test('[DOC1] the documents cover everything and lead somewhere', () => {
  const openApi = openApiDocument('1.2.3')
  const asyncApi = asyncApiDocument('1.2.3')
  for (const document of [openApi, asyncApi]) {
    for (const reference of references(document)) assert.ok(resolves(document, reference), reference)
  }
  const ids = JSON.stringify(openApi)
  for (const operation of Object.values(OPERATIONS))
    assert.ok(ids.includes(`"operationId":"${operation.id}"`), operation.id)
  const paths = openApi.paths as Record<string, Record<string, { parameters: { name: string; in: string }[] }>>
  assert.deepEqual(
    paths['/v1/sessions/{sessionId}/history']?.get?.parameters.map((parameter) => [parameter.name, parameter.in]),
    [
      ['sessionId', 'path'],
      ['afterSeq', 'query'],
      ['limit', 'query'],
    ],
  )
  const messages = Object.keys((asyncApi.components as { messages: object }).messages)
  assert.equal(messages.length, Object.keys(CLIENT_MESSAGES).length + Object.keys(SERVER_MESSAGES).length + 2)
})
