import assert from 'node:assert/strict'
import { test } from 'node:test'
import { splitOpen } from './caption-state.ts'
import { entryOf } from './entry.ts'
import { INITIAL_FOLLOW, isAtEnd, onScrolled } from './follow.ts'
import { isQuiet, levelWords, nextLevel, QUIET_AFTER_MS } from './level.ts'
import { closestLanguage, readTextSize, stepTextSize, writeTextSize } from './preferences.ts'

const metrics = (topPx: number, contentPx = 2_000) => ({ topPx, viewPx: 500, contentPx })

test('[PG11] the transcript follows until the reader scrolls up, and again from the end on', () => {
  const following = onScrolled(INITIAL_FOLLOW, metrics(1_500))
  assert.equal(following.isFollowing, true)
  const reading = onScrolled(following, metrics(1_200))
  assert.equal(reading.isFollowing, false)
  assert.equal(onScrolled(reading, metrics(1_300)).isFollowing, false)
  assert.equal(onScrolled(reading, metrics(1_490)).isFollowing, true)
})

test('[PG11] growth below the fold does not count as the reader scrolling', () => {
  const following = onScrolled(INITIAL_FOLLOW, metrics(1_500))
  assert.equal(onScrolled(following, metrics(1_500, 2_400)).isFollowing, true)
  assert.equal(isAtEnd(metrics(1_470)), true)
  assert.equal(isAtEnd(metrics(1_300)), false)
})

test('[PG5] the meter rises at once, falls slowly, and never leaves 0..1', () => {
  const loud = nextLevel(undefined, 1, 0)
  assert.equal(loud.shownRatio, 1)
  const falling = nextLevel(loud, 0, 100)
  assert.ok(falling.shownRatio > 0.5 && falling.shownRatio < 1)
  assert.equal(nextLevel(falling, 0, 60_000).shownRatio, 0)
  assert.equal(nextLevel(undefined, 7, 0).shownRatio, 1)
  assert.equal(nextLevel(undefined, Number.NaN, 0).shownRatio, 0)
})

test('[PG5] a microphone counts as silent after a while without sound, and no longer with the first', () => {
  let level = nextLevel(undefined, 0, 0)
  level = nextLevel(level, 0.001, QUIET_AFTER_MS - 1)
  assert.equal(isQuiet(level), false)
  level = nextLevel(level, 0.001, QUIET_AFTER_MS)
  assert.equal(isQuiet(level), true)
  assert.equal(isQuiet(nextLevel(level, 0.2, QUIET_AFTER_MS + 50)), false)
})

test('[PG5] the level has words', () => {
  assert.deepEqual([0, 0.2, 0.7, 1].map(levelWords), ['silent', 'quiet', 'good', 'very loud'])
})

test('[PG12] the address tells the owner, the code and the watcher apart', () => {
  assert.deepEqual(entryOf('/', '#code=abc-1'), { kind: 'owner', code: 'abc-1' })
  assert.deepEqual(entryOf('/', ''), { kind: 'owner', code: undefined })
  assert.deepEqual(entryOf('/', '#code='), { kind: 'owner', code: undefined })
  assert.deepEqual(entryOf('/watch', '#t.o-k_'), { kind: 'watch', token: 't.o-k_' })
  assert.deepEqual(entryOf('/p/pod_1/watch/', '#'), { kind: 'watch', token: undefined })
  assert.deepEqual(entryOf('/watchtower', '#t'), { kind: 'owner', code: undefined })
})

test('[PG13] the caption size is remembered, bounded, and survives a storage that is forbidden', () => {
  const values = new Map<string, string>()
  const storage = () => ({
    getItem: (key: string) => values.get(key) ?? null,
    setItem: (key: string, value: string) => void values.set(key, value),
  })
  assert.equal(readTextSize(storage), 'medium')
  writeTextSize(storage, 'huge')
  assert.equal(readTextSize(storage), 'huge')
  values.set('parley.textSize', 'enormous')
  assert.equal(readTextSize(storage), 'medium')
  assert.equal(stepTextSize('huge', 1), 'huge')
  assert.equal(stepTextSize('small', -1), 'small')
  assert.equal(stepTextSize('medium', 1), 'large')
  const forbidden = () => {
    throw new Error('no storage here')
  }
  assert.equal(readTextSize(forbidden), 'medium')
  writeTextSize(forbidden, 'large')
})

test('[PG1] captions begin in the language nearest to the person, else in the first the platform has', () => {
  assert.equal(closestLanguage(['de', 'en-US'], ['fr-CA', 'en-GB', 'de']), 'en-US')
  assert.equal(closestLanguage(['en-US', 'en-GB'], ['en-gb']), 'en-GB')
  assert.equal(closestLanguage(['en'], ['ja']), 'en')
  assert.equal(closestLanguage([], ['ja']), undefined)
})

test('[PG2] an open caption is split into what is settled and what may change, without loss', () => {
  assert.deepEqual(splitOpen('so we have', 5), { settled: 'so we ', tail: 'have' })
  assert.deepEqual(splitOpen('so we have', 6), { settled: 'so we ', tail: 'have' })
  assert.deepEqual(splitOpen('so we', 0), { settled: '', tail: 'so we' })
  assert.deepEqual(splitOpen('so we ', 5), { settled: 'so we ', tail: '' })
})
