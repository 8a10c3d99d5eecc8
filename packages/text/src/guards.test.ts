// The guards, with the judge they are shipped with.
import assert from 'node:assert/strict'
import { before, describe, test } from 'node:test'
import { ok } from '@parley/kernel'
import { guardedPolisher, guardedTranslator } from './guarded-engines.ts'
import { polishRefusal, translationRefusal } from './guards.ts'
import { type LanguageJudge, loadLanguageJudge } from './language-judge.ts'
import { SENTENCES_BY_LANGUAGE } from './testing/sentences.ts'
import type { Polisher, Translator } from './text-engine.ts'

describe('what an engine may answer', () => {
  let judge: LanguageJudge
  before(async () => {
    judge = await loadLanguageJudge()
  })
  const translation = (source: string, answer: string, from = 'en', to = 'es') =>
    translationRefusal({ source, answer, from, to }, judge)?.code
  const polish = (source: string, answer: string, language = 'en') =>
    polishRefusal({ source, answer, from: language, to: language }, judge)?.code

  test('[GU1] the text itself is no translation of it', () => {
    assert.equal(translation('I want to go home now', 'I want to go home now'), 'REFUSED_SAME')
    assert.equal(translation('i want to go home now', 'I want to go home now.'), 'REFUSED_SAME')
    assert.equal(translation('quiero ir a mi casa ahora', 'Quiero ir a mi casa ahora', 'es', 'en'), 'REFUSED_SAME')
    assert.equal(
      translation('Quiero ir a mi casa ahora mismo', 'Quiero ir a mi casa ahora mismo', 'es', 'fr'),
      'REFUSED_SAME',
    )
    const unknown = 'uno dos tres cuatro cinco seis siete ocho nueve'
    assert.equal(translation(unknown, unknown, 'ast', 'an'), 'REFUSED_SAME')
  })

  test('[GU1] numbers, names and words that two languages share are rightly the same', () => {
    for (const [text, from, to] of [
      ['12,5', 'en', 'es'],
      ['2024-11-05 15:30', 'en', 'es'],
      ['taxi', 'en', 'es'],
      ['OK', 'en', 'fr'],
      ['no', 'en', 'es'],
      ['hotel hospital', 'en', 'es'],
      ['Anna Maria Lopez', 'en', 'es'],
      ['Mar\u00eda del Carmen L\u00f3pez Garc\u00eda', 'es', 'en'],
      ['Sagrada Familia Barcelona', 'en', 'ca'],
      ['Vivo en Madrid', 'es', 'gl'],
      ['la casa blanca', 'es', 'ca'],
      ['La casa blanca \u00e9s gran', 'ca', 'es'],
      ['a casa de Anna', 'ca', 'pt'],
      ['\u{1f600}', 'en', 'es'],
      ['good morning', 'en', 'en-GB'],
      ['we want to go home now', 'en-US', 'en-GB'],
    ] as const) {
      const code = translation(text, text, from, to)
      assert.notEqual(code, 'REFUSED_SAME', `${text}: ${code}`)
    }
  })

  test('[GU2] far more than was asked is no translation; a language that needs more words is', () => {
    const chatter =
      'S\u00ed. Aqu\u00ed tienes la traducci\u00f3n que has pedido; si quieres puedo darte otras versiones, m\u00e1s formales o m\u00e1s cercanas al original.'
    assert.equal(translation('Yes.', chatter), 'REFUSED_LONG')
    assert.equal(translation('Good morning, everyone.', chatter.repeat(2)), 'REFUSED_LONG')
    assert.equal(translation('OK', 'De acuerdo, muy bien, gracias'), undefined)
    assert.equal(
      translation(
        '\u660e\u5929\u65e9\u4e0a\u516b\u70b9\u6211\u4eec\u5728\u8f66\u7ad9\u89c1\u9762',
        'We will meet tomorrow morning at eight at the station',
        'zh',
        'en',
      ),
      undefined,
    )
    assert.equal(polish('I goes home.', 'I go home.'), undefined)
    assert.equal(
      polish('I goes home.', 'Here is the corrected sentence: "I go home." The verb must agree.'),
      'REFUSED_LONG',
    )
  })

  test('[GU3] another alphabet is another language, however short', () => {
    assert.equal(
      translation('good morning', '\u0434\u043e\u0431\u0440\u043e\u0435 \u0443\u0442\u0440\u043e'),
      'REFUSED_LANGUAGE',
    )
    assert.equal(translation('good morning', 'buenos d\u00edas', 'en', 'ru'), 'REFUSED_LANGUAGE')
    assert.equal(
      translation('good morning', '\u304a\u306f\u3088\u3046\u3054\u3056\u3044\u307e\u3059', 'en', 'ko'),
      'REFUSED_LANGUAGE',
    )
    assert.equal(
      translation('good morning', '\u304a\u306f\u3088\u3046\u3054\u3056\u3044\u307e\u3059', 'en', 'ja'),
      undefined,
    )
    assert.equal(
      translation(
        'my phone is an iPhone 15',
        '\u043c\u043e\u0439 \u0442\u0435\u043b\u0435\u0444\u043e\u043d iPhone 15',
        'en',
        'ru',
      ),
      undefined,
    )
  })

  test('[GU3] a correct sentence is never refused, whatever its language and length', () => {
    const source = 'This is the sentence that was said, or something like it, at some length.'
    const languages = Object.entries(SENTENCES_BY_LANGUAGE)
    /** Whole, and as it comes in while it is being said; as a writer and as a recogniser would have it. */
    const openings = (sentence: string) => {
      const words = sentence.split(' ')
      const said = words.map((_, at) => words.slice(0, at + 1).join(' '))
      return [...said, ...said.map((opening) => opening.toLowerCase())]
    }
    const cases = languages.flatMap(([language, sentences]) =>
      languages
        .filter(([from]) => from !== language)
        .flatMap(([from]) => sentences.flatMap(openings).map((answer) => ({ from, language, answer }))),
    )
    const alarms = cases.filter(
      ({ from, language, answer }) => translation(source, answer, from, language) !== undefined,
    )
    assert.ok(cases.length > 5_000)
    assert.deepEqual(alarms, [])
  })

  test('[GU3] most sentences of seven words and more in a wrong language are found, above all in that of the text', () => {
    const source = 'This is the sentence that was said, or something like it, at some length.'
    let [found, foundSource, all] = [0, 0, 0]
    for (const [language, sentences] of Object.entries(SENTENCES_BY_LANGUAGE)) {
      for (const other of Object.keys(SENTENCES_BY_LANGUAGE)) {
        if (other === language) continue
        for (const sentence of sentences.filter((each) => each.split(' ').length >= 7)) {
          all++
          if (translation(source, sentence, 'xx', other) === 'REFUSED_LANGUAGE') found++
          if (translation(source, sentence, language, other) === 'REFUSED_LANGUAGE') foundSource++
        }
      }
    }
    assert.ok(found / all > 0.7, `${found} of ${all}`)
    assert.ok(foundSource / all > 0.85, `${foundSource} of ${all}`)
  })

  test('[GU3] a polished text keeps its language, unless it had another already', () => {
    const spanish = 'Quiero ir a mi casa ahora mismo porque es tarde'
    assert.equal(polish('I wants to go to my house right now because it is late', spanish), 'REFUSED_LANGUAGE')
    assert.equal(polish(`${spanish}`, `${spanish}.`), undefined)
    assert.equal(polish('same', 'same'), undefined)
  })

  test('[GU4] an empty answer is none', () => {
    assert.equal(translation('good morning', ' '), 'ENGINE_FAILED')
    assert.equal(translation('', ''), undefined)
    assert.equal(polish('good morning', ''), 'ENGINE_FAILED')
  })

  test("[GU5] a guarded engine refuses by code and says what it cost; everything else is the engine's own", async () => {
    const usage = { inputTokens: 3, outputTokens: 4 }
    const engine = { name: 'x', onChange: () => () => {}, start: async () => {}, close: async () => {} }
    const info = { name: 'x', ready: true }
    const translator: Translator = {
      ...engine,
      kind: 'translate',
      status: () => ({ ...info, kind: 'translate' }),
      translate: async ({ text }) =>
        ok({ text: text === 'Good morning, everyone.' ? 'Buenos d\u00edas a todos.' : text, usage }),
    }
    const guarded = guardedTranslator(translator, judge)
    const request = { requestId: 'r', from: 'en', to: 'es', deadlineMs: 9 }
    assert.deepEqual(await guarded.translate({ ...request, text: 'Good morning, everyone.' }), {
      ok: true,
      value: { text: 'Buenos d\u00edas a todos.', usage },
    })
    const refused = await guarded.translate({ ...request, text: 'I want to go home now' })
    assert.ok(!refused.ok)
    assert.deepEqual([refused.error.code, refused.error.usage], ['REFUSED_SAME', usage])
    const polisher: Polisher = {
      ...engine,
      kind: 'polish',
      status: () => ({ ...info, kind: 'polish' }),
      polish: async () => ok({ text: '' }),
    }
    const polished = await guardedPolisher(polisher, judge).polish({
      requestId: 'r',
      text: 'a b',
      language: 'en',
      deadlineMs: 9,
    })
    assert.ok(!polished.ok && polished.error.code === 'ENGINE_FAILED')
    assert.deepEqual(guarded.status(), translator.status())
  })
})
