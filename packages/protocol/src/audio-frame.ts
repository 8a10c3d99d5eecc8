// The binary message of the audio channel over WebSocket.
//
//   0        1        2                 6                     10
//   +--------+--------+-----------------+---------------------+-----------
//   | kind=1 | flags=0| seq (u32, BE)   | mediaTime (u32, BE) | payload
//   +--------+--------+-----------------+---------------------+-----------
//
// `seq` counts frames from 0 and wraps; `mediaTime` is the client's sample count at the first sample of the frame, modulo
// 2^32: it goes on while the client is muted, so that silence that was never sent still has its length.

export const AUDIO_FRAME_KIND = 1

// The binary message of a speech, pod to client: the same layout with kind 2; in place of `seq` stands the number of the speech
// (`speak.started`), `mediaTime` counts its samples from 0, the payload is pcm16 little endian, mono, 40 ms at most.
export const SPEECH_FRAME_KIND = 2
export const AUDIO_FRAME_HEADER_BYTES = 10

export interface AudioFrameHeader {
  readonly seq: number
  readonly mediaTime: number
}

/** Writes the header into the first AUDIO_FRAME_HEADER_BYTES of `target`. */
export function writeAudioFrameHeader(target: Uint8Array, seq: number, mediaTime: number): void {
  target[0] = AUDIO_FRAME_KIND
  target[1] = 0
  writeUint32(target, 2, seq)
  writeUint32(target, 6, mediaTime)
}

/** One message: header and payload in a fresh array. */
export function encodeAudioFrame(seq: number, mediaTime: number, payload: Uint8Array): Uint8Array {
  const message = new Uint8Array(AUDIO_FRAME_HEADER_BYTES + payload.byteLength)
  writeAudioFrameHeader(message, seq, mediaTime)
  message.set(payload, AUDIO_FRAME_HEADER_BYTES)
  return message
}

/** One message of a speech: header and payload in a fresh buffer. `mediaTime`: its sample count at the first sample. */
export function encodeSpeechFrame(speech: number, mediaTime: number, payload: Uint8Array): Uint8Array {
  const message = encodeAudioFrame(speech, mediaTime, payload)
  message[0] = SPEECH_FRAME_KIND
  return message
}

export interface SpeechFrame {
  /** Number of the speech. */
  readonly speech: number
  /** Sample count of the speech at the first sample. */
  readonly mediaTime: number
  readonly samples: Int16Array
}

/** One message of a speech, its samples copied; undefined when it is none. */
export function decodeSpeechFrame(message: Uint8Array): SpeechFrame | undefined {
  const payloadBytes = message.byteLength - AUDIO_FRAME_HEADER_BYTES
  if (payloadBytes < 2 || payloadBytes % 2 !== 0) return undefined
  if (message[0] !== SPEECH_FRAME_KIND || message[1] !== 0) return undefined
  const view = new DataView(message.buffer, message.byteOffset + AUDIO_FRAME_HEADER_BYTES, payloadBytes)
  const samples = new Int16Array(payloadBytes / 2)
  for (let n = 0; n < samples.length; n++) samples[n] = view.getInt16(2 * n, true)
  return { speech: frameSeq(message), mediaTime: frameMediaTime(message), samples }
}

export type AudioFrameFault = 'too_short' | 'unknown_kind' | 'reserved_flags'

/** What is wrong with the header, or undefined. Read the fields with `frameSeq` and `frameMediaTime`: no allocation. */
export function audioFrameFault(message: Uint8Array): AudioFrameFault | undefined {
  if (message.byteLength <= AUDIO_FRAME_HEADER_BYTES) return 'too_short'
  if (message[0] !== AUDIO_FRAME_KIND) return 'unknown_kind'
  if (message[1] !== 0) return 'reserved_flags'
  return undefined
}

export const frameSeq = (message: Uint8Array): number => readUint32(message, 2)
export const frameMediaTime = (message: Uint8Array): number => readUint32(message, 6)

/**
 * Turns a counter that wraps at 2^32 into one that does not: the value congruent to `wrapped` nearest to `lastExtended`
 * (the idea of RFC 3711 section 3.3.1). Exact up to 2^53, which is 5,900 years at 48 kHz.
 */
export function extendUint32(wrapped: number, lastExtended: number): number {
  // The signed difference modulo 2^32, without a division: this runs twice per frame.
  const extended = lastExtended + ((wrapped - (lastExtended >>> 0)) | 0)
  return extended < 0 ? extended + 0x1_0000_0000 : extended
}

export function writeUint32(target: Uint8Array, offset: number, value: number): void {
  target[offset] = (value >>> 24) & 0xff
  target[offset + 1] = (value >>> 16) & 0xff
  target[offset + 2] = (value >>> 8) & 0xff
  target[offset + 3] = value & 0xff
}

export function readUint32(source: Uint8Array, offset: number): number {
  return (
    (source[offset] as number) * 0x1_00_00_00 +
    (((source[offset + 1] as number) << 16) | ((source[offset + 2] as number) << 8) | (source[offset + 3] as number))
  )
}
