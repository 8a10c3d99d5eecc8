import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { createLogger, redact } from './index.ts'

function logFile(t: TestContext) {
  const folder = mkdtempSync(join(tmpdir(), 'parley-log-'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  const file = join(folder, 'log', 'parley.log')
  return {
    file,
    lines: () =>
      readFileSync(file, 'utf8')
        .trim()
        .split('\n')
        .filter(Boolean)
        .map((l) => JSON.parse(l)),
  }
}

const JWT = 'eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJ4In0.c2lnbmF0dXJl'
const API_KEY = 'pk_0123456789abcdefghjkmnpq'

test('[TM7] a line is JSON with level, time, message, the bound and the given fields', (t) => {
  const { file, lines } = logFile(t)
  const logger = createLogger({ level: 'info', file, fields: { podId: 'pod_1' } })
  logger.child({ sessionId: 'ses_1' }).info({ requestId: 'req_1' }, 'session opened')
  logger.debug({}, 'not severe enough')
  logger.flush()
  const [line, ...rest] = lines()
  assert.equal(rest.length, 0)
  assert.match(line.time, /^\d{4}-\d\d-\d\dT/)
  delete line.time
  assert.deepEqual(line, {
    level: 'info',
    podId: 'pod_1',
    sessionId: 'ses_1',
    requestId: 'req_1',
    msg: 'session opened',
  })
})

test('[TM7] the log file is readable by its owner only', (t) => {
  const { file } = logFile(t)
  createLogger({ level: 'info', file }).flush()
  assert.equal(statSync(file).mode & 0o777, 0o600)
  assert.equal(statSync(join(file, '..')).mode & 0o777, 0o700)
})

test('[TM8] secrets and speech are masked whatever their depth, in fields, bindings, messages and errors', (t) => {
  const { file } = logFile(t)
  const logger = createLogger({ level: 'debug', file })
  const fields = {
    token: 'SECRET',
    nested: { Authorization: 'SECRET', list: [{ text: 'SECRET' }] },
    headers: { cookie: 'SECRET', 'set-cookie': ['SECRET'] },
    apiKey: 'SECRET',
    body: Buffer.from('SECRET'),
    note: `carried ${API_KEY} and ${JWT}`,
  }
  const failure = Object.assign(new Error(`bad ${JWT}`, { cause: new Error(API_KEY) }), { sent: 'SECRET' })
  logger.info(fields, `with ${API_KEY}`)
  logger.child({ ticket: 'SECRET' }).warn({ err: failure }, 'failed')
  logger.error({ errors: new AggregateError([new Error(JWT)]) }, 'many failed')
  logger.flush()
  const written = readFileSync(file, 'utf8')
  assert.equal(written.trim().split('\n').length, 3)
  for (const secret of ['SECRET', API_KEY, JWT]) assert.ok(!written.includes(secret), `${secret} reached the log`)
  assert.match(written, /\[redacted\]/)
})

test('[TM8] identifiers and numbers stay, an error keeps type, code and stack', () => {
  const error = Object.assign(new TypeError('no'), { code: 'E_NO' })
  const clean = redact({ sessionId: 'ses_1', keyId: 'default', count: 3, err: error })
  assert.equal(clean.sessionId, 'ses_1')
  assert.equal(clean.keyId, 'default')
  assert.equal(clean.count, 3)
  const { type, message, code, stack } = clean.err as Record<string, string>
  assert.deepEqual({ type, message, code }, { type: 'TypeError', message: 'no', code: 'E_NO' })
  assert.match(stack ?? '', /logger\.test/)
})

test('[TM8] a value that holds itself ends the walk', () => {
  const knot: Record<string, unknown> = { name: 'knot' }
  knot.self = knot
  assert.deepEqual(redact(knot), { name: 'knot', self: '[deep]' })
  const error = new Error('loop')
  error.cause = error
  assert.equal((redact({ err: error }).err as Record<string, unknown>).cause, '[deep]')
})

test('[TM7] a log that cannot be opened says so to the caller', () => {
  assert.throws(() => createLogger({ level: 'info', file: tmpdir() }), { code: 'EISDIR' })
})
