import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Closing, ErrorCode, Welcome } from '@parley/protocol'
import { errorOfEnd } from './connection-ends.ts'
import { type ConnectionState, INITIAL_STATE, type Reconnecting } from './connection-state.ts'
import { type ConnectionInput, type StepContext, step } from './connection-transitions.ts'
import { type ClientErrorDetails, ParleyClientError } from './errors.ts'

const welcome = (speech: 'ready' | 'waiting', protocolVersion = 1): ConnectionInput => ({
  kind: 'welcome',
  welcome: { type: 'welcome', speech, protocolVersion } as Welcome,
})
const closing = (reason: string, mayResume = false): ConnectionInput => ({
  kind: 'closing',
  closing: { type: 'closing', reason, message: 'because', mayResume } as Closing,
})
const broken: ConnectionInput = { kind: 'broken', error: new ParleyClientError('CONNECTION_LOST') }
const refusal: ConnectionInput = { kind: 'refusal', error: new ParleyClientError('TICKET_EXPIRED') }

const CONTEXT: StepContext = {
  nowMs: 1_000,
  graceMs: undefined,
  recentAttempts: 0,
  canRedirect: true,
  url: 'wss://a/p/1/v1/ws',
  entryUrls: ['https://a', 'wss://b/p/2/v1/ws'],
  movesTo: undefined,
  random: 1,
}
const RESUMABLE: StepContext = { ...CONTEXT, graceMs: 60_000 }

/** Runs the inputs; gives the state and the kinds of all effects. */
function run(...inputs: ConnectionInput[]): { state: ConnectionState; effects: string[] } {
  let state = INITIAL_STATE
  const effects: string[] = []
  for (const input of inputs) {
    const result = step(state, input, CONTEXT)
    state = result.state
    effects.push(...result.effects.map((effect) => effect.kind))
  }
  return { state, effects }
}

const opened: ConnectionInput = { kind: 'opened', subprotocol: 'parley.v1' }

test('[CL10] the way in: opened says hello once, the welcome makes live or waiting', () => {
  assert.deepEqual(run(opened, opened).effects, ['say-hello'])
  assert.equal(run(opened, welcome('ready')).state.kind, 'live')
  assert.equal(run(opened, welcome('waiting')).state.kind, 'waiting')
})

test('[CL10] a server of another subprotocol or version is left at once, with what to do', () => {
  const other = run({ kind: 'opened', subprotocol: '' })
  assert.equal(other.state.kind, 'lost')
  assert.deepEqual(other.effects, ['drop'])
  const newer = run(opened, welcome('ready', 2))
  assert.equal(newer.state.kind, 'lost')
  assert.match(errorOfEnd(newer.state).message, /version 2.*Update/)
})

test('[CL11] speech waits and goes on without the connection being lost', () => {
  const waiting = run(opened, welcome('ready'), {
    kind: 'speech',
    speech: { type: 'speech', state: 'waiting', reason: 'worker_lost' },
  })
  assert.deepEqual(waiting.state, { kind: 'waiting', reason: 'worker_lost' })
  const again = step(waiting.state, { kind: 'speech', speech: { type: 'speech', state: 'ready' } }, CONTEXT)
  assert.equal(again.state.kind, 'live')
})

test('[CL12] a refusal before the welcome is why the connection ends, whichever way it ends', () => {
  for (const end of [closing('refused'), broken]) {
    const { state } = run(opened, refusal, end)
    assert.equal(state.kind, 'closed')
    assert.equal(errorOfEnd(state).code, 'TICKET_EXPIRED')
  }
})

test('[CL12] an error after the welcome is told and ends nothing', () => {
  const { state, effects } = run(opened, welcome('ready'), refusal)
  assert.equal(state.kind, 'live')
  assert.deepEqual(effects, ['say-hello', 'tell-error'])
})

test('[CL13] a goodbye of the platform closes with its reason; only failures carry an error', () => {
  const drained = run(opened, welcome('ready'), closing('draining', true))
  assert.deepEqual(drained.state, { kind: 'closed', reason: 'draining', message: 'because', mayResume: true })
  assert.equal(errorOfEnd(drained.state).code, 'DRAINING')
  const slow = run(opened, welcome('ready'), closing('slow_consumer', true)).state
  assert.equal(slow.kind === 'closed' && slow.error?.code, 'SLOW_CONSUMER')
  const unknown = run(opened, welcome('ready'), closing('from_the_future')).state
  assert.equal(unknown.kind === 'closed' && unknown.reason, 'internal')
})

test('[CL13] a socket that breaks is lost, and leaving says goodbye exactly once', () => {
  assert.equal(run(opened, welcome('ready'), broken).state.kind, 'lost')
  const left = run(opened, welcome('ready'), { kind: 'leave' }, { kind: 'leave' })
  assert.deepEqual(left.effects, ['say-hello', 'say-bye', 'hang-up'])
  assert.equal(left.state.kind === 'closed' && left.state.reason, 'client_left')
})

test('[CL13] what is over stays over, whatever still arrives', () => {
  const inputs = [opened, welcome('ready'), refusal, closing('internal'), broken]
  for (const end of [run(opened, broken).state, run(opened, closing('deleted')).state]) {
    for (const input of inputs) assert.deepEqual(step(end, input, CONTEXT), { state: end, effects: [] })
  }
})

const failed = (code: ErrorCode, details: ClientErrorDetails = {}): ConnectionInput => ({
  kind: 'refusal',
  error: new ParleyClientError(code, details),
})
const tick: ConnectionInput = { kind: 'tick' }

/** A connection that has just broken, and what follows, each input at its instant. */
function afterBreak(...inputs: [number, ConnectionInput][]): { state: ConnectionState; effects: string[][] } {
  let { state } = step({ kind: 'live' }, broken, RESUMABLE)
  const effects: string[][] = []
  for (const [nowMs, input] of inputs) {
    const context = { ...RESUMABLE, nowMs }
    const result = step(state, input, context)
    state = result.state
    effects.push(result.effects.map((effect) => effect.kind))
  }
  return { state, effects }
}
const attemptOf = (state: ConnectionState) => (state as Reconnecting).attempt

test('[CL110] a socket that breaks is made anew: at once, then after 250 and 500 ms, 1 s, 2 s, 4 s and every 5 s', () => {
  const instants: number[] = []
  let { state } = step({ kind: 'live' }, broken, RESUMABLE)
  for (let nowMs = 1_000; nowMs < 61_000; nowMs += 250) {
    const context = { ...RESUMABLE, nowMs }
    const result = step(state, tick, context)
    if (result.effects[0]?.kind !== 'attempt') continue
    instants.push(nowMs - 1_000)
    state = step(result.state, broken, context).state
  }
  assert.deepEqual(instants.slice(0, 8), [0, 250, 750, 1_750, 3_750, 7_750, 12_750, 17_750])
  assert.equal(state.kind, 'reconnecting')
  const end = step(state, tick, { ...RESUMABLE, nowMs: 61_000 })
  assert.equal(end.state.kind, 'lost')
  assert.match(errorOfEnd(end.state).message, /could not be made again within 60 s \(\d+ attempts\)/)
})

test('[CL110] an attempt that comes to nothing counts as failed after 5 s; a welcome makes live again', () => {
  const late = afterBreak([1_000, tick], [1_000, opened], [5_999, tick], [6_000, tick])
  assert.deepEqual(late.effects, [['attempt'], ['say-hello'], [], ['drop']])
  assert.deepEqual(attemptOf(late.state), { kind: 'waits', untilMs: 6_250 })
  assert.deepEqual(afterBreak([1_000, tick], [1_000, opened], [1_100, welcome('ready')]).state, { kind: 'live' })
})

test('[CL110] without a session to come back to, or when it is not wanted, a socket that breaks is lost', () => {
  assert.equal(step({ kind: 'live' }, broken, CONTEXT).state.kind, 'lost')
  const nonsense: ConnectionInput = { kind: 'broken', error: new ParleyClientError('BAD_ANSWER') }
  assert.equal(step({ kind: 'live' }, nonsense, RESUMABLE).state.kind, 'lost')
})

test('[CL110] a goodbye that lets come back is followed, not at once; any other is the end', () => {
  const drained = step({ kind: 'live' }, closing('draining', true), RESUMABLE)
  assert.equal(drained.state.kind, 'reconnecting')
  assert.ok(attemptOf(drained.state).untilMs > RESUMABLE.nowMs)
  const replaced = step({ kind: 'live' }, closing('replaced'), RESUMABLE).state
  assert.equal(replaced.kind === 'closed' && replaced.reason, 'replaced')
})

test('[CL111] what makes coming back hopeless ends it at once, in words', () => {
  const after = (input: ConnectionInput) =>
    afterBreak([1_000, tick], [1_000, opened], [1_100, input], [1_200, broken]).state
  const unknown = after(failed('SESSION_UNKNOWN'))
  assert.equal(unknown.kind, 'closed')
  assert.equal(errorOfEnd(unknown).code, 'SESSION_UNKNOWN')
  const replaced = after(failed('SESSION_REPLACED'))
  assert.equal(replaced.kind === 'closed' && replaced.reason, 'replaced')
  assert.equal(after(failed('TICKET_INVALID')).kind, 'lost')
  assert.equal(errorOfEnd(after(failed('TICKET_INVALID'))).code, 'TICKET_INVALID')
  for (const code of ['NO_SEAT', 'DRAINING', 'INTERNAL', 'BAD_ANSWER', 'RATE_LIMITED'] as const) {
    assert.equal(after(failed(code)).kind, 'reconnecting', code)
  }
})

test('[CL111] advice to wait is followed', () => {
  const { state } = afterBreak([1_000, tick], [1_000, failed('RATE_LIMITED', { retryAfterMs: 7_000 })], [1_000, broken])
  assert.deepEqual(attemptOf(state), { kind: 'waits', untilMs: 8_000 })
})

test('[CL112] the wrong pod sends elsewhere: within the entry addresses only, and never to a readable one', () => {
  const sent = (location: string) => {
    const { state } = afterBreak([1_000, tick], [1_000, opened], [1_000, failed('WRONG_POD', { location })])
    return step(state, broken, RESUMABLE)
  }
  assert.deepEqual(sent('wss://b/p/3/v1/ws').effects, [
    { kind: 'drop' },
    { kind: 'attempt', location: 'wss://b/p/3/v1/ws' },
  ])
  for (const location of ['wss://evil/p/3/v1/ws', 'ws://b/p/3/v1/ws', 'ftp://b', 'nonsense', 'wss://b:444/']) {
    const { state } = sent(location)
    assert.equal(state.kind, 'lost', location)
    assert.equal(errorOfEnd(state).code, 'WRONG_POD')
  }
})

test('[CL113] a change of network begins an attempt at once, also in place of one under way', () => {
  const network: ConnectionInput = { kind: 'network' }
  assert.deepEqual(afterBreak([1_000, network]).effects, [['attempt']])
  assert.deepEqual(afterBreak([1_000, tick], [1_500, network]).effects[1], ['drop', 'attempt'])
  assert.deepEqual(step({ kind: 'live' }, network, RESUMABLE).effects, [])
})

test('[CL110] leaving while it is broken is the end', () => {
  const { state, effects } = afterBreak([1_000, tick], [1_100, { kind: 'leave' }])
  assert.equal(state.kind === 'closed' && state.reason, 'client_left')
  assert.deepEqual(effects[1], ['drop'])
})

test('[CL118] where it was not answered it is not sent back to: it comes again where it was told so, as soon as that said, and not more rarely', () => {
  const there = failed('WRONG_POD', { location: RESUMABLE.url, retryAfterMs: 400 })
  let { state } = afterBreak([1_000, tick], [1_000, broken], [1_250, tick])
  for (let nowMs = 2_000, times = 0; times < 20; nowMs += 500, times++) {
    const context = { ...RESUMABLE, nowMs }
    state = step(
      step(state, times % 2 === 0 ? there : failed('SESSION_SUSPENDED', { retryAfterMs: 400 }), context).state,
      broken,
      context,
    ).state
    assert.deepEqual(attemptOf(state), { kind: 'waits', untilMs: nowMs + 500, isHere: true })
    const next = step(state, tick, { ...context, nowMs: nowMs + 500 })
    assert.deepEqual(next.effects, [{ kind: 'attempt', isHere: true }])
    state = next.state
  }
  const context = { ...RESUMABLE, nowMs: 20_000 }
  const last = step(step(state, there, context).state, broken, context)
  assert.deepEqual(last.effects.at(-1), { kind: 'attempt', location: RESUMABLE.url }, 'in the end it looks there again')
})
