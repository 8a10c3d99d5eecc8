// What only a real decoder can show: silence, noise, cuts, memory. The port itself is tested by the contract suite.
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { concat, SENTENCES, silence, synthesise, tone, withNoise } from '@parley/audio/testing'
import { seededRandom } from '@parley/kernel'
import { eventually, ManualClock } from '@parley/kernel/testing'
import { ListenerLog } from '../../testing/listener-log.ts'
import { flushed, say } from '../../testing/recogniser-contract.ts'
import { loadPocketSphinx } from './library.ts'
import { PocketSphinxRecogniser } from './pocketsphinx-recogniser.ts'

const library = await loadPocketSphinx()
const MEGABYTE = 1e6

function noise(durationMs: number, dbfs: number, seed: number): Int16Array {
  const random = seededRandom(seed)
  const peak = 32_768 * 10 ** (dbfs / 20) * Math.sqrt(3)
  return Int16Array.from({ length: durationMs * 16 }, () => Math.round((2 * random() - 1) * peak))
}

describe('PocketSphinx with real sound', library.ok ? {} : { skip: library.error.message }, () => {
  const clock = new ManualClock()
  const maxUtteranceMs = 6_000
  const recogniser = new PocketSphinxRecogniser({ clock, slots: 1, endpointing: { endpointMs: 300, maxUtteranceMs } })
  before(() => recogniser.start())
  after(() => recogniser.close())

  async function open(log: ListenerLog, wantsWords = false) {
    const opened = await recogniser.openStream({ language: 'en-GB', firstIndex: 0, wantsWords }, log)
    assert.ok(opened.ok, opened.ok ? '' : opened.error.message)
    return opened.value
  }

  /** In portions, as much as the stream holds at a time. */
  async function hear(samples: Int16Array, wantsWords = false): Promise<ListenerLog> {
    const log = new ListenerLog()
    const stream = await open(log, wantsWords)
    const portion = 20_000 * 16
    for (let at = 0; at < samples.length; at += portion) {
      say(stream, samples.subarray(at, at + portion), at / 16)
      const heardMs = Math.min(samples.length, at + portion) / 16
      // The silent half second before the end of a portion is settled when all of it has been heard.
      await eventually(
        () =>
          log.told.some((told) => 'settledMs' in told && told.settledMs > heardMs - 8_000)
            ? undefined
            : `${heardMs} ms`,
        {
          withinMs: 60_000,
        },
      )
    }
    stream.flush(1)
    await flushed(log, 1)
    await stream.close()
    log.assertOrder(0)
    return log
  }

  const rooms: readonly (readonly [string, () => Int16Array])[] = [
    ['digital silence', () => silence(60_000)],
    ['white noise of -50 dBFS', () => noise(60_000, -50, 1)],
    ['white noise of -40 dBFS', () => noise(60_000, -40, 2)],
    ['white noise of -40 dBFS after silence', () => concat(silence(5_000), noise(30_000, -40, 3), silence(5_000))],
    ['a hum of 50 Hz', () => tone(30_000, 50, 2_000)],
    ['a whistle', () => tone(30_000, 1_000, 1_000)],
    ['a constant, which is silence off its place', () => silence(20_000).fill(8_000)],
    ['a constant that comes and goes', () => silence(20_000).map((_, n) => (Math.floor(n / 40_000) % 2 ? 8_000 : 0))],
    ['silence of a microphone that is clipped', () => silence(10_000).fill(-32_768)],
  ]
  for (const [room, sound] of rooms) {
    test(`[EP5] no word is made up of ${room}`, async () => {
      const log = await hear(sound())
      assert.deepEqual(log.transcript, [])
      assert.ok(log.abandoned.every(({ reason }) => reason === 'no_speech'))
    })
  }

  const distortions: readonly (readonly [string, (sample: number) => number, keptRatio: number])[] = [
    ['a constant added to it', (sample) => sample + 8_000, 0.8],
    ['its peaks cut off', (sample) => 3 * sample, 0.6],
  ]
  for (const [what, distort, keptRatio] of distortions) {
    test(`[EP6] speech with ${what} is heard`, async () => {
      const sentences = [0, 3, 6].map((number) => SENTENCES[number] as string)
      const parts: Int16Array[] = [silence(500)]
      for (const sentence of sentences) parts.push(await synthesise(sentence, 'rms'), silence(800))
      const log = await hear(concat(...parts).map((sample) => Math.max(-32_768, Math.min(32_767, distort(sample)))))
      const heard = log.transcript
        .join(' ')
        .toLowerCase()
        .replace(/[^a-z' ]/g, '')
        .split(' ')
      const said = sentences.join(' ').split(' ')
      const kept = longestCommon(said, heard)
      assert.ok(kept >= said.length * keptRatio, `${kept} of ${said.length}: ${heard.join(' ')}`)
    })
  }

  test('[RC2] a stream that gets no audio at all ends, is flushed and says nothing', async () => {
    const log = new ListenerLog()
    const stream = await open(log)
    stream.push(0, new Int16Array(0))
    stream.flush(1)
    await flushed(log, 1)
    stream.flush(2)
    await flushed(log, 2)
    await stream.close()
    assert.deepEqual(
      log.told.map(({ type }) => type),
      ['flushed', 'flushed'],
    )
    const unused = await open(new ListenerLog())
    await unused.close()
    assert.equal(recogniser.status().slotsUsed, 0)
  })

  test('[PS11] words lie where they were said, in the first utterance as in those after a cut', async () => {
    // Sentences without a pause between them, cut at six seconds, with where each of them begins and ends.
    const parts: Int16Array[] = [silence(700)]
    const spans: { readonly startMs: number; readonly endMs: number; readonly said: readonly string[] }[] = []
    let atMs = 700
    for (const number of [3, 6, 8, 10, 11]) {
      const spoken = await synthesise(SENTENCES[number] as string, 'rms')
      const isSound = (sample: number) => Math.abs(sample) > 300
      const part = spoken.subarray(spoken.findIndex(isSound), spoken.findLastIndex(isSound))
      parts.push(part)
      spans.push({ startMs: atMs, endMs: atMs + part.length / 16, said: (SENTENCES[number] as string).split(' ') })
      atMs += part.length / 16
    }
    const log = await hear(concat(...parts, silence(1_000)), true)
    assert.ok(log.finals.length >= 2)
    const words = log.finals.flatMap((final) => final.words ?? [])
    assert.equal(words.length, log.transcript.join(' ').split(' ').length)
    let lastMs = 0
    let right = 0
    for (const { text, startMs, endMs } of words) {
      assert.ok(startMs >= lastMs && endMs > startMs, `${text} from ${startMs} after ${lastMs}`)
      lastMs = endMs
      const middleMs = (startMs + endMs) / 2
      const span = spans.find((candidate) => middleMs >= candidate.startMs - 100 && middleMs < candidate.endMs + 100)
      if (span?.said.includes(text.toLowerCase().replace(/[.?]$/, ''))) right++
    }
    // Of those that are recognised as what was said, none is where another sentence was.
    assert.ok(right >= 0.8 * words.length, `${right} of ${words.length}`)
    assert.ok(Math.abs((words[0]?.startMs ?? 0) - 700) < 200, `begins at ${words[0]?.startMs}`)
  })

  test('[PS11] words that are right have the higher probabilities', async () => {
    const numbers = [0, 1, 2, 3, 4, 5]
    const parts: Int16Array[] = [silence(300)]
    for (const number of numbers) {
      parts.push(withNoise(await synthesise(SENTENCES[number] as string), 24, number + 1), silence(900))
    }
    const log = await hear(concat(...parts), true)
    const said = new Set(numbers.flatMap((number) => (SENTENCES[number] as string).split(' ')))
    const of = (isRight: boolean) =>
      log.finals
        .flatMap((final) => final.words ?? [])
        .filter(({ text }) => said.has(text.toLowerCase().replace(/[.?]$/, '')) === isRight)
        .map(({ confidence = Number.NaN }) => confidence)
    const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length
    const [right, wrong] = [of(true), of(false)]
    assert.ok(right.length > 10 && wrong.length > 3, `${right.length} right, ${wrong.length} wrong`)
    assert.ok(mean(right) > mean(wrong) + 0.1, `${mean(right)} against ${mean(wrong)}`)
  })

  test('[UT5] a long speech is cut between words: every word once, in order, times joined', async () => {
    // Sentences without a pause between them: their silent ends are taken away.
    const parts: Int16Array[] = [silence(300)]
    for (const number of [3, 6, 8, 10, 11]) {
      const spoken = await synthesise(SENTENCES[number] as string, 'rms')
      const isSound = (sample: number) => Math.abs(sample) > 300
      parts.push(spoken.subarray(spoken.findIndex(isSound), spoken.findLastIndex(isSound)))
    }
    const log = await hear(concat(...parts, silence(1_000)))
    assert.ok(log.finals.length >= 2, `${log.finals.length} finals`)
    const lengths = log.finals.map(({ startMs, endMs }) => endMs - startMs)
    assert.ok(
      lengths.every((length) => length <= maxUtteranceMs),
      `lengths ${lengths}`,
    )
    for (const [at, next] of log.finals.slice(1).entries()) assert.ok(next.startMs >= (log.finals[at]?.endMs ?? 0))
    const heard = log.transcript
      .join(' ')
      .toLowerCase()
      .replace(/[^a-z' ]/g, '')
      .split(' ')
    const said = [3, 6, 8, 10, 11].flatMap((number) => (SENTENCES[number] as string).split(' '))
    assert.ok(
      Math.abs(heard.length - said.length) <= 3,
      `said ${said.length} words, heard ${heard.length}: ${heard.join(' ')}`,
    )
    const isInOrder = longestCommon(said, heard)
    assert.ok(isInOrder >= said.length * 0.85, `${isInOrder} of ${said.length}: ${heard.join(' ')}`)
  })

  test('[UT6] the end of an utterance is the end of its speech, the wait subtracted', async () => {
    const spoken = await synthesise(SENTENCES[0] as string, 'rms')
    const [final] = (await hear(concat(silence(500), spoken, silence(1_500)))).finals
    const last = 500 + spoken.findLastIndex((sample) => Math.abs(sample) > 300) / 16
    assert.ok(final && Math.abs(final.endMs - last) < 150, `speech ended at ${last}, told ${final?.endMs}`)
    assert.ok(final.settledMs >= final.endMs + 300)
  })

  test('[RC9] audio that comes faster than it can be heard breaks the stream, and the slot comes back', async () => {
    const spoken = await synthesise(SENTENCES[0] as string, 'rms')
    const log = new ListenerLog()
    const stream = await open(log)
    say(stream, concat(...Array.from({ length: 16 }, () => spoken)))
    await eventually(() => (log.told.at(-1)?.type === 'failed' ? undefined : 'not failed'))
    await eventually(() => (recogniser.status().slotsUsed === 0 ? undefined : 'the slot is taken'))
    await stream.close()
    assert.equal(log.told.filter(({ type }) => type === 'failed').length, 1)
    assert.equal((await hear(concat(spoken, silence(1_000)))).finals.length, 1)
  })

  test('[PS8] fifty streams one after another leave neither decoders nor memory behind', async () => {
    const spoken = (await synthesise('no problem', 'rms')).subarray(0, 12_000)
    const cycle = async () => {
      const stream = await open(new ListenerLog())
      say(stream, spoken)
      await stream.close()
    }
    for (let at = 0; at < 10; at++) await cycle()
    const before = process.memoryUsage().rss
    for (let at = 0; at < 50; at++) await cycle()
    const grownMegabytes = (process.memoryUsage().rss - before) / MEGABYTE
    assert.ok(grownMegabytes < 40, `grew by ${grownMegabytes.toFixed(1)} MB; a decoder has 100`)
    assert.deepEqual([recogniser.status().slotsUsed, recogniser.status().decodersWarm], [0, 1])
  })
})

function longestCommon(left: readonly string[], right: readonly string[]): number {
  let row = new Array<number>(right.length + 1).fill(0)
  for (const word of left) {
    const next = [0]
    for (let at = 1; at <= right.length; at++) {
      const best = Math.max(row[at] as number, next[at - 1] as number)
      next.push(word === right[at - 1] ? (row[at - 1] as number) + 1 : best)
    }
    row = next
  }
  return row[right.length] as number
}
