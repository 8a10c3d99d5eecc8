import assert from 'node:assert/strict'
import { test } from 'node:test'
import { seededRandom } from '@parley/kernel'
import { StablePrefix } from './hypothesis.ts'

const words = (text: string) => text.split(' ').filter((word) => word !== '')
const run = (...texts: string[]) => {
  const prefix = new StablePrefix()
  return texts.map((text) => {
    const { words: told, stableWords } = prefix.next(words(text))
    return `${told.slice(0, stableWords).join(' ')}|${told.slice(stableWords).join(' ')}`
  })
}

test('[TXT1] words become stable when two guesses running agree on them, except the last two, which may still move', () => {
  assert.deepEqual(run('the', 'the train', 'the train to', 'the train to the', 'the train two the'), [
    '|the',
    '|the train',
    'the|train to',
    'the train|to the',
    'the train|two the',
  ])
  assert.deepEqual(run('a b c d', 'x b c d', 'a b c d'), ['|a b c d', '|x b c d', '|a b c d'])
})

test('[TXT1] what is stable stays when the decoder changes its mind, and nothing becomes stable behind a contradiction', () => {
  assert.deepEqual(run('good day sir now', 'good day sir now', 'could day sir now', 'could day sir now again'), [
    '|good day sir now',
    'good day|sir now',
    'good day|sir now',
    'good day|sir now again',
  ])
  assert.deepEqual(run('good day sir now', 'good day sir now', 'good'), [
    '|good day sir now',
    'good day|sir now',
    'good day|',
  ])
})

for (const seed of [1, 2, 3, 77, 20_261]) {
  test(`[TXT1] the stable part never shrinks or changes, whatever is guessed (seed ${seed})`, () => {
    const random = seededRandom(seed)
    const prefix = new StablePrefix()
    let stable: readonly string[] = []
    for (let turn = 0; turn < 500; turn++) {
      const guess = Array.from({ length: Math.floor(random() * 8) }, () => 'abc'[Math.floor(random() * 3)] as string)
      const told = prefix.next(random() < 0.7 ? [...stable, ...guess] : guess)
      assert.deepEqual(told.words.slice(0, stable.length), stable)
      assert.ok(told.stableWords >= stable.length)
      stable = told.words.slice(0, told.stableWords)
    }
    assert.ok(stable.length > 0)
  })
}

test('[TXT1] a new utterance starts with nothing stable', () => {
  const prefix = new StablePrefix()
  prefix.next(['a', 'b', 'c'])
  assert.equal(prefix.next(['a', 'b', 'c']).stableWords, 1)
  prefix.reset()
  assert.deepEqual(prefix.next(['c', 'd']), { words: ['c', 'd'], stableWords: 0 })
})
