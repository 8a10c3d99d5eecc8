// What every codec looks like from outside, and how it says no. One decoder or encoder serves one stream of one speaker.
import type { AudioFormat } from '@parley/protocol'

export interface AudioDecoder {
  readonly format: AudioFormat
  /**
   * One frame's samples at `format.sampleRateHz`, in an array that is the caller's own. Throws CodecError when the payload
   * is not a frame of the format; the decoder stays usable and the next good frame decodes.
   */
  decode(payload: Uint8Array): Int16Array
  /** Frees what the decoder holds. Idempotent; `decode` throws afterwards. */
  close(): void
}

export interface AudioEncoder {
  readonly format: AudioFormat
  /** Samples `encode` takes. */
  readonly frameSamples: number
  /** Encodes exactly `frameSamples` samples (pcm16: 1 to `frameSamples`) into bytes that are the caller's own. */
  encode(samples: Int16Array): Uint8Array
  /** Frees what the encoder holds. Idempotent; `encode` throws afterwards. */
  close(): void
}

export interface EncoderOptions {
  /** Target in bits per second; held within what the format's frames can carry. pcm16 ignores it. */
  readonly bitrateBps?: number
}

/** Why there is no decoder or encoder: the format is not one of the closed list, or what it needs is not installed. */
export interface CodecProblem {
  readonly code: 'AUDIO_FORMAT_UNSUPPORTED'
  readonly reason: 'not_in_list' | 'library_missing'
  /** One sentence naming the field and the values allowed, or the library. */
  readonly message: string
  /** The one command that mends it, where there is one. */
  readonly fix?: string
}

export type CodecFault =
  /** The payload is empty or longer than a frame can be; or the samples are not one frame. */
  | 'length'
  /** The packet holds another duration than the format's `frameMs`. */
  | 'duration'
  /** The bytes are not what the codec writes. */
  | 'corrupt'
  /** `decode` or `encode` after `close`. */
  | 'closed'

/** A frame that cannot be decoded or encoded; `code` is the one a client is told. */
export class CodecError extends Error {
  readonly code = 'BAD_AUDIO_FRAME'
  readonly fault: CodecFault

  constructor(fault: CodecFault, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause })
    this.name = 'CodecError'
    this.fault = fault
  }
}
