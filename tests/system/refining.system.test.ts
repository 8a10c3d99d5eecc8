// Captions translated, mended and said by the platform as it is shipped: English speech, Apertium, harper, espeak-ng; real processes and sockets.
import assert from 'node:assert/strict'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { after, before, test } from 'node:test'
import { parseWav } from '@parley/audio'
import { SENTENCES } from '@parley/audio/testing'
import { type CaptionWish, createSession, type ParleySession, watch } from '@parley/client'
import { systemClock } from '@parley/kernel'
import { eventually } from '@parley/kernel/testing'
import { type Address, startRelay } from '@parley/lab'
import { words } from '../../benchmarks/lib/stats.ts'
import { type Platform, parley, ROOT, startPlatform } from '../lib/platform.ts'
import { record, speak } from '../lib/speaker.ts'

/** Words that Spanish and Catalan sentences are full of, and English ones are not. */
const SPANISH = /\b(el|la|los|las|que|de|en|un|una|para|por|con|es|su)\b/g
const CATALAN = /\b(el|la|els|les|que|de|en|un|una|per|amb|és|seu|al|del)\b/g

let platform: Platform
let folder: string

before(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'parley-refining-'))
  platform = await startPlatform(['--workers', '1', '--set', 'speech.slotsPerWorker=4'])
  await engines()
})

/** On a busy machine the engines of a platform that is just ready may still be loading, and take their time with the first text. */
async function engines(): Promise<void> {
  const session = await connected({ translateTo: ['es', 'ca'], polish: 'finals', speak: ['es'] })
  const missing = () => session.captionsInForce?.unavailable.map(({ message }) => message) ?? ['no answer']
  await eventually(() => (missing().length === 0 ? undefined : missing().join('; ')), { withinMs: 90_000 })
  // The first text of a pair starts its pipeline.
  await speak(session, (await record('slt', SENTENCES.slice(0, 1))).samples)
  await session.close()
}
after(async () => {
  const { code } = await platform.stop()
  await rm(folder, { recursive: true, force: true })
  assert.equal(code, 0)
})

interface Line {
  readonly type: string
  readonly kind?: string
  readonly language?: string
  readonly utterance?: number
  readonly text?: string
}

async function connected(captions: CaptionWish, url = platform.url): Promise<ParleySession> {
  const session = await createSession({ url, apiKey: platform.apiKey, udp: 'off', captions })
  await session.connect()
  return session
}

/** Every end of a translation there is in the history: `utterance language`. */
async function endsOf(session: ParleySession): Promise<string[]> {
  const ends: string[] = []
  for (let afterSeq = 0; ; ) {
    const { events, more } = await session.api.getHistory(session.sessionId, { afterSeq })
    for (const value of events) {
      const event = value as { type: string; seq: number; language: string; utterance: { index: number } }
      afterSeq = event.seq
      if (event.type.startsWith('translation')) ends.push(`${event.utterance.index} ${event.language}`)
    }
    if (!more) return ends
  }
}

test('English speech becomes Spanish and Catalan finals, mended text and a Spanish voice', async () => {
  const file = path.join(folder, 'hello.es.wav')
  const args = ['caption', path.join(ROOT, 'samples/hello.wav'), '--json', '--translate', 'es,ca', '--polish']
  const address = ['--url', platform.url, '--key', platform.apiKey]
  const { code, stdout, stderr } = await parley([...args, '--speech-out', file, ...address]).finished
  assert.equal(code, 0, stderr)
  const lines = stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Line)
  const finals = lines.filter(({ type }) => type === 'final')
  const translated = (language: string) =>
    lines.filter((line) => line.type === 'translation' && line.kind === 'final' && line.language === language)
  for (const [language, common] of [
    ['es', SPANISH],
    ['ca', CATALAN],
  ] as const) {
    const texts = translated(language)
    assert.deepEqual(
      texts.map(({ utterance }) => utterance).toSorted(),
      finals.map(({ utterance }) => utterance).toSorted(),
    )
    const text = texts.map((line) => line.text).join(' ')
    assert.ok((text.match(common)?.length ?? 0) >= 5, `${language}: ${text}`)
  }
  assert.ok(lines.some(({ type, kind }) => type === 'translation' && kind === 'partial'))
  const wav = parseWav(await readFile(file))
  assert.ok(wav.ok && !wav.value.isCutShort)
  const { samples, sampleRateHz } = wav.value
  assert.ok(samples.length > 2 * sampleRateHz, `${samples.length / sampleRateHz} s of speech`)
  assert.ok(samples.some((sample) => Math.abs(sample) > 3_000))
})

test('what cannot be translated is refused with what can be', async () => {
  const args = ['caption', path.join(ROOT, 'samples/hello.wav'), '--translate', 'xx']
  const { code, stderr } = await parley([...args, '--url', platform.url, '--key', platform.apiKey]).finished
  assert.equal(code, 4)
  assert.match(stderr, /\bes\b/)
})

test('languages changed all the time while somebody speaks: nothing strays, every final ends once', async () => {
  const { samples } = await record('slt', SENTENCES.slice(0, 5))
  const session = await connected({})
  let inForce: readonly string[] = []
  const strays: string[] = []
  session.on('captions', ({ translateTo }) => {
    inForce = translateTo
  })
  session.on('translation', ({ language }) => {
    if (!inForce.includes(language)) strays.push(language)
  })
  const sets = [['es'], ['ca', 'es'], [], ['ca']]
  let changes = 0
  const heard = await speak(session, samples, () => {
    if (changes < 1_000) session.setCaptions({ translateTo: sets[changes % sets.length] as string[] })
    changes++
  })
  assert.ok(changes > 100)
  assert.deepEqual(strays, [])
  const ends = await endsOf(session)
  assert.equal(new Set(ends).size, ends.length, 'none ended twice')
  assert.ok(ends.length > 0 && ends.length <= 2 * heard.finals.length)
  await session.close()
})

test('cut in mid-translation: every final in every language once, whoever follows', async () => {
  const { samples } = await record('slt', SENTENCES.slice(5, 9))
  const { hostname: host, port } = new URL(platform.url)
  const relay = await startRelay({ clock: systemClock, seed: 5, tcp: { to: { host, port: Number(port) } } })
  const { host: relayHost, port: relayPort } = relay.tcp as Address
  const session = await connected({ translateTo: ['es'] }, `http://${relayHost}:${relayPort}`)
  const link = await session.createWatchLink()
  const url = new URL(link.url)
  const watcher = watch({
    url: `ws://${host}:${port}${url.pathname}`,
    token: link.token,
    captions: { translateTo: ['es', 'ca'] },
  })
  await watcher.connect()
  const [own, followed]: [string[], string[]] = [[], []]
  session.on('translation', ({ kind, text }) => kind === 'final' && own.push(text))
  watcher.on('translation', ({ kind, text, language }) => kind === 'final' && followed.push(`${language} ${text}`))
  let cuts = 0
  const heard = await speak(session, samples, (mediaMs) => {
    if (mediaMs < 3_000 * (cuts + 1) || cuts === 3) return
    cuts++
    relay.cut({ what: 'tcp', how: 'reset', forMs: 300 })
  })
  assert.ok(session.stats.resumptions >= 2)
  assert.equal(own.length, heard.finals.length)
  assert.deepEqual([session.stats.translations, session.stats.translationsFailed], [own.length, 0])
  const spanish = () => followed.filter((line) => line.startsWith('es ')).map((line) => line.slice(3))
  await eventually(() => (followed.length === 2 * own.length ? undefined : 'not all followed'))
  assert.deepEqual(spanish(), own)
  assert.deepEqual((await endsOf(session)).length, followed.length)
  assert.ok(words(own.join(' ')).length > 15)
  await watcher.close()
  await session.close()
  await relay.close()
})

test('a voice is heard by owner and watcher alike while captions go on', async () => {
  const { samples } = await record('slt', SENTENCES.slice(9, 11))
  const session = await connected({ translateTo: ['es'], speak: ['es'] })
  const link = await session.createWatchLink()
  const watcher = watch({ url: link.url, token: link.token, captions: { speak: ['es'] } })
  const samplesOf = new Map<string, number[]>()
  const ended: string[] = []
  const listenTo = (name: string, follower: Pick<ParleySession, 'on'>): void => {
    follower.on('voice', (voice) => {
      const key = `${name} ${voice.utterance.index}`
      const heard: number[] = []
      samplesOf.set(key, heard)
      voice.on('audio', (audio) => void heard.push(...audio.samples))
      void voice.done.then(({ kind }) => ended.push(`${key} ${kind}`))
    })
  }
  listenTo('owner', session)
  listenTo('watcher', watcher as unknown as Pick<ParleySession, 'on'>)
  await watcher.connect()
  const heard = await speak(session, samples)
  await eventually(() => (ended.length === 2 * heard.finals.length ? undefined : `${ended.length} ended`), {
    withinMs: 30_000,
  })
  assert.ok(
    ended.every((line) => line.endsWith(' ended')),
    ended.join(', '),
  )
  for (const { index } of heard.finals) {
    const own = samplesOf.get(`owner ${index}`) ?? []
    assert.ok(own.length > 8_000)
    assert.deepEqual(own, samplesOf.get(`watcher ${index}`))
  }
  await watcher.close()
  await session.close()
})
