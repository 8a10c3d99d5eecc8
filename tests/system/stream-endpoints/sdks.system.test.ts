// The official clients of Deepgram and OpenAI, unchanged, on a pod and on a worker of the platform as it is shipped: real speech, real engines,
// real sockets.
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { type Deepgram, DeepgramClient } from '@deepgram/sdk'
import { decodeG711, parseWav, pcm16FromBytes, pcm16ToBytes } from '@parley/audio'
import { concat, silence } from '@parley/audio/testing'
import { eventually } from '@parley/kernel/testing'
import { loadPocketSphinx, POCKETSPHINX_INSTALL_COMMAND } from '@parley/speech'
import OpenAI, { APIError, toFile } from 'openai'
import { wordErrors, words } from '../../../benchmarks/lib/stats.ts'
import { freePorts } from '../../lib/nginx.ts'
import { type Platform, startPlatform } from '../../lib/platform.ts'
import { type Recording, record } from '../../lib/speaker.ts'
import { floatWavOf, mulawOf, oggOpusOf, opusPacketsOf, resampled, wavOf } from '../../lib/speech-files.ts'

const engine = await loadPocketSphinx({})
const skip = engine.ok ? false : `PocketSphinx is not installed: ${POCKETSPHINX_INSTALL_COMMAND}`
const SENTENCES = [
  'hello and welcome to this short test',
  'every word you hear is written on the screen',
  'this is the end of the sample',
]
const SAID = SENTENCES.join(' ')

type Message = { readonly type: string }
type Results = Deepgram.listen.ListenV1Results

let platform: Platform
let workerUrl = ''
let recording: Recording

before(async () => {
  if (skip) return
  const [port = 0] = await freePorts(1)
  workerUrl = `http://127.0.0.1:${port}`
  platform = await startPlatform([
    ...['--workers', '1', '--set', `worker.port=${port}`, '--set', 'speech.slotsPerWorker=4'],
    ...['--set', 'worker.roles=recognise,synthesise'],
  ])
  recording = await record('slt', SENTENCES, 1_000)
})
after(async () => {
  if (skip) return
  assert.equal((await platform.stop()).code, 0)
})

function assertHeard(heard: string, errorRatio = 0.2): void {
  const expected = words(SAID)
  const errors = wordErrors(expected, words(heard))
  assert.ok(errors <= expected.length * errorRatio, `${errors} errors in ${expected.length} words: ${heard}`)
}

/** Words that follow each other within the recording, each with a probability. */
function assertTimed(
  timed: readonly { readonly start?: number; readonly end?: number; readonly confidence?: number | undefined }[],
  endS: number,
): void {
  let last = 0
  for (const { start = -1, end = -1, confidence } of timed) {
    assert.ok(start >= last && end > start && end <= endS, `${start} to ${end} after ${last}`)
    if (confidence !== undefined) assert.ok(confidence > 0 && confidence <= 1, String(confidence))
    last = end
  }
}

function deepgram(url: string, apiKey = platform.apiKey): DeepgramClient {
  const ws = url.replace('http', 'ws')
  return new DeepgramClient({ apiKey, environment: { base: url, production: ws, agent: ws, agentRest: url } })
}

interface Heard {
  readonly messages: Message[]
  readonly closeCode: number
  results(): Results[]
  finals(): Results[]
}

/** Sends `pieces`, with what `between` does before the end, and collects the answers until the server closes. */
async function listen(
  url: string,
  args: Omit<Parameters<DeepgramClient['listen']['v1']['connect']>[0], 'model'>,
  pieces: readonly Uint8Array[],
  between?: (
    socket: Awaited<ReturnType<DeepgramClient['listen']['v1']['connect']>>,
    messages: Message[],
  ) => Promise<void>,
): Promise<Heard> {
  const socket = await deepgram(url).listen.v1.connect({ model: 'nova-3', reconnectAttempts: 0, ...args })
  const messages: Message[] = []
  let closeCode: number | undefined
  let failure: Error | undefined
  socket.on('message', (message) => messages.push(message as Message))
  socket.on('error', (error) => {
    failure = error
  })
  socket.on('close', ({ code }) => {
    closeCode ??= code
  })
  socket.connect()
  await socket.waitForOpen()
  for (const piece of pieces) socket.sendMedia(piece)
  await between?.(socket, messages)
  socket.sendCloseStream({ type: 'CloseStream' })
  await eventually(() => (closeCode === undefined ? `open: ${JSON.stringify(messages.at(-1))}` : undefined), {
    withinMs: 60_000,
  })
  socket.close()
  assert.equal(failure, undefined)
  const results = () => messages.filter((message): message is Results => message.type === 'Results')
  return {
    messages,
    closeCode: closeCode as number,
    results,
    finals: () => results().filter((result) => result.is_final),
  }
}

function pieces(bytes: Uint8Array, size: number): Uint8Array[] {
  return Array.from({ length: Math.ceil(bytes.length / size) }, (_, at) => bytes.slice(at * size, (at + 1) * size))
}
const transcriptOf = (results: readonly Results[]) =>
  results.map(({ channel }) => channel.alternatives[0]?.transcript).join(' ')

for (const [where, urlOf] of [
  ['a pod', () => platform.url],
  ['a worker', () => workerUrl],
] as const) {
  describe(`the Deepgram client on ${where}`, { skip }, () => {
    test('hears interim results, finals with timed words, starts and ends, and the summary', async () => {
      const { samples, sentences } = recording
      const audio = pcm16ToBytes(concat(samples, silence(1_500)))
      const heard = await listen(
        urlOf(),
        {
          encoding: 'linear16',
          sample_rate: 16_000,
          channels: 1,
          interim_results: 'true',
          punctuate: 'true',
          smart_format: 'true',
          endpointing: 300,
          utterance_end_ms: 1_000,
          vad_events: 'true',
        },
        pieces(audio, 3_200),
        async (socket) => socket.sendKeepAlive({ type: 'KeepAlive' }),
      )
      const finals = heard.finals()
      assert.equal(heard.closeCode, 1_000)
      assertHeard(transcriptOf(finals))
      assert.match(finals[0]?.channel.alternatives[0]?.transcript ?? '', /^[A-Z].*\.$/)
      assert.ok(heard.results().some((result) => !result.is_final))
      assert.ok(finals.every(({ speech_final }) => speech_final))
      const timed = finals.flatMap(({ channel }) => channel.alternatives[0]?.words ?? [])
      assert.equal(timed.length, words(transcriptOf(finals)).length)
      assertTimed(timed, audio.length / 32_000)
      // Where the words are is where they were said.
      const [first] = sentences
      assert.ok(Math.abs((timed[0]?.start ?? 0) - (first?.startMs ?? 0) / 1000) < 0.2, JSON.stringify(timed[0]))
      assert.equal(timed[0]?.punctuated_word, timed[0] && timed[0].word[0]?.toUpperCase() + timed[0].word.slice(1))
      const types = heard.messages.map(({ type }) => type)
      assert.equal(types.filter((type) => type === 'SpeechStarted').length, finals.length)
      assert.ok(types.includes('UtteranceEnd'))
      const summary = heard.messages.at(-1) as Deepgram.listen.ListenV1Metadata
      assert.equal(summary.type, 'Metadata')
      assert.equal(summary.duration, audio.length / 32_000)
      assert.match(summary.sha256, /^[0-9a-f]{64}$/)
    })

    // How audio is read does not depend on where: once is enough.
    test('sends telephone audio, Opus packets and Opus in Ogg', { skip: where !== 'a pod' }, async () => {
      const { samples } = recording
      const telephone = mulawOf(await resampled(samples, 8_000))
      assert.ok(decodeG711(telephone, 'mulaw').length > 0)
      const mulaw = await listen(urlOf(), { encoding: 'mulaw', sample_rate: 8_000 }, pieces(telephone, 800))
      // The model was made for 16 kHz: a telephone's audio is understood less well.
      assertHeard(transcriptOf(mulaw.finals()), 0.6)
      const packets = await listen(urlOf(), { encoding: 'opus' }, await opusPacketsOf(samples))
      assertHeard(transcriptOf(packets.finals()))
      const ogg = await listen(urlOf(), {}, pieces(await oggOpusOf(samples), 1_000))
      assertHeard(transcriptOf(ogg.finals()))
      assert.equal(transcriptOf(ogg.finals()), transcriptOf(ogg.finals()).toLowerCase())
    })

    test('is answered when it finalizes in the midst of speech', async () => {
      const { samples, sentences } = recording
      const audio = pcm16ToBytes(samples.subarray(0, Math.round((sentences[0]?.endMs ?? 0) * 16)))
      const args = { encoding: 'linear16', sample_rate: 16_000, channels: 1 } as const
      const heard = await listen(urlOf(), args, pieces(audio, 3_200), async (socket, messages) => {
        socket.sendFinalize({ type: 'Finalize' })
        const isAnswered = () => messages.some((message) => (message as Results).from_finalize)
        await eventually(() => (isAnswered() ? undefined : 'not finalized'), { withinMs: 30_000 })
      })
      const [final] = heard.finals().filter(({ from_finalize }) => from_finalize)
      assert.ok((final?.channel.alternatives[0]?.words.length ?? 0) > 4)
    })

    test('has a recording transcribed', async () => {
      const wav = await wavOf(recording.samples, 48_000)
      const request = { model: 'nova-3', smart_format: true, utterances: true } as const
      const answer = await deepgram(urlOf()).listen.v1.media.transcribeFile(wav, request)
      assert.ok('results' in answer)
      const [alternative] = answer.results.channels[0]?.alternatives ?? []
      assertHeard(alternative?.transcript ?? '')
      assertTimed(alternative?.words ?? [], recording.samples.length / 16_000)
      assert.equal(answer.results.utterances?.length, SENTENCES.length)
      assert.equal(Math.round(answer.metadata.duration), Math.round(recording.samples.length / 16_000))
    })

    test('is refused in words', async () => {
      const wav = await wavOf(recording.samples, 16_000)
      const options = { maxRetries: 0 }
      const stranger = deepgram(urlOf(), 'not-a-key').listen.v1.media.transcribeFile(wav, { model: 'nova-3' }, options)
      await assert.rejects(stranger, { statusCode: 401 })
      const wish = { model: 'nova-3', diarize: true }
      await assert.rejects(deepgram(urlOf()).listen.v1.media.transcribeFile(wav, wish, options), (error: unknown) => {
        assert.match(JSON.stringify((error as { body?: unknown }).body), /diarize cannot be used here/)
        return (error as { statusCode?: number }).statusCode === 400
      })
    })
  })

  describe(`the OpenAI client on ${where}`, { skip }, () => {
    const openai = (apiKey = platform.apiKey) => new OpenAI({ apiKey, baseURL: `${urlOf()}/v1`, maxRetries: 0 })
    const model = 'gpt-4o-mini-tts'

    test('says a text as WAV, bare samples and Opus, and understands all of them', async () => {
      const input = `${SENTENCES.join('. ')}.`
      const say = (response_format: 'wav' | 'pcm' | 'opus') =>
        openai().audio.speech.create({ model, voice: 'alloy', input, response_format })
      const wav = Buffer.from(await (await say('wav')).arrayBuffer())
      const parsed = parseWav(wav)
      assert.ok(parsed.ok)
      assert.equal(parsed.value.sampleRateHz, 24_000)
      const pcm = Buffer.from(await (await say('pcm')).arrayBuffer())
      assert.deepEqual(pcm16FromBytes(pcm), parsed.value.samples)
      const opus = await say('opus')
      assert.equal(opus.headers.get('content-type'), 'audio/ogg')
      const ogg = Buffer.from(await opus.arrayBuffer())
      for (const file of [await toFile(wav, 'said.wav'), await toFile(ogg, 'said.ogg')]) {
        const heard = await openai().audio.transcriptions.create({ model: 'whisper-1', file })
        assertHeard(heard.text)
        assert.deepEqual(heard.usage, { type: 'duration', seconds: Math.ceil(parsed.value.samples.length / 24_000) })
      }
    })

    test('says a text faster, by a voice that is named, in pieces as it is made', async () => {
      const speak = async (speed: number) => {
        const request = { model, voice: 'rms', input: SAID, response_format: 'pcm', speed } as const
        const { body } = await openai().audio.speech.create(request)
        const chunks: Uint8Array[] = []
        for await (const chunk of body as unknown as AsyncIterable<Uint8Array>) chunks.push(chunk)
        assert.ok(chunks.length > 1)
        return chunks.reduce((sum, { byteLength }) => sum + byteLength, 0)
      }
      const ratio = (await speak(2)) / (await speak(1))
      assert.ok(ratio > 0.4 && ratio < 0.65, String(ratio))
    })

    test('has recordings transcribed in every form', async () => {
      const transcribe = async (file: Uint8Array, name = 'a.wav') =>
        openai().audio.transcriptions.create({
          model: 'whisper-1',
          file: await toFile(file, name),
          language: 'en',
          response_format: 'verbose_json',
          timestamp_granularities: ['word', 'segment'],
        })
      for (const rateHz of where === 'a pod' ? [24_000, 48_000] : [16_000]) {
        const verbose = await transcribe(await wavOf(recording.samples, rateHz))
        assertHeard(verbose.text)
        assert.equal(verbose.language, 'english')
        assert.equal(verbose.segments?.length, SENTENCES.length)
        assert.equal(verbose.words?.length, words(verbose.text).length)
        assertTimed(verbose.words ?? [], recording.samples.length / 16_000)
      }
      if (where === 'a pod') {
        assertHeard((await transcribe(await wavOf(recording.samples, 8_000))).text, 0.6)
        assertHeard((await transcribe(await floatWavOf(recording.samples, 16_000))).text)
        assertHeard((await transcribe(await oggOpusOf(recording.samples), 'a.ogg')).text)
      }
      const file = await toFile(await wavOf(recording.samples, 16_000), 'a.wav')
      const form = { model: 'whisper-1', file }
      assertHeard(
        (await openai().audio.transcriptions.create({ ...form, response_format: 'text' })) as unknown as string,
      )
      const vtt = await openai().audio.transcriptions.create({ ...form, response_format: 'vtt' })
      assert.match(vtt as unknown as string, /^WEBVTT\n\n00:00:0\d\.\d{3} --> 00:00:0\d\.\d{3}\n[A-Z]/)
    })

    test('is told each sentence as soon as it is final', async () => {
      const file = await toFile(await wavOf(recording.samples, 16_000), 'a.wav')
      const events = await openai().audio.transcriptions.create({ model: 'gpt-4o-transcribe', file, stream: true })
      let text = ''
      let done: string | undefined
      let deltas = 0
      for await (const event of events) {
        if (event.type === 'transcript.text.delta') {
          text += event.delta
          deltas++
        } else if (event.type === 'transcript.text.done') done = event.text
      }
      assert.equal(deltas, SENTENCES.length)
      assert.equal(done, text)
      assertHeard(text)
    })

    test('is refused in words that name the field', async () => {
      const request = { model, voice: 'slt', input: 'hello' }
      const refused = async (asked: Promise<unknown>, expected: { status: number; param?: string; code: string }) => {
        const error = await asked.then(
          () => assert.fail('not refused'),
          (thrown: unknown) => thrown,
        )
        assert.ok(error instanceof APIError)
        const { status, param, code } = error
        assert.deepEqual({ status, code, ...(expected.param === undefined ? {} : { param }) }, expected)
        assert.ok(error.requestID)
      }
      const speech = (extra: object) => openai().audio.speech.create({ ...request, ...extra })
      await refused(openai('not-a-key').audio.speech.create(request), { status: 401, code: 'UNAUTHENTICATED' })
      await refused(speech({ response_format: 'mp3' }), {
        status: 400,
        param: 'response_format',
        code: 'INVALID_FIELD',
      })
      await refused(speech({ speed: 4 }), { status: 400, param: 'speed', code: 'INVALID_FIELD' })
      await refused(speech({ input: ' ' }), { status: 422, param: 'input', code: 'TEXT_INVALID' })
      await refused(speech({ voice: 'nobody' }), { status: 422, code: 'VOICE_UNKNOWN' })
      const transcribe = async (bytes: Uint8Array, extra: object = {}) =>
        openai().audio.transcriptions.create({ model: 'whisper-1', file: await toFile(bytes, 'a.wav'), ...extra })
      const mp3 = Buffer.from('ID3 and so on')
      await refused(transcribe(mp3), { status: 400, param: 'file', code: 'AUDIO_FORMAT_UNSUPPORTED' })
      const wav = await wavOf(silence(200), 16_000)
      await refused(transcribe(wav, { language: 'xx' }), {
        status: 422,
        param: 'language',
        code: 'LANGUAGE_UNSUPPORTED',
      })
      const large = { status: 413, param: 'file', code: 'MESSAGE_TOO_LARGE' }
      await refused(transcribe(new Uint8Array(27_000_000)), large)
    })
  })
}
