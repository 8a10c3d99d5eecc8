// One client's presence on this pod: runs what session-transitions.ts decides, checks audio on its way in. Owns no timer and no
// socket: the pod's ticker calls `tick`, connections come as channels. What it holds is given back by the effects, once.
import { assertNever, type Clock, err, ok, type Result } from '@parley/kernel'
import {
  AUDIO_FRAME_HEADER_BYTES,
  type AudioFormat,
  type CloseReason,
  ParleyError,
  type SessionId,
} from '@parley/protocol'
import { AudioIntake, type AudioLimits, type FrameVerdict } from './audio-intake.ts'
import { CaptionFeed, MAX_PENDING_FLUSHES } from './caption-feed.ts'
import type { AudioSink, HeldSlot, SessionChannel } from './ports.ts'
import { countUp, type SessionCounters } from './session-counters.ts'
import type { SessionPolicy, SessionState } from './session-state.ts'
import {
  onEnded,
  onJoined,
  onLost,
  onTick,
  opening,
  type SessionEffect,
  type Transition,
} from './session-transitions.ts'
import { WatchLinks } from './watch-links.ts'

/** What all sessions of a pod share; one object, so that a session costs only what is its own. */
export interface SessionHost {
  readonly clock: Clock
  readonly policy: SessionPolicy
  readonly audioLimits: AudioLimits
  readonly watchersPerSession: number
  readonly counters: SessionCounters
  /** The session is closed and holds nothing any more. */
  onClosed(session: Session, reason: CloseReason): void
}

export interface SessionIdentity {
  readonly id: SessionId
  readonly tenant: string
  readonly user: string
  readonly language: string
  readonly metadata: Readonly<Record<string, string>>
}

export class Session {
  readonly identity: SessionIdentity
  readonly createdAtWallMs: number
  /** What followers hear; for reading. The audience changes through this session only. */
  readonly feed: CaptionFeed
  readonly #host: SessionHost
  readonly #slot: HeldSlot
  #state: SessionState
  #connectedAtWallMs: number | undefined
  #links: WatchLinks | undefined
  #speech: AudioSink | undefined
  #intake: AudioIntake | undefined

  constructor(identity: SessionIdentity, slot: HeldSlot, host: SessionHost) {
    this.identity = identity
    this.#slot = slot
    this.#host = host
    this.createdAtWallMs = host.clock.wallMs()
    this.feed = new CaptionFeed(identity.language, host.counters)
    this.#state = opening(host.clock.nowMs(), host.policy)
  }

  get id(): SessionId {
    return this.identity.id
  }
  get state(): SessionState {
    return this.#state
  }
  /** When the owner connected; wall clock ms. */
  get connectedAtWallMs(): number | undefined {
    return this.#connectedAtWallMs
  }
  get format(): AudioFormat | undefined {
    return this.#intake?.format
  }
  /** Audio accepted, milliseconds. */
  get audioMs(): number {
    return this.#intake?.audioMs ?? 0
  }
  get links(): WatchLinks {
    this.#links ??= new WatchLinks()
    return this.#links
  }

  // ---- the owner ----

  /** The owner is here: opens speech. False: the session does not wait for one (any more). */
  join(owner: SessionChannel, format: AudioFormat): boolean {
    const transition = onJoined(this.#state)
    if (!transition) return false
    const { clock, audioLimits } = this.#host
    this.#connectedAtWallMs = clock.wallMs()
    this.#intake = new AudioIntake(format, audioLimits, clock.nowMs())
    try {
      this.#run(transition)
    } catch (failure) {
      this.end('internal')
      throw failure
    }
    // Only now: what speech says while it opens is part of the owner's welcome, not a message before it.
    this.feed.owner = owner
    return true
  }

  /** The owner's connection is gone, or is being closed for `reason`. */
  ownerLost(reason: CloseReason): void {
    const { clock, policy } = this.#host
    this.#run(onLost(this.#state, reason, clock.nowMs(), policy))
  }

  /** Ends the session for good. Idempotent: the first reason stands. */
  end(reason: CloseReason): void {
    this.#run(onEnded(this.#state, reason))
  }

  tick(nowMs: number): void {
    this.#run(onTick(this.#state, nowMs))
  }

  /** One binary message of the owner; passed on when accepted. Any other verdict is for the connection to answer. */
  audio(message: Uint8Array, nowMs: number): FrameVerdict {
    const intake = this.#intake
    if (!intake || !this.#speech) return 'malformed'
    const verdict = intake.accept(message, nowMs)
    if (verdict !== 'accepted') return verdict
    const { counters, clock } = this.#host
    counters.audioFramesTotal++
    counters.audioBytesTotal += message.byteLength - AUDIO_FRAME_HEADER_BYTES
    this.#speech.push(intake.mediaTime, message.subarray(AUDIO_FRAME_HEADER_BYTES), clock.wallMs())
    return verdict
  }

  /** Why the last message given to `audio` was malformed. */
  explainFrame(message: Uint8Array): string {
    return this.#intake?.explain(message) ?? 'the session takes no audio'
  }

  /** Milliseconds until a further frame would be within the pace. */
  paceWaitMs(nowMs: number): number {
    return this.#intake?.paceWaitMs(nowMs) ?? 0
  }

  /** Has everything so far recognised; audio.ended follows the last final. INVALID_FIELD when `lastSeq` is not what came. */
  endAudio(lastSeq: number, requestId: string | undefined): Result<void, ParleyError> {
    const arrived = this.#intake?.lastSeq ?? -1
    if (lastSeq !== arrived) {
      const message = `field "lastSeq" is ${lastSeq}, but the last frame that arrived is ${arrived}`
      const details = { field: 'lastSeq', value: String(lastSeq), allowed: [arrived], message }
      return err(new ParleyError('INVALID_FIELD', details))
    }
    const flushId = this.feed.awaitFlush(lastSeq, requestId)
    if (flushId === undefined) {
      const message = `${MAX_PENDING_FLUSHES} audio.end are waiting for their answer`
      return err(new ParleyError('RATE_LIMITED', { message, retryAfterMs: 1_000 }))
    }
    this.#speech?.flush(flushId)
    return ok(undefined)
  }

  // ---- watchers ----

  /** TOO_MANY_CONNECTIONS when the session has all the watchers it may have, SESSION_UNKNOWN when it has ended. */
  watch(watcher: SessionChannel): Result<void, ParleyError> {
    if (this.#state.kind === 'closed') return err(new ParleyError('SESSION_UNKNOWN'))
    const count = this.feed.watcherCount
    if (count >= this.#host.watchersPerSession) {
      const message = `the session has ${count} watchers, the most allowed (sessions.watchersPerSession)`
      return err(new ParleyError('TOO_MANY_CONNECTIONS', { message, retryAfterMs: 5_000 }))
    }
    this.feed.addWatcher(watcher)
    return ok(undefined)
  }

  unwatch(watcher: SessionChannel): void {
    this.feed.removeWatcher(watcher)
  }

  // ---- effects ----

  #run(transition: Transition | undefined): void {
    if (!transition) return
    this.#state = transition.state
    for (const effect of transition.effects) this.#effect(effect, transition.state)
  }

  #effect(effect: SessionEffect, state: SessionState): void {
    const reason = state.kind === 'closed' ? state.reason : 'internal'
    switch (effect) {
      case 'open_speech':
        this.#openSpeech()
        break
      case 'detach_owner':
        this.feed.owner = undefined
        break
      case 'release_slot':
        this.#slot.release()
        break
      case 'close_speech':
        // Without a stream opening it has failed, and the slot may still be ours.
        if (this.#speech) this.#speech.close()
        else this.#slot.release()
        this.#speech = undefined
        break
      case 'close_feed':
        this.feed.close()
        break
      case 'close_owner':
        this.feed.owner?.close(reason)
        this.feed.owner = undefined
        break
      case 'close_watchers':
        for (const watcher of this.feed.takeWatchers()) watcher.close(reasonForWatchers(reason))
        break
      case 'forget':
        countUp(this.#host.counters.closedTotal, reason)
        this.#host.onClosed(this, reason)
        break
      default:
        assertNever(effect)
    }
  }

  #openSpeech(): void {
    if (!this.#intake) return
    const { id, language } = this.identity
    const options = { sessionId: id, language, format: this.#intake.format, firstIndex: this.feed.nextIndex }
    this.#speech = this.#slot.open(options, this.feed)
  }
}

/** To a watcher the session's own end is one thing, the pod's another: only then can it come back. */
function reasonForWatchers(reason: CloseReason): CloseReason {
  return reason === 'shutting_down' || reason === 'draining' ? reason : 'finished'
}
