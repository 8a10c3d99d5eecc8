import assert from 'node:assert/strict'
import test from 'node:test'
import fc from 'fast-check'
import { mergeBatch } from './merge.ts'
import { placeOf } from './postgres/postgres-database.ts'
import { postgresFailure } from './postgres/postgres-failure.ts'
import { cleanText, keyOf, lineOf, MAX_TEXT_CHARS, parseLine, readRecord, type StoredRecord } from './records.ts'
import { act, final, SAMPLE_MS, session, usage } from './testing/samples.ts'
import { UsageMeter } from './usage-meter.ts'

test('[STR6] a line is read as it was written, texts cleaned and cut, whatever they hold', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary', maxLength: 300 }), (text) => {
      const record = final({ text })
      const read = parseLine(lineOf(record))
      assert.deepEqual(read, { ok: true, value: final({ text: cleanText(text) }) })
      assert.ok(!cleanText(text).includes('\0') && cleanText(text).isWellFormed())
    }),
  )
  const long = parseLine(lineOf(final({ text: 'x'.repeat(MAX_TEXT_CHARS + 1) })))
  assert.ok(long.ok && long.value.table === 'finals' && long.value.row.text.length === MAX_TEXT_CHARS)
})

test('[STR7] what is no record is refused with the field and never the value', () => {
  const bad: [unknown, RegExp][] = [
    [undefined, /table must be one of/],
    [{ table: '__proto__', row: {} }, /table must be one of/],
    [{ table: 'finals', row: null }, /row of finals must be an object/],
    [{ ...session(), row: { ...session().row, startedAtMs: 1.5 } }, /sessions\.startedAtMs must be a whole number/],
    [{ ...session(), row: { ...session().row, tenant: 7 } }, /sessions\.tenant must be a text/],
    [session({ tenant: 'secret'.repeat(50) }), /sessions\.tenant has 300 characters/],
    [usage({ day: '2026-13-01' }), /usage\.day must be a day/],
    [act({ atMs: -1 }), /audit\.atMs/],
    [final({ tenant: '' }), /finals\.tenant must not be empty/],
  ]
  for (const [value, pattern] of bad) {
    const read = readRecord(value)
    assert.ok(!read.ok)
    assert.match(read.error, pattern)
    assert.doesNotMatch(read.error, /secret/)
  }
  assert.equal(parseLine('{').ok, false)
})

const anySession = fc
  .record({
    sessionId: fc.constantFrom('ses_1', 'ses_2'),
    pod: fc.constantFrom('pod_1', 'pod_2'),
    startedAtMs: fc.integer({ min: 0, max: 5 }),
    endedAtMs: fc.option(fc.integer({ min: 0, max: 5 })),
    fenceCounter: fc.integer({ min: 0, max: 2 }),
  })
  .map(session)
const anyUsage = fc
  .record({ speechMs: fc.integer({ min: 0, max: 9 }), providerTokens: fc.integer({ min: 0, max: 9 }) })
  .map(usage)

test('[STR2, STR4] merging a batch is the same however the batch was cut, and leaves one record per key', () => {
  fc.assert(
    fc.property(fc.array(fc.oneof(anySession, anyUsage), { maxLength: 12 }), fc.nat(12), (records, cut) => {
      const whole = mergeBatch(records as StoredRecord[])
      const parts = mergeBatch([...mergeBatch(records.slice(0, cut)), ...records.slice(cut)] as StoredRecord[])
      assert.deepEqual(parts, whole)
      assert.equal(new Set(whole.map(keyOf)).size, whole.length)
    }),
  )
})

test('[STR4] a meter says what it has counted so far, once, whatever the clock does', () => {
  const meter = new UsageMeter('pod_1.x')
  meter.add('default', { speechMs: 1_000.4 }, SAMPLE_MS)
  meter.add('default', { speechMs: 500.4, providerTokens: 3 }, SAMPLE_MS)
  meter.add('other', { translatedCharacters: 7 }, SAMPLE_MS)
  const first = meter.take()
  assert.equal(first.length, 2)
  assert.deepEqual(first[0], {
    tenant: 'default',
    day: '2026-11-27',
    source: 'pod_1.x',
    speechMs: 1_501,
    translatedCharacters: 0,
    providerTokens: 3,
  })
  assert.deepEqual(meter.take(), [])
  meter.add('default', { providerTokens: 1 }, SAMPLE_MS + 3_650 * 86_400_000)
  meter.add('default', { providerTokens: 1 }, SAMPLE_MS)
  const jumped = meter.take()
  assert.deepEqual(jumped.map((row) => row.providerTokens).sort(), [1, 4], 'a clock that jumped and came back')
  for (let day = 1; day <= 3; day++) meter.add('default', { providerTokens: 1 }, SAMPLE_MS + day * 86_400_000)
  assert.equal(meter.take().length, 3)
  meter.add('default', { providerTokens: 1 }, SAMPLE_MS + 2 * 86_400_000)
  assert.equal(meter.take()[0]?.providerTokens, 2)
})

test('[STR12] failures of PostgreSQL are told apart by code, without values', () => {
  const server = (code: string) => ({ code, severity: 'ERROR', message: 'secret', detail: 'Key (x)=(secret)' })
  const expected: [unknown, string, boolean][] = [
    [server('57P01'), 'UNAVAILABLE', true],
    [server('57014'), 'TIMEOUT', false],
    [server('40P01'), 'TIMEOUT', false],
    [server('22021'), 'INVALID', false],
    [server('23505'), 'INVALID', false],
    [server('28P01'), 'UNAVAILABLE', false],
    [server('42P01'), 'FAILED', false],
    [{ code: 'ECONNREFUSED', message: 'connect ECONNREFUSED' }, 'UNAVAILABLE', true],
    [new Error('Query read timeout'), 'TIMEOUT', true],
    [new Error('Connection terminated unexpectedly'), 'UNAVAILABLE', true],
  ]
  for (const [error, code, isLost] of expected) {
    const { failure, isConnectionLost } = postgresFailure(error, 'records at db')
    assert.equal(failure.code, code)
    assert.equal(isConnectionLost, isLost, failure.message)
    assert.doesNotMatch(failure.message, /secret/)
    assert.match(failure.message, /records at db/)
  }
  assert.equal(placeOf('postgres://ada:secret@db.example:5432/records'), 'records at db.example:5432')
  assert.equal(placeOf('postgres://ada@localhost/records?host=/run/pg'), 'records at /run/pg')
  assert.equal(placeOf('secret'), 'at an address that cannot be read')
})
