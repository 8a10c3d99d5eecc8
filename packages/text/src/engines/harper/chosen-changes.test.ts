// The choice, on what harper really finds in sentences: of a recogniser, of talk, of correct English.
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { systemClock } from '@parley/kernel'
import { changedWordCount, chosenChanges, type FoundLint, withChanges } from './chosen-changes.ts'
import { HarperPolisher } from './harper-polisher.ts'

describe('what is mended of what was heard', () => {
  const polisher = new HarperPolisher({ clock: systemClock, maxChangedWords: 4 })
  before(() => polisher.start())
  after(() => polisher.close())

  async function polished(text: string): Promise<{ readonly text: string; readonly changedWords?: number }> {
    const outcome = await polisher.polish({ requestId: 'r', text, language: 'en-US', deadlineMs: 60_000 })
    assert.ok(outcome.ok)
    return outcome.value
  }

  test('[HP1] agreement, articles, participles and stuttered small words are mended', async () => {
    for (const [said, mended, words] of [
      ['They was waiting for you outside.', 'They were waiting for you outside.', 1],
      ['He have gone to the the store yesterday.', 'He has gone to the store yesterday.', 2],
      ['It is a hour from here.', 'It is an hour from here.', 1],
      ['This is an new idea.', 'This is a new idea.', 1],
      ['Well you know I I think we should go.', 'Well you know I think we should go.', 1],
      ['I want to to go home.', 'I want to go home.', 1],
      ['I could of done it.', 'I could have done it.', 1],
      ['I have saw it.', 'I have seen it.', 1],
      ['Its a nice day.', "It's a nice day.", 1],
      ['and i think so', 'and I think so', 0],
      ['\u{1f600}\u{1f600} we needs it', '\u{1f600}\u{1f600} we need it', 1],
    ] as const) {
      assert.deepEqual(await polished(said), { text: mended, changedWords: words })
    }
  })

  test('[HP1] misheard words, emphasis and the way people talk stay as they are', async () => {
    for (const text of [
      // Heard by a recogniser; harper would take a word away, or put another one there.
      'He gave it to her him and me.',
      'Do not forget to turn off the lights before he you leave.',
      'To his he and what does he want.',
      'The large brown douglas sleeping under the tree.',
      "The two da they're barking.",
      // Talk.
      'No no no I said no.',
      'That is very very good.',
      'I am so so happy to see you.',
      'My friend and me went to the cinema.',
      'She had had enough.',
      'I said that that book is mine.',
      'What it is is a problem.',
      'I told you you were right.',
      'What does he want?',
      'I am gonna go there, like, right now.',
      'a an apple',
    ]) {
      assert.equal((await polished(text)).text, text)
    }
  })

  test('[HP1] correct sentences stay as they are', async () => {
    const sentences =
      'Does she go to school?|I saw her go home.|Should he have known?|I insist that he go now.|He and she have a house.|You and he are friends.|Neither of us was late.|It was them who were late.|The people with him are nice.|Both of them are here.|All you need is love.|Those who know him say so.|I wish I were there.|If I were you I would go.|Who are you and what do you want?|He made them do it.|Help him find it.|Why do we have to do it?|Nobody but you has it.|The man next to you is my uncle.|A friend of mine and I was there.|People like you make me happy.|I hope it is an hour.|A European and an honest man.|It is a one time offer.|The dog wagged its tail.|May he rest in peace.|Only then did he go.|Where we are is nice.|The train to the city leaves at half past seven.|Could you please open the window in the kitchen?|There are three books on the table near the door.|She has been learning to play the piano for two years.'
    for (const text of sentences.split('|')) assert.equal((await polished(text)).text, text)
  })

  test('[HP2] a text in which more words would change than told is left as it is', async () => {
    const text = 'We needs it. He have it. They was here. This is an new idea. I want to to go.'
    assert.deepEqual(await polished(text), { text, changedWords: 0 })
    assert.equal((await polished(text.slice(0, text.indexOf('This')))).changedWords, 3)
  })
})

const lint = (rule: string, start: number, end: number, replacement: string | undefined): FoundLint => ({
  rule,
  start,
  end,
  replacement,
})

test('[HP1] only rules of the list, only replacements, and none over another', () => {
  const text = 'the the cat and an user'
  assert.deepEqual(chosenChanges(text, [lint('SpellCheck', 8, 11, 'bat'), lint('RepeatedWords', 0, 7, undefined)]), [])
  assert.deepEqual(
    chosenChanges(text, [lint('AnA', 16, 18, 'a'), lint('RepeatedWords', 0, 7, 'the'), lint('ToTo', 4, 7, 'x')]),
    [
      { start: 0, end: 7, text: 'the' },
      { start: 16, end: 18, text: 'a' },
    ],
  )
  assert.deepEqual(
    chosenChanges(text, [lint('AnA', 16, 99, 'a'), lint('AnA', 16, 16, 'a'), lint('AnA', 16, 18, 'an')]),
    [],
  )
})

test('[HP2] changed words are counted by what is different, not by where', () => {
  const count = (text: string, change: string) => changedWordCount(text, [{ start: 0, end: text.length, text: change }])
  assert.equal(count('the the', 'the'), 1)
  assert.equal(count('could of', 'could have'), 1)
  assert.equal(count('i', 'I'), 0)
  assert.equal(count('a b c', 'x y z'), 3)
  assert.equal(withChanges('a an b', [{ start: 2, end: 4, text: 'the' }]), 'a the b')
})
