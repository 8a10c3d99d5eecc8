import assert from 'node:assert/strict'
import { test } from 'node:test'
import { quoted } from '../failure.ts'
import { failureOfAnswer, failureOfError } from './http-failure.ts'

const answer = (status: number, body: unknown = '', headers = {}) =>
  failureOfAnswer(
    { status, headers, body: typeof body === 'string' ? body : JSON.stringify(body) },
    'host',
    ['hunter2'],
    0,
  )

test('[PRV3] the status and the code of an answer say what kind of refusal it is', () => {
  assert.equal(answer(429).kind, 'rate_limited')
  assert.equal(answer(429, { error: { code: 'insufficient_quota' } }).kind, 'key_refused')
  for (const status of [401, 402, 403]) assert.equal(answer(status).kind, 'key_refused')
  assert.equal(answer(408).kind, 'timeout')
  assert.equal(answer(413).kind, 'too_large')
  assert.equal(answer(400, { error: { code: 'context_length_exceeded', message: 'x' } }).kind, 'too_large')
  assert.equal(answer(400, { error: { message: 'x', param: 'temperature' } }).kind, 'refused')
  assert.equal(answer(400, { error: { message: 'x', param: 'temperature' } }).field, 'temperature')
  assert.equal(answer(301).kind, 'refused')
  for (const status of [500, 502, 503, 529]) assert.equal(answer(status).kind, 'server')
})

test('[PRV4] only what may be asked again says when', () => {
  const headers = { 'retry-after': '2' }
  assert.equal(answer(429, '', headers).retryAfterMs, 2_000)
  assert.equal(answer(503, '', headers).retryAfterMs, 2_000)
  assert.equal(answer(400, '', headers).retryAfterMs, undefined)
  assert.equal(answer(429).retryAfterMs, undefined)
})

test('[PRV5] no key is repeated, whatever an answer holds', () => {
  const bodies = [
    { error: { message: 'Incorrect API key provided: hunter2.' } },
    { detail: 'hunter2' },
    { err_msg: 'key hunter2 is wrong' },
    'plain hunter2',
    { error: 'sk-proj-abcdefghijklmn****1234 is wrong' },
  ]
  for (const body of bodies) {
    const { message } = answer(401, body)
    assert.doesNotMatch(message, /hunter2|abcdef|1234/)
    assert.match(message, /host answers 401/)
  }
  assert.match(answer(401).message, /apiKey/)
})

test('[PRV5] what is quoted is one short line', () => {
  assert.equal(quoted('a\u001b[31m\n\tb\u202e', []), 'a [31m b')
  assert.ok(quoted('x'.repeat(10_000), []).length < 250)
  assert.equal(answer(502, '<html>a page of a proxy</html>').message, 'host answers 502')
})

test('[PRV3] errors of sockets are told in words that help', () => {
  const failure = (code: string, message = 'm') =>
    failureOfError(Object.assign(new Error(message), { code }), 'host', [])
  for (const code of ['ENOTFOUND', 'EAI_AGAIN']) {
    assert.equal(failure(code).kind, 'unreachable')
    assert.match(failure(code).message, /host name of host is not known.*baseUrl/)
  }
  assert.match(failure('ECONNREFUSED').message, /accepts no connection/)
  assert.match(failure('DEPTH_ZERO_SELF_SIGNED_CERT').message, /certificate.*not trusted.*NODE_EXTRA_CA_CERTS/)
  assert.match(failure('ERR_TLS_CERT_ALTNAME_INVALID').message, /certificate/)
  assert.equal(failure('ECONNRESET').kind, 'broken')
  assert.equal(failure('HPE_INVALID_CONSTANT').kind, 'nonsense')
  const wrapped = new AggregateError([Object.assign(new Error('x'), { code: 'ECONNREFUSED' })], 'all failed')
  assert.equal(failureOfError(wrapped, 'host', []).kind, 'unreachable')
})
