// What may happen to a client's connection: a pure function of state, input and context. No I/O, no clock.
//
//   input \ state   connecting              live / waiting            reconnecting                    lost, closed
//   opened          say hello               -                         say hello                       -
//   welcome         live | waiting          (a fault)                 live | waiting                  -
//   speech          (a fault)               live | waiting            (a fault)                       -
//   refusal         remembered              told                      remembered                      -
//   closing         closed, hang up         reconnecting | closed     as broken, or closed            -
//   broken          lost | closed(refused)  reconnecting | lost       later | elsewhere | lost | closed -
//   tick            -                       -                         an attempt, its end, or lost    -
//   network         -                       -                         an attempt at once              -
//   leave           closed, hang up         closed, bye, hang up      closed, drop                    lost -> closed
import { assertNever } from '@parley/kernel'
import { CLIENT_SUBPROTOCOL, type Closing, PROTOCOL_VERSION, type ServerMessage, type Welcome } from '@parley/protocol'
import {
  closedBy,
  errorOfEnd,
  gaveUp,
  gone,
  left,
  refusedRedirect,
  wrongSubprotocol,
  wrongVersion,
} from './connection-ends.ts'
import type { ConnectionState, Reconnecting } from './connection-state.ts'
import { ParleyClientError } from './errors.ts'
import { ATTEMPT_DEADLINE_MS, advisedDelayMs, allowedTarget, delayMs, fateOf, MAX_ANSWERED } from './reconnect.ts'

export type ConnectionInput =
  | { readonly kind: 'opened'; readonly subprotocol: string }
  | { readonly kind: 'welcome'; readonly welcome: Welcome }
  | { readonly kind: 'speech'; readonly speech: Extract<ServerMessage, { type: 'speech' }> }
  /** An `error` message of the pod. */
  | { readonly kind: 'refusal'; readonly error: ParleyClientError }
  | { readonly kind: 'closing'; readonly closing: Closing }
  /** The socket failed, closed without a goodbye, fell silent, talked nonsense, or took too long to open. */
  | { readonly kind: 'broken'; readonly error: ParleyClientError }
  /** Time has passed. */
  | { readonly kind: 'tick' }
  /** The way to the platform may be another one now. */
  | { readonly kind: 'network' }
  /** The owner of the client has had enough. */
  | { readonly kind: 'leave' }

export type ConnectionEffect =
  | { readonly kind: 'say-hello' }
  | { readonly kind: 'say-bye' }
  /** Close politely; at once if that takes too long. */
  | { readonly kind: 'hang-up' }
  /** Close at once. */
  | { readonly kind: 'drop' }
  /** Open a socket: at `location` from now on, when there is one; where the last was, when `isHere`. */
  | { readonly kind: 'attempt'; readonly location?: string; readonly isHere?: boolean }
  | { readonly kind: 'tell-error'; readonly error: ParleyClientError }
  /** The pod said something that is not valid now. */
  | { readonly kind: 'fault'; readonly what: string }

/** What a decision depends on beside the state. */
export interface StepContext {
  /** Monotonic. */
  readonly nowMs: number
  /** How long the session waits for its client, ms; undefined when it cannot be resumed. */
  readonly graceMs: number | undefined
  /** Attempts since the connection last stood for a while. */
  readonly recentAttempts: number
  /** False when the platform has sent elsewhere too often in a row. */
  readonly canRedirect: boolean
  readonly url: string
  readonly entryUrls: readonly string[]
  /** Where the pod has said that the session goes on. */
  readonly movesTo: string | undefined
  /** 0..1, for the jitter. */
  readonly random: number
}

export interface Transition {
  readonly state: ConnectionState
  readonly effects: readonly ConnectionEffect[]
}

const to = (state: ConnectionState, ...effects: ConnectionEffect[]): Transition => ({ state, effects })
const drop: ConnectionEffect = { kind: 'drop' }
const hangUp: ConnectionEffect = { kind: 'hang-up' }

export function step(state: ConnectionState, input: ConnectionInput, context: StepContext): Transition {
  switch (state.kind) {
    case 'connecting':
      return whileConnecting(state, input)
    case 'live':
    case 'waiting':
      return whileConnected(state, input, context)
    case 'reconnecting':
      return whileReconnecting(state, input, context)
    case 'lost':
      return input.kind === 'leave' ? to(left) : to(state)
    case 'closed':
      return to(state)
    default:
      return assertNever(state)
  }
}

function whileConnecting(state: Extract<ConnectionState, { kind: 'connecting' }>, input: ConnectionInput): Transition {
  switch (input.kind) {
    case 'opened':
      if (state.hasSaidHello) return to(state)
      if (input.subprotocol !== CLIENT_SUBPROTOCOL) return to({ kind: 'lost', error: wrongSubprotocol() }, drop)
      return to({ ...state, hasSaidHello: true }, { kind: 'say-hello' })
    case 'welcome':
      return welcomed(input.welcome)
    case 'speech':
      return to(state, { kind: 'fault', what: 'a speech message came before the welcome' })
    case 'refusal':
      return to({ ...state, refusal: input.error })
    case 'closing':
      return to(closedBy(input.closing, state.refusal), hangUp)
    case 'broken':
      if (!state.refusal) return to({ kind: 'lost', error: input.error }, drop)
      return to(
        { kind: 'closed', reason: 'refused', message: state.refusal.detail, mayResume: false, error: state.refusal },
        drop,
      )
    case 'tick':
    case 'network':
      return to(state)
    case 'leave':
      return to(left, hangUp)
    default:
      return assertNever(input)
  }
}

function welcomed(welcome: Welcome): Transition {
  if (welcome.protocolVersion !== PROTOCOL_VERSION) {
    return to({ kind: 'lost', error: wrongVersion(welcome.protocolVersion) }, drop)
  }
  return to(welcome.speech === 'ready' ? { kind: 'live' } : { kind: 'waiting' })
}

function whileConnected(state: ConnectionState, input: ConnectionInput, context: StepContext): Transition {
  switch (input.kind) {
    case 'opened':
    case 'tick':
    case 'network':
      return to(state)
    case 'welcome':
      return to(state, { kind: 'fault', what: 'a second welcome came' })
    case 'speech': {
      const { state: speech, reason } = input.speech
      if (speech === 'ready') return to(state.kind === 'live' ? state : { kind: 'live' })
      return to({ kind: 'waiting', ...(reason ? { reason } : {}) })
    }
    case 'refusal':
      return to(state, { kind: 'tell-error', error: input.error })
    case 'closing': {
      const closed = closedBy(input.closing)
      if (!input.closing.mayResume || context.graceMs === undefined) return to(closed, hangUp)
      if (context.movesTo !== undefined) return follow(errorOfEnd(closed), context, context.movesTo)
      // Asked to go: not back at once.
      return to(breakOff(errorOfEnd(closed), { ...context, recentAttempts: Math.max(1, context.recentAttempts) }), drop)
    }
    case 'broken':
      // A platform that talks nonsense will go on doing so.
      if (context.graceMs === undefined || input.error.code === 'BAD_ANSWER')
        return to({ kind: 'lost', error: input.error }, drop)
      if (context.movesTo !== undefined) return follow(input.error, context, context.movesTo)
      return to(breakOff(input.error, context), drop)
    case 'leave':
      return to(left, { kind: 'say-bye' }, hangUp)
    default:
      return assertNever(input)
  }
}

/** The session goes on elsewhere, and where is known: there at once. */
function follow(error: ParleyClientError, context: StepContext, location: string): Transition {
  return begin(breakOff(error, context), context, location, [drop])
}

function breakOff(error: ParleyClientError, context: StepContext): Reconnecting {
  const { nowMs, graceMs = 0, recentAttempts, random } = context
  const untilMs = nowMs + graceMs
  const waitUntilMs = Math.min(untilMs, nowMs + delayMs(recentAttempts, random, error.retryAfterMs))
  return {
    kind: 'reconnecting',
    error,
    sinceMs: nowMs,
    untilMs,
    attempts: 0,
    answered: 0,
    attempt: { kind: 'waits', untilMs: waitUntilMs },
  }
}

function whileReconnecting(state: Reconnecting, input: ConnectionInput, context: StepContext): Transition {
  const { attempt } = state
  switch (input.kind) {
    case 'opened':
      if (attempt.kind !== 'runs' || attempt.hasSaidHello) return to(state)
      if (input.subprotocol !== CLIENT_SUBPROTOCOL) return attemptFailed(state, wrongSubprotocol(), context)
      return to({ ...state, attempt: { ...attempt, hasSaidHello: true } }, { kind: 'say-hello' })
    case 'welcome':
      return welcomed(input.welcome)
    case 'speech':
      return to(state, { kind: 'fault', what: 'a speech message came before the welcome' })
    case 'refusal':
      return attempt.kind === 'runs' ? to({ ...state, attempt: { ...attempt, refusal: input.error } }) : to(state)
    case 'closing': {
      const refusal = attempt.kind === 'runs' ? attempt.refusal : undefined
      const closed = closedBy(input.closing, refusal)
      if (refusal || input.closing.mayResume) return attemptFailed(state, errorOfEnd(closed), context)
      return to(closed, drop)
    }
    case 'broken':
      return attemptFailed(state, (attempt.kind === 'runs' && attempt.refusal) || input.error, context)
    case 'tick':
      return onTick(state, context)
    case 'network':
      // Whatever was under way went over the old network.
      return begin(state, context, undefined, attempt.kind === 'runs' ? [drop] : [])
    case 'leave':
      return to(left, drop)
    default:
      return assertNever(input)
  }
}

function onTick(state: Reconnecting, context: StepContext): Transition {
  const { attempt, untilMs } = state
  if (context.nowMs >= untilMs) return to({ kind: 'lost', error: gaveUp(state) }, drop)
  if (context.nowMs < attempt.untilMs) return to(state)
  if (attempt.kind === 'waits') return begin(state, context, attempt.isHere ? HERE : undefined)
  const detail = `no welcome within ${ATTEMPT_DEADLINE_MS} ms`
  return attemptFailed(state, attempt.refusal ?? new ParleyClientError('DEADLINE_EXCEEDED', { detail }), context)
}

/** Where the last attempt was made. */
const HERE = Symbol('here')

function begin(
  state: Reconnecting,
  { nowMs }: StepContext,
  where?: string | typeof HERE,
  before: ConnectionEffect[] = [],
): Transition {
  const next: Reconnecting = {
    ...state,
    attempts: state.attempts + 1,
    attempt: { kind: 'runs', untilMs: nowMs + ATTEMPT_DEADLINE_MS, hasSaidHello: false },
  }
  if (where === HERE) return to(next, ...before, { kind: 'attempt', isHere: true })
  return to(next, ...before, { kind: 'attempt', ...(where === undefined ? {} : { location: where }) })
}

function attemptFailed(state: Reconnecting, error: ParleyClientError, context: StepContext): Transition {
  const { nowMs, recentAttempts, random, canRedirect, entryUrls, url } = context
  switch (fateOf(error)) {
    case 'gone':
      return to(gone(error), drop)
    case 'refused':
      return to({ kind: 'lost', error }, drop)
    case 'elsewhere': {
      const target = allowedTarget(error.location ?? '', entryUrls, url)
      if (target === undefined) return to({ kind: 'lost', error: refusedRedirect(error) }, drop)
      // Where it comes from it was not answered: it comes again until somebody else has the session.
      if (target === url && state.attempts > 1 && state.answered < MAX_ANSWERED) return comeAgain(state, error, context)
      if (canRedirect) return begin(state, context, target, [drop])
      break
    }
    case 'soon':
      if (state.answered < MAX_ANSWERED) return comeAgain(state, error, context)
      break
    case 'again':
      break
  }
  const attempts = Math.max(state.attempts - state.answered, recentAttempts)
  const waitUntilMs = Math.min(state.untilMs, nowMs + delayMs(attempts, random, error.retryAfterMs))
  return to({ ...state, error, attempt: { kind: 'waits', untilMs: waitUntilMs } }, drop)
}

/** A pod that knows of the session says when to ask it again. */
function comeAgain(state: Reconnecting, error: ParleyClientError, { nowMs, random }: StepContext): Transition {
  const untilMs = Math.min(state.untilMs, nowMs + advisedDelayMs(error.retryAfterMs, random))
  const answered = state.answered + 1
  return to({ ...state, error, answered, attempt: { kind: 'waits', untilMs, isHere: true } }, drop)
}
