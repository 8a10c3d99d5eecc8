// The audio of one session on its way in: frames of the WebSocket and of UDP through one intake, into the stream that recognises
// them; what a lull means and when an audio.end is complete. Owns no timer: the session's tick comes by.
import {
  type AdaptationState,
  AUDIO_FRAME_HEADER_BYTES,
  type AudioFormat,
  audioFrameFault,
  extendUint32,
  frameMediaTime,
  frameSeq,
} from '@parley/protocol'
import { AudioIntake, type AudioLimits, type FrameVerdict } from './audio-intake.ts'
import { LullWatch } from './lull-watch.ts'
import type { AudioChannel, AudioSink } from './ports.ts'
import type { SessionCounters } from './session-counters.ts'

/** How long an audio.end waits for frames that it overtook. */
export const END_WAIT_MS = 500

export type AudioTransport = 'none' | 'ws' | 'udp'

/** An audio.end that frames over UDP may have been overtaken by. */
interface Ending {
  readonly flushId: number
  readonly seq: number
  readonly untilMs: number
}

export class OwnerAudio {
  readonly intake: AudioIntake
  readonly #counters: SessionCounters
  readonly #lull = new LullWatch()
  #speech: AudioSink | undefined
  /** UDP of the newest attach: lives until the next attach or the end, whatever becomes of the connection. */
  #channel: AudioChannel | undefined
  #ending: Ending | undefined
  #transport: AudioTransport = 'none'

  constructor(format: AudioFormat, limits: AudioLimits, counters: SessionCounters, nowMs: number) {
    this.intake = new AudioIntake(format, limits, nowMs)
    this.#counters = counters
  }

  get hasSpeech(): boolean {
    return this.#speech !== undefined
  }
  /** What the recogniser has learnt of the speaker, as it told last. */
  get adaptation(): AdaptationState | undefined {
    return this.#speech?.adaptation?.()
  }
  /** The way the last frame came. */
  get transport(): AudioTransport {
    return this.#transport
  }

  open(speech: AudioSink): void {
    this.#speech = speech
  }

  /** A connection is the owner's from now on: the way of the one before it is closed, its frames count from 0. */
  attach(channel: AudioChannel | undefined, nowMs: number): void {
    this.#channel?.close()
    this.#channel = channel
    if (this.#ending) this.#finish(this.#ending)
    this.intake.restart()
    this.#lull.onAttached(nowMs)
  }

  /** One binary message of the owner's WebSocket. */
  message(message: Uint8Array, nowMs: number, receivedAtWallMs: number): FrameVerdict {
    if (audioFrameFault(message) !== undefined) return 'malformed'
    const payload = message.subarray(AUDIO_FRAME_HEADER_BYTES)
    return this.#take(frameSeq(message), frameMediaTime(message), payload, nowMs, receivedAtWallMs, 'ws')
  }

  /** One frame over UDP; `seq` and `mediaTime` extended or not. */
  datagram(seq: number, mediaTime: number, payload: Uint8Array, nowMs: number, receivedAtWallMs: number): FrameVerdict {
    return this.#take(seq >>> 0, mediaTime >>> 0, payload, nowMs, receivedAtWallMs, 'udp')
  }

  #take(
    seq: number,
    mediaTime: number,
    payload: Uint8Array,
    nowMs: number,
    receivedAtWallMs: number,
    transport: AudioTransport,
  ): FrameVerdict {
    const { intake } = this
    const verdict = intake.acceptFrame(seq, mediaTime, payload.byteLength, nowMs)
    const ending = this.#ending
    if (ending && intake.lastSeqExtended > ending.seq) this.#finish(ending)
    if (verdict === 'accepted') this.#push(payload, nowMs, receivedAtWallMs, transport)
    else this.#countRefused(verdict)
    if (ending && intake.lastSeqExtended === ending.seq) this.#finish(ending)
    return verdict
  }

  #push(payload: Uint8Array, nowMs: number, receivedAtWallMs: number, transport: AudioTransport): void {
    const counters = this.#counters
    counters.audioFramesTotal++
    counters.audioBytesTotal += payload.byteLength
    if (transport === 'udp') counters.audioFramesUdpTotal++
    this.#transport = transport
    this.#speech?.push(this.intake.mediaTime, payload, receivedAtWallMs)
    if (this.#lull.onFrame(nowMs)) this.#speech?.hold(false)
  }

  #countRefused(verdict: Exclude<FrameVerdict, 'accepted'>): void {
    if (verdict === 'duplicate') this.#counters.audioFramesDuplicateTotal++
    else if (verdict === 'late') this.#counters.audioFramesLateTotal++
    else if (verdict === 'too_fast') this.#counters.audioFramesTooFastTotal++
  }

  /** May an audio.end say `lastSeq`? What came last, or, where frames may be overtaken, one that is yet to come. */
  mayEndAt(lastSeq: number): boolean {
    return lastSeq === this.intake.lastSeq || (this.#channel !== undefined && this.#extended(lastSeq) > this.#arrived())
  }

  /** `mayEndAt` said yes: flushes once `lastSeq` has come, with what there is after END_WAIT_MS. */
  endAt(lastSeq: number, flushId: number, nowMs: number): void {
    if (this.#ending) this.#finish(this.#ending)
    const ending = { flushId, seq: this.#extended(lastSeq), untilMs: nowMs + END_WAIT_MS }
    if (ending.seq > this.#arrived()) this.#ending = ending
    else this.#finish(ending)
  }

  #extended(lastSeq: number): number {
    return lastSeq < 0 ? -1 : extendUint32(lastSeq, Math.max(0, this.#arrived()))
  }

  #arrived(): number {
    return this.intake.lastSeqExtended
  }

  #finish(ending: Ending): void {
    if (this.#ending === ending) this.#ending = undefined
    if (this.#lull.onEnded()) this.#speech?.hold(false)
    this.#speech?.flush(ending.flushId)
  }

  /** The client answered a ping, with the seq of the last frame it sent if it knows of that. */
  answered(lastSeq: number | undefined): void {
    const allArrived = lastSeq === undefined || lastSeq === this.intake.lastSeq
    if (this.#lull.onAnswer(allArrived)) this.#speech?.hold(false)
  }

  /** True: the owner is to be asked which frame it sent last. */
  tick(nowMs: number): boolean {
    if (this.#ending && nowMs >= this.#ending.untilMs) this.#finish(this.#ending)
    const verdict = this.#lull.onTick(nowMs)
    if (verdict === 'hold') this.#speech?.hold(true)
    return verdict !== undefined
  }

  /** Neither frames nor flushes after this. Idempotent. */
  close(): void {
    this.#channel?.close()
    this.#channel = undefined
    this.#ending = undefined
    this.#speech?.close()
    this.#speech = undefined
  }
}
