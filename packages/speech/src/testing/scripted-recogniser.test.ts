import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ManualClock } from '@parley/kernel/testing'
import { ListenerLog } from './listener-log.ts'
import { recogniserContract, say, type Talk } from './recogniser-contract.ts'
import { ScriptedRecogniser, type ScriptedUtterance } from './scripted-recogniser.ts'

const WORD_MS = 300
const PAUSE_MS = 1_000
const SENTENCES = Array.from({ length: 8 }, (_, at) =>
  ['number', 'one', 'two', 'three', 'four', 'five'].map((word) => `${word}${'abcdefgh'[at]}`),
)

function write(sentences: readonly number[]): { readonly script: ScriptedUtterance[]; readonly talk: Talk } {
  const script: ScriptedUtterance[] = []
  let atMs = 0
  for (const number of sentences) {
    const words = SENTENCES[number] ?? []
    script.push({ startMs: atMs, endMs: atMs + words.length * WORD_MS, words })
    atMs += words.length * WORD_MS + PAUSE_MS
  }
  return { script, talk: { samples: new Int16Array(atMs * 16), sentences: script.map(({ words }) => words) } }
}

recogniserContract('the scripted recogniser', {
  async create(clock, slots) {
    const scripts: ScriptedUtterance[][] = []
    return {
      recogniser: new ScriptedRecogniser({ clock, slots, script: () => scripts.shift() ?? [] }),
      async prepare(_speaker, sentences) {
        const { script, talk } = write(sentences)
        scripts.push(script)
        return talk
      },
    }
  },
})

test('[RC9] a stream that breaks says so once, reports nothing more and gives its slot back', async () => {
  const clock = new ManualClock()
  const { script, talk } = write([0])
  const recogniser = new ScriptedRecogniser({ clock, slots: 1, script: () => script, failAtMs: 1_000 })
  const log = new ListenerLog()
  const opened = await recogniser.openStream({ language: 'en', firstIndex: 0 }, log)
  assert.ok(opened.ok)
  say(opened.value, talk.samples)
  await Promise.resolve()
  assert.deepEqual(
    log.told.map(({ type }) => type).filter((type) => type !== 'partial'),
    ['failed'],
  )
  assert.equal(recogniser.status().slotsUsed, 0)
  await recogniser.close()
})

test('[TXT4] sound without words is abandoned as no speech', async () => {
  const clock = new ManualClock()
  const script = [{ startMs: 100, endMs: 400, words: [] }]
  const recogniser = new ScriptedRecogniser({ clock, slots: 1, script: () => script })
  const log = new ListenerLog()
  const opened = await recogniser.openStream({ language: 'en', firstIndex: 3 }, log)
  assert.ok(opened.ok)
  say(opened.value, new Int16Array(32_000))
  await Promise.resolve()
  assert.deepEqual(
    log.abandoned.map(({ index, reason }) => ({ index, reason })),
    [{ index: 3, reason: 'no_speech' }],
  )
  await recogniser.close()
})
