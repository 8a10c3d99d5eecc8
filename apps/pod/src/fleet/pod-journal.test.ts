import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type FencingToken, type Journal, type JournalEntry, MAX_JOURNAL_ENTRIES } from '@parley/fleet'
import { err, ok, Scope } from '@parley/kernel'
import { ManualClock } from '@parley/kernel/testing'
import type { SessionCheckpoint } from '@parley/protocol'
import { collectingLogger } from '@parley/telemetry/testing'
import { appendEveryMs, type JournalledSession, PodJournal, REFRESH_MS } from './pod-journal.ts'

const TOKEN: FencingToken = { epoch: 1, counter: 1 }

interface Fake extends JournalledSession {
  stamp: string
  seq: number
}

function setUp() {
  const clock = new ManualClock()
  const scope = new Scope(clock)
  const appends: { entries: readonly JournalEntry[]; keepMs: number; atMs: number }[] = []
  const sessions = new Map<string, Fake>()
  const tokens = new Map<string, FencingToken>()
  const fencedAsked: string[] = []
  const state = { isAway: false, fenced: [] as string[] }
  const journal: Journal = {
    async append(entries, keepMs) {
      if (state.isAway) return err({ code: 'DIRECTORY_AWAY', message: 'away', retryAfterMs: 1_000 })
      appends.push({ entries, keepMs, atMs: clock.nowMs() })
      return ok(state.fenced)
    },
    recall: async () => ok(undefined),
  }
  const logger = collectingLogger()
  const writer = new PodJournal({
    clock,
    journal,
    sessions: () => sessions.values(),
    tokenOf: (id) => tokens.get(id),
    onFenced: (id) => fencedAsked.push(id),
    graceMs: 60_000,
    logger,
  })
  writer.start(scope)
  const add = (id: string): Fake => {
    const fake: Fake = {
      id,
      stamp: '0',
      seq: 0,
      get checkpoint() {
        return { seq: this.seq } as SessionCheckpoint
      },
    }
    sessions.set(id, fake)
    tokens.set(id, TOKEN)
    return fake
  }
  return { clock, scope, appends, sessions, tokens, state, fencedAsked, add, logger, writer }
}

test('[RA1] all that changed goes in one append, 250 ms apart at least; what did not change does not, but each anew every 30 s', async () => {
  const { clock, appends, add } = setUp()
  const [one, two] = [add('ses_1'), add('ses_2')]
  await clock.advanceAsync(250)
  assert.deepEqual(
    appends.map(({ entries }) => entries.map(({ sessionId }) => sessionId)),
    [['ses_1', 'ses_2']],
  )
  assert.ok((appends[0]?.keepMs ?? 0) > 60_000 + REFRESH_MS)
  one.seq = 1
  one.stamp = '1'
  await clock.advanceAsync(5_000, 250)
  assert.equal(appends.length, 2)
  assert.deepEqual(
    appends[1]?.entries.map(({ sessionId, state }) => [sessionId, state]),
    [['ses_1', '{"seq":1}']],
  )
  await clock.advanceAsync(REFRESH_MS, 250)
  assert.equal(appends.slice(2).flatMap(({ entries }) => entries).length, 2, `${two.id} too`)
})

test('[RA1] with many sessions more rarely, a second at most: reports included two commands per session and minute', async () => {
  assert.deepEqual([1, 41, 100, 200, 5_000].map(appendEveryMs), [250, 250, 600, 1_000, 1_000])
  const { clock, appends, add } = setUp()
  const fakes = Array.from({ length: 100 }, (_, n) => add(`ses_${n}`))
  for (let at = 0; at < 60_000; at += 250) {
    for (const fake of fakes) fake.stamp = `${at}`
    await clock.advanceAsync(250)
  }
  const reports = 60
  assert.ok((appends.length + reports) / fakes.length <= 2, `${appends.length} appends`)
})

test('[RA1] a journal that is away is said once; the newest state is kept when it is back', async () => {
  const { clock, appends, add, state, logger } = setUp()
  const one = add('ses_1')
  state.isAway = true
  for (let seq = 1; seq <= 10; seq++) {
    one.seq = seq
    one.stamp = `${seq}`
    await clock.advanceAsync(1_000, 250)
  }
  assert.equal(appends.length, 0)
  state.isAway = false
  await clock.advanceAsync(500, 250)
  assert.deepEqual(
    appends.map(({ entries }) => entries[0]?.state),
    ['{"seq":10}'],
  )
  assert.equal(logger.lines.filter(({ message }) => message.includes('not kept')).length, 1)
})

test('[RA1, RA5] what the fleet does not know is not kept; a new token is; what somebody newer has is asked about', async () => {
  const { clock, appends, add, tokens, sessions, state, fencedAsked } = setUp()
  add('ses_1')
  tokens.delete('ses_1')
  await clock.advanceAsync(1_000, 250)
  assert.equal(appends.length, 0)
  tokens.set('ses_1', TOKEN)
  await clock.advanceAsync(500, 250)
  tokens.set('ses_1', { epoch: 1, counter: 2 })
  state.fenced = ['ses_1']
  await clock.advanceAsync(500, 250)
  assert.deepEqual(
    appends.map(({ entries }) => entries[0]?.token.counter),
    [1, 2],
  )
  assert.deepEqual(fencedAsked, ['ses_1'])
  sessions.clear()
  await clock.advanceAsync(REFRESH_MS * 2, 250)
  assert.equal(appends.length, 2)
})

test('[RA1] where not all fit into one append those left over come first in the next', async () => {
  const { clock, appends, add, sessions } = setUp()
  for (let n = 0; n < MAX_JOURNAL_ENTRIES + 100; n++) add(`ses_${n}`)
  for (let round = 1; round <= 2; round++) {
    for (const session of sessions.values()) session.stamp = String(round)
    await clock.advanceAsync(1_000, 250)
  }
  const kept = new Set(appends.flatMap(({ entries }) => entries.map(({ sessionId }) => sessionId)))
  assert.equal(appends[0]?.entries.length, MAX_JOURNAL_ENTRIES)
  assert.equal(kept.size, MAX_JOURNAL_ENTRIES + 100)
  assert.equal(appends.at(1)?.entries[0]?.sessionId, `ses_${MAX_JOURNAL_ENTRIES}`)
})
