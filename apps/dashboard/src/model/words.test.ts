import assert from 'node:assert/strict'
import { test } from 'node:test'
import { CLOSE_REASON_NAMES, ERROR_CODES, ERRORS } from '@parley/protocol'
import { MICROPHONE_PROBLEMS, type Trouble } from '../caption-client.ts'
import { type CaptionState, initialState, type Phase } from './caption-state.ts'
import { MAX_RETRIES, retryDelayMs } from './retry.ts'
import { keptText, lagText, missedText, resumedText, secondsLeft, statusOf, watchersText } from './status-words.ts'
import { troubleCode, troubleWords } from './trouble-words.ts'

const refused = (code: (typeof ERROR_CODES)[number], retryAfterMs?: number): Trouble => ({
  kind: 'refused',
  code,
  message: 'the sentence of the pod',
  ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
})

const everyTrouble: Trouble[] = [
  ...MICROPHONE_PROBLEMS.map((problem): Trouble => ({ kind: 'microphone', problem })),
  ...ERROR_CODES.map((code) => refused(code)),
  ...CLOSE_REASON_NAMES.map((reason): Trouble => ({ kind: 'closed', reason })),
  { kind: 'sample' },
  { kind: 'lost' },
  { kind: 'unreachable' },
]

test('[PG8] every error code, close reason and microphone problem has words and a next step', () => {
  for (const trouble of everyTrouble) {
    const { title, nextStep } = troubleWords(trouble)
    const name = JSON.stringify(trouble)
    assert.match(title, /^[A-Z].{5,58}[^.]$/, `${name}: a title is short and no sentence`)
    assert.match(nextStep, /^[A-Z].*[.?]$/, `${name}: the next step is a sentence`)
    assert.doesNotMatch(`${title} ${nextStep}`, /WebSocket (error|failed)|undefined|\bnull\b|oops/i, name)
  }
})

test('[PG8] who reads along is never told to start, to open a terminal or to use a microphone', () => {
  for (const trouble of everyTrouble) {
    if (trouble.kind === 'microphone' || trouble.kind === 'sample') continue
    const { nextStep, remedy } = troubleWords(trouble, 'watcher')
    if (remedy === 'try_again') assert.match(nextStep, /whoever sent the link/, JSON.stringify(trouble))
    assert.doesNotMatch(nextStep, /start again/i, JSON.stringify(trouble))
  }
})

test('[PG8] each way of having no microphone has its own words', () => {
  const titles = new Set(MICROPHONE_PROBLEMS.map((problem) => troubleWords({ kind: 'microphone', problem }).title))
  assert.equal(titles.size, MICROPHONE_PROBLEMS.length)
})

test('[PG8] a code that this page does not know is named, to be quoted', () => {
  const trouble = { kind: 'refused', code: 'FROM_THE_FUTURE', message: 'Too many llamas.' } as unknown as Trouble
  assert.match(troubleWords(trouble).nextStep, /code below/)
  assert.equal(troubleCode(trouble), 'FROM_THE_FUTURE')
})

test('[PG8] what a pod, a worker or a provider can refuse has words of its own', () => {
  const unknown = troubleWords({ kind: 'refused', code: 'FROM_THE_FUTURE', message: '' } as unknown as Trouble)
  for (const code of ERROR_CODES) {
    if (ERRORS[code].hop !== 'client') assert.notEqual(troubleWords(refused(code)).title, unknown.title, code)
  }
})

test('[PG8] a missing way in says how to print a fresh address', () => {
  for (const code of ['UNAUTHENTICATED', 'CODE_INVALID', 'FORBIDDEN'] as const) {
    assert.match(troubleWords(refused(code)).nextStep, /\.\/parley link/)
  }
})

const inPhase = (phase: Phase, over: Partial<CaptionState> = {}): CaptionState => ({
  ...initialState('owner'),
  source: 'microphone',
  phase,
  ...over,
})

test('[PG4] every state of the connection has words of its own', () => {
  const labels = [
    inPhase({ kind: 'idle' }),
    inPhase({ kind: 'preparing' }),
    inPhase({ kind: 'preparing' }, { source: 'sample' }),
    inPhase({ kind: 'connecting' }),
    inPhase({ kind: 'live', speech: 'ready' }),
    inPhase({ kind: 'live', speech: 'ready' }, { isQuiet: true }),
    inPhase({ kind: 'live', speech: 'ready' }, { source: 'sample' }),
    inPhase({ kind: 'live', speech: 'waiting' }),
    inPhase({ kind: 'live', speech: 'ready' }, { isMuted: true }),
    inPhase({ kind: 'reconnecting', sinceMs: 0, keptMs: 60_000 }),
    inPhase({ kind: 'finishing' }),
    inPhase({ kind: 'retrying', trouble: refused('NO_SLOT'), retryAtMs: 0 }),
    inPhase({ kind: 'ended', trouble: undefined }),
    inPhase({ kind: 'ended', trouble: { kind: 'lost' } }),
    inPhase({ kind: 'ended', trouble: { kind: 'closed', reason: 'shutting_down' } }),
  ].map((state) => statusOf(state).label)
  assert.equal(new Set(labels).size, labels.length, labels.join(' | '))
})

test('[PG4] an end that somebody wanted is no trouble', () => {
  for (const trouble of [{ kind: 'closed', reason: 'finished' }, refused('SESSION_UNKNOWN')] as const) {
    const state = inPhase({ kind: 'ended', trouble }, { role: 'watcher' })
    assert.deepEqual([statusOf(state).tone, statusOf(state).label], ['calm', 'The captions have ended'])
  }
  assert.equal(statusOf(inPhase({ kind: 'ended', trouble: { kind: 'lost' } })).tone, 'trouble')
})

test('[PG10] a refusal that passes is tried again after the advice of the pod, within bounds', () => {
  assert.equal(retryDelayMs('owner', refused('NO_SLOT', 4_000), 0, false), 4_000)
  assert.equal(retryDelayMs('owner', refused('NO_SEAT', 1), 0, false), 1_000)
  assert.equal(retryDelayMs('owner', refused('RATE_LIMITED', 3_600_000), 0, false), 60_000)
  const unadvised = retryDelayMs('owner', refused('DRAINING'), 3, false) ?? 0
  assert.ok(unadvised >= 1_000 && unadvised <= 15_000, String(unadvised))
  assert.equal(retryDelayMs('owner', refused('NO_SLOT', 4_000), MAX_RETRIES, false), undefined)
})

test('[PG10] what will not pass by waiting is not tried again', () => {
  for (const code of ['UNAUTHENTICATED', 'LANGUAGE_UNSUPPORTED', 'CODE_INVALID', 'BAD_REQUEST'] as const) {
    assert.equal(retryDelayMs('owner', refused(code, 5_000), 0, false), undefined, code)
  }
  assert.equal(retryDelayMs('owner', { kind: 'microphone', problem: 'denied' }, 0, false), undefined)
  assert.equal(retryDelayMs('watcher', refused('WATCH_LINK_INVALID'), 0, false), undefined)
  for (const code of ['SESSION_SUSPENDED', 'WRONG_POD', 'DIRECTORY_AWAY'] as const) {
    assert.equal(retryDelayMs('watcher', refused(code, 2_000), 0, false), 2_000, 'its pod is gone, it is not over')
  }
  assert.equal(retryDelayMs('watcher', { kind: 'closed', reason: 'finished' }, 0, true), undefined)
})

test('[PG10] a session that broke is not restarted behind the speaker; a watcher comes back by itself', () => {
  assert.equal(retryDelayMs('owner', { kind: 'lost' }, 0, true), undefined)
  assert.equal(retryDelayMs('owner', refused('DRAINING', 2_000), 0, true), undefined)
  assert.ok((retryDelayMs('watcher', { kind: 'lost' }, 0, true) ?? 0) >= 1_000)
})

test('[PG16] a broken connection says what happens to speech, and afterwards what became of it', () => {
  const phase = { kind: 'reconnecting', sinceMs: 0, keptMs: 60_000 } as const
  assert.match(statusOf(inPhase(phase)).hint ?? '', /Go on speaking: up to 60 seconds are kept/)
  assert.match(statusOf(inPhase(phase, { isMuted: true })).hint ?? '', /go on by themselves/)
  const watching = inPhase({ ...phase, keptMs: undefined }, { role: 'watcher' })
  assert.doesNotMatch(statusOf(watching).hint ?? '', /speak/i)
  assert.deepEqual(
    [0, 12_900, 99_000].map((nowMs) => keptText(0, 60_000, nowMs)),
    ['0 of 60 s kept', '12 of 60 s kept', '60 of 60 s kept'],
  )
  assert.equal(resumedText(400, 0), 'Connected again. Nothing was lost.')
  assert.equal(resumedText(2_900, 0), 'Connected again. 3 seconds of speech are being captioned.')
  assert.match(resumedText(60_000, 1_200), /1 second of speech .* missing/)
  assert.deepEqual([1, 4].map(missedText), [
    'One line could not be had any more.',
    '4 lines could not be had any more.',
  ])
})

test('[PG4] numbers read like words', () => {
  assert.deepEqual([0, 412, 1_260].map(lagText), ['0.0 s', '0.4 s', '1.3 s'])
  assert.deepEqual([0, 1, 7].map(watchersText), ['Nobody is watching', '1 person is watching', '7 people are watching'])
  assert.equal(secondsLeft(5_200, 1_000), 5)
  assert.equal(secondsLeft(1_000, 5_000), 0)
})
