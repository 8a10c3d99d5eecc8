import assert from 'node:assert/strict'
import test from 'node:test'
import { configKey } from './keys.ts'
import { formatMistake } from './mistakes.ts'
import { configValue, resolveConfig } from './resolve.ts'
import { flagOfSet } from './sources.ts'
import { maskedValue, showValue } from './values.ts'

const YAML = `
providers:
  - id: open-ai
    protocol: openai
    baseUrl: https://api.openai.com/v1
    roles: [translate]
    chatModel: gpt-4o-mini
  - id: ears
    protocol: deepgram
    baseUrl: wss://ears.example
    apiKey: of-the-file
    roles: [recognise]
`

const resolve = (text: string, env: Record<string, string> = {}) =>
  resolveConfig({
    env,
    cwd: '/conf',
    homeDir: '/home/ada',
    file: { name: 'parley.yaml', path: '/etc/parley.yaml', text },
  })

function providers(env: Record<string, string> = {}) {
  const result = resolve(YAML, env)
  assert.ok(result.ok, result.ok ? '' : result.error.map(formatMistake).join('\n'))
  return result.value.config.providers
}

function mistakes(text: string, env: Record<string, string> = {}): string {
  const result = resolve(text, env)
  assert.ok(!result.ok, 'expected mistakes')
  return result.error.map(formatMistake).join('\n')
}

test('[CF12] providers are a list of the file, of the environment and of flags', () => {
  assert.deepEqual(
    providers().map(({ id }) => id),
    ['open-ai', 'ears'],
  )
  const [only] = providers({
    PARLEY_PROVIDERS: '[{"id":"x","protocol":"deepgram","baseUrl":"ws://x","roles":["recognise"]}]',
  })
  assert.equal(only?.id, 'x')
  const flags = [flagOfSet('providers=[]')]
  const result = resolveConfig({ env: {}, cwd: '/', homeDir: '/', flags })
  assert.ok(result.ok && result.value.config.providers.length === 0)
})

test('[CF12] the environment gives a provider its key, address and models', () => {
  const [first, second] = providers({
    PARLEY_PROVIDER_OPEN_AI_API_KEY: 'k1',
    PARLEY_PROVIDER_OPEN_AI_BASE_URL: 'http://127.0.0.1:9/v1',
    PARLEY_PROVIDER_OPEN_AI_CHAT_MODEL: 'other',
    PARLEY_PROVIDER_EARS_API_KEY: 'k2',
  })
  assert.deepEqual([first?.apiKey, first?.baseUrl, first?.chatModel], ['k1', 'http://127.0.0.1:9/v1', 'other'])
  assert.equal(second?.apiKey, 'k2')
  assert.match(
    mistakes(YAML, { PARLEY_PROVIDER_NOBODY_API_KEY: 'k3' }),
    /PARLEY_PROVIDER_NOBODY_API_KEY.*API_KEY, BASE_URL.*OPEN_AI, EARS/,
  )
})

test('[CF12] a well-known key goes to its own service only', () => {
  const env = { OPENAI_API_KEY: 'theirs', DEEPGRAM_API_KEY: 'theirs too' }
  const [first, second] = providers(env)
  assert.deepEqual([first?.apiKey, second?.apiKey], ['theirs', 'of-the-file'])
  const [moved] = providers({ ...env, PARLEY_PROVIDER_OPEN_AI_BASE_URL: 'https://api.openai.com.evil.example/v1' })
  assert.equal(moved?.apiKey, undefined)
})

test('[CF12] a role without its model, an address that is none and an id twice are mistakes', () => {
  assert.match(mistakes(YAML.replace('    chatModel: gpt-4o-mini\n', '')), /open-ai.*translate.*chatModel is not set/)
  assert.match(mistakes(YAML.replace('[recognise]', '[polish]')), /ears.*polish.*deepgram/)
  assert.match(mistakes(YAML.replace('id: ears', 'id: open-ai')), /open-ai more than once/)
  const wrong = mistakes(YAML.replace('wss://ears.example', 'wss://user:hunter2@ears.example'))
  assert.match(wrong, /baseUrl of provider ears.*apiKey/)
  assert.doesNotMatch(wrong, /hunter/)
})

test('[CF8] keys of providers are never shown', () => {
  const key = configKey('providers')
  const result = resolve(YAML, { OPENAI_API_KEY: 'hunter1', PARLEY_PROVIDER_EARS_API_KEY: 'hunter2' })
  assert.ok(result.ok && key)
  const value = configValue(result.value.config, key)
  assert.doesNotMatch(showValue(key, value), /hunter/)
  assert.doesNotMatch(JSON.stringify(maskedValue(key, value)), /hunter/)
  assert.match(showValue(key, value), /hidden.*gpt-4o-mini|gpt-4o-mini.*hidden/)
  assert.match(showValue(key, value, true), /hunter1/)
  const shapes = [
    '{"apiKey":"hunter3"}',
    '[{"apiKey":"hunter3"}]',
    'hunter3',
    '["hunter3"]',
    '[{"id":1,"apiKey":["hunter3"]}]',
  ]
  for (const text of shapes) assert.doesNotMatch(mistakes('', { PARLEY_PROVIDERS: text }), /hunter/, text)
})
