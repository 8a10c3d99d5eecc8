// The suite every recogniser passes: what the port promises, whatever is behind it. Real decoders take part in it, so it waits for
// what must come and never for time to pass.
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { eventually, ManualClock } from '@parley/kernel/testing'
import { RECOGNISER_BLOCK_SAMPLES, type Recogniser, type RecognitionStream } from '../recogniser.ts'
import { ListenerLog } from './listener-log.ts'

/** Something to say: each sentence is followed by a second of silence. */
export interface Talk {
  readonly samples: Int16Array
  /** Bare words of each sentence. */
  readonly sentences: readonly (readonly string[])[]
}

export interface RecogniserSubject {
  readonly recogniser: Recogniser
  /** The talk of speaker `speaker` (0..3), which the next stream that is opened is going to hear. */
  prepare(speaker: number, sentences: readonly number[]): Promise<Talk>
}

export interface RecogniserContractOptions {
  /** Slots the subject is to have: at least 4. Its clock stands still unless the suite moves it. */
  readonly create: (clock: ManualClock, slots: number) => Promise<RecogniserSubject>
  /** Reason why the suite cannot run here. */
  readonly skip?: string
}

const SLOTS = 4
const WITHIN = { withinMs: 60_000 }
const msOf = (samples: Int16Array): number => samples.length / 16

export function recogniserContract(name: string, { create, skip }: RecogniserContractOptions): void {
  describe(`${name} keeps the recogniser port`, skip === undefined ? {} : { skip }, () => {
    const clock = new ManualClock()
    let subject: RecogniserSubject
    const recogniser = () => subject.recogniser

    before(async () => {
      subject = await create(clock, SLOTS)
      await recogniser().start()
    })
    after(() => recogniser().close())

    async function open(
      log: ListenerLog,
      firstIndex = 0,
      adaptation?: NonNullable<ListenerLog['finals'][0]['adaptation']>,
    ) {
      const opened = await recogniser().openStream(
        { language: 'en-US', firstIndex, ...(adaptation ? { adaptation } : {}) },
        log,
      )
      if (!opened.ok) throw new Error(`${opened.error.code}: ${opened.error.message}`)
      return opened.value
    }

    /** One talk on a stream of its own, to the end. */
    async function hear(speaker: number, sentences: readonly number[], by = subject): Promise<ListenerLog> {
      const talk = await by.prepare(speaker, sentences)
      const log = new ListenerLog()
      const opened = await by.recogniser.openStream({ language: 'en-US', firstIndex: 0 }, log)
      if (!opened.ok) throw new Error(opened.error.message)
      say(opened.value, talk.samples)
      opened.value.flush(1)
      await flushed(log, 1)
      await opened.value.close()
      return log
    }

    test('[RC1] a started recogniser is ready, names its languages and has slots', () => {
      const { ready, languages, slots, slotsUsed, problem } = recogniser().status()
      assert.deepEqual(
        { ready, slots, slotsUsed, problem },
        { ready: true, slots: SLOTS, slotsUsed: 0, problem: undefined },
      )
      assert.ok(languages.includes('en-US'))
    })

    test('[UT1] every utterance has one final after its partials; indices rise by one from the first asked for', async () => {
      const talk = await subject.prepare(1, [0, 1, 2])
      const log = new ListenerLog()
      const stream = await open(log, 7)
      say(stream, talk.samples)
      await eventually(() => (log.finals.length < 3 ? `${log.finals.length} finals` : undefined), WITHIN)
      await stream.close()
      log.assertOrder(7)
      assert.deepEqual(
        log.finals.map(({ index }) => index),
        [7, 8, 9],
      )
      assert.ok(log.partials.length > 3)
      for (const [at, { text }] of log.finals.entries()) {
        assertHeard(text, talk.sentences[at] ?? [])
        assert.match(text, /^[A-Z].*[.?]$/)
      }
    })

    test('[UT2] [UT6] without an end of speech there is no final; a flush ends it and is answered after it', async () => {
      const talk = await subject.prepare(1, [0])
      const cut = talk.samples.subarray(0, talk.samples.length - 16_000 - 16_000)
      const log = new ListenerLog()
      const stream = await open(log)
      say(stream, cut)
      await eventually(() => (log.partials.length === 0 ? 'no partial' : undefined), WITHIN)
      stream.flush(5)
      stream.flush(6)
      await flushed(log, 6)
      await stream.close()
      const order = log.told.map(({ type }) => type).filter((type) => type === 'final' || type === 'flushed')
      assert.deepEqual(order, ['final', 'flushed', 'flushed'])
      assert.deepEqual(
        log.flushes.map(({ flushId }) => flushId),
        [5, 6],
      )
      assert.ok(Math.abs((log.flushes[0]?.settledMs ?? 0) - msOf(cut)) < 1)
    })

    test('[UT6] a gap in media time ends the open utterance', async () => {
      const talk = await subject.prepare(1, [0])
      const beforeGap = talk.samples.subarray(0, talk.samples.length - 32_000)
      const log = new ListenerLog()
      const stream = await open(log)
      say(stream, beforeGap)
      say(stream, new Int16Array(16_000), msOf(beforeGap) + 60_000)
      await eventually(() => (log.finals.length === 0 ? 'no final' : undefined), WITHIN)
      await stream.close()
      log.assertOrder(0)
    })

    test('[UT6] half a second of wall time without audio ends the open utterance', async () => {
      const talk = await subject.prepare(1, [0])
      const log = new ListenerLog()
      const stream = await open(log)
      say(stream, talk.samples.subarray(0, talk.samples.length - 32_000))
      await eventually(() => (log.partials.length === 0 ? 'no partial' : undefined), WITHIN)
      clock.advance(450)
      assert.equal(log.finals.length, 0)
      clock.advance(200)
      await eventually(() => (log.finals.length === 0 ? 'no final' : undefined), WITHIN)
      await stream.close()
    })

    test('[UT6] held, no lull of wall time ends the open utterance; let go, it ends and nothing is lost', async () => {
      const talk = await subject.prepare(1, [0])
      const said = talk.samples.subarray(0, talk.samples.length - 32_000)
      const half = said.length >> 1
      const undisturbed = new ListenerLog()
      const reference = await open(undisturbed)
      say(reference, said)
      reference.flush(1)
      await flushed(undisturbed, 1)
      await reference.close()
      await subject.prepare(1, [0])
      const log = new ListenerLog()
      const stream = await open(log)
      say(stream, said.subarray(0, half))
      await eventually(() => (log.partials.length === 0 ? 'no partial' : undefined), WITHIN)
      stream.hold(true)
      clock.advance(6_000)
      say(stream, said.subarray(half), msOf(said.subarray(0, half)))
      clock.advance(6_000)
      assert.equal(log.finals.length, 0)
      stream.hold(false)
      clock.advance(600)
      await eventually(() => (log.finals.length === 0 ? 'no final' : undefined), WITHIN)
      await stream.close()
      assert.equal(log.finals[0]?.text, undisturbed.finals[0]?.text)
    })

    test('[RC2] silence is settled from time to time, and nothing else is said about it', async () => {
      await subject.prepare(1, [])
      const log = new ListenerLog()
      const stream = await open(log)
      say(stream, new Int16Array(48_000))
      stream.flush(1)
      await flushed(log, 1)
      await stream.close()
      const settled = log.told.filter(({ type }) => type === 'settled')
      assert.ok(settled.length >= 2 && settled.length <= 9, `${settled.length} times in 3 s`)
      assert.equal(log.finals.length + log.partials.length + log.abandoned.length, 0)
    })

    test('[RC3] audio sent again is not heard again', async () => {
      const once = await hear(1, [0, 1])
      const talk = await subject.prepare(1, [0, 1])
      const log = new ListenerLog()
      const stream = await open(log)
      const half = Math.floor(talk.samples.length / 640) * 320
      say(stream, talk.samples.subarray(0, half))
      say(stream, talk.samples.subarray(0, half))
      say(stream, talk.samples.subarray(half - 3_200), msOf(talk.samples.subarray(0, half - 3_200)))
      stream.flush(1)
      await flushed(log, 1)
      await stream.close()
      assert.deepEqual(log.transcript, once.transcript)
    })

    test('[RC4] pushes of any length are the same audio', async () => {
      const once = await hear(1, [0, 1])
      const talk = await subject.prepare(1, [0, 1])
      const log = new ListenerLog()
      const stream = await open(log)
      const sizes = [1, 159, 480, 960, 777]
      for (let at = 0, turn = 0; at < talk.samples.length; turn++) {
        const size = sizes[turn % sizes.length] as number
        stream.push(at / 16, talk.samples.subarray(at, at + size))
        at += size
      }
      stream.flush(1)
      await flushed(log, 1)
      await stream.close()
      assert.deepEqual(log.transcript, once.transcript)
    })

    test('[RC5] nothing is reported after close, which gives the slot back', async () => {
      const talk = await subject.prepare(1, [0])
      const log = new ListenerLog()
      const stream = await open(log)
      say(stream, talk.samples)
      await eventually(() => (log.partials.length === 0 ? 'no partial' : undefined), WITHIN)
      const closing = stream.close()
      const told = log.told.length
      await Promise.all([closing, stream.close()])
      assert.equal(recogniser().status().slotsUsed, 0)
      stream.push(0, talk.samples)
      stream.flush(1)
      clock.advance(1_000)
      await hear(2, [1])
      assert.equal(log.told.length, told)
    })

    test('[RC6] beyond its slots it refuses at once with advice, and takes the next when one is free', async () => {
      const streams: RecognitionStream[] = []
      for (let at = 0; at < SLOTS; at++) {
        await subject.prepare(0, [])
        streams.push(await open(new ListenerLog()))
      }
      assert.equal(recogniser().status().slotsUsed, SLOTS)
      const refused = await recogniser().openStream({ language: 'en-US', firstIndex: 0 }, new ListenerLog())
      assert.ok(!refused.ok && refused.error.code === 'NO_SLOT' && (refused.error.retryAfterMs ?? 0) > 0)
      await streams.pop()?.close()
      await subject.prepare(0, [])
      streams.push(await open(new ListenerLog()))
      await Promise.all(streams.map((stream) => stream.close()))
      assert.equal(recogniser().status().slotsUsed, 0)
    })

    test('[RC7] a language it does not know is refused, naming those it does', async () => {
      const refused = await recogniser().openStream({ language: 'fr-FR', firstIndex: 0 }, new ListenerLog())
      assert.ok(!refused.ok && refused.error.code === 'LANGUAGE_UNSUPPORTED')
      assert.match(refused.error.message, /fr-FR.*en-US/)
      assert.equal(recogniser().status().slotsUsed, 0)
    })

    test('[RC10] four speakers at once: each hears what it hears alone, and no word of another', async () => {
      const alone: ReturnType<typeof outcomes>[] = []
      for (let speaker = 0; speaker < 4; speaker++) alone.push(outcomes(await hear(speaker, [speaker])))
      const together = await Promise.all(
        [0, 1, 2, 3]
          .map(async (speaker) => ({ speaker, talk: await subject.prepare(speaker, [speaker]) }))
          .map(async (preparing) => {
            const { talk } = await preparing
            const log = new ListenerLog()
            return { talk, log, stream: await open(log) }
          }),
      )
      // In turns of 100 ms, as four clients would send.
      const longest = Math.max(...together.map(({ talk }) => talk.samples.length))
      for (let at = 0; at < longest; at += 1_600) {
        for (const { talk, stream } of together) {
          if (at < talk.samples.length) stream.push(at / 16, talk.samples.subarray(at, at + 1_600))
        }
      }
      for (const { stream } of together) stream.flush(1)
      for (const { log } of together) await flushed(log, 1)
      await Promise.all(together.map(({ stream }) => stream.close()))
      assert.deepEqual(
        together.map(({ log }) => outcomes(log)),
        alone,
      )
    })

    test('[RC10] a stream knows nothing of the speakers before it', async () => {
      // One slot, so that all of them have what there is of a decoder.
      const only = await create(new ManualClock(), 1)
      await only.recogniser.start()
      const fresh = outcomes(await hear(0, [3, 4], only))
      for (const speaker of [1, 3]) await hear(speaker, [speaker], only)
      assert.deepEqual(outcomes(await hear(0, [3, 4], only)), fresh)
      await only.recogniser.close()
    })

    test('[RC11] a stream that wants words gets one for each of the text, or none at all; others get none', async () => {
      const talk = await subject.prepare(1, [0, 1])
      const options = { language: 'en-US', firstIndex: 0 }
      const log = new ListenerLog()
      const opened = await recogniser().openStream({ ...options, wantsWords: true }, log)
      if (!opened.ok) throw new Error(opened.error.message)
      say(opened.value, talk.samples)
      opened.value.flush(1)
      await flushed(log, 1)
      await opened.value.close()
      assert.equal(log.finals.length, 2)
      let lastMs = 0
      for (const { text, words } of log.finals) {
        if (!words) continue
        assert.equal(words.map((word) => word.text).join(' '), text)
        for (const { startMs, endMs, confidence = 1 } of words) {
          assert.ok(startMs >= lastMs && endMs > startMs && endMs <= msOf(talk.samples), `${startMs} to ${endMs}`)
          assert.ok(confidence >= 0 && confidence <= 1)
          lastMs = endMs
        }
      }
      assert.ok((await hear(1, [0])).finals.every(({ words }) => words === undefined))
    })

    test('[UT7] a stream that goes on elsewhere from a final with its state says the same as one that was not disturbed', async () => {
      const undisturbed = await hear(2, [0, 1, 2])
      assert.equal(undisturbed.finals.length, 3)
      for (const handover of undisturbed.finals.slice(0, 2)) {
        const talk = await subject.prepare(2, [0, 1, 2])
        const log = new ListenerLog()
        const stream = await open(log, handover.index + 1, handover.adaptation)
        say(stream, talk.samples.subarray(handover.settledMs * 16), handover.settledMs)
        stream.flush(1)
        await flushed(log, 1)
        await stream.close()
        assert.deepEqual(
          outcomes(log),
          outcomes(undisturbed).filter(({ index }) => index > handover.index),
        )
      }
    })

    test('[RC8] a closed recogniser refuses and has nothing left running', async () => {
      const lastClock = new ManualClock()
      const last = await create(lastClock, 1)
      await last.recogniser.start()
      await last.prepare(0, [])
      const opened = await last.recogniser.openStream({ language: 'en-US', firstIndex: 0 }, new ListenerLog())
      assert.ok(opened.ok)
      await Promise.all([last.recogniser.close(), last.recogniser.close()])
      assert.equal(lastClock.pendingTimers, 0)
      const refused = await last.recogniser.openStream({ language: 'en-US', firstIndex: 0 }, new ListenerLog())
      assert.ok(!refused.ok && refused.error.code === 'SPEECH_UNAVAILABLE')
    })
  })
}

/** All that must not depend on who was heard before or beside; the state shows differences too small to change a word. */
function outcomes(log: ListenerLog) {
  return log.finals.map(({ index, text, startMs, endMs, adaptation }) => ({ index, text, startMs, endMs, adaptation }))
}

/** Pushes all of it in blocks of 20 ms. */
export function say(stream: RecognitionStream, samples: Int16Array, fromMs = 0): void {
  for (let at = 0; at < samples.length; at += RECOGNISER_BLOCK_SAMPLES) {
    stream.push(fromMs + at / 16, samples.subarray(at, at + RECOGNISER_BLOCK_SAMPLES))
  }
}

export function flushed(log: ListenerLog, flushId: number): Promise<void> {
  return eventually(() => (log.isFlushed(flushId) ? undefined : `flush ${flushId} is not answered`), WITHIN)
}

/** Most words must be there: a recogniser may err, but not speak of something else. */
function assertHeard(text: string, words: readonly string[]): void {
  const heard = new Set(
    text
      .toLowerCase()
      .replace(/[^a-z' ]/g, '')
      .split(' '),
  )
  const known = words.filter((word) => heard.has(word))
  assert.ok(known.length >= words.length * 0.6, `heard "${text}", said "${words.join(' ')}"`)
}
