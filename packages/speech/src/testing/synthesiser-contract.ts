// The suite every synthesiser passes: what the port promises, whatever is behind it. Real threads and processes take part in it, so it
// waits for what must come and never for time to pass.
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { eventually, ManualClock } from '@parley/kernel/testing'
import {
  MAX_SPEAK_TEXT_BYTES,
  MAX_SPEECH_CHUNK_MS,
  type SpeakRequest,
  type Speech,
  SynthesisError,
  type Synthesiser,
} from '../synthesiser.ts'

export interface SynthesiserSubject {
  readonly synthesiser: Synthesiser
  /** Breaks, from outside, whatever is making `requestId` at this moment. */
  breakDown(requestId: string): void
  /** Pieces that were begun so far, where texts are made in pieces. */
  piecesBegun?(): number
}

export interface SynthesiserContractOptions {
  /** A subject with `slots` slots. Its clock stands still unless the suite moves it. */
  readonly create: (clock: ManualClock, slots: number) => Promise<SynthesiserSubject>
  /** Two voices that sound different, and a language that there is no voice for. */
  readonly voices: readonly [string, string]
  readonly unknownLanguage: string
  /** Sentences that differ, at least nine; several seconds each. */
  readonly sentences: readonly string[]
  /** Reason why the suite cannot run here. */
  readonly skip?: string
}

const SLOTS = 9
const TURNS_BEFORE_CANCEL = 3

export function synthesiserContract(name: string, options: SynthesiserContractOptions): void {
  const { create, voices, unknownLanguage, sentences, skip } = options
  const [voice, otherVoice] = voices
  const sentence = (at: number) => sentences[at % sentences.length] as string

  describe(`${name} keeps the synthesiser port`, skip === undefined ? {} : { skip }, () => {
    const clock = new ManualClock()
    let subject: SynthesiserSubject
    const synthesiser = () => subject.synthesiser
    const slotsUsed = () => synthesiser().status().slotsUsed

    before(async () => {
      subject = await create(clock, SLOTS)
      await synthesiser().start()
    })
    after(() => synthesiser().close())

    function speak(text: string, more: Partial<SpeakRequest> = {}): Speech {
      const asked = synthesiser().speak({ requestId: 'r', text, voice, ...more })
      if (!asked.ok) throw new Error(`${asked.error.code}: ${asked.error.message}`)
      return asked.value
    }
    const said = async (text: string, more: Partial<SpeakRequest> = {}) => allOf(speak(text, more))
    const refusal = (request: Partial<SpeakRequest>) => {
      const asked = synthesiser().speak({ requestId: 'r', text: 'no', ...request })
      assert.ok(!asked.ok, 'it was not refused')
      return asked.error
    }

    test('[SY1] a started synthesiser is ready, names voices and languages and has slots', () => {
      const status = synthesiser().status()
      const { ready, slots, slotsUsed: used, problem } = status
      assert.deepEqual({ ready, slots, used, problem }, { ready: true, slots: SLOTS, used: 0, problem: undefined })
      for (const known of voices) assert.ok(status.voices.some((each) => each.name === known))
      assert.equal(new Set(status.voices.map((each) => each.name)).size, status.voices.length)
      for (const each of status.voices) assert.ok(status.languages.includes(each.language), each.name)
    })

    test('[SY2] a speech is chunks of some audio each and ends once; its slot is free then', async () => {
      const speech = speak(`${sentence(0)} ${sentence(1)}`)
      assert.equal(slotsUsed(), 1)
      const status = synthesiser().status()
      assert.deepEqual(
        status.voices.find((each) => each.name === voice),
        speech.voice,
      )
      const longest = (speech.sampleRateHz * MAX_SPEECH_CHUNK_MS) / 1000
      let samples = 0
      for (let chunk = await speech.next(); chunk; chunk = await speech.next()) {
        assert.ok(chunk.length >= 1 && chunk.length <= longest, `${chunk.length} samples`)
        samples += chunk.length
        // The caller's to keep, and to spoil.
        chunk.fill(0)
      }
      assert.ok(samples > speech.sampleRateHz, `${samples} samples`)
      assert.equal(slotsUsed(), 0)
      assert.equal(await speech.next(), undefined)
      assert.equal(await speech.next(), undefined)
    })

    test('[SY2] one call at a time', async () => {
      const speech = speak(sentence(0))
      const first = speech.next()
      const second = speech.next()
      const outcomes = await Promise.allSettled([first, second])
      assert.equal(outcomes[0]?.status, 'fulfilled')
      speech.cancel()
    })

    test('[SY3] the same text gives the same samples; another text, voice or rate others', async () => {
      const once = await said(sentence(0))
      assert.deepEqual(await said(sentence(0)), once)
      assert.notDeepEqual(await said(sentence(1)), once)
      assert.notDeepEqual(await said(sentence(0), { voice: otherVoice }), once)
      const quick = await said(sentence(0), { rateRatio: 2 })
      const slow = await said(sentence(0), { rateRatio: 0.5 })
      assert.ok(quick.length < once.length * 0.75 && slow.length > once.length * 1.4)
    })

    test('[SY4] nothing is made before it is asked for, and then one piece ahead of what is heard', async (t) => {
      if (!subject.piecesBegun) return t.skip('made whole')
      const before = subject.piecesBegun()
      const begun = () => (subject.piecesBegun?.() ?? 0) - before
      const speech = speak(sentences.join(' '))
      await settle()
      assert.equal(begun(), 0)
      await speech.next()
      const bystander = await said(sentence(0))
      assert.ok(bystander.length > 0)
      // The bystander took two or so; the speech that nobody listens to has its first piece and the one ahead.
      assert.ok(begun() <= 2 + 3, `${begun()} pieces`)
      speech.cancel()
    })

    test('[SY5] cancelled, a waiting next resolves with nothing, at once; no audio comes after it; the slot is free', async () => {
      const waiting = speak(sentence(0))
      const pending = waiting.next()
      waiting.cancel()
      assert.equal(slotsUsed(), 0)
      assert.equal(await pending, undefined)
      assert.equal(await waiting.next(), undefined)
      waiting.cancel()
      const heard = speak(sentences.join(' '))
      for (let turn = 0; turn < TURNS_BEFORE_CANCEL; turn++) assert.ok(await heard.next())
      heard.cancel()
      assert.equal(slotsUsed(), 0)
      assert.equal(await heard.next(), undefined)
      const over = speak(sentence(0))
      await allOf(over)
      over.cancel()
      assert.equal(slotsUsed(), 0)
      assert.deepEqual(await said(sentence(2)), await said(sentence(2)))
    })

    test('[SY6] beyond its slots it refuses at once with advice, and takes the next when one is free', async () => {
      const speeches = Array.from({ length: SLOTS }, () => speak(sentence(0)))
      assert.equal(slotsUsed(), SLOTS)
      const refused = refusal({ voice })
      assert.ok(refused.code === 'NO_SLOT' && (refused.retryAfterMs ?? 0) > 0)
      speeches.pop()?.cancel()
      speeches.push(speak(sentence(0)))
      for (const speech of speeches) speech.cancel()
      assert.equal(slotsUsed(), 0)
    })

    test('[SY7] an unknown voice, an unknown language, a text too long and a rate out of range are refused in words', () => {
      const noVoice = refusal({ voice: 'nobody' })
      assert.equal(noVoice.code, 'VOICE_UNKNOWN')
      assert.ok(noVoice.message.includes('"nobody"') && noVoice.allowed?.includes(voice))
      const noLanguage = refusal({ language: unknownLanguage })
      assert.equal(noLanguage.code, 'LANGUAGE_UNSUPPORTED')
      assert.ok(noLanguage.message.includes(`"${unknownLanguage}"`) && (noLanguage.allowed?.length ?? 0) > 0)
      assert.equal(refusal({ voice, language: unknownLanguage }).code, 'LANGUAGE_UNSUPPORTED')
      assert.equal(refusal({ language: 'not a tag!' }).code, 'LANGUAGE_UNSUPPORTED')
      const tooLong = refusal({ voice, text: '\u00e9'.repeat(MAX_SPEAK_TEXT_BYTES / 2 + 1) })
      assert.ok(tooLong.code === 'TEXT_INVALID' && tooLong.field === 'text')
      assert.match(tooLong.message, new RegExp(String(MAX_SPEAK_TEXT_BYTES)))
      for (const rateRatio of [0.49, 2.01, 0, -1, Number.NaN, Number.POSITIVE_INFINITY]) {
        const noRate = refusal({ voice, rateRatio })
        assert.ok(noRate.code === 'TEXT_INVALID' && noRate.field === 'rateRatio' && noRate.message.includes('0.5 to 2'))
      }
      assert.equal(slotsUsed(), 0)
    })

    test('[SY8] a text with nothing to say is a speech of no samples', async () => {
      for (const text of ['', ' ', '\n\t \u2029', '...', '?!', '\u2014 \u2026', '\0\x07\x1b', '\ud800', '\u200b']) {
        assert.equal((await said(text)).length, 0, JSON.stringify(text))
      }
      assert.equal(slotsUsed(), 0)
    })

    test('[SY8] control characters count as spaces', async () => {
      const plain = await said('one two three four')
      assert.deepEqual(await said('one two\0three\x1bfour'), plain)
      assert.deepEqual(await said('one two\nthree\tfour'), plain)
      assert.deepEqual(await said('one two\ud800three\udc00four'), plain)
    })

    test('[SY9] whatever is in a text is read as text', async () => {
      const word = await said('hello')
      const texts = [
        '<speak>hello</speak>',
        '<prosody rate="x-slow">hello</prosody> <break time="9s"/>',
        '-f /etc/passwd hello',
        '--version hello',
        '[[h@l\u0259U]] hello',
        '$(sleep 9) `sleep 9` ; sleep 9 | hello \\n %s %n',
        '\u{1f600}\u{1f469}\u200d\u{1f469}\u200d\u{1f467} hello',
        '\u05e9\u05dc\u05d5\u05dd hello \u0645\u0631\u062d\u0628\u0627',
        '\u202ehello\u202c',
        'h\u0335\u0321\u030d\u0330e\u0336\u0322l\u0337\u0321lo',
        '&lt;hello&gt; &#x68;',
      ]
      for (const text of texts) {
        const samples = await said(text)
        assert.ok(samples.length > 0 && samples.length < 40 * word.length, `${text}: ${samples.length} samples`)
      }
      assert.deepEqual(await said('hello'), word)
    })

    test('[SY9] markup adds to what is said', async () => {
      const word = await said('hello')
      assert.ok((await said('<emphasis>hello</emphasis>')).length > word.length)
    })

    test('[SY10] a hundred thousand characters without an end of sentence begin at once and can be left', async () => {
      const long = 'word '.repeat(20_000)
      for (const text of [long, 'x'.repeat(100_000), '\u{1f600}\u{1f680}'.repeat(10_000), '7'.repeat(100_000)]) {
        const speech = speak(text)
        const first = await speech.next()
        for (let turn = 0; first && turn < TURNS_BEFORE_CANCEL; turn++) await speech.next()
        speech.cancel()
      }
      const begun = await firstSamples(speak(long), 40_000)
      assert.deepEqual(await firstSamples(speak(long), 40_000), begun)
      assert.equal(slotsUsed(), 0)
    })

    test('[SY11] speeches side by side are each what they are alone', async () => {
      const texts = Array.from({ length: SLOTS }, (_, at) => `${sentence(at)} ${sentence(at + 1)}`)
      const voiceOf = (at: number) => voices[at % 2] as string
      const alone: Int16Array[] = []
      for (const [at, text] of texts.entries()) alone.push(await said(text, { voice: voiceOf(at) }))
      const together = await Promise.all(texts.map((text, at) => said(text, { voice: voiceOf(at) })))
      assert.deepEqual(together, alone)
      // Again, while others come and go.
      const left = texts.slice(0, 4).map((text) => speak(text, { voice: otherVoice }))
      const leaving = left.map(async (speech) => {
        await speech.next()
        speech.cancel()
      })
      const [again] = await Promise.all([said(texts[0] as string, { voice: voiceOf(0) }), ...leaving])
      assert.deepEqual(again, alone[0])
    })

    test('[SY12] broken under way, a speech is told so; the next one is not', async () => {
      const whole = await said(sentence(1))
      const speech = speak(sentences.join(' '), { requestId: 'broken' })
      assert.ok(await speech.next())
      // What was made before still comes; then the break is told.
      const outcome = listenAndBreak(speech, () => subject.breakDown('broken'))
      await assert.rejects(outcome, SynthesisError)
      assert.equal(slotsUsed(), 0)
      assert.equal(await speech.next(), undefined)
      assert.deepEqual(await said(sentence(1)), whole)
    })

    test('[SY13] a thousand speeches opened and left leave nothing behind', async () => {
      for (let turn = 0; turn < 1_000; turn++) {
        const speech = speak(sentence(turn))
        if (turn % 100 === 0) await speech.next()
        speech.cancel()
      }
      assert.equal(slotsUsed(), 0)
      await said(sentence(0))
      // A maker may still be at the piece that was under way when its speech was left.
      await eventually(() => (clock.pendingTimers > 0 ? `${clock.pendingTimers} timers are left` : undefined))
    })

    test('[SY14] closed, it ends what is said, refuses what comes and has nothing left running', async () => {
      const lastClock = new ManualClock()
      const last = await create(lastClock, 2)
      await last.synthesiser.start()
      const asked = last.synthesiser.speak({ requestId: 'r', text: sentences.join(' '), voice })
      assert.ok(asked.ok)
      const pending = asked.value.next()
      await Promise.all([last.synthesiser.close(), last.synthesiser.close()])
      assert.equal(await pending, undefined)
      assert.equal(await asked.value.next(), undefined)
      assert.equal(lastClock.pendingTimers, 0)
      const refused = last.synthesiser.speak({ requestId: 'r', text: 'no', voice })
      assert.ok(!refused.ok && refused.error.code === 'SPEECH_UNAVAILABLE')
      assert.equal(last.synthesiser.status().ready, false)
      await last.synthesiser.start()
      assert.equal(last.synthesiser.status().ready, false)
    })
  })
}

/** All the audio of a speech. */
export async function allOf(speech: Speech): Promise<Int16Array> {
  return firstSamples(speech, Number.POSITIVE_INFINITY)
}

/** Audio of a speech until there are `count` samples of it; then it is cancelled. */
async function firstSamples(speech: Speech, count: number): Promise<Int16Array> {
  const chunks: Int16Array[] = []
  let length = 0
  for (let chunk = await speech.next(); chunk; chunk = await speech.next()) {
    chunks.push(chunk)
    length += chunk.length
    if (length >= count) speech.cancel()
  }
  const samples = new Int16Array(length)
  let at = 0
  for (const chunk of chunks) {
    samples.set(chunk, at)
    at += chunk.length
  }
  return samples
}

/** Listens to the end and breaks, whenever it waits for audio, whatever makes it. */
async function listenAndBreak(speech: Speech, breakIt: () => void): Promise<void> {
  for (;;) {
    const pending = speech.next()
    breakIt()
    if ((await pending) === undefined) return
  }
}

/** Lets everything happen that is not waiting for a thread or a process. */
async function settle(): Promise<void> {
  for (let turn = 0; turn < 5; turn++) await Promise.resolve()
}
