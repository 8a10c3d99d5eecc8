import assert from 'node:assert/strict'
import { test } from 'node:test'
import { err, ok } from '@parley/kernel'
import { ManualClock } from '@parley/kernel/testing'
import { CacheKeys } from './cache-key.ts'
import { LOOK_MS, MAX_UNDER_WAY, REST_MS, type SharedTextStore, SharedTexts } from './shared-texts.ts'

const SECRET = new Uint8Array(32).fill(7)
const KEEP_MS = 3_600_000
const KEY = new CacheKeys(SECRET).keyOf('acme', { kind: 'translate', from: 'en', to: 'es', text: 'good morning' })
const ANSWER = { text: 'buenos dias', engine: 'openai' }

class MemoryStore implements SharedTextStore {
  readonly values = new Map<string, { value: string; untilMs: number }>()
  readonly #clock: ManualClock
  isAway = false
  isSilent = false
  asked = 0

  constructor(clock: ManualClock) {
    this.#clock = clock
  }

  get(key: string): ReturnType<SharedTextStore['get']> {
    this.asked++
    if (this.isSilent) return new Promise(() => {})
    if (this.isAway) return Promise.resolve(err({ message: 'away' }))
    const found = this.values.get(key)
    return Promise.resolve(ok(found && found.untilMs > this.#clock.wallMs() ? found.value : undefined))
  }

  async set(key: string, value: string, keepMs: number): ReturnType<SharedTextStore['set']> {
    if (this.isAway) return err({ message: 'away' })
    this.values.set(key, { value, untilMs: this.#clock.wallMs() + keepMs })
    return ok(undefined)
  }
}

function rig() {
  const clock = new ManualClock()
  const store = new MemoryStore(clock)
  const pod = (secret = SECRET): SharedTexts => new SharedTexts({ clock, store, secret, keepMs: KEEP_MS })
  return { clock, store, pod }
}

test('[TC7] what one pod keeps the other finds, for as long as it is kept', async () => {
  const { clock, store, pod } = rig()
  const [a, b] = [pod(), pod()]
  a.keep(KEY, { ...ANSWER, via: ['ca'] })
  await clock.advanceAsync(0)
  assert.deepEqual(await b.find(KEY), { ...ANSWER, via: ['ca'] })
  assert.deepEqual([a.use().kept, b.use()], [1, { hits: 1, misses: 0, passed: 0, kept: 0 }])
  clock.advance(KEEP_MS)
  assert.equal(await b.find(KEY), undefined)
  assert.equal(b.use().misses, 1)
  assert.equal(store.values.size, 1)
})

test('[TC7] what is in the store tells neither text nor tenant, and is no answer under another secret, another key, or changed', async () => {
  const { clock, store, pod } = rig()
  const a = pod()
  a.keep(KEY, ANSWER)
  await clock.advanceAsync(0)
  const [name, { value }] = [...store.values][0] as [string, { value: string }]
  for (const bytes of [name, value, Buffer.from(value, 'base64').toString('latin1')])
    assert.ok(!/buenos|morning|acme|openai/.test(bytes))
  assert.equal(await pod(new Uint8Array(32)).find(KEY), undefined)
  const moved = Buffer.from('another key 1234', 'latin1')
  store.values.set(moved.toString('base64url'), { value, untilMs: Number.POSITIVE_INFINITY })
  assert.equal(await a.find(moved.toString('latin1')), undefined)
  const bytes = Buffer.from(value, 'base64')
  bytes[bytes.length - 1] = (bytes.at(-1) ?? 0) ^ 1
  store.values.set(name, { value: bytes.toString('base64'), untilMs: Number.POSITIVE_INFINITY })
  assert.equal(await a.find(KEY), undefined)
  assert.equal(a.use().misses, 2)
})

test('[TC8] a store that is silent is a miss after LOOK_MS, and is left alone for a while', async () => {
  const { clock, store, pod } = rig()
  const a = pod()
  store.isSilent = true
  let found: unknown = 'waiting'
  void a.find(KEY).then((answer) => {
    found = answer
  })
  await clock.advanceAsync(LOOK_MS - 1)
  assert.equal(found, 'waiting')
  await clock.advanceAsync(1)
  assert.equal(found, undefined)
  assert.equal(await a.find(KEY), undefined, 'at once')
  assert.deepEqual([store.asked, a.use().passed], [1, 2])
  store.isSilent = false
  clock.advance(REST_MS)
  await a.find(KEY)
  assert.equal(store.asked, 2)
})

test('[TC8] one that is away is a miss at once; no more than MAX_UNDER_WAY are asked at a time; nothing rejects', async () => {
  const { clock, store, pod } = rig()
  const a = pod()
  store.isAway = true
  assert.equal(await a.find(KEY), undefined)
  a.keep(KEY, ANSWER)
  clock.advance(REST_MS)
  a.keep(KEY, ANSWER)
  await clock.advanceAsync(0)
  clock.advance(REST_MS)
  store.isAway = false
  store.isSilent = true
  for (let n = 0; n < MAX_UNDER_WAY + 10; n++) void a.find(KEY)
  assert.equal(store.asked, 1 + MAX_UNDER_WAY)
})
