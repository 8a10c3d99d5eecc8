import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { CacheKeys, normaliseText } from './cache-key.ts'
import { ENTRY_OVERHEAD_BYTES, LruStore } from './lru-store.ts'
import { TextCache } from './text-cache.ts'

const SECRET = new Uint8Array(32).fill(7)
const HOUR_MS = 3_600_000
const subject = (text: string, more = {}) => ({ kind: 'translate' as const, from: 'en', to: 'es', text, ...more })
const cacheOf = (maxBytes = 1_000_000) => new TextCache({ maxBytes, keepMs: 4 * HOUR_MS, secret: SECRET })
const answer = (text: string) => ({ text, engine: 'apertium' })

test('[TX4] tenant, kind, languages and text each make another key; the case of a language tag does not', () => {
  const keys = new CacheKeys(SECRET)
  const all = [
    keys.keyOf('acme', subject('good morning')),
    keys.keyOf('other', subject('good morning')),
    keys.keyOf('acme', subject('good evening')),
    keys.keyOf('acme', subject('good morning', { to: 'ca' })),
    keys.keyOf('acme', subject('good morning', { from: 'fr' })),
    keys.keyOf('acme', subject('good morning', { kind: 'polish', to: undefined })),
    new CacheKeys(new Uint8Array(32)).keyOf('acme', subject('good morning')),
  ]
  assert.equal(new Set(all).size, all.length)
  assert.equal(keys.keyOf('acme', subject('good morning', { from: 'EN' })), all[0])
})

test('[TX4] one tenant never sees what another was answered', () => {
  const cache = cacheOf()
  cache.set(cache.keyOf('acme', subject('hello')), 'final', answer('hola'), 0, false)
  assert.equal(cache.get(cache.keyOf('acme', subject('hello')), 'final', 1)?.text, 'hola')
  assert.equal(cache.get(cache.keyOf('other', subject('hello')), 'final', 1), undefined)
})

test('[TX4] property: no two subjects share a key, however their parts are cut', () => {
  const part = fc.string({ maxLength: 6 })
  fc.assert(
    fc.property(part, part, part, part, part, part, (tenant, from, text, tenant2, from2, text2) => {
      const keys = new CacheKeys(SECRET)
      const [one, other] = [
        keys.keyOf(tenant, subject(text, { from })),
        keys.keyOf(tenant2, subject(text2, { from: from2 })),
      ]
      const isSame =
        tenant === tenant2 && from.toLowerCase() === from2.toLowerCase() && normaliseText(text) === normaliseText(text2)
      // Languages are tags, which hold no NUL.
      if (!`${from}${from2}`.includes('\u0000')) assert.equal(one === other, isSame)
    }),
  )
})

test('[TC1] a key tells neither text nor tenant, and another process has others', () => {
  const key = new CacheKeys(SECRET).keyOf('acme', subject('my secret'))
  assert.equal(key.length, 16)
  assert.ok(!key.includes('secret') && !key.includes('acme'))
})

test('[TC1] thousands of tenants do not fill the memory, and keep their keys', () => {
  const keys = new CacheKeys(SECRET)
  const before = keys.keyOf('tenant 1', subject('hello'))
  for (let n = 0; n < 3_000; n++) keys.keyOf(`tenant ${n}`, subject('hello'))
  assert.equal(keys.keyOf('tenant 1', subject('hello')), before)
})

test('[TC2] spaces and composition do not count, case and punctuation do', () => {
  const key = (text: string) => new CacheKeys(SECRET).keyOf('acme', subject(text))
  assert.equal(key('  caf\u00e9  con\u00a0leche\n'), key('cafe\u0301 con leche'))
  assert.notEqual(key('Hello'), key('hello'))
  assert.notEqual(key('hello?'), key('hello'))
})

test('[TC3] property: never more bytes than there is room for; what was used last stays', () => {
  const operation = fc.record({
    key: fc.integer({ min: 0, max: 20 }),
    bytes: fc.integer({ min: 0, max: 500 }),
    isGet: fc.boolean(),
  })
  fc.assert(
    fc.property(fc.array(operation, { maxLength: 300 }), (operations) => {
      const store = new LruStore<number>(8_000)
      let order: { key: string; bytes: number; value: number }[] = []
      operations.forEach(({ key: n, bytes, isGet }, value) => {
        const key = String(n)
        const known = order.find((each) => each.key === key)
        order = order.filter((each) => each.key !== key)
        if (isGet) {
          assert.equal(store.get(key, 0), known?.value)
          if (known) order.push(known)
          return
        }
        store.set(key, value, bytes, 1)
        const whole = bytes + ENTRY_OVERHEAD_BYTES
        if (whole <= 800) order.push({ key, bytes: whole, value })
        while (order.reduce((sum, each) => sum + each.bytes, 0) > 8_000) order.shift()
        assert.equal(
          store.bytes,
          order.reduce((sum, each) => sum + each.bytes, 0),
        )
        assert.equal(store.size, order.length)
      })
    }),
  )
})

test('[TC3] a text beyond a tenth of the room is not kept, and empties nothing; no room keeps nothing', () => {
  const store = new LruStore<string>(4_000)
  store.set('small', 's', 10, 1)
  store.set('large', 'l', 400, 1)
  assert.deepEqual([store.get('small', 0), store.get('large', 0)], ['s', undefined])
  const off = cacheOf(0)
  off.set('key', 'final', answer('a'), 0, false)
  assert.equal(off.get('key', 'final', 0), undefined)
})

test('[TC4] each has its time: finals as configured, partials two minutes, second-best a minute', () => {
  const cache = cacheOf()
  cache.set('final', 'final', answer('f'), 0, false)
  cache.set('partial', 'partial', answer('p'), 0, false)
  cache.set('second', 'final', answer('s'), 0, true)
  const at = (nowMs: number) =>
    ['final', 'partial', 'second'].map((key) => cache.get(key, 'partial', nowMs)?.text ?? '-').join('')
  assert.equal(at(59_999), 'fps')
  assert.equal(at(60_000), 'fp-')
  assert.equal(at(120_000), 'f--')
  assert.equal(at(4 * HOUR_MS - 1), 'f--')
  assert.equal(at(4 * HOUR_MS), '---')
  assert.equal(cache.use('final').bytes, 0)
})

test('[TC5] however many partials come, no final goes for them', () => {
  const cache = cacheOf(100_000)
  for (let n = 0; n < 100; n++) cache.set(`final ${n}`, 'final', answer('a sentence'), 0, false)
  for (let n = 0; n < 5_000; n++) cache.set(`partial ${n}`, 'partial', answer('a sent'), 0, false)
  for (let n = 0; n < 100; n++) assert.ok(cache.get(`final ${n}`, 'final', 1))
  assert.ok(cache.use('partial').bytes <= 25_000 && cache.use('partial').evicted > 4_800)
})

test('[TC5, TC6] a final takes what its last partial was answered with, and keeps it; each use counts once', () => {
  const cache = cacheOf()
  assert.equal(cache.get('key', 'partial', 0), undefined)
  cache.set('key', 'partial', answer('hola'), 0, false)
  assert.equal(cache.get('key', 'final', 1)?.text, 'hola')
  assert.equal(cache.get('key', 'final', HOUR_MS)?.text, 'hola', 'as a final now')
  assert.equal(cache.get('key', 'partial', HOUR_MS)?.text, 'hola')
  const counts = (['partial', 'final'] as const).map((each) => [cache.use(each).hits, cache.use(each).misses])
  assert.deepEqual(counts, [
    [1, 1],
    [2, 0],
  ])
})
