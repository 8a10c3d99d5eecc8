// One client's presence on this pod: runs what session-transitions.ts decides, and holds what it decides about: the audio on its
// way in (owner-audio.ts), the captions on their way out (caption-feed.ts). Owns no timer and no socket: the pod's ticker calls
// `tick`, connections come as channels. What it holds is given back by the effects, once.
import { assertNever, err, ok, type Result } from '@parley/kernel'
import {
  type AudioFormat,
  type CaptionSet,
  type CaptionsSet,
  type CloseReason,
  ParleyError,
  type SessionCheckpoint,
  type SessionId,
  type SubscriptionSet,
  type WatchLinkId,
} from '@parley/protocol'
import { NO_STAGES } from '@parley/telemetry'
import type { WishesOfHello } from './audience.ts'
import type { FrameVerdict } from './audio-intake.ts'
import { CaptionFeed } from './caption-feed.ts'
import { checkpointOf, MAX_SEQ_AHEAD, stampOf } from './checkpoint.ts'
import { type AudioTransport, OwnerAudio } from './owner-audio.ts'
import { type HeldSlot, type MoveTarget, NO_SPEECH, type OpenAudio, type SessionChannel } from './ports.ts'
import { Refining } from './refining.ts'
import { countUp } from './session-counters.ts'
import { type OwnerAttach, type SessionHost, TEXT_LIMITS } from './session-host.ts'
import { endFault, resumeFault, tooManyEnds } from './session-refusals.ts'
import type { SessionState } from './session-state.ts'
import {
  onEnded,
  onGivenUp,
  onJoined,
  onLost,
  onResumed,
  onTick,
  opening,
  type SessionEffect,
  type Transition,
  takenOver,
} from './session-transitions.ts'
import type { SessionIdentity } from './session-witness.ts'
import { Speaker, type SpeakOrder } from './speaker.ts'
import { OwnerOutlet, type SpeechNumbers } from './speech-outlet.ts'
import type { Subscriptions } from './subscriptions.ts'
import { NO_TEXT } from './text-port.ts'
import { WatchLinks } from './watch-links.ts'

/** What an owner that comes back has seen; 0 = nothing. `mediaMs`: end of the last final. */
export interface SeenByOwner {
  readonly seq: number
  readonly mediaMs: number
}

const SEEN_NOTHING: SeenByOwner = { seq: 0, mediaMs: 0 }

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
  #audio: OwnerAudio | undefined
  #speaker: Speaker | undefined
  #refining: Refining | undefined
  #speechNumbers: SpeechNumbers | undefined
  /** Of a session that was taken over, until its client has come, who may know more of it. */
  #from: SessionCheckpoint | undefined

  /** `from`: what its owner before kept of it; then it waits for its client. */
  constructor(identity: SessionIdentity, slot: HeldSlot, host: SessionHost, from?: SessionCheckpoint) {
    this.identity = identity
    this.#slot = slot
    this.#host = host
    const { clock, policy, counters, historyLimits, stages = NO_STAGES, witness } = host
    this.createdAtWallMs = from?.createdAtWallMs ?? clock.wallMs()
    this.feed = new CaptionFeed(identity.language, counters, historyLimits, stages, from)
    this.feed.audience.onWants = () => this.#onWants()
    this.#state = from ? takenOver(clock.nowMs(), policy) : opening(clock.nowMs(), policy)
    if (from) this.#goOnFrom(from)
    if (witness) this.feed.onSaid = (final) => witness.said(this, final)
    witness?.opened(this)
  }

  #goOnFrom(from: SessionCheckpoint): void {
    const { format, links, subscriptions, captions, audioBytes: bytes, audioFrames: frames, audioMs } = from
    const { audioLimits, counters, clock } = this.#host
    this.#from = from
    this.#connectedAtWallMs = from.connectedAtWallMs
    for (const { linkId, expiresAtMs } of links) this.links.add(linkId as WatchLinkId, expiresAtMs, clock.wallMs())
    this.feed.audience.recallOwner({ subscriptions, captions })
    const audio = new OwnerAudio(format, audioLimits, counters, clock.nowMs())
    audio.intake.goOnFrom(from.settledMediaTime, { bytes, frames, audioMs })
    this.#audio = audio
    if (this.feed.audience.hasWishes) this.#refine()
  }

  get id(): SessionId {
    return this.identity.id
  }
  get state(): SessionState {
    return this.#state
  }
  /** When the owner connected first; wall clock ms. */
  get connectedAtWallMs(): number | undefined {
    return this.#connectedAtWallMs
  }
  get format(): AudioFormat | undefined {
    return this.#audio?.intake.format
  }
  /** Audio accepted, milliseconds. */
  get audioMs(): number {
    return this.#audio?.intake.audioMs ?? 0
  }
  /** Sample after the last one accepted; never wraps. */
  get receivedMediaTime(): number {
    return this.#audio?.intake.endMediaTime ?? 0
  }
  get audioTransport(): AudioTransport {
    return this.#audio?.transport ?? 'none'
  }
  get links(): WatchLinks {
    this.#links ??= new WatchLinks()
    return this.#links
  }

  // ---- the owner ----

  /** The owner is here: opens speech. False: the session does not wait for one (any more). */
  join(owner: SessionChannel, format: AudioFormat, attach: OwnerAttach = {}): boolean {
    const transition = onJoined(this.#state)
    if (!transition) return false
    const { clock, audioLimits, counters } = this.#host
    this.#connectedAtWallMs = clock.wallMs()
    this.#audio = new OwnerAudio(format, audioLimits, counters, clock.nowMs())
    this.#audio.attach(attach.channel, clock.nowMs())
    try {
      this.#run(transition)
    } catch (failure) {
      this.end('internal')
      throw failure
    }
    // Only now: what speech says while it opens is part of the owner's welcome, not a message before it.
    this.feed.audience.attachOwner(owner, attach)
    return true
  }

  /**
   * May a client with this format, which has seen events up to `seq`, go on with this session? INVALID_FIELD when it never was
   * that client, SESSION_UNKNOWN when there is nothing to go on with.
   */
  mayResume(format: AudioFormat, seq: number): Result<void, ParleyError> {
    const agreed = this.format
    if (!agreed || !onResumed(this.#state)) return err(new ParleyError('SESSION_UNKNOWN'))
    return resumeFault(agreed, format, seq, { newest: this.feed.seq, ahead: this.#from ? MAX_SEQ_AHEAD : 0 })
  }

  /**
   * The owner is back; a connection it still had is closed as `replaced`. False: there is nothing to come back to. Of a session that was taken over
   * what the owner has `seen` counts where it is more than was kept.
   */
  resume(owner: SessionChannel, attach: OwnerAttach = {}, seen = SEEN_NOTHING): boolean {
    const wasAway = this.#state.kind === 'suspended'
    const transition = onResumed(this.#state)
    if (!transition || !this.#audio) return false
    const { counters, clock } = this.#host
    if (wasAway) counters.resumedTotal++
    else counters.replacedTotal++
    if (this.#from) this.#goOnAfter(seen, this.#audio)
    this.#run(transition)
    this.#audio.attach(attach.channel, clock.nowMs())
    this.feed.audience.attachOwner(owner, attach)
    this.#speaker?.attach(new OwnerOutlet(owner, counters))
    return true
  }

  /** Events that the owner has seen and nobody kept are not numbered again; audio that it has read the final of is not heard again. */
  #goOnAfter({ seq, mediaMs }: SeenByOwner, { intake }: OwnerAudio): void {
    const mediaTime = Math.floor((mediaMs * intake.format.sampleRateHz) / 1000)
    this.feed.goOnAfter(seq, mediaTime)
    intake.goOnFrom(mediaTime)
    const { due = [], seq: keptSeq = 0 } = this.#from ?? {}
    // Of an owner that has seen more than was kept nobody knows whether that was one of them.
    if (seq <= keptSeq) this.feed.giveUp(due)
    try {
      this.#openSpeech({ settledMediaTime: this.feed.settledMediaTime, adaptation: this.#from?.adaptation })
    } catch (failure) {
      this.end('internal')
      throw failure
    }
    this.#from = undefined
  }

  /** The connection of `owner` is gone, or is being closed for `reason`. Nothing to a session that has another by now. */
  ownerLost(owner: SessionChannel, reason: CloseReason): void {
    if (this.feed.audience.owner !== owner) return
    const { clock, policy } = this.#host
    this.#run(onLost(this.#state, reason, clock.nowMs(), policy))
  }

  /** Ends the session for good. Idempotent: the first reason stands. */
  end(reason: CloseReason): void {
    this.#run(onEnded(this.#state, reason))
  }

  // ---- from pod to pod ----

  /** What another pod needs to go on with it; undefined while nobody has come, and once it is over. */
  get checkpoint(): SessionCheckpoint | undefined {
    if (!this.#audio || this.#state.kind === 'closed') return undefined
    const { adaptation } = this.#from ?? this.#audio
    return checkpointOf(this, this.#audio.intake, this.#links, adaptation, this.#host.clock.wallMs())
  }

  /** Another whenever the checkpoint is worth keeping anew. */
  get stamp(): string {
    return stampOf(this, this.#links)
  }

  /** Those who follow are to go to `target` within that time; here it goes on until `handedOver`. */
  announceMove(target: MoveTarget, withinMs: number): void {
    for (const channel of this.feed.audience.channels()) channel.move(target, withinMs)
  }

  /** Nothing is told from now on, and what was still to be made of captions is given up: what the other pod is given is all there is. */
  freeze(): SessionCheckpoint | undefined {
    if (this.#refining && !this.feed.isQuiet) {
      this.#refining.close()
      this.#refining = undefined
      this.feed.refiner = undefined
    }
    this.feed.freeze()
    return this.checkpoint
  }

  /** The other pod did not take it: it goes on here, with what has come meanwhile. */
  thaw(): void {
    this.feed.thaw()
    this.#onWants()
  }

  /** The session is another pod's: everybody is sent there, nothing is said to have ended. Idempotent. */
  handedOver(): void {
    this.#run(onGivenUp(this.#state))
  }

  tick(nowMs: number): void {
    this.#run(onTick(this.#state, nowMs))
    this.#speaker?.tick()
    this.#refining?.tick(nowMs)
    const audio = this.#audio
    if (!audio?.hasSpeech) return
    if (audio.tick(nowMs)) this.feed.audience.owner?.ping()
    this.feed.tellSettled(nowMs, audio.intake.format.sampleRateHz)
  }

  /** One binary message of the owner; passed on when accepted. Any other verdict is for the connection to answer. */
  audio(message: Uint8Array, nowMs: number): FrameVerdict {
    const audio = this.#audio
    return audio?.hasSpeech ? audio.message(message, nowMs, this.#host.clock.wallMs()) : 'malformed'
  }

  /** One frame over the UDP of the newest attach, whether or not its connection still stands. */
  datagram(seq: number, mediaTime: number, payload: Uint8Array, receivedAtWallMs: number): FrameVerdict {
    const audio = this.#audio
    if (!audio?.hasSpeech) return 'late'
    return audio.datagram(seq, mediaTime, payload, this.#host.clock.nowMs(), receivedAtWallMs)
  }

  /** Why the last message given to `audio` was malformed. */
  explainFrame(message: Uint8Array): string {
    return this.#audio?.intake.explain(message) ?? 'the session takes no audio'
  }

  /** Milliseconds until a further frame would be within the pace. */
  paceWaitMs(nowMs: number): number {
    return this.#audio?.intake.paceWaitMs(nowMs) ?? 0
  }

  /** The owner answered a ping; `lastSeq`: of the last frame it has sent, when it says. */
  ponged(lastSeq: number | undefined): void {
    this.#audio?.answered(lastSeq)
  }

  /** Has everything so far recognised; audio.ended follows the last final. INVALID_FIELD when `lastSeq` cannot be. */
  endAudio(lastSeq: number, requestId: string | undefined): Result<void, ParleyError> {
    const audio = this.#audio
    if (!audio?.mayEndAt(lastSeq)) return err(endFault(lastSeq, audio?.intake.lastSeq ?? -1))
    const flushId = this.feed.awaitFlush(lastSeq, requestId)
    if (flushId === undefined) return err(tooManyEnds())
    audio.endAt(lastSeq, flushId, this.#host.clock.nowMs())
    return ok(undefined)
  }

  /** Says a text to the owner, behind what is said already. SPEAK_BUSY or INVALID_FIELD when it cannot wait; the rest is told. */
  say(order: SpeakOrder): Result<void, ParleyError> {
    const { clock, counters, speech: source = NO_SPEECH } = this.#host
    if (!this.#speaker) {
      const [totals, numbers] = [counters.speechesTotal, this.#numbers]
      this.#speaker = new Speaker({ source, counters, totals, numbers, nowMs: () => clock.nowMs() })
      const { owner } = this.feed.audience
      this.#speaker.attach(owner && new OwnerOutlet(owner, counters))
    }
    return this.#speaker.say(order)
  }

  /** Stops a speech; one that is over is ignored. */
  cancelSpeech(requestId: string): void {
    this.#speaker?.cancel(requestId)
  }

  // ---- followers ----

  /** TOO_MANY_CONNECTIONS when the session has all the watchers it may have, SESSION_UNKNOWN when it has ended. */
  watch(watcher: SessionChannel, wishes: WishesOfHello = {}): Result<void, ParleyError> {
    if (this.#state.kind === 'closed') return err(new ParleyError('SESSION_UNKNOWN'))
    const count = this.feed.audience.watcherCount
    if (count >= this.#host.watchersPerSession) {
      const message = `the session has ${count} watchers, the most allowed (sessions.watchersPerSession)`
      return err(new ParleyError('TOO_MANY_CONNECTIONS', { message, retryAfterMs: 5_000 }))
    }
    this.feed.audience.addWatcher(watcher, wishes)
    return ok(undefined)
  }

  unwatch(watcher: SessionChannel): void {
    this.feed.audience.removeWatcher(watcher)
  }

  /** What is in force for `follower`, owner or watcher, after it asked for `wants`. */
  subscribe(follower: SessionChannel, wants: SubscriptionSet): Subscriptions {
    return this.feed.audience.subscribe(follower, wants)
  }

  /** What `follower`, owner or watcher, wants to be made of captions from now on; answers with what is in force. */
  wishCaptions(follower: SessionChannel, asked: CaptionSet): CaptionsSet {
    this.feed.audience.wish(follower, asked)
    return this.#refine().inForce(follower)
  }

  /** What is in force for `follower`; undefined while it has never wanted anything. */
  captionsOf(follower: SessionChannel): CaptionsSet | undefined {
    return this.feed.audience.wishesOf(follower).version === 0 ? undefined : this.#refine().inForce(follower)
  }

  #onWants(): void {
    if (this.#refining) this.#refining.rewant()
    else if (this.feed.audience.hasWishes && this.#state.kind !== 'closed') this.#refine()
  }

  #refine(): Refining {
    if (this.#refining) return this.#refining
    const { clock, counters, speech = NO_SPEECH, text = NO_TEXT, textLimits = TEXT_LIMITS } = this.#host
    const { id: sessionId, tenant, language } = this.identity
    const abilitiesVersion = this.#host.abilitiesVersion ?? (() => 0)
    const host = { text, speech, counters, numbers: this.#numbers, abilitiesVersion, nowMs: () => clock.nowMs() }
    const refining = new Refining({ sessionId, tenant, language }, { ...host, ...textLimits }, this.feed)
    this.#refining = refining
    this.feed.refiner = refining
    return refining
  }

  get #numbers(): SpeechNumbers {
    this.#speechNumbers ??= { next: 0 }
    return this.#speechNumbers
  }

  // ---- effects ----

  #run(transition: Transition | undefined): void {
    if (!transition) return
    this.#state = transition.state
    for (const effect of transition.effects) this.#effect(effect, transition.state)
  }

  #effect(effect: SessionEffect, state: SessionState): void {
    const reason = state.kind === 'closed' ? state.reason : 'internal'
    const { audience } = this.feed
    switch (effect) {
      case 'open_speech':
        this.#openSpeech()
        break
      case 'detach_owner':
        this.#speaker?.close()
        audience.detachOwner()
        break
      case 'replace_owner':
        this.#speaker?.close()
        audience.owner?.close('replaced')
        audience.detachOwner()
        break
      case 'release_slot':
        this.#slot.release()
        break
      case 'close_speech':
        // Without a stream opening it has failed, and the slot may still be ours.
        if (!this.#audio?.hasSpeech) this.#slot.release()
        this.#audio?.close()
        break
      case 'close_feed':
        this.feed.close()
        break
      case 'drop_feed':
        this.feed.drop()
        break
      case 'close_owner':
        this.#speaker?.close()
        audience.owner?.close(reason)
        audience.detachOwner()
        break
      case 'close_watchers':
        for (const watcher of audience.takeWatchers()) watcher.close(reasonForWatchers(reason))
        break
      case 'forget':
        countUp(this.#host.counters.closedTotal, reason)
        this.#host.witness?.closed(this, reason)
        this.#host.onClosed(this, reason)
        break
      default:
        assertNever(effect)
    }
  }

  #openSpeech(resumes?: OpenAudio['resumes']): void {
    if (!this.#audio) return
    const { id, language } = this.identity
    const { format } = this.#audio.intake
    const options = { sessionId: id, language, format, firstIndex: this.feed.nextIndex }
    this.#audio.open(this.#slot.open({ ...options, ...(resumes ? { resumes } : {}) }, this.feed))
  }
}

/** To a watcher the session's own end is one thing, the pod's another: only then can it come back. */
function reasonForWatchers(reason: CloseReason): CloseReason {
  return reason === 'shutting_down' || reason === 'draining' || reason === 'moved' ? reason : 'finished'
}
