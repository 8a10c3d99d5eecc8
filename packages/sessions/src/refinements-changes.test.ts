// Target languages changed a hundred times while somebody speaks: through the whole session, in random order.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { newId, seededRandom } from '@parley/kernel'
import { ManualClock } from '@parley/kernel/testing'
import type { ServerMessage } from '@parley/protocol'
import { Session } from './session.ts'
import { newSessionCounters } from './session-counters.ts'
import type { SessionHost } from './session-host.ts'
import { FakeSlot, FakeText, RecordingChannel } from './testing/index.ts'

const LANGUAGES = ['es', 'ca', 'fr', 'pt', 'it']
const CHANGES = 100

function setUp() {
  const text = new FakeText()
  const budget = { maxBytes: 10_000_000, usedBytes: 0 }
  const host: SessionHost = {
    clock: new ManualClock(),
    policy: { ticketLifetimeMs: 60_000, graceMs: 30_000 },
    audioLimits: { paceRatio: 3, maxBytes: 1_000_000 },
    historyLimits: { maxBytes: 1_000_000, budget },
    watchersPerSession: 10,
    counters: newSessionCounters(),
    text,
    textLimits: { maxTargets: 3, finalDeadlineMs: 30_000 },
    onClosed: () => {},
  }
  const identity = { id: newId('ses'), tenant: 't', user: 'u', language: 'en', metadata: {} }
  const session = new Session(identity, new FakeSlot(), host)
  const owner = new RecordingChannel()
  session.join(owner, { codec: 'pcm16', sampleRateHz: 16_000, frameMs: 20 })
  return { text, budget, session, owner }
}

/** Somebody who speaks, changes its mind, and looks at everything it is told. */
class Speaker {
  readonly rig = setUp()
  readonly random: () => number
  /** How often each final ended in each language of its time. */
  readonly ends = new Map<string, number>()
  #inForce: readonly string[] = []
  #version = 0
  #index = 0

  constructor(seed: number) {
    this.random = seededRandom(seed)
  }

  change(): void {
    this.look()
    const { session, owner } = this.rig
    const translateTo = LANGUAGES.filter(() => this.random() < 0.4)
    const wish = { version: ++this.#version, translateTo, polish: 'off', speak: [] } as const
    this.#inForce = session.wishCaptions(owner, { ...wish, translateTo, speak: [] }).translateTo
  }

  /** Nothing of a language that is not in force came. */
  look(): void {
    for (const message of this.rig.owner.messages) {
      if (message.type !== 'translation' && message.type !== 'translation.failed') continue
      assert.ok(this.#inForce.includes(message.language), `${message.language}: not among ${this.#inForce.join(', ')}`)
    }
    this.rig.owner.buffers.length = 0
  }

  speak(): void {
    const { session, text } = this.rig
    session.feed.partial({ index: this.#index, text: 'text', stable: 0, startMs: 0, endMs: 20 })
    if (text.desk.partials.length > 0) text.desk.translatePartial(this.#any(LANGUAGES))
    if (this.random() < 0.5) this.#final()
    for (let n = 0; n < 3; n++) this.#answer()
  }

  #final(): void {
    const { session, text } = this.rig
    const before = text.desk.finals.length
    const marks = { receivedAtMs: 1, endOfSpeechMs: 2, finalAtMs: 3 }
    session.feed.final({ index: this.#index, text: 'Text.', startMs: 0, endMs: 20, marks })
    for (const { targets } of text.desk.finals.slice(before)) {
      for (const target of targets) this.ends.set(`${this.#index} ${target}`, 0)
    }
    this.#index++
  }

  /** One of all finals there ever were, answered or not, in one of its languages. */
  #answer(): void {
    const { desk } = this.rig.text
    const final = desk.finals.length > 0 ? this.#any(desk.finals) : undefined
    const target = final && final.targets.length > 0 ? this.#any(final.targets) : undefined
    if (!final || target === undefined) return
    if (this.random() < 0.2) desk.sink.translationFailed(final.caption, target, 'budget')
    else desk.sink.translated(final.caption, true, target, 'texto')
  }

  answerAll(): void {
    const { desk } = this.rig.text
    for (const { caption, targets } of desk.finals) {
      for (const target of targets) desk.sink.translated(caption, true, target, 'texto')
    }
  }

  /** Counts how finals ended, as the history tells. */
  count(): void {
    const { feed } = this.rig.session
    for (const { json } of feed.page(0, 100_000).events) {
      const event = JSON.parse(json) as ServerMessage
      if (event.type !== 'translation' && event.type !== 'translation.failed') continue
      const key = `${event.utterance.index} ${event.language}`
      assert.ok(this.ends.has(key), `${key} was not wanted`)
      this.ends.set(key, (this.ends.get(key) ?? 0) + 1)
    }
  }

  #any<T>(list: readonly T[]): T {
    return list[Math.floor(this.random() * list.length)] as T
  }
}

test('[RF5] [RF6] a hundred changes during speech: every final ends once in each language of its time, nothing strays', () => {
  for (let seed = 1; seed <= 5; seed++) {
    const speaker = new Speaker(seed)
    const { session, budget, owner } = speaker.rig
    for (let n = 0; n < CHANGES; n++) {
      speaker.change()
      for (let step = 0; step < 5; step++) speaker.speak()
    }
    session.endAudio(-1, 'r')
    session.feed.flushed(1)
    speaker.look()
    speaker.answerAll()
    assert.equal(owner.messages.at(-1)?.type, 'audio.ended', 'all is answered by then')
    speaker.look()
    speaker.count()
    assert.ok(speaker.ends.size > 100)
    assert.deepEqual(
      [...speaker.ends].filter(([, count]) => count !== 1),
      [],
    )
    session.end('deleted')
    assert.equal(budget.usedBytes, 0)
  }
})
