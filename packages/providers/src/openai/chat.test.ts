import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { ProviderFailure } from '../failure.ts'
import { readChatAnswer } from './chat-answer.ts'
import { type ChatDialect, chatBody, FIRST_DIALECT, relearn } from './chat-dialect.ts'
import { encodeForm } from './multipart.ts'

const refused = (message: string, field?: string, status = 400): ProviderFailure => ({
  kind: 'refused',
  status,
  message,
  ...(field === undefined ? {} : { field }),
})

test('[PRV21] what a server refuses is left out or renamed, and never asked for again', () => {
  const next = (dialect: ChatDialect, failure: ProviderFailure) =>
    relearn(dialect, failure) ?? assert.fail('no dialect')
  let dialect = next(
    FIRST_DIALECT,
    refused('Invalid parameter: response_format of type json_schema', 'response_format'),
  )
  assert.equal(dialect.format, 'json_object')
  dialect = next(dialect, refused('unknown field response_format', undefined, 422))
  assert.equal(dialect.format, 'none')
  assert.equal(relearn(dialect, refused('response_format')), undefined)
  dialect = next(dialect, refused("unsupported: 'max_completion_tokens'"))
  dialect = next(dialect, refused('no such field', 'max_tokens'))
  dialect = next(dialect, refused('temperature must be 1', 'temperature'))
  assert.deepEqual(dialect, { format: 'none', limitField: 'none', hasTemperature: false })
  assert.equal(relearn(FIRST_DIALECT, refused('messages is wrong', 'messages')), undefined)
  assert.equal(relearn(FIRST_DIALECT, { kind: 'server', status: 500, message: 'temperature' }), undefined)
})

test('[PRV21] a body has what its dialect says', () => {
  const request = {
    model: 'm',
    system: 's',
    user: 'u',
    maxTokens: 9,
    schema: { name: 'n', schema: { type: 'object' } },
  }
  const plain = {
    model: 'm',
    messages: [
      { role: 'system', content: 's' },
      { role: 'user', content: 'u' },
    ],
  }
  assert.deepEqual(chatBody(request, { format: 'none', limitField: 'none', hasTemperature: false }), plain)
  assert.deepEqual(chatBody(request, { format: 'json_object', limitField: 'max_tokens', hasTemperature: true }), {
    ...plain,
    temperature: 0,
    max_tokens: 9,
    response_format: { type: 'json_object' },
  })
  const { response_format: format } = chatBody(request, FIRST_DIALECT) as { response_format: unknown }
  assert.deepEqual(format, {
    type: 'json_schema',
    json_schema: { name: 'n', strict: true, schema: { type: 'object' } },
  })
})

test('[PRV22] an answer is read strictly', () => {
  const choice = (message: unknown, finish = 'stop') => ({ choices: [{ message, finish_reason: finish }] })
  const read = (value: unknown) => readChatAnswer(typeof value === 'string' ? value : JSON.stringify(value), 'host')
  const good = read({ ...choice({ content: 'yes' }), usage: { prompt_tokens: 3, completion_tokens: 1 } })
  assert.deepEqual(good.ok && good.value, { text: 'yes', isWhole: true, usage: { inputTokens: 3, outputTokens: 1 } })
  const cut = read(choice({ content: 'ye' }, 'length'))
  assert.ok(cut.ok && !cut.value.isWhole && cut.value.usage === undefined)
  for (const wrong of [
    '',
    '<html>',
    '{"choices":',
    '[]',
    'null',
    '{}',
    { choices: [] },
    { choices: 'x' },
    choice({}),
    choice(null),
  ]) {
    const found = read(wrong)
    assert.ok(!found.ok && found.error.kind === 'nonsense', JSON.stringify(wrong))
  }
  const unusable = [choice({ content: null, refusal: 'I will not' }), choice({ content: 'x' }, 'content_filter')]
  for (const value of unusable) {
    const found = read(value)
    assert.ok(!found.ok && found.error.kind === 'refused')
  }
  for (const tokens of [-1, 1e12, '3', null]) {
    const found = read({ ...choice({ content: 'x' }), usage: { prompt_tokens: tokens, completion_tokens: 1 } })
    assert.ok(found.ok && found.value.usage === undefined)
  }
})

test('[PRV24] a form carries its file byte for byte', async () => {
  const bytes = Uint8Array.from({ length: 1_000 }, (_, at) => at & 255)
  const file = { field: 'file', fileName: 'a.wav', contentType: 'audio/wav', bytes }
  const { contentType, body } = encodeForm({ model: 'm', language: 'en\r\nx' }, file, 'BOUNDARY')
  const form = await new Response(new Uint8Array(body), { headers: { 'content-type': contentType } }).formData()
  assert.equal(form.get('model'), 'm')
  assert.equal(form.get('language'), 'en  x')
  const read = form.get('file')
  assert.ok(read instanceof File && read.name === 'a.wav' && read.type === 'audio/wav')
  assert.deepEqual(new Uint8Array(await read.arrayBuffer()), bytes)
})
