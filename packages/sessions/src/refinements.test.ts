// What a session has made of its captions: through the whole session, with texts made by hand.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { newId } from '@parley/kernel'
import { ManualClock } from '@parley/kernel/testing'
import type { AudioFormat, CaptionSet, ServerMessage } from '@parley/protocol'
import { refinementKey } from './ports.ts'
import { DEADLINE_BELIEF_MS } from './refinements.ts'
import { TELL_ABILITIES_MS } from './refining.ts'
import { Session } from './session.ts'
import { newSessionCounters } from './session-counters.ts'
import type { SessionHost } from './session-host.ts'
import { FakeSlot, FakeSource, FakeText, RecordingChannel } from './testing/index.ts'

const PCM: AudioFormat = { codec: 'pcm16', sampleRateHz: 16_000, frameMs: 20 }
const MARKS = { receivedAtMs: 1, endOfSpeechMs: 2, finalAtMs: 3 }
const DEADLINE_MS = 30_000

let lastVersion = 0
const wish = (translateTo: string[], more: Partial<CaptionSet> = {}): CaptionSet => ({
  version: ++lastVersion,
  translateTo,
  polish: 'off',
  speak: [],
  ...more,
})

function setUp(captions?: CaptionSet, options: Partial<SessionHost> = {}) {
  const clock = new ManualClock()
  const text = new FakeText()
  const speech = new FakeSource()
  const abilities = { version: 0 }
  const host: SessionHost = {
    clock,
    policy: { ticketLifetimeMs: 60_000, graceMs: 30_000 },
    audioLimits: { paceRatio: 3, maxBytes: 1_000_000 },
    historyLimits: { maxBytes: 262_144, budget: { maxBytes: 10_000_000, usedBytes: 0 } },
    watchersPerSession: 10,
    counters: newSessionCounters(),
    text,
    speech,
    textLimits: { maxTargets: 3, finalDeadlineMs: DEADLINE_MS },
    abilitiesVersion: () => abilities.version,
    onClosed: () => {},
    ...options,
  }
  const identity = { id: newId('ses'), tenant: 't', user: 'u', language: 'en', metadata: {} }
  const session = new Session(identity, new FakeSlot(), host)
  const owner = new RecordingChannel()
  session.join(owner, PCM, { captions })
  const { feed } = session
  const partial = (index: number, words = 'p') => feed.partial({ index, text: words, stable: 0, startMs: 5, endMs: 20 })
  const final = (index: number, words = 'F.') => feed.final({ index, text: words, startMs: 5, endMs: 30, marks: MARKS })
  const pass = (ms: number): void => {
    clock.advance(ms)
    session.tick(clock.nowMs())
  }
  return { clock, text, speech, abilities, host, session, feed, owner, partial, final, pass }
}

const brief = (message: ServerMessage): string => {
  switch (message.type) {
    case 'caption':
      return `${message.kind} ${message.text}`
    case 'translation':
      return `${message.kind} ${message.text}`
    case 'translation.failed':
      return `failed ${message.language} ${message.reason}`
    case 'polished':
      return `${message.seq === undefined ? 'polishing' : 'polished'} ${message.text}`
    default:
      return message.type
  }
}
const told = (channel: RecordingChannel): string[] => channel.messages.map(brief)
const clear = (channel: RecordingChannel): void => {
  channel.buffers.length = 0
}

test('[RF1] nothing is made before anybody wants something, and an owner that is away still wants it', () => {
  const { session, text, owner, partial, final } = setUp()
  partial(0)
  final(0)
  assert.equal(text.desks.length, 0)
  session.wishCaptions(owner, wish(['es']))
  assert.deepEqual(text.desk.client, { sessionId: session.id, tenant: 't', language: 'en' })
  session.ownerLost(owner, 'socket_lost')
  partial(1)
  final(1)
  assert.deepEqual(text.desk.finals[0]?.targets, ['es'])
  assert.deepEqual(text.desk.partialTargets, [], 'nobody is here to see partials')
})

test('[RF2] a language is asked for once whoever wants it, and everybody gets the same bytes', () => {
  const { session, text, owner, final } = setUp(wish(['es']))
  const [first, second, other] = [new RecordingChannel(), new RecordingChannel(), new RecordingChannel()]
  for (const watcher of [first, second]) session.watch(watcher, { captions: wish(['es', 'ca']) })
  session.watch(other, {})
  for (const channel of [owner, first, second, other]) clear(channel)
  final(0)
  assert.deepEqual(text.desk.finals[0]?.targets, ['es', 'ca'])
  text.desk.translate(0, 'es', 'ca')
  assert.deepEqual(told(owner), ['final F.', 'final es: F.'])
  assert.deepEqual(told(first), ['final F.', 'final es: F.', 'final ca: F.'])
  assert.deepEqual(told(other), ['final F.'])
  assert.equal(owner.buffers[1], first.buffers[1])
  assert.equal(first.buffers[2], second.buffers[2])
})

test('[RF3] partials are translated for those who take partials, polished for those who want polish', () => {
  const { session, text, owner, partial } = setUp(wish(['es'], { polish: 'partials' }))
  const watcher = new RecordingChannel()
  session.watch(watcher, { captions: wish(['es'], { polish: 'finals' }) })
  session.subscribe(owner, { version: 1, streams: ['captions.final'] })
  assert.deepEqual([text.desk.partialTargets, text.desk.polishesPartials], [['es'], false])
  assert.ok(text.desk.warmed.includes('es'), 'it is loaded before there is a text')
  session.subscribe(owner, { version: 2, streams: ['captions.partial', 'captions.final'] })
  assert.equal(text.desk.polishesPartials, true)
  for (const channel of [owner, watcher]) clear(channel)
  partial(0, 'so')
  text.desk.translatePartial('es')
  const [caption] = text.desk.partials
  assert.ok(caption)
  text.desk.sink.polished(caption, false, 'So')
  assert.deepEqual(told(owner), ['partial so', 'partial es: so', 'polishing So'])
  assert.deepEqual(told(watcher), ['partial so', 'partial es: so'])
})

test('[RF4] a refinement keeps the utterance and carries a higher revision: one count for all that is told of it', () => {
  const { text, owner, partial, final } = setUp(wish(['es', 'ca'], { polish: 'finals' }))
  clear(owner)
  partial(0, 'a')
  text.desk.translatePartial('es')
  partial(0, 'b')
  final(0, 'c')
  text.desk.translate(0, 'ca', 'es')
  text.desk.sink.polished(text.desk.finalOf(0), true, 'C.')
  const revisions = owner.messages.map((message) => ('revision' in message ? message.revision : 0))
  assert.deepEqual(revisions, [1, 2, 3, 4, 5, 6, 7])
  const [, early, , , translated, , polished] = owner.messages
  assert.ok(early?.type === 'translation' && translated?.type === 'translation' && polished?.type === 'polished')
  assert.deepEqual([early.of, translated.of, polished.of], [1, 4, 4])
  assert.deepEqual([translated.startMs, translated.endMs, translated.utterance], [5, 30, { epoch: 1, index: 0 }])
  assert.deepEqual([early.seq, translated.seq, polished.seq], [undefined, 2, 4])
})

test('[RF4] what comes of partials behind the final, of the abandoned, or of nothing that began, is void', () => {
  const { text, owner, partial, final, feed } = setUp(wish(['es'], { polish: 'partials' }))
  partial(0)
  final(0)
  partial(1)
  feed.abandoned(1, 'no_speech')
  assert.deepEqual(text.desk.abandonedIndices, [1])
  const before = owner.buffers.length
  text.desk.translatePartial('es')
  const [caption] = text.desk.partials
  assert.ok(caption)
  text.desk.sink.translated(caption, false, 'es', 'late')
  text.desk.sink.polished(caption, false, 'late')
  text.desk.sink.translated({ ...caption, index: 40 }, false, 'es', 'never began')
  assert.equal(owner.buffers.length, before)
  partial(2)
  assert.deepEqual(told(owner).slice(before), ['partial p'], 'no utterance was begun by it')
})

test('[RF5] each final ends once in each language: translated or failed, whatever is told twice', () => {
  const { text, owner, final, host } = setUp(wish(['es', 'ca'], { polish: 'finals' }))
  clear(owner)
  final(0)
  const { sink } = text.desk
  const caption = text.desk.finalOf(0)
  for (let twice = 0; twice < 2; twice++) {
    text.desk.translate(0, 'es')
    sink.translationFailed(caption, 'ca', 'budget')
    sink.translationFailed(caption, 'es', 'budget')
    sink.translated(caption, true, 'fr', 'nobody asked')
    sink.unpolished(caption)
    sink.polished(caption, true, 'late')
  }
  assert.deepEqual(told(owner), ['final F.', 'final es: F.', 'failed ca budget'])
  assert.deepEqual(host.counters.translationsTotal, { final: 1, failed: 1 })
})

test('[RF5] a final nobody answers is given up a little after its deadline, oldest first', () => {
  const { text, owner, final, pass, feed } = setUp(wish(['es'], { polish: 'finals' }))
  final(0)
  pass(10_000)
  final(1)
  clear(owner)
  pass(DEADLINE_MS + DEADLINE_BELIEF_MS - 10_001)
  assert.deepEqual(told(owner), [])
  pass(1)
  assert.deepEqual(told(owner), ['failed es deadline'])
  assert.deepEqual(text.desk.givenUp, ['0 es', '0 polish'])
  text.desk.translate(0, 'es')
  assert.equal(feed.seq, 3, 'what comes now comes too late')
  pass(10_000)
  assert.deepEqual(told(owner), ['failed es deadline', 'failed es deadline'])
})

test('[RF5] the end of the session ends what is due, before its connections close', () => {
  const { session, text, owner, final, partial } = setUp(wish(['es'], { polish: 'finals' }))
  final(0)
  partial(1)
  clear(owner)
  session.end('deleted')
  assert.deepEqual(told(owner), ['abandoned', 'failed es closed'])
  assert.equal(text.desk.isClosed, true)
  text.desk.translate(0, 'es')
  assert.equal(owner.buffers.length, 2)
})

test('[RF5] on a pod that translates nothing every final fails, and nothing waits', async () => {
  const { session, owner, final, feed, host } = setUp()
  const { text: _, ...without } = host
  const bare = new Session({ ...session.identity, id: newId('ses') }, new FakeSlot(), without)
  const channel = new RecordingChannel()
  bare.join(channel, PCM, { captions: wish(['es'], { polish: 'finals' }) })
  const { unavailable } = bare.captionsOf(channel) ?? { unavailable: [] }
  assert.deepEqual(
    unavailable.map(({ stage }) => stage),
    ['translate', 'polish'],
  )
  clear(channel)
  bare.feed.final({ index: 0, text: 'F.', startMs: 0, endMs: 1, marks: MARKS })
  await Promise.resolve()
  assert.deepEqual(told(channel), ['final F.', 'failed es unsupported'])
  final(0)
  assert.deepEqual([told(owner).at(-1), feed.seq], ['final F.', 1])
})

test('[RF6] after a change nothing of another language comes; finals begun before end in the history', () => {
  const { session, text, owner, partial, final, feed } = setUp(wish(['es', 'ca']))
  partial(0)
  final(0)
  partial(1)
  session.wishCaptions(owner, wish(['ca', 'fr']))
  assert.deepEqual(text.desk.partialTargets, ['ca', 'fr'])
  clear(owner)
  text.desk.translate(0, 'es', 'ca')
  text.desk.translatePartial('es')
  assert.deepEqual(told(owner), ['final ca: F.'])
  const { events } = feed.page(0, 10)
  assert.deepEqual(
    events.map(({ json }) => brief(JSON.parse(json) as ServerMessage)),
    ['final F.', 'final es: F.', 'final ca: F.'],
  )
})

test('[RF7] who comes back hears what it missed in its languages, who joins late the newest finals in its own', () => {
  const { session, text, owner, final, feed } = setUp(wish(['es'], { polish: 'finals' }))
  const watcher = new RecordingChannel()
  session.watch(watcher, { captions: wish(['ca']) })
  session.ownerLost(owner, 'socket_lost')
  final(0)
  text.desk.translate(0, 'es', 'ca')
  text.desk.sink.translationFailed({ ...text.desk.finalOf(0), index: 9 }, 'es', 'budget')
  final(1)
  text.desk.sink.translationFailed(text.desk.finalOf(1), 'es', 'budget')
  text.desk.sink.polished(text.desk.finalOf(1), true, 'F!')
  const back = new RecordingChannel()
  session.resume(back)
  const replayed = (messages: readonly Buffer[]) =>
    messages.map((message) => brief(JSON.parse(String(message)) as ServerMessage))
  const missed = feed.missed(0, feed.audience.hearingOf(back))
  assert.deepEqual(replayed(missed.messages), [
    'final F.',
    'final es: F.',
    'final F.',
    'failed es budget',
    'polished F!',
  ])
  assert.equal(missed.truncatedTo, undefined)
  const late = new RecordingChannel()
  session.watch(late, { captions: wish(['ca']) })
  assert.deepEqual(replayed(feed.recent(feed.audience.hearingOf(late)).messages), [
    'final F.',
    'final ca: F.',
    'final F.',
  ])
})

test('[RF8] audio.ended waits for what the finals before it are due, and for nothing behind it', () => {
  const { session, text, owner, final, feed } = setUp(wish(['es'], { polish: 'finals' }))
  final(0)
  session.endAudio(-1, 'r1')
  feed.flushed(1)
  session.endAudio(-1, 'r2')
  final(1)
  clear(owner)
  text.desk.translate(1, 'es')
  text.desk.sink.unpolished(text.desk.finalOf(1))
  text.desk.translate(0, 'es')
  assert.deepEqual(told(owner), ['final es: F.', 'final es: F.'])
  feed.flushed(2)
  text.desk.sink.polished(text.desk.finalOf(0), true, 'F!')
  assert.deepEqual(told(owner).slice(2), ['polished F!', 'audio.ended', 'audio.ended'])
  const ended = owner.messages.filter((message) => message.type === 'audio.ended')
  assert.deepEqual(
    ended.map(({ requestId }) => requestId),
    ['r1', 'r2'],
  )
})

test('[RF8] a session that ends answers what waited behind what was due', () => {
  const { session, owner, final, feed } = setUp(wish(['es']))
  final(0)
  session.endAudio(-1, 'r1')
  feed.flushed(1)
  clear(owner)
  session.end('deleted')
  assert.deepEqual(told(owner), ['failed es closed', 'audio.ended'])
})

test('[RF9] what is in force is answered, and told again when it is another, once a second at most', () => {
  const { session, text, abilities, owner, pass } = setUp()
  text.missing.set('xx', 'no way to xx')
  text.via.ca = ['es']
  const answer = session.wishCaptions(owner, wish(['xx', 'ca']))
  assert.deepEqual(answer.unavailable, [
    { language: 'xx', stage: 'translate', message: 'no way to xx', retryable: false },
  ])
  assert.deepEqual(answer.via, [{ language: 'ca', through: ['es'] }])
  pass(TELL_ABILITIES_MS)
  clear(owner)
  abilities.version++
  pass(TELL_ABILITIES_MS)
  assert.deepEqual(told(owner), [], 'it is as it was')
  text.missing.clear()
  abilities.version++
  pass(TELL_ABILITIES_MS - 1)
  assert.deepEqual(told(owner), [])
  pass(1)
  const [message] = owner.messages
  assert.ok(message?.type === 'captions.set')
  assert.deepEqual(message.unavailable, [])
  assert.equal(session.captionsOf(new RecordingChannel())?.version, answer.version, 'whoever owns it')
})

test('[RF9] a watcher is told when the owner begins or ceases to want polish', () => {
  const { session, owner, pass } = setUp(wish([]))
  const watcher = new RecordingChannel()
  session.watch(watcher, { captions: wish([], { polish: 'finals' }) })
  assert.equal(session.captionsOf(watcher)?.polish, 'off')
  session.wishCaptions(owner, wish([], { polish: 'partials' }))
  pass(TELL_ABILITIES_MS)
  const last = watcher.messages.at(-1)
  assert.ok(last?.type === 'captions.set')
  assert.deepEqual([last.polish, last.unavailable], ['finals', []])
})

test('[RF10] partials of a language coalesce by utterance and language, a final takes their place', () => {
  const { session, text, partial, final } = setUp()
  const keys: (number | undefined)[] = []
  const channel = new RecordingChannel()
  channel.latest = (key) => void keys.push(key)
  channel.keep = (_message, supersedes) => void keys.push(supersedes)
  session.watch(channel, { captions: wish(['es', 'ca']) })
  partial(0)
  text.desk.translatePartial('es')
  text.desk.translatePartial('ca')
  text.desk.translatePartial('es')
  final(0)
  text.desk.translate(0, 'es')
  text.desk.sink.translationFailed(text.desk.finalOf(0), 'ca', 'budget')
  const [es, ca] = [refinementKey(0, 1), refinementKey(0, 2)]
  assert.deepEqual(keys, [0, es, ca, es, 0, es, ca])
  session.wishCaptions(channel, wish(['ca']))
  session.wishCaptions(channel, wish(['es', 'ca']))
  partial(1)
  keys.length = 0
  text.desk.translatePartial('es')
  assert.deepEqual(keys, [refinementKey(1, 3)], 'wanted anew it has another place: nothing of before is replaced')
})
