import assert from 'node:assert/strict'
import { test } from 'node:test'
import { MAX_TARGETS, NO_WISH } from '../caption-client.ts'
import { readWish, writeWish } from './preferences.ts'
import { throughText, unavailableText, withHeard, withOnly, withTarget } from './wish.ts'

const name = (tag: string) => ({ es: 'Spanish', ca: 'Catalan' })[tag] ?? tag

test('[PG18] languages are chosen and given up one by one; one that is given up is not heard', () => {
  const both = withTarget(withTarget(NO_WISH, 'es', true), 'ca', true)
  assert.deepEqual(both.translateTo, ['es', 'ca'])
  assert.equal(withTarget(both, 'es', true), both)
  const heard = withHeard(both, 'es')
  assert.equal(heard.hear, 'es')
  assert.deepEqual(withTarget(heard, 'es', false), { ...NO_WISH, translateTo: ['ca'] })
  assert.equal(withHeard(heard, '').hear, undefined)
  assert.equal(withHeard(heard, 'fr').hear, undefined)
  const full = { ...NO_WISH, translateTo: Array.from({ length: MAX_TARGETS }, (_, at) => `x${at}`) }
  assert.equal(withTarget(full, 'es', true), full)
})

test('[PG18] who reads along takes one language for another, and goes on hearing', () => {
  assert.deepEqual(withOnly({ ...NO_WISH, translateTo: ['es'], hear: 'es' }, 'ca'), {
    ...NO_WISH,
    translateTo: ['ca'],
    hear: 'ca',
  })
  assert.deepEqual(withOnly({ ...NO_WISH, translateTo: ['es'], hear: 'es' }, ''), NO_WISH)
})

test('[PG18] what cannot be had, and what goes through another language, is said in words', () => {
  const via = [{ language: 'ca', through: ['es'] }]
  assert.equal(throughText(via, 'ca', name), 'through Spanish')
  assert.equal(throughText(via, 'es', name), undefined)
  const missing = { language: 'es', stage: 'speak' as const, message: 'no worker speaks it' }
  assert.equal(unavailableText(missing, name), 'No Spanish voice now: no worker speaks it')
})

test('[PG18] the wish is kept in the browser; nonsense in there is no wish', () => {
  let kept = ''
  const storage = () => ({
    getItem: () => kept,
    setItem(_key: string, value: string) {
      kept = value
    },
  })
  const wish = { translateTo: ['es', 'ca'], isMended: true, hear: 'ca' }
  writeWish(storage, wish)
  assert.deepEqual(readWish(storage), wish)
  for (const nonsense of ['', '{', '7', '{"translateTo":"es"}', '{"translateTo":[1,"<b>"],"hear":"es"}']) {
    kept = nonsense
    assert.deepEqual(readWish(storage), NO_WISH)
  }
})
