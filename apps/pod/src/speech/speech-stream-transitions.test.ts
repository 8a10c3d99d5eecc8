import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { SpeechStreamState, StreamEffect, Transition } from './speech-stream-state.ts'
import {
  type Instant,
  isNextIndex,
  newStreamState,
  onAbandoned,
  onAssigned,
  onAudioExpired,
  onClose,
  onFailed,
  onFinal,
  onFlushed,
  onFlushSent,
  onLost,
  onMoved,
  onOpened,
  onPartial,
  onRefused,
  onSettled,
  onWorkerDied,
  type StreamPolicy,
} from './speech-stream-transitions.ts'

const POLICY: StreamPolicy = { maxSetbacks: 6, retryFirstMs: 250, retryMaxMs: 5_000 }
const at = (nowMs: number, pushedMs = 10_000, hasUnsettled = true, isAudioSuspect = true): Instant => ({
  nowMs,
  pushedMs,
  hasUnsettled,
  isAudioSuspect,
  spreadRatio: 1.5,
})

const partial = (index: number, endMs: number, text = 'so') =>
  ({ type: 'partial', stream: 1, index, text, stable: 0, startMs: 0, endMs }) as const
const final = (index: number, settledMs: number) =>
  ({ type: 'final', stream: 1, index, text: 'so', startMs: 0, endMs: settledMs, settledMs, decideMs: 5 }) as const

const live = (firstIndex = 0): SpeechStreamState => onOpened(onAssigned(newStreamState(firstIndex, 0), 0).state).state

const kinds = (transition: Transition) => transition.effects.map((effect) => effect.type)
const abandonedIn = (transition: Transition) =>
  transition.effects.filter((effect) => effect.type === 'publishAbandoned').map(({ index, reason }) => [index, reason])

test('[FO3] a stream that loses its worker waits from that instant and is free for another at once', () => {
  const { state, effects } = onLost(live(), at(500), POLICY)
  assert.deepEqual([state.kind, state.kind === 'waiting' && [state.sinceMs, state.retryAtMs]], ['waiting', [500, 500]])
  assert.deepEqual(effects, [{ type: 'tell', state: 'waiting', reason: 'worker_lost' }])
})

test('[FO4] an utterance whose captions were published keeps its index on the next worker', () => {
  const spoken = onPartial(onFinal(live(), final(0, 900)).state, partial(1, 1_500)).state
  const again = onOpened(onAssigned(onLost(spoken, at(10), POLICY).state, 20).state).state
  assert.deepEqual([again.nextIndex, again.utteranceOpen, again.settledMs], [1, true, 900])
  assert.ok(isNextIndex(again, 1))
})

test('[FO5] captions of re-sent audio come only when they go beyond what was published', () => {
  const lost = onLost(onPartial(live(), partial(0, 1_500)).state, at(10), POLICY).state
  const again = onOpened(onAssigned(lost, 20).state).state
  const silence = onSettled(again, 300)
  assert.deepEqual(kinds(silence), ['trim'], 'silence before the utterance does not end it')
  assert.deepEqual(kinds(onPartial(silence.state, partial(0, 1_500))), [])
  const beyond = onPartial(silence.state, partial(0, 1_520))
  assert.deepEqual(kinds(beyond), ['publishPartial'])
  assert.deepEqual(kinds(onPartial(beyond.state, partial(0, 1_520))), ['publishPartial'], 'then as ever')
})

test('[FO6] published captions whose speech is not found again end as abandoned, and indices go on', () => {
  const lost = onLost(onPartial(live(), partial(0, 1_500)).state, at(10), POLICY).state
  const again = onOpened(onAssigned(lost, 20).state).state
  const settled = onSettled(again, 1_600)
  assert.deepEqual(abandonedIn(settled), [[0, 'no_speech']])
  assert.ok(isNextIndex(settled.state, 0), 'the worker still counts from where it was opened')
  const next = onFinal(settled.state, final(0, 3_000))
  assert.deepEqual(next.effects[0], {
    type: 'publishFinal',
    index: 1,
    text: 'so',
    startMs: 0,
    endMs: 3_000,
    decideMs: 5,
  })
  const reopened = onAssigned(onLost(next.state, at(30), POLICY).state, 40).state
  assert.deepEqual([reopened.nextIndex, reopened.workerLag], [2, 0])
})

test('[PW5] a stream that is moved is opened elsewhere at once, with its index, and repeats nothing that was published', () => {
  const said = onPartial(live(3), partial(3, 1_500)).state
  const moved = onMoved(said, 70)
  assert.deepEqual(kinds(moved), ['closeOnWorker'], 'its session is told nothing')
  const { state } = moved
  assert.deepEqual([state.kind, state.nextIndex, state.repeating, state.setbacks], ['opening', 3, true, 0])
  const opened = onOpened(state).state
  assert.deepEqual(kinds(onPartial(opened, partial(3, 1_500))), [])
  assert.deepEqual(kinds(onPartial(opened, partial(3, 1_501))), ['publishPartial'])
  const waiting = newStreamState(0, 0)
  assert.equal(onMoved(waiting, 0).state, waiting)
})

test('[FO7] audio that waited too long is told as one abandoned utterance per wait', () => {
  const waiting = onLost(onPartial(live(), partial(0, 1_500)).state, at(0), POLICY).state
  const first = onAudioExpired(waiting, 2_000)
  assert.deepEqual(abandonedIn(first), [[0, 'no_worker']])
  const second = onAudioExpired(first.state, 4_000)
  assert.deepEqual([kinds(second), second.state.settledMs, second.state.nextIndex], [[], 4_000, 1])
  const later = onLost(onOpened(onAssigned(second.state, 5).state).state, at(6), POLICY).state
  assert.deepEqual(abandonedIn(onAudioExpired(later, 9_000)), [[1, 'no_worker']], 'the next wait is told anew')
})

const again = (state: SpeechStreamState) => onOpened(onAssigned(state, 0).state).state

test('[FO8] audio under which one worker after another breaks is given up at the sixth, failed or dead', () => {
  let state = live()
  for (const setback of [1, 2, 3, 4]) {
    const failed = onFailed(state, at(100 * setback), POLICY)
    assert.deepEqual(kinds(failed), ['closeOnWorker', 'tell'])
    assert.equal(failed.state.setbacks, setback)
    state = again(failed.state)
  }
  const dead = onWorkerDied(onLost(state, at(450), POLICY).state, at(450), POLICY)
  assert.deepEqual([kinds(dead), dead.state.setbacks], [[], 5])
  const given = onFailed(again(dead.state), at(500, 8_000), POLICY)
  assert.deepEqual(kinds(given), ['closeOnWorker', 'tell', 'publishAbandoned', 'giveUpAudio'])
  assert.deepEqual([given.state.settledMs, given.state.nextIndex, given.state.setbacks], [8_000, 1, 0])
})

test('[FO8] the death that is one too many may be told while the next worker holds the stream: it is taken off it', () => {
  let state = live()
  for (let n = 0; n < 5; n++) state = again(onFailed(state, at(n), POLICY).state)
  state = again(onLost(state, at(9), POLICY).state)
  const given = onWorkerDied(state, at(10, 8_000), POLICY)
  assert.deepEqual(kinds(given), ['closeOnWorker', 'publishAbandoned', 'giveUpAudio'])
  assert.equal(given.state.kind, 'waiting')
})

test('[FO8] losing a link is no setback until the worker is known to be dead, and none after progress', () => {
  const lost = again(onLost(live(), at(0), POLICY).state)
  assert.deepEqual([lost.losses, lost.setbacks], [1, 0])
  assert.equal(onWorkerDied(lost, at(0), POLICY).state.setbacks, 1)
  const after = onFinal(lost, final(0, 900)).state
  assert.equal(onWorkerDied(after, at(0), POLICY).state, after)
})

test('[FO8] from the second death on a stream waits before the next worker, each its own time', () => {
  let state = live()
  const waits: number[] = []
  for (let n = 0; n < 5; n++) {
    const lost = onLost(state, { ...at(1_000), spreadRatio: 1 }, POLICY).state
    waits.push(lost.kind === 'waiting' ? lost.retryAtMs - 1_000 : -1)
    state = again(onWorkerDied(lost, at(1_000), POLICY).state)
  }
  assert.deepEqual(waits, [0, 0, 500, 1_000, 2_000])
})

test('[FO8] progress, or nothing at stake, clears the count of setbacks', () => {
  const setBack = onOpened(onAssigned(onFailed(live(), at(0), POLICY).state, 0).state).state
  assert.equal(setBack.setbacks, 1)
  assert.equal(onSettled(setBack, 100).state.setbacks, 0)
  assert.equal(onFinal(setBack, final(0, 100)).state.setbacks, 0)
  let idle = live()
  for (let n = 0; n < 10; n++) idle = onOpened(onAssigned(onLost(idle, at(n, 0, false), POLICY).state, n).state).state
  assert.deepEqual([idle.setbacks, idle.nextIndex], [0, 0])
})

test('[FO8] what workers were lost over is cleared by one that answers past it, and not by one that answers before', () => {
  let state = again(onLost(live(), at(0, 4_000), POLICY).state)
  state = again(onLost(state, at(0, 9_000), POLICY).state)
  state = again(onLost(state, at(0, 9_500), POLICY).state)
  assert.deepEqual([state.losses, state.suspectUntilMs], [3, 4_000])
  assert.equal(onPartial(state, partial(0, 3_900)).state.losses, 3)
  assert.equal(onPartial(state, partial(0, 4_000)).state.losses, 0)
})

test('[FO8] the end of a worker that had none of the audio, or was to end, is no setback', () => {
  const lost = onLost(live(), at(0, 10_000, true, false), POLICY).state
  assert.equal(lost.losses, 0)
  assert.equal(onWorkerDied(lost, at(0), POLICY).state, lost)
})

test('[FO8] a stream that fails again and again is tried at growing distances', () => {
  const delays: number[] = []
  let state = live()
  for (let n = 0; n < 3; n++) {
    const failed = onFailed(state, at(0), POLICY).state
    if (failed.kind === 'waiting') delays.push(failed.retryAtMs)
    state = onOpened(onAssigned(failed, 0).state).state
  }
  assert.deepEqual(delays, [0, 500, 1_000])
})

test('[FO3] a refusal prolongs the wait it was meant to end', () => {
  const waiting = onLost(live(), at(1_000), POLICY).state
  const refused = onRefused(onAssigned(waiting, 1_100).state, 1_200, 400).state
  assert.deepEqual(refused.kind === 'waiting' && [refused.sinceMs, refused.retryAtMs], [1_000, 1_600])
})

test('[FO10] the last answered flush ends flushing; captions left open by it are abandoned', () => {
  const flushing = onFlushSent(live()).state
  assert.equal(flushing.kind, 'flushing')
  assert.equal(onFlushed(flushing, 100, 1).state.kind, 'flushing')
  assert.equal(onFlushed(flushing, 100, 0).state.kind, 'live')
  const open = onPartial(flushing, partial(0, 90)).state
  assert.deepEqual(abandonedIn(onFlushed(open, 100, 0)), [[0, 'no_speech']])
})

test('[FO11] nothing happens to a closed stream, and closing twice is closing once', () => {
  const closed = onClose(live())
  assert.deepEqual(kinds(closed), ['closeOnWorker'])
  const after: Transition[] = [
    onClose(closed.state),
    onOpened(closed.state),
    onAssigned(closed.state, 0),
    onLost(closed.state, at(0), POLICY),
    onFailed(closed.state, at(0), POLICY),
    onWorkerDied(closed.state, at(0), POLICY),
    onMoved(closed.state, 0),
    onRefused(closed.state, 0, 0),
    onPartial(closed.state, partial(0, 1)),
    onFinal(closed.state, final(0, 1)),
    onSettled(closed.state, 1),
    onFlushed(closed.state, 1, 0),
    onAudioExpired(closed.state, 1),
  ]
  for (const transition of after) assert.deepEqual(transition, { state: closed.state, effects: [] })
})

test('[FO13] property: whatever happens, each index ends exactly once, in order, and settled time never falls', () => {
  const event = fc.oneof(
    { weight: 6, arbitrary: fc.record({ kind: fc.constant('partial' as const), forMs: fc.nat(400) }) },
    { weight: 3, arbitrary: fc.record({ kind: fc.constant('final' as const), forMs: fc.nat(400) }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant('abandoned' as const), forMs: fc.nat(400) }) },
    { weight: 2, arbitrary: fc.record({ kind: fc.constant('settled' as const), forMs: fc.nat(400) }) },
    { weight: 2, arbitrary: fc.record({ kind: fc.constant('lost' as const), forMs: fc.nat(50) }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant('failed' as const), forMs: fc.nat(50) }) },
    { weight: 2, arbitrary: fc.record({ kind: fc.constant('died' as const), forMs: fc.nat(50) }) },
    { weight: 2, arbitrary: fc.record({ kind: fc.constant('moved' as const), forMs: fc.nat(50) }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant('expired' as const), forMs: fc.nat(900) }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant('flushed' as const), forMs: fc.nat(100) }) },
    { weight: 4, arbitrary: fc.record({ kind: fc.constant('hold' as const), forMs: fc.constant(0) }) },
  )
  const property = fc.property(fc.array(event, { maxLength: 120, size: 'max' }), (events) => {
    let state = newStreamState(0, 0)
    let mediaMs = 0
    let ended = 0
    let openIndex: number | undefined
    for (const { kind, forMs } of events) {
      mediaMs += forMs
      const workerIndex = state.nextIndex - state.workerLag
      const message = { stream: 1, index: workerIndex, settledMs: mediaMs }
      const steps: Record<typeof kind, () => Transition> = {
        partial: () => onPartial(state, partial(workerIndex, mediaMs)),
        final: () => onFinal(state, final(workerIndex, mediaMs)),
        abandoned: () => onAbandoned(state, { type: 'abandoned', reason: 'no_speech', ...message }),
        settled: () => onSettled(state, mediaMs),
        lost: () => onLost(state, at(0, mediaMs), POLICY),
        failed: () => onFailed(state, at(0, mediaMs), POLICY),
        died: () => onWorkerDied(state, at(0, mediaMs), POLICY),
        moved: () => onMoved(state, 0),
        expired: () => onAudioExpired(state, mediaMs),
        flushed: () => onFlushed(state, mediaMs, 0),
        hold: () => onOpened(onAssigned(state, 0).state),
      }
      const next = steps[kind]()
      for (const effect of next.effects as readonly StreamEffect[]) {
        if (effect.type === 'publishPartial') {
          assert.equal(effect.index, ended)
          openIndex = effect.index
        }
        if (effect.type === 'publishFinal' || effect.type === 'publishAbandoned') {
          assert.equal(effect.index, ended++)
          openIndex = undefined
        }
      }
      assert.ok(next.state.settledMs >= state.settledMs)
      assert.equal(next.state.nextIndex, ended)
      assert.equal(next.state.utteranceOpen, openIndex !== undefined)
      state = next.state
    }
  })
  fc.assert(property, { numRuns: 500 })
})
