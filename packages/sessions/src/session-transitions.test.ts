import assert from 'node:assert/strict'
import { test } from 'node:test'
import { CLOSE_REASON_NAMES, CLOSE_REASONS } from '@parley/protocol'
import type { SessionPolicy, SessionState } from './session-state.ts'
import { onEnded, onJoined, onLost, onResumed, onTick, opening, type Transition } from './session-transitions.ts'

const POLICY: SessionPolicy = { ticketLifetimeMs: 100, graceMs: 50 }
const STATES: Record<SessionState['kind'], SessionState> = {
  opening: { kind: 'opening', ticketUntilMs: 100 },
  active: { kind: 'active' },
  suspended: { kind: 'suspended', resumeUntilMs: 80, because: 'socket_lost' },
  closed: { kind: 'closed', reason: 'deleted' },
}

const EVENTS: Record<string, (state: SessionState) => Transition | undefined> = {
  joined: onJoined,
  resumed: onResumed,
  'lost resumably': (state) => onLost(state, 'client_silent', 30, POLICY),
  'lost for good': (state) => onLost(state, 'protocol_violation', 30, POLICY),
  'tick before the deadline': (state) => onTick(state, 79),
  'tick at the deadline': (state) => onTick(state, 100),
  ended: (state) => onEnded(state, 'client_left'),
}

/** Event -> what each state becomes; '-' = no change. The table of session-transitions.ts, in other words. */
const TABLE: Record<string, Record<SessionState['kind'], string>> = {
  joined: { opening: 'active', active: '-', suspended: '-', closed: '-' },
  resumed: { opening: '-', active: 'active', suspended: 'active', closed: '-' },
  'lost resumably': { opening: 'closed:client_silent', active: 'suspended:80', suspended: '-', closed: '-' },
  'lost for good': {
    opening: 'closed:protocol_violation',
    active: 'closed:protocol_violation',
    suspended: '-',
    closed: '-',
  },
  'tick before the deadline': { opening: '-', active: '-', suspended: '-', closed: '-' },
  'tick at the deadline': {
    opening: 'closed:ticket_unused',
    active: '-',
    suspended: 'closed:grace_expired',
    closed: '-',
  },
  ended: {
    opening: 'closed:client_left',
    active: 'closed:client_left',
    suspended: 'closed:client_left',
    closed: '-',
  },
}

function named(transition: Transition | undefined): string {
  const state = transition?.state
  if (!state) return '-'
  if (state.kind === 'closed') return `closed:${state.reason}`
  return state.kind === 'suspended' ? `suspended:${state.resumeUntilMs}` : state.kind
}

for (const [event, row] of Object.entries(TABLE)) {
  test(`[SES1] [SES3] [SES4] [RES1] ${event}`, () => {
    for (const [kind, expected] of Object.entries(row)) {
      assert.equal(named(EVENTS[event]?.(STATES[kind as SessionState['kind']])), expected, `from ${kind}`)
    }
  })
}

test('[RES1] only a takeover has somebody to replace', () => {
  assert.deepEqual(onResumed(STATES.suspended)?.effects, [])
  assert.deepEqual(onResumed(STATES.active)?.effects, ['replace_owner'])
})

test('[SES4] exactly the reasons that may be resumed from suspend an active session', () => {
  for (const reason of CLOSE_REASON_NAMES) {
    const transition = onLost({ kind: 'active' }, reason, 0, POLICY)
    assert.equal(transition?.state.kind, CLOSE_REASONS[reason].mayResume ? 'suspended' : 'closed', reason)
  }
})

test('[SES2] every way to closed gives back seat, slot, owner and watchers', () => {
  for (const kind of ['opening', 'active', 'suspended'] as const) {
    const effects = onEnded(STATES[kind], 'deleted')?.effects ?? []
    assert.ok(effects.includes(kind === 'opening' ? 'release_slot' : 'close_speech'), kind)
    for (const effect of ['close_feed', 'close_owner', 'close_watchers', 'forget'] as const) {
      assert.equal(effects.filter((one) => one === effect).length, 1, `${kind}: ${effect}`)
    }
    assert.equal(effects.at(-1), 'forget')
  }
})

test('[SES3] the ticket counts from creation', () => {
  assert.deepEqual(opening(7, POLICY), { kind: 'opening', ticketUntilMs: 107 })
})
