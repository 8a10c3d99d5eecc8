import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ParleyError } from '@parley/protocol'
import fc from 'fast-check'
import { type AdmissionRequest, checkRequest, checkRoom, type EndpointTraits } from './admission.ts'

type Ability = EndpointTraits['need']
const both = new Set<Ability>(['recognise', 'synthesise'])
const isOriginAllowed = (origin: string) => origin === 'https://ours.example'

function check(request: Partial<AdmissionRequest>, abilities: ReadonlySet<Ability> = both) {
  const asked = { method: 'GET', url: '/v1/stream/asr', host: 'h', origin: undefined, ...request }
  return checkRequest(asked, 'upgrade', { abilities, isOriginAllowed })
}
function refusal(request: Partial<AdmissionRequest>, abilities?: ReadonlySet<Ability>) {
  const checked = check(request, abilities)
  assert.ok(!checked.ok)
  return { code: checked.error.code, status: checked.error.entry.httpStatus, field: checked.error.details.field }
}

test('[SE1] endpoints, methods and origins that are not there are refused by name', () => {
  assert.equal(refusal({ url: '/v1/stream/asrx' }).status, 404)
  assert.equal(refusal({ url: '/v1/stream/tts' }, new Set<Ability>(['recognise'])).status, 404)
  assert.equal(refusal({ method: 'POST' }).code, 'METHOD_NOT_ALLOWED')
  assert.equal(refusal({ origin: 'https://theirs.example' }).status, 403)
  assert.ok(check({ origin: 'https://ours.example' }).ok)
  assert.ok(check({}).ok, 'no browser, no origin')
})

test('[SE1, SA1] the address may carry the configuration; a wrong field in it is refused before there is a WebSocket', () => {
  const checked = check({ url: '/v1/stream/asr?encoding=int16&sample_rate=8000&language=de&partials=false&token=t' })
  assert.ok(checked.ok && checked.value.endpoint === 'asr')
  assert.deepEqual(checked.value.config, {
    encoding: 'int16',
    sampleRateHz: 8_000,
    language: 'de',
    partials: false,
    ignored: [],
  })
  assert.deepEqual(refusal({ url: '/v1/stream/asr?encoding=mp3' }), {
    code: 'INVALID_FIELD',
    status: 400,
    field: 'encoding',
  })
  assert.equal(refusal({ url: '/v1/stream/asr?sampleRateHz=many' }).field, 'sampleRateHz')
  assert.equal(refusal({ url: '/v1/stream/asr?colour=red' }).code, 'UNKNOWN_FIELD')
  assert.equal(refusal({ url: '/v1/stream/tts?colour=red' }).code, 'UNKNOWN_FIELD')
  assert.equal(refusal({ url: '/v1/stream/tts?voice=' }).field, 'voice')
  const wish = check({ url: '/v1/stream/tts?voice=slt&language=en&token=x' })
  assert.ok(wish.ok && wish.value.endpoint === 'tts')
  assert.deepEqual(wish.value.wish, { voice: 'slt', language: 'en' })
})

test('[SE1, SE2] a full member says when to come again', () => {
  assert.equal(checkRoom(49, 50, undefined), undefined)
  const full = checkRoom(50, 50, undefined)
  assert.equal(full?.entry.httpStatus, 503)
  assert.ok((full?.details.retryAfterMs ?? 0) > 0)
  assert.equal(checkRoom(0, 50, new ParleyError('DRAINING'))?.code, 'DRAINING')
})

test('[SE1] whatever the address, the answer is an admission or an error of the catalogue', () => {
  fc.assert(
    fc.property(fc.constantFrom('asr', 'tts'), fc.string({ maxLength: 80 }), (endpoint, rest) => {
      const checked = check({ url: `/v1/stream/${endpoint}?${rest}` })
      if (!checked.ok) assert.ok(checked.error instanceof ParleyError)
    }),
  )
})
