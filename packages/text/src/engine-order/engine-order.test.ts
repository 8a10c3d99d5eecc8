import assert from 'node:assert/strict'
import { test } from 'node:test'
import { TEXT_FAILURE_CODES, type TextEngineInfo, type TextFailureCode } from '@parley/protocol'
import { AFTER_FAILURE } from './after-failure.ts'
import { type EngineLine, engineOrder } from './engine-order.ts'
import { fitOf } from './text-fit.ts'

const engine = (name: string, more: Partial<TextEngineInfo> = {}): TextEngineInfo => ({
  name,
  kind: 'translate',
  ready: true,
  ...more,
})
const APERTIUM = engine('apertium', {
  pairs: [
    { from: 'en', to: 'es' },
    { from: 'en', to: 'pt' },
    { from: 'en', to: 'pt-BR' },
    { from: 'fr', to: 'ca', via: ['es'] },
    { from: 'fr-CA', to: 'ca', via: ['es', 'oc'] },
  ],
})
const ENGINES = [
  engine('zeta'),
  APERTIUM,
  engine('openai', { provider: 'openai' }),
  engine('harper', { kind: 'polish' }),
]
const PROVIDERS = [
  { id: 'groq', roles: ['translate', 'polish'] },
  { id: 'openai', roles: ['translate'] },
  { id: 'deepgram', roles: ['recognise'] },
]
const order = (lines: readonly EngineLine[], kind: 'translate' | 'polish', from: string, to?: string) =>
  engineOrder({ lines, providers: PROVIDERS, engines: ENGINES }, { kind, from, to })

test('[EO1] without a line: providers as configured, also those that are not there yet, then what is embedded', () => {
  assert.deepEqual(order([], 'translate', 'en', 'es'), ['groq', 'openai', 'apertium', 'zeta'])
  assert.deepEqual(order([], 'polish', 'en'), ['groq', 'harper'])
})

test('[EO1, EO2] the first line that fits role and language decides; pt-BR means pt-BR, pt all of it', () => {
  const lines: EngineLine[] = [
    { role: 'synthesise', engines: ['flite'] },
    { role: 'translate', languages: ['pt-BR'], engines: ['openai', 'apertium', 'openai'] },
    { role: 'translate', languages: ['pt', 'es'], engines: ['apertium'] },
    { role: 'polish', languages: ['en'], engines: ['groq'] },
  ]
  assert.deepEqual(order(lines, 'translate', 'en', 'pt-br'), ['openai', 'apertium'])
  assert.deepEqual(order(lines, 'translate', 'en', 'pt'), ['apertium'])
  assert.deepEqual(order(lines, 'translate', 'en', 'es-MX'), ['apertium'])
  assert.deepEqual(order(lines, 'translate', 'en', 'de'), ['groq', 'openai', 'apertium', 'zeta'])
  assert.deepEqual(order(lines, 'polish', 'en-GB'), ['groq'])
})

test('[EO2] an engine does what it lists, in whatever region; without a list, anything but the language itself', () => {
  const via = (from: string, to: string, of = APERTIUM) => fitOf(of, { kind: 'translate', from, to })?.via
  assert.deepEqual(via('en-US', 'es-MX'), [])
  assert.deepEqual(via('en', 'pt-BR'), [])
  assert.deepEqual(via('fr-CA', 'ca'), ['es'], 'a shorter way is better than the very tag')
  assert.equal(via('es', 'en'), undefined)
  assert.equal(via('en', 'en-GB', engine('openai')), undefined)
  assert.deepEqual(via('sw', 'ja', engine('openai')), [])
  const polish = (languages: string[] | undefined, from: string) =>
    fitOf({ name: 'harper', kind: 'polish', ready: true, ...(languages && { languages }) }, { kind: 'polish', from })
  assert.ok(polish(['en-US'], 'en-GB') && polish(undefined, 'sw'))
  assert.equal(polish(['en'], 'es'), undefined)
  assert.equal(fitOf(APERTIUM, { kind: 'polish', from: 'en' }), undefined)
})

const codes = (holds: (code: TextFailureCode) => boolean) => TEXT_FAILURE_CODES.filter(holds).join(' ')

test("[EO4] breaking, being away and being too slow are the engine's; everything else is not", () => {
  assert.equal(
    codes((code) => AFTER_FAILURE[code].breaker === 'failed'),
    'ENGINE_UNAVAILABLE ENGINE_FAILED DEADLINE',
  )
})

test('[EO5] what is done after each failure', () => {
  assert.equal(
    codes((code) => AFTER_FAILURE[code].then === 'pause'),
    'RATE_LIMITED',
  )
  assert.equal(
    codes((code) => AFTER_FAILURE[code].then === 'later'),
    'BUSY',
  )
  assert.equal(
    codes((code) => AFTER_FAILURE[code].then === 'elsewhere'),
    'CANCELLED',
  )
})

test('[EO6] another try is worth it after what may pass', () => {
  const inVain = codes((code) => !AFTER_FAILURE[code].isWorthRetrying)
  assert.equal(inVain, 'PAIR_UNSUPPORTED TEXT_INVALID REFUSED_SAME REFUSED_LONG REFUSED_LANGUAGE')
})
