// What a failed call says of the engine and of the text. One table; pure.
import type { TextFailureCode } from '@parley/protocol'
import type { TextFailReason } from '../text-service.ts'
import type { BreakerEvent } from './circuit-breaker.ts'

export interface AfterFailure {
  readonly breaker: Exclude<BreakerEvent, 'asked'>
  /**
   * `next-engine`: this one is not asked again in this round. `later`: the same after a short pause. `pause`: nothing is asked of the provider
   * until it wants to be. `elsewhere`: the same engine at once, on another worker.
   */
  readonly then: 'next-engine' | 'later' | 'pause' | 'elsewhere'
  /** Whether the same text may come out right at another try. */
  readonly isWorthRetrying: boolean
  /** What is told when nobody else can do it. */
  readonly reason: TextFailReason
}

const row = (
  breaker: AfterFailure['breaker'],
  then: AfterFailure['then'],
  isWorthRetrying: boolean,
  reason: TextFailReason,
): AfterFailure => ({ breaker, then, isWorthRetrying, reason })

export const AFTER_FAILURE: Readonly<Record<TextFailureCode, AfterFailure>> = {
  PAIR_UNSUPPORTED: row('withdrawn', 'next-engine', false, 'unsupported'),
  TEXT_INVALID: row('withdrawn', 'next-engine', false, 'invalid'),
  BUSY: row('withdrawn', 'later', true, 'unavailable'),
  ENGINE_UNAVAILABLE: row('failed', 'next-engine', true, 'unavailable'),
  ENGINE_FAILED: row('failed', 'next-engine', true, 'unavailable'),
  // A provider that limits works.
  RATE_LIMITED: row('answered', 'pause', true, 'budget'),
  DEADLINE: row('failed', 'next-engine', true, 'deadline'),
  // The engine works; what it says about this text is of no use, and would be the same again.
  REFUSED_SAME: row('answered', 'next-engine', false, 'refused'),
  REFUSED_LONG: row('answered', 'next-engine', false, 'refused'),
  REFUSED_LANGUAGE: row('answered', 'next-engine', false, 'refused'),
  // Not by who asked: the worker stops.
  CANCELLED: row('withdrawn', 'elsewhere', true, 'unavailable'),
}
