// What is made of captions, as a client sees it: against the fake pod over real sockets.
import assert from 'node:assert/strict'
import { after, beforeEach, test } from 'node:test'
import { systemClock } from '@parley/kernel'
import { eventually } from '@parley/kernel/testing'
import { encodeSpeechFrame, type ServerMessage } from '@parley/protocol'
import { CAPTIONS_ANSWER_MS, CAPTIONS_GAP_MS, DesiredCaptions } from './core/captions.ts'
import {
  createSession,
  ParleyClientError,
  type ParleySession,
  type ParleyVoice,
  type SessionOptions,
  sharedTicker,
  type Unsaid,
  watch,
} from './index.ts'
import { type FakePod, type FakePodOptions, fakeSpeechOf, scriptOf, startFakePod } from './testing/index.ts'

const pods: FakePod[] = []
const sessions: { destroy?(): void; close(): Promise<void> }[] = []

async function cleanUp(): Promise<void> {
  for (const session of sessions.splice(0)) await session.close()
  for (const pod of pods.splice(0)) await pod.close()
}
beforeEach(cleanUp)
after(async () => {
  await cleanUp()
  assert.equal(sharedTicker(systemClock).subscribers, 0, 'nothing ticks when every client is gone')
})

const until = (what: string, condition: () => boolean) => eventually(() => (condition() ? undefined : what))
const silence = (ms: number): Int16Array => new Int16Array(ms * 16)

async function connected(options: Partial<SessionOptions> = {}, podOptions: FakePodOptions = {}) {
  const pod = await startFakePod({ script: scriptOf(['good morning', 'how are you']), ...podOptions })
  pods.push(pod)
  const session = await createSession({ url: pod.url, apiKey: pod.apiKey, udp: 'off', ...options })
  sessions.push(session)
  const told = listen(session)
  await session.connect()
  return { pod, session, told, captions: pod.last.captions }
}

function listen(session: Pick<ParleySession, 'on'>) {
  const told: string[] = []
  session.on('translation', ({ kind, text, of, revision }) => {
    assert.ok(revision > of)
    told.push(`${kind} ${text}`)
  })
  session.on('translationFailed', ({ language, reason }) => told.push(`failed ${language} ${reason}`))
  session.on('polished', ({ text }) => told.push(`polished ${text}`))
  return told
}

const finals = (told: readonly string[]): string[] => told.filter((line) => !line.startsWith('partial'))
/** Says everything of the script. */
const speakAll = async (session: ParleySession): Promise<void> => {
  session.sendPcm(silence(6_000))
  await session.endAudio()
}

test('[CL150] what is wanted before connecting is in the hello; translations and mended texts come, finals once each', async () => {
  const captions = { translateTo: ['es', 'ca'], polish: 'finals', speak: [] } as const
  const { session, told, captions: asked } = await connected({ captions })
  assert.deepEqual(asked.asked, [{ version: 1, translateTo: ['es', 'ca'], polish: 'finals', speak: [] }])
  await until('in force', () => session.captionsInForce?.version === 1)
  await speakAll(session)
  const of = (text: string, mended: string) => [`final es: ${text}`, `final ca: ${text}`, `polished ${mended}`]
  assert.deepEqual(finals(told), [...of('good morning', 'Good morning.'), ...of('how are you', 'How are you.')])
  assert.ok(told.includes('partial es: good'))
  assert.deepEqual([session.stats.translations, session.stats.translationsFailed, session.stats.finals], [4, 0, 2])
})

test('[CL150] what cannot be had, and what is reached through others, is told; a final that fails is told once', async () => {
  const { session, captions, told } = await connected()
  const inForce: unknown[] = []
  session.on('captions', ({ unavailable, via }) => inForce.push([unavailable.map(({ language }) => language), via]))
  captions.unavailable = [{ language: 'xx', stage: 'translate', message: 'no way', retryable: false }]
  captions.via = [{ language: 'ca', through: ['es'] }]
  captions.failing.add('xx')
  session.setCaptions({ translateTo: ['xx', 'ca'] })
  await until('told', () => inForce.length === 1)
  captions.change([])
  await until('told again', () => inForce.length === 2)
  const via = [{ language: 'ca', through: ['es'] }]
  assert.deepEqual(inForce, [
    [['xx'], via],
    [[], via],
  ])
  await speakAll(session)
  assert.deepEqual(
    finals(told).filter((line) => line.startsWith('failed')),
    ['failed xx budget', 'failed xx budget'],
  )
  assert.deepEqual([session.stats.translations, session.stats.translationsFailed], [2, 2])
})

test('[CL151] a hundred changes at once: few messages, the last one in force, nothing left over', async () => {
  const { session, captions } = await connected()
  for (let n = 0; n < 100; n++) session.setCaptions({ translateTo: n % 2 === 0 ? ['es'] : ['ca', 'fr'] })
  session.setCaptions({ translateTo: ['pt'] })
  await until('in force', () => session.captionsInForce?.translateTo[0] === 'pt')
  assert.ok(captions.asked.length <= 5, `${captions.asked.length} messages`)
  assert.equal(captions.asked.at(-1)?.version, 101)
})

test('[CL151] desired state: never faster than it is taken, again until it is answered, above what is in force', () => {
  const desired = new DesiredCaptions()
  assert.equal(desired.sentWithHello(0), undefined)
  assert.equal(desired.due(0), undefined)
  desired.want({ translateTo: ['es', 'es'] })
  assert.deepEqual(desired.due(0), { version: 1, translateTo: ['es'], polish: 'off', speak: [] })
  desired.want({ polish: 'finals' })
  assert.equal(desired.due(CAPTIONS_GAP_MS - 1), undefined)
  assert.equal(desired.due(CAPTIONS_GAP_MS)?.version, 2)
  desired.onSet(1)
  assert.equal(desired.due(CAPTIONS_GAP_MS + CAPTIONS_ANSWER_MS - 1), undefined)
  assert.equal(desired.due(CAPTIONS_GAP_MS + CAPTIONS_ANSWER_MS)?.version, 2)
  desired.onSet(2)
  assert.equal(desired.due(60_000), undefined)
  desired.onSet(7)
  assert.equal(desired.due(60_000)?.version, 8)
  assert.equal(desired.sentWithHello(61_000)?.version, 8, 'with every hello')
})

test('[CL151] what cannot be asked for is refused before anything is sent', async () => {
  const { session, captions } = await connected()
  const wrong: [() => void, string][] = [
    [() => session.setCaptions({ translateTo: ['not a tag'] }), 'translateTo'],
    [() => session.setCaptions({ speak: Array.from({ length: 9 }, (_, n) => `e${'abcdefghi'[n]}`) }), 'speak'],
    [() => session.setCaptions({ polish: 'all' as 'off' }), 'polish'],
  ]
  for (const [attempt, field] of wrong) {
    assert.throws(
      attempt,
      (error) => error instanceof ParleyClientError && error.code === 'INVALID_FIELD' && error.field === field,
    )
  }
  assert.deepEqual(captions.asked, [])
})

test('[CL152] cut in mid-translation: what is wanted is told anew, finals of translations come once, in order', async () => {
  const { session, pod, captions, told } = await connected({ captions: { translateTo: ['es'] } })
  captions.isPrompt = false
  session.sendPcm(silence(3_000))
  await until('a partial', () => told.length > 0)
  await until('a final', () => session.stats.finals === 1)
  pod.last.cut()
  captions.release()
  captions.isPrompt = true
  await until('back', () => session.stats.resumptions === 1)
  session.sendPcm(silence(3_000))
  await session.endAudio()
  assert.deepEqual(finals(told), ['final es: good morning', 'final es: how are you'])
  assert.equal(captions.asked.length, 2)
})

test('[CL152] what is read by REST has every language: only those that are wanted are told', async () => {
  const { session, pod, captions, told } = await connected({ captions: { translateTo: ['es'] } }, { replayEvents: 1 })
  const { last } = pod
  await until('in force', () => session.captionsInForce !== undefined)
  last.cut()
  for (const language of ['ca', 'es', 'fr']) {
    const utterance = { epoch: 1, index: 0 }
    const about = { utterance, revision: 2, language, text: language, of: 1, startMs: 0, endMs: 1 }
    last.history.push({ type: 'translation', kind: 'final', seq: last.history.nextSeq(), ...about })
  }
  captions.isPrompt = true
  await until('told', () => told.length > 0 && session.seen.seq === 3)
  assert.deepEqual(told, ['final es'])
})

async function samplesOf(voice: ParleyVoice): Promise<Int16Array> {
  const samples: number[] = []
  for await (const audio of voice) {
    assert.equal(audio.mediaTime, samples.length)
    samples.push(...audio.samples)
  }
  return Int16Array.from(samples)
}

test('[CL153] finals are heard in the languages wanted, each a voice of its own; the owner has its own texts said beside them', async () => {
  const { session } = await connected({ captions: { translateTo: ['es'], speak: ['es'] } })
  const voices: ParleyVoice[] = []
  session.on('voice', (voice) => voices.push(voice))
  const own = session.speak('mine')
  await speakAll(session)
  assert.deepEqual(
    voices.map(({ language, utterance, started }) => [language, utterance.index, started?.sampleRateHz]),
    [
      ['es', 0, 16_000],
      ['es', 1, 16_000],
    ],
  )
  const [first] = voices
  assert.ok(first)
  assert.deepEqual(await samplesOf(first), fakeSpeechOf('es: good morning'))
  assert.deepEqual(await first.done, { kind: 'ended', samples: fakeSpeechOf('es: good morning').length })
  assert.equal((await own.done).kind, 'ended')
})

const started = (speech: number): ServerMessage => ({
  type: 'voice.started',
  speech,
  utterance: { epoch: 1, index: 0 },
  language: 'es',
  sampleRateHz: 16_000,
  voice: 'v',
})
const ended = (speech: number, reason: 'said' | 'skipped' | 'failed', samples = 960): ServerMessage => ({
  type: 'voice.ended',
  speech,
  utterance: { epoch: 1, index: 0 },
  language: 'es',
  samples,
  reason,
})
const frame = (speech: number, at: number): Uint8Array => encodeSpeechFrame(speech, at, new Uint8Array(640).fill(1))

test('[CL154] what was left out on the way is silence; skipped and failed voices end as such, unsaid finals are told', async () => {
  const { session, pod } = await connected()
  const voices: ParleyVoice[] = []
  const unsaid: Unsaid[] = []
  session.on('voice', (voice) => voices.push(voice))
  session.on('unsaid', (one) => unsaid.push(one))
  const { last } = pod
  for (const speech of [5, 6, 7]) last.say(started(speech))
  last.sayRaw(frame(5, 0))
  last.sayRaw(frame(5, 640))
  last.say(ended(5, 'said'))
  last.say(ended(6, 'skipped'))
  last.say(ended(7, 'failed'))
  last.say(ended(8, 'skipped', 0))
  await until('unsaid', () => unsaid.length === 1)
  const [heard, skipped, failed] = voices
  assert.ok(heard && skipped && failed)
  const samples = await samplesOf(heard)
  assert.deepEqual([samples.length, samples[0], samples[320], samples[640]], [960, 257, 0, 257])
  assert.equal((await skipped.done).kind, 'cancelled')
  const outcome = await failed.done
  assert.equal(outcome.kind === 'failed' && outcome.error.code, 'SYNTHESIS_FAILED')
  assert.deepEqual(unsaid, [{ utterance: { epoch: 1, index: 0 }, language: 'es', reason: 'skipped' }])
})

test('[CL154] a voice ends with its connection; nobody listening, nothing is kept; frames of no voice are nothing', async () => {
  const { session, pod } = await connected()
  const { last } = pod
  last.say(started(1))
  last.sayRaw(frame(1, 0))
  last.say(ended(1, 'said', 320))
  let watchers = 0
  session.on('watchers', (count) => {
    watchers = count
  })
  last.say({ type: 'watchers', count: 7 })
  await until('all came', () => watchers === 7)
  const voices: ParleyVoice[] = []
  const errors: string[] = []
  session.on('error', ({ code }) => errors.push(code))
  const off = session.on('voice', (voice) => voices.push(voice))
  last.say(started(2))
  last.sayRaw(frame(2, 320))
  last.sayRaw(frame(2, 0))
  await until('a fault', () => errors.length === 1)
  await until('voice', () => voices.length === 1)
  last.cut()
  const outcome = await voices[0]?.done
  assert.equal(outcome?.kind === 'failed' && outcome.error.code, 'CONNECTION_LOST')
  off()
  assert.deepEqual(errors, ['BAD_ANSWER'])
})

test('[CL155] a watcher wants and hears for itself', async () => {
  const { session, pod } = await connected()
  const link = await session.createWatchLink()
  const watcher = watch({ url: link.url, token: link.token, captions: { speak: ['es'] } })
  sessions.push(watcher)
  const voices: ParleyVoice[] = []
  const told = listen(watcher as unknown as ParleySession)
  watcher.on('voice', (voice) => voices.push(voice))
  await watcher.connect()
  await until('a watcher', () => pod.last.watchers === 1)
  pod.last.sayToWatchers(started(3))
  pod.last.sayToWatchers(frame(3, 0))
  pod.last.sayToWatchers(ended(3, 'said', 320))
  pod.last.sayToWatchers(frame(3, 320))
  await until('heard', () => voices.length === 1)
  assert.equal((await samplesOf(voices[0] as ParleyVoice)).length, 320)
  const about = {
    utterance: { epoch: 1, index: 0 },
    revision: 2,
    language: 'es',
    text: 'hola',
    of: 1,
    startMs: 0,
    endMs: 1,
  }
  pod.last.sayToWatchers({ type: 'translation', kind: 'final', seq: 9, ...about })
  await until('translated', () => told.length === 1)
  assert.deepEqual(pod.last.watcherHellos.at(-1)?.captions, {
    version: 1,
    translateTo: [],
    polish: 'off',
    speak: ['es'],
  })
  watcher.setCaptions({ translateTo: ['es'] })
  await until('asked', () => pod.last.watcherMessages.some(({ type }) => type === 'captions'))
})
