// What a session is given: by its pod once for all, and by its owner with each connection.
import type { Clock } from '@parley/kernel'
import type { CloseReason, SessionId } from '@parley/protocol'
import type { StageTimer } from '@parley/telemetry'
import type { WishesOfHello } from './audience.ts'
import type { AudioLimits } from './audio-intake.ts'
import type { CaptionFeed } from './caption-feed.ts'
import type { HistoryLimits } from './event-history.ts'
import type { AudioChannel, SpeechSource } from './ports.ts'
import type { SessionCounters } from './session-counters.ts'
import type { SessionPolicy } from './session-state.ts'
import type { SessionWitness, WitnessedSession } from './session-witness.ts'
import type { TextSource } from './text-port.ts'

/** A session that is over, as its pod hears of it. */
export interface ClosedSession extends WitnessedSession {
  readonly id: SessionId
  readonly feed: CaptionFeed
}

/** What all sessions of a pod share; one object, so that a session costs only what is its own. */
export interface SessionHost {
  readonly clock: Clock
  readonly policy: SessionPolicy
  readonly audioLimits: AudioLimits
  readonly historyLimits: HistoryLimits
  readonly watchersPerSession: number
  readonly counters: SessionCounters
  /** Of this loop; nobody measures unless told. */
  readonly stages?: StageTimer
  /** Where speech comes from; nothing speaks unless told. */
  readonly speech?: SpeechSource
  /** Who translates and polishes; nobody does unless told. */
  readonly text?: TextSource
  /** Unless told, of languages 8 and of time 30 s. */
  readonly textLimits?: TextLimits
  /** Rises whenever more or less can be translated, polished or said than before; never unless told. */
  readonly abilitiesVersion?: () => number
  /** Who keeps records; nobody does unless told. */
  readonly witness?: SessionWitness | undefined
  /** The session is closed and holds nothing any more. */
  onClosed(session: ClosedSession, reason: CloseReason): void
}

export interface TextLimits {
  /** Languages one session is translated into at a time. */
  readonly maxTargets: number
  /** When a final that came to nothing is given up, ms. */
  readonly finalDeadlineMs: number
}

export const TEXT_LIMITS: TextLimits = { maxTargets: 8, finalDeadlineMs: 30_000 }

/** What an owner brings along with its connection. */
export interface OwnerAttach extends WishesOfHello {
  /** The session's from now on, if it takes the owner; else still the caller's to close. */
  readonly channel?: AudioChannel | undefined
}
