import assert from 'node:assert/strict'
import { test } from 'node:test'
import { NO_WISH, type RunEvent } from '../caption-client.ts'
import { final, partial, translation, welcome } from '../testing/scripted-caption-client.ts'
import { captionReducer } from './caption-reducer.ts'
import { type CaptionState, initialState, MAX_ANNOUNCED, MAX_OPEN } from './caption-state.ts'

function after(state: CaptionState, ...events: RunEvent[]): CaptionState {
  return events.reduce((current, event) => captionReducer(current, { type: 'run', event, nowMs: 100 }), state)
}

function started(role: 'owner' | 'watcher' = 'owner'): CaptionState {
  const source = role === 'owner' ? ('microphone' as const) : undefined
  return captionReducer(initialState(role), { type: 'starting', source, wallMs: 1_000 })
}

const live = (...events: RunEvent[]): CaptionState => after(started(), { type: 'connecting' }, welcome(), ...events)

const texts = (state: CaptionState): string[] =>
  state.transcript.entries.flatMap((entry) => (entry.kind === 'line' ? [entry.text] : []))

test('[PG1] a run goes from the microphone over connecting to live, and says which codec is in use', () => {
  assert.equal(started().phase.kind, 'preparing')
  assert.equal(after(started(), { type: 'connecting' }).phase.kind, 'connecting')
  const state = live()
  assert.deepEqual(state.phase, { kind: 'live', speech: 'ready' })
  assert.equal(state.codec, 'Opus, 48 kHz')
  assert.equal(state.liveSinceMs, 100)
})

test('[PG2] a partial replaces the one before it and becomes a line only by its final', () => {
  const open = live(partial('1.0', 'hello'), partial('1.0', 'hello wor', 6))
  assert.deepEqual(texts(open), [])
  assert.equal(open.open.length, 1)
  assert.equal(open.open[0]?.text, 'hello wor')
  assert.equal(open.open[0]?.stable, 6)
  const settled = after(open, final('1.0', 'Hello world.', { lagMs: 412 }))
  assert.deepEqual(texts(settled), ['Hello world.'])
  assert.deepEqual(settled.open, [])
  assert.equal(settled.lagMs, 412)
})

test('[PG16] a broken connection keeps what is open and goes back to live; muting is not forgotten', () => {
  const muted = captionReducer(live(partial('1.0', 'half a')), { type: 'muted', isMuted: true })
  const broken = after(muted, { type: 'reconnecting', keptMs: 60_000 })
  assert.deepEqual(broken.phase, { kind: 'reconnecting', sinceMs: 100, keptMs: 60_000 })
  assert.equal(broken.open[0]?.text, 'half a')
  assert.equal(broken.isMuted, true)
  const back = after(broken, { type: 'resumed', resentMs: 2_000, lostMs: 0 }, final('1.0', 'Half a word.'))
  assert.deepEqual(back.phase, { kind: 'live', speech: 'ready' })
  assert.deepEqual(texts(back), ['Half a word.'])
  assert.equal(back.liveSinceMs, 100)
})

test('[PG16] stopping while the connection is broken finishes, whatever the connection does then', () => {
  const broken = live({ type: 'reconnecting', keptMs: 60_000 })
  const stopping = captionReducer(broken, { type: 'stopping' })
  assert.equal(stopping.phase.kind, 'finishing')
  const later = after(stopping, { type: 'resumed', resentMs: 0, lostMs: 0 }, { type: 'reconnecting', keptMs: 60_000 })
  assert.equal(later.phase.kind, 'finishing')
})

test('[PG2] an abandoned utterance and the end of a run leave no partial behind', () => {
  const abandoned = live(partial('1.0', 'noise'), { type: 'abandoned', utterance: '1.0' })
  assert.deepEqual(abandoned.open, [])
  const ended = live(final('1.0', 'Kept.'), partial('1.1', 'void'), { type: 'ended', trouble: { kind: 'lost' } })
  assert.deepEqual(ended.open, [])
  assert.deepEqual(texts(ended), ['Kept.'])
  assert.deepEqual(ended.phase, { kind: 'ended', trouble: { kind: 'lost' } })
})

test('[PG2] utterances that overlap stay apart and in order; more than a few open ones drop the oldest', () => {
  const two = live(partial('1.0', 'one'), partial('1.1', 'two'), partial('1.0', 'one more'))
  assert.deepEqual(
    two.open.map((caption) => caption.text),
    ['one more', 'two'],
  )
  const many = Array.from({ length: MAX_OPEN + 3 }, (_, index) => partial(`1.${index}`, `p${index}`))
  assert.equal(live(...many).open.length, MAX_OPEN)
  assert.equal(live(...many).open.at(-1)?.text, `p${MAX_OPEN + 2}`)
})

test('[PG3] only finals are announced, each once, and no more than a few are kept', () => {
  const state = live(partial('1.0', 'hel'), final('1.0', 'Hello.'), final('1.0', 'Hello.'), partial('1.1', 'wor'))
  assert.deepEqual(
    state.announced.map((line) => line.text),
    ['Hello.'],
  )
  const many = Array.from({ length: MAX_ANNOUNCED + 4 }, (_, index) => final(`1.${index}`, `Line ${index}.`))
  assert.equal(live(...many).announced.length, MAX_ANNOUNCED)
})

test('[PG3] a watcher who joins late reads the last finals but is not read them out', () => {
  const joined = after(
    started('watcher'),
    welcome(),
    final('1.0', 'Before.', { isHistory: true }),
    final('1.1', 'Now.'),
  )
  assert.deepEqual(texts(joined), ['Before.', 'Now.'])
  assert.deepEqual(
    joined.announced.map((line) => line.text),
    ['Now.'],
  )
})

test('[PG9] a watcher who connects again hears finals again and shows them once', () => {
  const first = after(started('watcher'), welcome(), final('1.0', 'One.'), final('1.1', 'Two.'))
  const waiting = captionReducer(first, { type: 'retrying', trouble: { kind: 'lost' }, retryAtMs: 5_000 })
  const again = captionReducer(waiting, { type: 'starting', source: undefined, wallMs: 2_000 })
  const joined = after(again, welcome(), final('1.0', 'One.', { isHistory: true }), final('1.2', 'Three.'))
  assert.deepEqual(texts(joined), ['One.', 'Two.', 'Three.'])
})

test('[PG1] the same utterance number in another session is another line', () => {
  const first = after(live(final('1.0', 'First.')), { type: 'ended' })
  const second = captionReducer(first, { type: 'starting', source: 'sample', wallMs: 9_000 })
  const state = after(second, welcome({ sessionId: 'ses_2' }), final('1.0', 'Second.'))
  assert.deepEqual(texts(state), ['First.', 'Second.'])
  assert.equal(state.transcript.entries.filter((entry) => entry.kind === 'mark').length, 2)
})

test('[PG4] speech that waits for a worker is a state of its own, and passes', () => {
  const waiting = live({ type: 'speech', state: 'waiting' })
  assert.deepEqual(waiting.phase, { kind: 'live', speech: 'waiting' })
  assert.deepEqual(after(waiting, { type: 'speech', state: 'ready' }).phase, { kind: 'live', speech: 'ready' })
})

test('[PG4] a recoverable trouble warns until the next final', () => {
  const warned = live({ type: 'trouble', trouble: { kind: 'refused', code: 'SPEECH_LOST', message: 'gone' } })
  assert.equal(warned.warning?.kind, 'refused')
  assert.equal(warned.phase.kind, 'live')
  assert.equal(after(warned, final('1.0', 'Back.')).warning, undefined)
})

test('[PG1] stopping while live waits for the last captions; before that it ends at once', () => {
  const finishing = captionReducer(live(partial('1.0', 'last wor')), { type: 'stopping' })
  assert.equal(finishing.phase.kind, 'finishing')
  assert.equal(finishing.open.length, 1)
  const done = after(finishing, final('1.0', 'Last words.'), { type: 'ended' })
  assert.deepEqual(done.phase, { kind: 'ended', trouble: undefined })
  assert.deepEqual(texts(done), ['Last words.'])
  assert.deepEqual(captionReducer(started(), { type: 'stopping' }).phase, { kind: 'ended', trouble: undefined })
})

test('[PG1] events of a run that is over change nothing', () => {
  const ended = after(live(), { type: 'ended' })
  assert.equal(after(ended, final('1.5', 'Late.')), ended)
})

test('[PG5] a silent microphone is told while live only', () => {
  assert.equal(captionReducer(live(), { type: 'quiet', isQuiet: true }).isQuiet, true)
  assert.equal(captionReducer(started(), { type: 'quiet', isQuiet: true }).isQuiet, false)
})

test('[PG1] clearing empties the transcript at rest and does nothing while captions run', () => {
  const running = live(final('1.0', 'Hello.'))
  assert.equal(captionReducer(running, { type: 'clear' }), running)
  const cleared = captionReducer(after(running, { type: 'ended' }), { type: 'clear' })
  assert.deepEqual(texts(cleared), [])
  assert.equal(cleared.phase.kind, 'idle')
})

test('[PG4] an older confirmation does not take away a newer one', () => {
  const one = captionReducer(live(), { type: 'notice', text: 'Copied' })
  const two = captionReducer(one, { type: 'notice', text: 'Saved' })
  assert.equal(captionReducer(two, { type: 'notice.over', id: one.notice?.id ?? 0 }).notice?.text, 'Saved')
  assert.equal(captionReducer(two, { type: 'notice.over', id: two.notice?.id ?? 0 }).notice, undefined)
})

const translationsOf = (state: CaptionState) =>
  state.transcript.entries.flatMap((entry) => (entry.kind === 'line' ? [entry.translations] : []))

test('[PG18] a translation stands with its utterance, open or final, and its final never changes', () => {
  const open = live(partial('1.0', 'good mor'), translation('1.0', 'es', 'bueno', 'partial'))
  assert.deepEqual(open.open[0]?.translations, [{ language: 'es', text: 'bueno', state: 'open' }])
  const heard = after(open, partial('1.0', 'good morning'), translation('1.0', 'ca', 'bon', 'partial'))
  assert.deepEqual(
    heard.open[0]?.translations.map(({ text }) => text),
    ['bueno', 'bon'],
  )
  const settled = after(
    heard,
    final('1.0', 'Good morning.'),
    translation('1.0', 'es', 'Buenos d\u00edas.'),
    translation('1.0', 'es', 'late', 'partial'),
    { type: 'translation.failed', utterance: '1.0', language: 'ca' },
  )
  assert.deepEqual(translationsOf(settled), [
    [
      { language: 'es', text: 'Buenos d\u00edas.', state: 'final' },
      { language: 'ca', text: '', state: 'failed' },
    ],
  ])
  const stray = translation('9.9', 'es', 'nobody said this')
  assert.equal(after(settled, stray), settled)
})

test('[PG18] mended grammar stands beside what was heard', () => {
  const state = live(final('1.0', 'she have went'), { type: 'mended', utterance: '1.0', text: 'she has gone' })
  const [line] = state.transcript.entries.filter((entry) => entry.kind === 'line')
  assert.deepEqual([line?.text, line?.mended], ['she have went', 'she has gone'])
})

test('[PG18] who reads along in another language is read that language aloud, each line once', () => {
  const spanish = { ...NO_WISH, translateTo: ['es', 'ca'] }
  const wishing = captionReducer(started('watcher'), { type: 'wish', wish: spanish })
  const state = after(
    wishing,
    { type: 'connecting' },
    welcome(),
    final('1.0', 'Good morning.'),
    translation('1.0', 'ca', 'Bon dia.'),
    translation('1.0', 'es', 'Buenos d\u00edas.'),
    translation('1.0', 'es', 'again'),
  )
  assert.deepEqual(state.announced, [{ key: 'ses_1/1.0/es', text: 'Buenos d\u00edas.', language: 'es' }])
})
