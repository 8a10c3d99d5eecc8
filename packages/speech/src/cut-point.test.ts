import assert from 'node:assert/strict'
import { test } from 'node:test'
import { chooseCut, type TimedWord } from './cut-point.ts'

const spoken = (...parts: readonly [word: string, firstFrame: number, lastFrame: number][]): TimedWord[] =>
  parts.map(([word, firstFrame, lastFrame]) => ({ word, isFiller: word.startsWith('<'), firstFrame, lastFrame }))

const talk = spoken(
  ['<s>', 0, 9],
  ['one', 10, 39],
  ['two', 40, 79],
  ['<sil>', 80, 99],
  ['three', 100, 149],
  ['four', 150, 199],
)

test('[UT5] the cut lies between two words, nearest to the quietest point', () => {
  assert.deepEqual(chooseCut(talk, 62, 10), { frame: 80, words: ['one', 'two'] })
  assert.deepEqual(chooseCut(talk, 55, 10), { frame: 40, words: ['one'] })
  assert.deepEqual(chooseCut(talk, 160, 10), { frame: 150, words: ['one', 'two', 'three'] })
})

test('[UT5] within a pause it lies exactly at the quietest point', () => {
  assert.deepEqual(chooseCut(talk, 91, 10), { frame: 91, words: ['one', 'two'] })
})

test('[UT5] never before the audio still at hand, and nowhere when there is no boundary', () => {
  assert.deepEqual(chooseCut(talk, 20, 90), { frame: 90, words: ['one', 'two'] })
  assert.equal(chooseCut(talk, 190, 160), undefined)
  assert.equal(chooseCut([], 10, 0), undefined)
})

test('[UT5] for every place, each word is on exactly one side', () => {
  for (let at = 0; at < 200; at++) {
    const cut = chooseCut(talk, at, 0)
    assert.ok(cut)
    const after = talk
      .filter(({ isFiller, firstFrame }) => !isFiller && firstFrame >= cut.frame)
      .map(({ word }) => word)
    assert.deepEqual([...cut.words, ...after], ['one', 'two', 'three', 'four'])
  }
})
