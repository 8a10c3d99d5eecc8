import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ManualClock } from '@parley/kernel/testing'
import type { RefinedCaption, TextSink } from '@parley/sessions'
import { ScriptedTextService } from '@parley/text/testing'
import { CaptionsToText } from './captions-to-text.ts'

const caption = (index: number, text: string, revision = 1): RefinedCaption => ({
  index,
  revision,
  text,
  startMs: 0,
  endMs: 20,
})

function setUp() {
  const clock = new ManualClock()
  const service = new ScriptedTextService()
  const bridge = new CaptionsToText(service, clock)
  const open = (sessionId = 'ses_1', tenant = 't') => {
    const told: string[] = []
    const sink: TextSink = {
      translated: ({ index }, isFinal, language, text) =>
        void told.push(`${isFinal ? 'final' : 'partial'} ${index} ${language} ${text}`),
      translationFailed: ({ index }, language, reason) => void told.push(`failed ${index} ${language} ${reason}`),
      polished: ({ index }, isFinal, text) => void told.push(`${isFinal ? 'polished' : 'polishing'} ${index} ${text}`),
      unpolished: ({ index }) => void told.push(`unpolished ${index}`),
    }
    return { told, desk: bridge.open({ sessionId, tenant, language: 'en' }, sink) }
  }
  return { clock, service, open }
}

test('[TXB1] a caption becomes a wish of its session and tenant, finals in every language asked for', () => {
  const { service, open } = setUp()
  const { desk, told } = open()
  desk.final(caption(0, 'Hello.'), ['es', 'ca'], true)
  const about = { tenant: 't', sessionId: 'ses_1', isFinal: true, text: 'Hello.', from: 'en' }
  assert.deepEqual(
    service.asks.map(({ wish }) => wish),
    [
      { ...about, kind: 'translate', to: 'es' },
      { ...about, kind: 'translate', to: 'ca' },
      { ...about, kind: 'polish' },
    ],
  )
  const [es, ca, polish] = service.asks
  es?.done('Hola.')
  ca?.end({ is: 'failed', reason: 'budget', message: 'no more' })
  polish?.done('Hello!')
  assert.deepEqual(told, ['final 0 es Hola.', 'failed 0 ca budget', 'polished 0 Hello!'])
})

test('[TXB1] a text that needed no mending, or could not be mended, stands; a final is never skipped silently', () => {
  const { service, open } = setUp()
  const { desk, told } = open()
  desk.final(caption(0, 'Fine.'), [], true)
  service.asks[0]?.done('Fine.')
  desk.final(caption(1, 'Fine.'), ['es'], true)
  service.asks[1]?.end({ is: 'skipped', reason: 'budget' })
  service.asks[2]?.end({ is: 'failed', reason: 'unavailable', message: 'away' })
  assert.deepEqual(told, ['unpolished 0', 'failed 1 es unavailable', 'unpolished 1'])
})

test('[TXB2] partials are asked about as they are worth it, each language for itself; what comes to nothing is not told', () => {
  const { clock, service, open } = setUp()
  const { desk, told } = open()
  desk.wantPartials(['es'], true)
  desk.partial(caption(0, 'good'))
  assert.deepEqual(
    service.asks.map(({ wish }) => [wish.kind, wish.isFinal]),
    [
      ['translate', false],
      ['polish', false],
    ],
  )
  const [es, polish] = service.asks
  polish?.done('good')
  clock.advance(500)
  desk.partial(caption(0, 'good morning'))
  assert.equal(service.open.length, 2, 'polishing goes on while the translation is under way')
  es?.done('buen')
  assert.deepEqual(told, ['partial 0 es buen'])
  assert.equal(service.asks.at(-1)?.wish.text, 'good morning')
  const [mending, translating] = service.open
  translating?.end({ is: 'skipped', reason: 'budget' })
  mending?.done('Good morning')
  assert.deepEqual(told.slice(1), ['polishing 0 Good morning'])
})

test('[TXB2] the newest wins: a final, an abandoned utterance and a language that is not wanted any more call partials off', () => {
  const { clock, service, open } = setUp()
  const { desk, told } = open()
  desk.wantPartials(['es', 'ca'], false)
  desk.partial(caption(0, 'good'))
  desk.wantPartials(['ca'], false)
  assert.deepEqual(
    service.asks.map(({ state }) => state),
    ['cancelled', 'open'],
  )
  desk.final(caption(0, 'Good.'), ['ca'], false)
  assert.deepEqual(
    service.asks.map(({ state }) => state),
    ['cancelled', 'cancelled', 'open'],
  )
  desk.partial(caption(1, 'more'))
  desk.abandoned(1)
  assert.equal(service.asks.at(-1)?.state, 'cancelled')
  desk.partial(caption(2, 'and so'))
  service.asks.at(-1)?.done('i')
  clock.advance(500)
  desk.partial(caption(2, 'and s'))
  desk.tick(clock.nowMs())
  assert.equal(service.open.length, 1)
  clock.advance(2_000)
  desk.tick(clock.nowMs())
  assert.equal(service.asks.at(-1)?.wish.text, 'and s')
  assert.deepEqual(told, ['partial 2 ca i'])
})

test('[TXB3] what is given up is called off and nothing is told of it; a closed desk tells nothing', () => {
  const { service, open } = setUp()
  const { desk, told } = open()
  desk.wantPartials(['es'], false)
  desk.final(caption(0, 'A.'), ['es', 'ca'], true)
  desk.partial(caption(1, 'b'))
  desk.giveUp(0, 'es')
  desk.giveUp(0, undefined)
  desk.giveUp(7, 'es')
  assert.deepEqual(
    service.asks.map(({ state }) => state),
    ['cancelled', 'open', 'cancelled', 'open'],
  )
  desk.close()
  desk.close()
  assert.equal(service.open.length, 0)
  for (const ask of service.asks) ask.done()
  assert.deepEqual(told, [])
})

test('[TXB4] texts of sessions do not cross, in whatever order they are answered', () => {
  const { service, open } = setUp()
  const rooms = Array.from({ length: 10 }, (_, n) => open(`ses_${n}`))
  for (const [n, { desk }] of rooms.entries()) {
    desk.wantPartials(['es'], false)
    desk.partial(caption(0, `partial of ${n}`))
    desk.final(caption(1, `final of ${n}`), ['es', 'ca'], false)
  }
  for (const ask of service.open.toReversed()) ask.done()
  for (const [n, { told }] of rooms.entries()) {
    assert.deepEqual(told.toSorted(), [`final 1 ca ca: final of ${n}`, `final 1 es es: final of ${n}`])
  }
})

test('[TXB5] what is wanted is loaded once, before there is a text', () => {
  const { service, open } = setUp()
  const { desk } = open()
  desk.warm(['es', 'ca'], false)
  desk.warm(['ca', 'es'], true)
  assert.deepEqual(service.warmed, ['translate en es', 'translate en ca', 'polish en'])
  desk.warm(['ca'], false)
  desk.warm(['ca', 'es'], false)
  assert.deepEqual(service.warmed.slice(3), ['translate en es'])
})

test('[TXB4] what can be had is what the service says', () => {
  const { service, open } = setUp()
  const { desk } = open()
  assert.deepEqual(desk.translation('es'), { is: 'supported', via: [] })
  service.change(['ca'])
  const refused = desk.translation('es')
  assert.ok(refused.is === 'unsupported' && refused.message.includes('ca'))
  service.change(undefined, true)
  assert.equal(desk.polishing().is, 'unavailable')
})
