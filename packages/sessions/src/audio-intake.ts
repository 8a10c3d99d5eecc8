// Which frames of a session are taken for recognition, whatever way they come: order, length, pace and the session's total.
// `seq` starts anew with each attach, media time goes on through all of them. Decides; the caller passes accepted payloads on.
import { TokenBucket } from '@parley/kernel'
import {
  AUDIO_FRAME_HEADER_BYTES,
  type AudioFormat,
  audioFrameFault,
  extendUint32,
  frameMediaTime,
  frameSeq,
  isFrameLength,
  samplesPerFrame,
} from '@parley/protocol'

export interface AudioLimits {
  /** How much faster than true pace frames may come, on average over PACE_WINDOW_MS. */
  readonly paceRatio: number
  /** Payload bytes in the life of the session. */
  readonly maxBytes: number
}

/**
 * `late`: a repeated or backward seq. `duplicate`: audio that was accepted before, sent again. `too_fast` and `over_limit`: a good
 * frame that exceeds the pace or the total.
 */
export type FrameVerdict = 'accepted' | 'malformed' | 'late' | 'duplicate' | 'too_fast' | 'over_limit'

/** The average of the pace limit is taken over this long: so much times the ratio may come at once. */
export const PACE_WINDOW_MS = 10_000

const UINT32 = 0x1_0000_0000

export class AudioIntake {
  readonly format: AudioFormat
  readonly #maxBytes: number
  readonly #pace: TokenBucket
  readonly #msPerPcmByte: number
  /** Samples in a frame; 0 = as many as its bytes say (pcm16). */
  readonly #frameSamples: number
  #lastSeq = -1
  #mediaTime = -1
  #endMediaTime = 0
  #bytes = 0
  #frames = 0
  #audioMs = 0

  constructor(format: AudioFormat, limits: AudioLimits, nowMs: number) {
    this.format = format
    this.#maxBytes = limits.maxBytes
    this.#pace = new TokenBucket(limits.paceRatio * 1000, limits.paceRatio * PACE_WINDOW_MS, nowMs)
    this.#msPerPcmByte = format.codec === 'pcm16' ? 500 / format.sampleRateHz : 0
    this.#frameSamples = format.codec === 'pcm16' ? 0 : samplesPerFrame(format)
  }

  /** seq of the last frame of this attach that arrived in order, accepted or not, as on the wire; -1 before the first. */
  get lastSeq(): number {
    return this.#lastSeq < 0 ? -1 : this.#lastSeq % UINT32
  }
  /** The same, never wrapped. */
  get lastSeqExtended(): number {
    return this.#lastSeq
  }
  /** Sample after the last frame accepted; never wraps, 0 before the first. */
  get endMediaTime(): number {
    return this.#endMediaTime
  }
  /** Sample count at the start of the last accepted frame; never wraps. */
  get mediaTime(): number {
    return this.#mediaTime
  }
  get frames(): number {
    return this.#frames
  }
  get bytes(): number {
    return this.#bytes
  }
  /** Audio accepted, milliseconds. */
  get audioMs(): number {
    return this.#audioMs
  }

  /**
   * Of a session that another pod had: audio before `mediaTime` (samples) is recognised already, the frame across it is taken again. `totals`: of
   * what that pod accepted.
   */
  goOnFrom(
    mediaTime: number,
    totals?: { readonly bytes: number; readonly frames: number; readonly audioMs: number },
  ): void {
    if (totals) {
      this.#bytes = totals.bytes
      this.#frames = totals.frames
      this.#audioMs = totals.audioMs
    }
    if (mediaTime <= this.#endMediaTime) return
    this.#mediaTime = Math.max(-1, mediaTime - samplesPerFrame(this.format))
    this.#endMediaTime = mediaTime
  }

  /** A further attach: its frames count from 0 again. */
  restart(): void {
    this.#lastSeq = -1
  }

  /** A frame as it comes over WebSocket. */
  accept(message: Uint8Array, nowMs: number): FrameVerdict {
    if (audioFrameFault(message) !== undefined) return 'malformed'
    const payloadBytes = message.byteLength - AUDIO_FRAME_HEADER_BYTES
    return this.acceptFrame(frameSeq(message), frameMediaTime(message), payloadBytes, nowMs)
  }

  /** `seq` and `wireMediaTime` modulo 2^32, as they came. */
  acceptFrame(wireSeq: number, wireMediaTime: number, payloadBytes: number, nowMs: number): FrameVerdict {
    const seq = extendUint32(wireSeq, Math.max(0, this.#lastSeq))
    if (seq <= this.#lastSeq) return 'late'
    this.#lastSeq = seq
    if (!isFrameLength(this.format, payloadBytes)) return 'malformed'
    const mediaTime = extendUint32(wireMediaTime, Math.max(0, this.#mediaTime))
    if (mediaTime <= this.#mediaTime) return 'duplicate'
    if (this.#bytes + payloadBytes > this.#maxBytes) return 'over_limit'
    const frameMs = this.#msPerPcmByte > 0 ? payloadBytes * this.#msPerPcmByte : this.format.frameMs
    if (!this.#pace.take(frameMs, nowMs)) return 'too_fast'
    this.#mediaTime = mediaTime
    this.#endMediaTime = mediaTime + (this.#frameSamples || payloadBytes >>> 1)
    this.#bytes += payloadBytes
    this.#frames++
    this.#audioMs += frameMs
    return 'accepted'
  }

  /** What is wrong with a message that `accept` called malformed, with what would be right. For the error, not the hot path. */
  explain(message: Uint8Array): string {
    switch (audioFrameFault(message)) {
      case 'too_short':
        return `a binary message needs a ${AUDIO_FRAME_HEADER_BYTES}-byte header and a payload, got ${message.byteLength} bytes`
      case 'unknown_kind':
        return `byte 0 must be 1 (audio frame), got ${message[0]}`
      case 'reserved_flags':
        return `byte 1 must be 0, got ${message[1]}`
      case undefined: {
        const payloadBytes = message.byteLength - AUDIO_FRAME_HEADER_BYTES
        const { codec, sampleRateHz, frameMs } = this.format
        return `${payloadBytes} bytes cannot be one ${frameMs} ms frame of ${codec} at ${sampleRateHz} Hz`
      }
    }
  }

  /** Milliseconds until another frame would be within the pace. */
  paceWaitMs(nowMs: number): number {
    return this.#pace.waitMs(this.format.frameMs, nowMs)
  }
}
