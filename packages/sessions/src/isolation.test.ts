import assert from 'node:assert/strict'
import { test } from 'node:test'
import { newId } from '@parley/kernel'
import { ManualClock } from '@parley/kernel/testing'
import { encodeAudioFrame } from '@parley/protocol'
import fc from 'fast-check'
import { Session } from './session.ts'
import { newSessionCounters } from './session-counters.ts'
import type { SessionHost } from './session-host.ts'
import { FakeSlot, HEARS_CAPTIONS, RecordingChannel } from './testing/index.ts'

const SESSIONS = 5
const PCM = { codec: 'pcm16', sampleRateHz: 16_000, frameMs: 20 } as const

const step = fc.record({
  session: fc.nat({ max: SESSIONS - 1 }),
  kind: fc.constantFrom('frame', 'partial', 'final', 'abandoned', 'watch', 'lose', 'end'),
})

/** A session whose every byte and word carries its own number. */
function participant(number: number, host: SessionHost) {
  const slot = new FakeSlot()
  const owner = new RecordingChannel()
  const identity = { id: newId('ses'), tenant: 't', user: 'u', language: 'en', metadata: {} }
  const session = new Session(identity, slot, host)
  session.join(owner, PCM)
  return { number, slot, owner, session, watchers: [] as RecordingChannel[], seq: 0, index: 0 }
}

function act(one: ReturnType<typeof participant>, kind: string): void {
  const { session, number } = one
  const text = `words of ${number}`
  const captions = one.slot.captions
  switch (kind) {
    case 'frame': {
      // One buffer for all, overwritten afterwards, as a socket's receive buffer may be.
      const message = encodeAudioFrame(one.seq, one.seq * 320, new Uint8Array(640).fill(number + 1))
      session.audio(message, 0)
      message.fill(0xee)
      one.seq++
      return
    }
    case 'partial':
      captions?.partial({ index: one.index, text, stable: 0, startMs: 0, endMs: 1 })
      return
    case 'final':
      captions?.final({
        index: one.index++,
        text,
        startMs: 0,
        endMs: 1,
        marks: { receivedAtMs: 0, endOfSpeechMs: 0, finalAtMs: 0 },
      })
      return
    case 'abandoned':
      captions?.abandoned(one.index++, 'no_speech')
      return
    case 'watch': {
      const watcher = new RecordingChannel()
      if (session.watch(watcher).ok) {
        for (const message of session.feed.recent(HEARS_CAPTIONS).messages) watcher.keep(message)
        one.watchers.push(watcher)
      }
      return
    }
    case 'lose':
      session.ownerLost(one.owner, 'socket_lost')
      return
    case 'end':
      session.end('deleted')
  }
}

test('[IS1] frames and captions of interleaved sessions never cross', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 120 }), (steps) => {
      const host: SessionHost = {
        clock: new ManualClock(),
        policy: { ticketLifetimeMs: 1, graceMs: 1 },
        audioLimits: { paceRatio: 3, maxBytes: 1_000_000 },
        historyLimits: { maxBytes: 262_144, budget: { maxBytes: 10_000_000, usedBytes: 0 } },
        watchersPerSession: 100,
        counters: newSessionCounters(),
        onClosed: () => {},
      }
      const all = Array.from({ length: SESSIONS }, (_, number) => participant(number, host))
      for (const { session, kind } of steps) act(all[session] as ReturnType<typeof participant>, kind)
      for (const one of all) {
        for (const frame of one.slot.frames) assert.ok(frame.payload.every((byte) => byte === one.number + 1))
        for (const channel of [one.owner, ...one.watchers]) {
          for (const message of channel.messages) {
            if (message.type === 'caption') assert.equal(message.text, `words of ${one.number}`)
          }
        }
      }
    }),
    { numRuns: 200 },
  )
})
