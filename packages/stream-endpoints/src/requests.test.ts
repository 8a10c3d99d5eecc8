// Requests at the endpoints over real sockets: what is bounded, what is refused, what happens when clients go away.
import assert from 'node:assert/strict'
import { request as httpRequest, type IncomingMessage } from 'node:http'
import { after, beforeEach, test } from 'node:test'
import { encodeWav } from '@parley/audio'
import { err } from '@parley/kernel'
import { eventually, ManualClock } from '@parley/kernel/testing'
import { ParleyError } from '@parley/protocol'
import { MAX_FILE_AUDIO_MS, MAX_JSON_BYTES, MAX_UPLOAD_BYTES, UPLOAD_DEADLINE_MS } from './limits.ts'
import { EndpointRig, type RigOptions, spelled } from './testing/index.ts'
import { UploadRoom } from './upload.ts'

let rig: EndpointRig
const rigs: EndpointRig[] = []

async function start(options: RigOptions = {}): Promise<EndpointRig> {
  rig = await EndpointRig.start(options)
  rigs.push(rig)
  return rig
}
beforeEach(() => start())
after(async () => {
  for (const one of rigs) await one.stop()
})

const SPEECH = '/v1/audio/speech'
const TRANSCRIPTIONS = '/v1/audio/transcriptions'
const LISTEN = '/v1/listen'
const SILENCE = Array.from({ length: 20 }, () => 0)
const WAV = encodeWav(spelled(0, 5, 6, ...SILENCE, 7), 16_000)

const post = (path: string, init: RequestInit) => fetch(`${rig.httpUrl}${path}`, { method: 'POST', ...init })
const say = (body: object, init: RequestInit = {}) =>
  post(SPEECH, { body: JSON.stringify(body), headers: { 'content-type': 'application/json' }, ...init })
function transcribe(
  file: Uint8Array | undefined,
  fields: Readonly<Record<string, string>> = {},
  init: RequestInit = {},
) {
  const form = new FormData()
  if (file) form.append('file', new Blob([new Uint8Array(file)]), 'a.wav')
  for (const [name, value] of Object.entries(fields)) form.append(name, value)
  return post(TRANSCRIPTIONS, { body: form, ...init })
}
// biome-ignore lint/suspicious/noExplicitAny: what a server says is looked at field by field
const errorOf = async (reply: Response): Promise<any> => ((await reply.json()) as { error: object }).error
/** Everything is answered or given up, and nothing of a body is kept. */
const idle = () =>
  eventually(() => {
    const { uploadBytes } = rig.endpoints.stats()
    return rig.endpoints.activeConnections === 0 && uploadBytes === 0 ? undefined : `still ${uploadBytes} bytes`
  })

test('[SO3] a form is answered as json, text, subtitles and with segments and words', async () => {
  assert.deepEqual(await (await transcribe(WAV)).json(), {
    text: 'w5 w6 w7',
    usage: { type: 'duration', seconds: 1 },
  })
  assert.equal(await (await transcribe(WAV, { response_format: 'text', model: 'whisper-1' })).text(), 'w5 w6 w7\n')
  const srt = await transcribe(WAV, { response_format: 'srt' })
  assert.equal(await srt.text(), '1\n00:00:00,020 --> 00:00:00,060\nw5 w6\n\n2\n00:00:00,460 --> 00:00:00,480\nw7\n')
  const vtt = await (await transcribe(WAV, { response_format: 'vtt' })).text()
  assert.ok(vtt.startsWith('WEBVTT\n\n00:00:00.020 --> 00:00:00.060\nw5 w6\n\n'), vtt)
  const verbose = await transcribe(WAV, { response_format: 'verbose_json', 'timestamp_granularities[]': 'word' })
  // This backend tells no words, and none are made up.
  assert.deepEqual(await verbose.json(), {
    task: 'transcribe',
    language: 'english',
    duration: 0.48,
    text: 'w5 w6 w7',
    words: [],
    usage: { type: 'duration', seconds: 1 },
  })
  const segments = (await (await transcribe(WAV, { response_format: 'verbose_json' })).json()) as { segments: object[] }
  assert.deepEqual(segments.segments[0], {
    id: 0,
    seek: 2,
    start: 0.02,
    end: 0.06,
    text: 'w5 w6',
    tokens: [],
    temperature: 0,
  })
  await idle()
  assert.equal(rig.recognise.slotsUsed, 0)
  assert.equal(rig.endpoints.stats().acceptedTotal.transcription, 6)
})

test('[SO4] with stream each utterance is an event, and so is what fails then', async () => {
  const text = await (await transcribe(WAV, { stream: 'true' })).text()
  assert.deepEqual(text.trim().split('\n\n'), [
    'data: {"type":"transcript.text.delta","delta":"w5 w6"}',
    'data: {"type":"transcript.text.delta","delta":" w7"}',
    'data: {"type":"transcript.text.done","text":"w5 w6 w7","usage":{"type":"duration","seconds":1}}',
    'data: [DONE]',
  ])
  const reply = await transcribe(encodeWav(spelled(9, ...SILENCE, ...Array(2_000).fill(0)), 16_000), { stream: 'true' })
  rig.recognise.streams.at(-1)?.break()
  const broken = await reply.text()
  assert.match(broken, /"delta":"w9"/)
  assert.match(broken, /data: \{"error":\{.*"code":"SPEECH_LOST"/)
})

test('[SO3] what is wrong with a form is said with its field', async () => {
  const refused = async (reply: Response) => {
    const { param, code, type } = await errorOf(reply)
    assert.equal(type, 'invalid_request_error')
    return [reply.status, code, param]
  }
  assert.deepEqual(await refused(await transcribe(undefined)), [400, 'INVALID_FIELD', 'file'])
  assert.deepEqual(await refused(await transcribe(WAV, { colour: 'red' })), [400, 'UNKNOWN_FIELD', 'colour'])
  for (const [field, value] of [
    ['response_format', 'docx'],
    ['stream', 'perhaps'],
    ['timestamp_granularities', 'letter'],
    ['language', 'x'.repeat(40)],
  ] as const) {
    assert.deepEqual(await refused(await transcribe(WAV, { [field]: value })), [400, 'INVALID_FIELD', field])
  }
  const words = { 'timestamp_granularities[]': 'word' }
  assert.deepEqual(await refused(await transcribe(WAV, words)), [400, 'INVALID_FIELD', 'timestamp_granularities'])
  const streamed = { response_format: 'srt', stream: 'true' }
  assert.deepEqual(await refused(await transcribe(WAV, streamed)), [400, 'INVALID_FIELD', 'stream'])
  assert.deepEqual(await refused(await transcribe(WAV, { language: 'xx' })), [422, 'LANGUAGE_UNSUPPORTED', 'language'])
  const json = await post(TRANSCRIPTIONS, { body: '{}', headers: { 'content-type': 'application/json' } })
  assert.deepEqual(await refused(json), [415, 'UNSUPPORTED_MEDIA_TYPE', null])
  const torn = await post(TRANSCRIPTIONS, { body: 'x', headers: { 'content-type': 'multipart/form-data' } })
  assert.equal(torn.status, 415)
  const headers = { 'content-type': 'multipart/form-data; boundary=b' }
  const cut = await post(TRANSCRIPTIONS, { body: '--b\r\nContent-Disposition: form-data; name="file"', headers })
  assert.deepEqual(await refused(cut), [400, 'BAD_REQUEST', null])
  const other = new FormData()
  other.append('picture', new Blob(['x']), 'a.png')
  assert.deepEqual(await refused(await post(TRANSCRIPTIONS, { body: other })), [400, 'UNKNOWN_FIELD', 'picture'])
})

test('[SH5] a file is what its first bytes say; what is not read is named', async () => {
  for (const [bytes, why] of [
    [Buffer.from('fLaC....'), /FLAC/],
    [Buffer.from('\x1aE\xdf\xa3....', 'latin1'), /WebM/],
    [Buffer.from('....ftypM4A ', 'latin1'), /MP4/],
    [Buffer.from('hello world'), /not a WAV file/],
    [Buffer.alloc(0), /empty/],
    [WAV.subarray(0, 30), /ends/],
  ] as const) {
    const reply = await transcribe(bytes)
    const { message, param, code } = await errorOf(reply)
    assert.match(message, why)
    assert.deepEqual([reply.status, code, param], [400, 'AUDIO_FORMAT_UNSUPPORTED', 'file'])
  }
  // The end of the file is missing: what is there is recognised.
  const half = (await (await transcribe(WAV.subarray(0, 44 + 3 * 640))).json()) as { text: string }
  assert.equal(half.text, 'w5 w6')
})

test('[LSN7] a recording in the body is answered in Deepgram words, whatever says what it is', async () => {
  const ask = async (query: string, body: Uint8Array, type = 'audio/wav') => {
    const reply = await post(`${LISTEN}?${query}`, { body: new Uint8Array(body), headers: { 'content-type': type } })
    return { status: reply.status, body: (await reply.json()) as Record<string, never> }
  }
  const wav = await ask('model=nova-3&utterances=true&tag=t', WAV)
  const { metadata, results } = wav.body as unknown as { metadata: Record<string, unknown>; results: object }
  assert.deepEqual(results, {
    channels: [{ alternatives: [{ transcript: 'w5 w6 w7', confidence: 0, words: [] }] }],
    utterances: [
      {
        id: `${metadata.request_id}-0`,
        start: 0.02,
        end: 0.06,
        channel: 0,
        transcript: 'w5 w6',
        confidence: 0,
        words: [],
      },
      {
        id: `${metadata.request_id}-1`,
        start: 0.46,
        end: 0.48,
        channel: 0,
        transcript: 'w7',
        confidence: 0,
        words: [],
      },
    ],
  })
  assert.deepEqual([metadata.duration, metadata.channels, metadata.tags], [0.48, 1, ['t']])
  const bare = WAV.subarray(44)
  const raw = await ask('encoding=linear16&sample_rate=16000', bare, 'application/octet-stream')
  assert.equal(raw.status, 200)
  assert.equal((await ask('encoding=linear16&sample_rate=16000', WAV)).status, 200)
  assert.equal((await ask('encoding=opus', bare)).body.err_code, 'INVALID_FIELD')
  const url = await ask('', Buffer.from('{"url":"http://169.254.169.254/"}'), 'application/json')
  assert.deepEqual([url.status, url.body.err_code], [415, 'UNSUPPORTED_MEDIA_TYPE'])
  assert.equal((await ask('', Buffer.from('ID3'))).body.err_code, 'AUDIO_FORMAT_UNSUPPORTED')
})

test('[SO1, SO2] a text is answered by its audio, in the form asked for', async () => {
  const wav = Buffer.from(await (await say({ input: 'ab', voice: 'alloy', model: 'tts-1' })).arrayBuffer())
  assert.equal(wav.toString('latin1', 0, 4), 'RIFF')
  const pcm = await say({ input: 'ab', voice: { id: 'ton' }, response_format: 'pcm', speed: 1.5, instructions: 'calm' })
  assert.equal(pcm.headers.get('content-type'), 'audio/pcm')
  assert.deepEqual(Buffer.from(await pcm.arrayBuffer()), wav.subarray(44))
  assert.equal(wav.byteLength - 44, 2 * 2 * 480)
  const [first, second] = rig.synthesise.speeches
  assert.deepEqual([first?.voice.name, second?.voice.name, second?.request.rateRatio], ['tone', 'ton', 1.5])
  const opus = await say({ input: 'ab', response_format: 'opus' })
  assert.equal(Buffer.from(await opus.arrayBuffer()).toString('latin1', 0, 4), 'OggS')
  await idle()
  assert.equal(rig.synthesise.slotsUsed, 0)
})

test('[SO1] audio is made as it is taken, and one that breaks breaks the answer off', async () => {
  rig.synthesise.isGated = true
  const asked = say({ input: 'abcdef', response_format: 'pcm' })
  await eventually(() => (rig.synthesise.speeches.length === 1 ? undefined : 'not asked'))
  const [speech] = rig.synthesise.speeches
  speech?.letOut(1)
  const reply = await asked
  const reader = reply.body?.getReader()
  assert.equal((await reader?.read())?.done, false)
  speech?.break()
  await assert.rejects(async () => {
    for (;;) if ((await reader?.read())?.done) return
  })
  // Before its first sample it has a status of its own.
  const late = say({ input: 'x' })
  await eventually(() => (rig.synthesise.speeches.length === 2 ? undefined : 'not asked'))
  rig.synthesise.speeches[1]?.break()
  const failed = await late
  assert.deepEqual([failed.status, (await errorOf(failed)).type], [502, 'server_error'])
})

test('[SO2] what cannot be said is refused with its field', async () => {
  for (const [body, expected] of [
    [{ input: 'x', response_format: 'mp3' }, [400, 'INVALID_FIELD', 'response_format']],
    [{ input: 'x', stream_format: 'sse' }, [400, 'INVALID_FIELD', 'stream_format']],
    [{ input: 'x', speed: 4 }, [400, 'INVALID_FIELD', 'speed']],
    [{ voice: 'tone' }, [400, 'INVALID_FIELD', 'input']],
    [{ input: 'x', colour: 'red' }, [400, 'UNKNOWN_FIELD', 'colour']],
    [{ input: '  ' }, [422, 'TEXT_INVALID', 'input']],
    [{ input: 'x', voice: 'nobody' }, [422, 'VOICE_UNKNOWN', 'voice']],
  ] as const) {
    const reply = await say(body)
    const { code, param } = await errorOf(reply)
    assert.deepEqual([reply.status, code, param], expected)
  }
  assert.equal((await post(SPEECH, { body: '{', headers: { 'content-type': 'application/json' } })).status, 400)
  const long = await say({ input: 'x'.repeat(MAX_JSON_BYTES) })
  assert.deepEqual([long.status, (await errorOf(long)).code], [413, 'MESSAGE_TOO_LARGE'])
})

test('[SH1] methods, origins, keys and plain requests to a WebSocket are refused in the form of the endpoint', async () => {
  const get = await fetch(`${rig.httpUrl}${SPEECH}`)
  assert.deepEqual([get.status, (await errorOf(get)).code], [405, 'METHOD_NOT_ALLOWED'])
  const plain = await fetch(`${rig.httpUrl}${LISTEN}`)
  assert.deepEqual([plain.status, plain.headers.get('upgrade')], [426, 'websocket'])
  const asr = await fetch(`${rig.httpUrl}/v1/stream/asr`)
  assert.equal(((await asr.json()) as { code: string }).code, 'UPGRADE_REQUIRED')
  const theirs = await say({ input: 'x' }, { headers: { origin: 'https://theirs.example' } })
  assert.deepEqual([theirs.status, (await errorOf(theirs)).code], [403, 'ORIGIN_REFUSED'])
  await start({ authorise: async () => err(new ParleyError('UNAUTHENTICATED', { message: 'no key' })) })
  const stranger = await say({ input: 'x' }, { headers: { 'x-request-id': 'req-1' } })
  assert.deepEqual(
    [stranger.status, stranger.headers.get('x-request-id'), await errorOf(stranger)],
    [401, 'req-1', { message: 'no key', type: 'invalid_request_error', param: null, code: 'UNAUTHENTICATED' }],
  )
  assert.equal((await post(LISTEN, { body: 'x' })).status, 401)
})

test('[SH1, SE2] a full member answers 429 with when to come again, and who is done makes room', async () => {
  await start({ maxConnections: 2 })
  rig.synthesise.isGated = true
  await rig.asr()
  const first = say({ input: 'x', response_format: 'pcm' })
  await eventually(() => (rig.endpoints.activeConnections === 2 ? undefined : 'not counted'))
  const refused = await say({ input: 'x' })
  assert.deepEqual([refused.status, refused.headers.get('retry-after')], [429, '1'])
  assert.equal((await errorOf(refused)).type, 'rate_limit_error')
  assert.equal((await rig.client('/v1/stream/tts').refused()).status, 503)
  await eventually(() => (rig.synthesise.speeches.length === 1 ? undefined : 'not asked'))
  rig.synthesise.speeches[0]?.letOut(100)
  assert.equal((await (await first).arrayBuffer()).byteLength, 960)
  await eventually(() => (rig.endpoints.activeConnections === 1 ? undefined : 'still counted'))
  rig.synthesise.isGated = false
  assert.equal((await say({ input: 'x' })).status, 200)
})

test('[SH4] without a slot it waits a little, then says when to come again; loading members say so at once', async () => {
  const clock = new ManualClock()
  await start({ clock })
  rig.recognise.slots = 0
  const asked = transcribe(WAV)
  let reply: Response | undefined
  void asked.then((got) => {
    reply = got
  })
  await eventually(() => {
    clock.advance(50)
    return reply ? undefined : 'no answer'
  })
  assert.ok(clock.nowMs() >= 2_000)
  assert.deepEqual([reply?.status, reply?.headers.get('retry-after')], [503, '1'])
  rig.synthesise.unavailable = new ParleyError('SPEECH_UNAVAILABLE', { message: 'loading', retryAfterMs: 2_500 })
  const loading = await say({ input: 'x' })
  assert.deepEqual([loading.status, loading.headers.get('retry-after')], [503, '3'])
})

test('[SH2] a body that is too large is refused, unread where its length is announced', async () => {
  const announced = httpRequest(`${rig.httpUrl}${TRANSCRIPTIONS}`, {
    method: 'POST',
    headers: { 'content-type': 'multipart/form-data; boundary=b', 'content-length': MAX_UPLOAD_BYTES + 1 },
  })
  announced.on('error', () => {})
  announced.flushHeaders()
  const answered = await new Promise<IncomingMessage>((resolve) => void announced.once('response', resolve))
  assert.equal(answered.statusCode, 413)
  announced.destroy()
  const large = new Uint8Array(MAX_UPLOAD_BYTES + 1)
  const stream = new ReadableStream({
    start(controller) {
      for (let at = 0; at < large.length; at += 1_048_576) controller.enqueue(large.subarray(at, at + 1_048_576))
      controller.close()
    },
  })
  const chunked = await post(LISTEN, { body: stream, duplex: 'half' } as RequestInit)
  assert.equal(chunked.status, 413)
  await idle()
})

test('[SH2] all bodies of a member together are bounded', () => {
  const room = new UploadRoom(100)
  const first = room.open()
  const second = room.open()
  assert.equal(first.take(60), true)
  assert.equal(second.take(50), false)
  assert.equal(second.take(40), true)
  first.release()
  first.release()
  assert.equal(room.heldBytes, 40)
  // Of a request that is over nothing is counted that comes late.
  assert.equal(first.take(1), false)
  assert.equal(second.take(60), true)
})

test('[SH2] a body that does not come is given up, and so is a recording that lasts too long', async () => {
  const clock = new ManualClock()
  await start({ clock })
  const slow = httpRequest(`${rig.httpUrl}${LISTEN}`, { method: 'POST', headers: { 'content-length': 1_000 } })
  slow.on('error', () => {})
  slow.write('RIFF')
  await eventually(() => (rig.endpoints.activeConnections === 1 ? undefined : 'not there'))
  const answered = new Promise<IncomingMessage>((resolve) => void slow.once('response', resolve))
  clock.advance(UPLOAD_DEADLINE_MS)
  assert.equal((await answered).statusCode, 408)
  slow.destroy()
  await idle()
  const seconds = MAX_FILE_AUDIO_MS / 1000 + 1
  const long = new Uint8Array(seconds * 2_000)
  const header = encodeWav(new Int16Array(0), 1_000)
  new DataView(header.buffer, header.byteOffset).setUint32(40, long.byteLength, true)
  const tooLong = await post(LISTEN, { body: new Uint8Array(Buffer.concat([header, long])) })
  assert.deepEqual(
    [tooLong.status, ((await tooLong.json()) as { err_code: string }).err_code],
    [413, 'MESSAGE_TOO_LARGE'],
  )
})

test('[SH3] a client that goes away ends its work: while it uploads, is recognised or listens', async () => {
  const upload = httpRequest(`${rig.httpUrl}${LISTEN}`, { method: 'POST', headers: { 'content-length': 1_000 } })
  upload.on('error', () => {})
  upload.write('RIFF')
  await eventually(() => (rig.endpoints.activeConnections === 1 ? undefined : 'not there'))
  upload.destroy()
  await idle()
  const abort = new AbortController()
  const long = transcribe(encodeWav(spelled(...Array(3_000).fill(3)), 16_000), {}, { signal: abort.signal })
  await eventually(() => (rig.recognise.slotsUsed === 1 ? undefined : 'no stream'))
  abort.abort()
  await assert.rejects(long)
  await idle()
  assert.equal(rig.recognise.slotsUsed, 0)
  rig.synthesise.isGated = true
  const hangUp = new AbortController()
  const heard = say({ input: 'abc', response_format: 'pcm' }, { signal: hangUp.signal })
  await eventually(() => (rig.synthesise.speeches.length === 1 ? undefined : 'not asked'))
  rig.synthesise.speeches[0]?.letOut(1)
  await heard
  hangUp.abort()
  await idle()
  assert.equal(rig.synthesise.slotsUsed, 0)
})

test('[SH4] a recording is handed on no further than ten seconds ahead, and no sample of it is lost', async () => {
  const clock = new ManualClock()
  await start({ clock })
  const samples = new Int16Array(30 * 16_000).fill(0)
  const asked = transcribe(encodeWav(samples, 16_000))
  await eventually(() => (rig.recognise.streams.length === 1 ? undefined : 'no stream'))
  const [stream] = rig.recognise.streams
  assert.ok(stream)
  // This recogniser settles silence at once, so that all of it passes.
  const { duration } = (await (await asked).json()) as { duration?: number }
  assert.equal(duration, undefined)
  assert.equal(stream.heard.length, samples.length)
  rig.recognise.isStuckFromStart = true
  const hangUp = new AbortController()
  const stuck = transcribe(encodeWav(samples, 16_000), {}, { signal: hangUp.signal })
  await eventually(() => (rig.recognise.streams.length === 2 ? undefined : 'no stream'))
  const second = rig.recognise.streams[1]
  assert.ok(second)
  await eventually(() => (second.pushes.length >= 20 ? undefined : `${second.pushes.length} pushes`))
  assert.equal(second.heard.length, 10 * 16_000)
  clock.advance(5_000)
  await eventually(() => (second.heard.length >= 15 * 16_000 ? undefined : `${second.heard.length} samples`))
  assert.ok(second.heard.length <= 15.5 * 16_000)
  hangUp.abort()
  await assert.rejects(stuck)
  await idle()
})

test('[SH1, SE6] when the member stops, requests are cut after the same time as connections', async () => {
  rig.synthesise.isGated = true
  const asked = say({ input: 'abc', response_format: 'pcm' })
  await eventually(() => (rig.synthesise.speeches.length === 1 ? undefined : 'not asked'))
  await rig.endpoints.close('shutting_down', 20)
  await assert.rejects(asked)
  await idle()
  assert.equal(rig.synthesise.slotsUsed, 0)
  assert.equal((await say({ input: 'x' })).status, 503)
})
