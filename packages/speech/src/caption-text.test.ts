import assert from 'node:assert/strict'
import { test } from 'node:test'
import { finalText, partialText, stableLength, wordsOf } from './caption-text.ts'

const words = (text: string) => text.split(' ')

test('[TXT2] the marks and fillers of the decoder are no words', () => {
  assert.deepEqual(
    wordsOf("<s> i read(2) <sil> the [NOISE] world's(3) ++UH++ news </s>"),
    words("i read the world's news"),
  )
  assert.deepEqual(wordsOf(''), [])
  assert.deepEqual(wordsOf('<sil> [SPEECH]'), [])
})

test('[TXT3] partials get a first capital, "I" and names, and no punctuation', () => {
  assert.equal(
    partialText(words("on monday i think i'm in london with anna's friend")),
    "On Monday I think I'm in London with Anna's friend",
  )
  assert.equal(partialText(words('may we march in may')), 'May we march in may')
  assert.equal(partialText([]), '')
})

test('[TXT3] the stable length counts the units of the text that is shown', () => {
  const all = words("i've seen paris")
  assert.equal(stableLength(all, 2), "I've seen".length)
  assert.equal(stableLength(all, 0), 0)
  assert.equal(stableLength(all, 3), partialText(all).length)
})

test('[TXT4] finals end with a full stop or, when they ask, a question mark; no words stay no text', () => {
  const questions = [
    'could you please open the window',
    'what time does the store close',
    'how much is it',
    'where did he go',
    'is there a bank',
    "don't you think so",
    'are we late',
    'have you seen it',
  ]
  const statements = [
    'when i was young we walked',
    'what a day',
    'do not forget the lights',
    "don't touch it",
    'have a seat',
    'will is here',
    'the doctor told him',
    'how the day went nobody knows',
    'yes',
    'can',
  ]
  for (const question of questions) assert.match(finalText(words(question)), /[^.]\?$/, question)
  for (const statement of statements) assert.match(finalText(words(statement)), /[^?]\.$/, statement)
  assert.equal(finalText([]), '')
})

test('[TXT5] no word is added, lost or changed', () => {
  const said = words("what do you think i'd do in june or at john's")
  assert.deepEqual(finalText(said).toLowerCase().replace(/[.?]$/, '').split(' '), said)
})
