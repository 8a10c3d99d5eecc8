import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Closing, Welcome } from '@parley/protocol'
import { type ConnectionState, INITIAL_STATE } from './connection-state.ts'
import { type ConnectionInput, errorOfEnd, step } from './connection-transitions.ts'
import { ParleyClientError } from './errors.ts'

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

/** Runs the inputs; gives the state and the kinds of all effects. */
function run(...inputs: ConnectionInput[]): { state: ConnectionState; effects: string[] } {
  let state = INITIAL_STATE
  const effects: string[] = []
  for (const input of inputs) {
    const result = step(state, input)
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
  const again = step(waiting.state, { kind: 'speech', speech: { type: 'speech', state: 'ready' } })
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
    for (const input of inputs) assert.deepEqual(step(end, input), { state: end, effects: [] })
  }
})
