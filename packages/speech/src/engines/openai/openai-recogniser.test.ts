import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { concat, SENTENCES, silence, synthesise, VOICES } from '@parley/audio/testing'
import { err, ok, systemClock } from '@parley/kernel'
import { eventually, ManualClock } from '@parley/kernel/testing'
import { OpenAiClient } from '@parley/providers'
import type { FakeEars } from '@parley/providers/fake'
import { ListenerLog } from '../../testing/listener-log.ts'
import { earsProblem, providerSubject } from '../../testing/provider-subject.ts'
import { flushed, recogniserContract, say } from '../../testing/recogniser-contract.ts'
import { createOpenAiRecogniser } from './openai-recogniser.ts'

const problem = await earsProblem()
const fake = await providerSubject({ hasEars: problem === undefined, earsSlots: 9 })
after(() => fake.close())

async function talk(speaker: number, sentences: readonly number[]) {
  const parts: Int16Array[] = []
  for (const number of sentences) {
    parts.push(await synthesise(SENTENCES[number] as string, VOICES[speaker]), silence(1_000))
  }
  return { samples: concat(...parts), sentences: sentences.map((number) => (SENTENCES[number] as string).split(' ')) }
}

recogniserContract('a provider of the OpenAI protocol', {
  ...(problem === undefined ? {} : { skip: problem }),
  async create(clock, slots) {
    return { recogniser: createOpenAiRecogniser({ clock, slots, lease: fake.lease() }), prepare: talk }
  },
})

async function opened(more: Partial<Parameters<typeof createOpenAiRecogniser>[0]> = {}, timeoutMs = 20_000) {
  const subject = await providerSubject({ settings: { timeoutMs }, fake: { backing: { ears: REPEATER } } })
  const recogniser = createOpenAiRecogniser({ clock: systemClock, slots: 2, lease: subject.lease(), ...more })
  await recogniser.start()
  const log = new ListenerLog()
  const stream = await recogniser.openStream({ language: 'en-US', firstIndex: 0 }, log)
  assert.ok(stream.ok)
  const close = async () => {
    await recogniser.close()
    await subject.close()
  }
  return { ...subject, recogniser, log, stream: stream.value, close }
}

/** Hears how long a file is: what matters here is what becomes of the call. */
const REPEATER: FakeEars = {
  languages: ['en'],
  transcribe: async (wav) =>
    ok({ text: ` ${Math.round(wav.length / 3_200)}\n tenths. `, durationMs: 0, utterances: [] }),
  open: async () => err('not here'),
}

test('[OA10] a call that fails is made again: refused, in trouble, cut off or nonsense, no word is lost', async (t) => {
  const { provider, log, stream, close } = await opened()
  t.after(close)
  const { samples } = await talk(1, [0])
  const said = samples.subarray(0, samples.length - 16_000)
  for (const [index, fault] of (['429', '429-silent', '500', 'close', 'nonsense'] as const).entries()) {
    // No guess is made of what is pushed at once and ends at once: the fault meets the final.
    provider.failNext(fault)
    say(stream, said.subarray(0, 12_000), index * 60_000)
    stream.flush(index)
    await flushed(log, index)
    assert.match(log.finals[index]?.text ?? '', /^\d+ tenths\.$/, fault)
  }
  log.assertOrder(0)
  assert.equal(provider.stats().routes.transcription.requests, 10)
})

test('[OA10] one that waits longer than anybody would is given up: the stream says so and the audio can go elsewhere', async (t) => {
  const { provider, log, stream, close, recogniser } = await opened({}, 200)
  t.after(close)
  provider.setFaults({ hang: 1 })
  say(stream, (await talk(1, [0])).samples)
  await eventually(() => (log.told.at(-1)?.type === 'failed' ? undefined : 'it has not failed'))
  assert.match(String((log.told.at(-1) as { message?: string }).message), /not begun to answer/)
  assert.equal(log.finals.length, 0)
  assert.equal(recogniser.status().slotsUsed, 0)
  assert.equal(log.told.filter(({ type }) => type === 'failed').length, 1)
})

test('[OA11] a provider whose key is wrong is refused at once, and not asked again and again', async (t) => {
  const { provider, settings, close } = await opened()
  t.after(close)
  const client = new OpenAiClient({ clock: systemClock, settings: { ...settings, apiKey: 'hunter2' } })
  const recogniser = createOpenAiRecogniser({
    clock: new ManualClock(),
    slots: 1,
    lease: { client, release: () => client.close() },
  })
  await recogniser.start()
  const refused = await recogniser.openStream({ language: 'en', firstIndex: 0 }, new ListenerLog())
  assert.ok(!refused.ok && refused.error.code === 'SPEECH_UNAVAILABLE')
  assert.match(refused.error.message, /401.*apiKey/)
  assert.doesNotMatch(refused.error.message, /hunter/)
  assert.equal(provider.stats().routes.transcription.requests, 0)
  await recogniser.close()
})

test('[UT5] speech without a pause is cut; each part is transcribed once and all of it is', async (t) => {
  const { log, stream, close } = await opened({ endpointing: { endpointMs: 300, maxUtteranceMs: 5_000 } })
  t.after(close)
  const parts = await Promise.all([0, 1, 2, 3].map((at) => synthesise(SENTENCES[at] as string, 'rms')))
  const samples = concat(...parts.map((part) => part.subarray(1_600, part.length - 4_000)))
  say(stream, samples)
  stream.flush(1)
  await flushed(log, 1)
  log.assertOrder(0)
  assert.ok(log.finals.length >= 2, `${log.finals.length} finals`)
  const tenths = log.finals.reduce((sum, { text }) => sum + Number.parseInt(text, 10), 0)
  assert.ok(Math.abs(tenths - samples.length / 1_600) <= 8, `${tenths} tenths of ${samples.length / 1_600}`)
  for (const [at, { startMs }] of log.finals.entries()) {
    assert.ok(startMs >= (log.finals[at - 1]?.settledMs ?? 0) - 1)
  }
})
