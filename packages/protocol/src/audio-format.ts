// What audio a session may send: a closed list of combinations, everything else is refused by name.
import { err, ok, type Result } from '@parley/kernel'
import { type Static, Type } from 'typebox'
import { MAX_UDP_PAYLOAD_BYTES } from './udp-packet.ts'

export const CODECS = ['pcm16', 'opus', 'lc3'] as const
export type Codec = (typeof CODECS)[number]

/** Mono, always. `pcm16` is signed 16-bit little endian. One binary message carries one frame of `frameMs`. */
export const AudioFormatSchema = Type.Object(
  {
    codec: Type.Enum([...CODECS], { description: 'pcm16 = signed 16-bit little endian; all codecs are mono' }),
    sampleRateHz: Type.Integer({ description: 'Rate of the samples the client counts media time in', minimum: 1 }),
    frameMs: Type.Integer({ description: 'Audio in one frame, milliseconds', minimum: 1 }),
  },
  { additionalProperties: false, $id: 'AudioFormat' },
)
export type AudioFormat = Static<typeof AudioFormatSchema>

interface CodecRule {
  readonly sampleRatesHz: readonly number[]
  readonly framesMs: readonly number[]
  /** Bounds of one encoded frame in bytes; for pcm16 the upper bound follows from rate and duration. */
  readonly minFrameBytes: number
  readonly maxFrameBytes: number
}

/** The closed list. Opus: RFC 6716 (a packet is at most 1,275 bytes per frame); LC3: 20 to 400 bytes per 10 ms frame. */
export const AUDIO_FORMATS: Readonly<Record<Codec, CodecRule>> = {
  pcm16: {
    sampleRatesHz: [8_000, 16_000, 24_000, 48_000],
    framesMs: [10, 20, 40, 60],
    minFrameBytes: 2,
    maxFrameBytes: 5_760,
  },
  opus: {
    sampleRatesHz: [8_000, 16_000, 24_000, 48_000],
    framesMs: [10, 20, 40, 60],
    minFrameBytes: 1,
    maxFrameBytes: 1_275,
  },
  lc3: { sampleRatesHz: [16_000], framesMs: [10], minFrameBytes: 20, maxFrameBytes: 400 },
}

/** Which field of a format is wrong, the value it has and the values it may have. */
export interface AudioFormatProblem {
  readonly field: 'codec' | 'sampleRateHz' | 'frameMs'
  readonly value: string | number
  readonly allowed: readonly (string | number)[]
}

/** Accepts exactly the combinations of AUDIO_FORMATS; the first field that does not fit is named. */
export function checkAudioFormat(format: {
  readonly codec: string
  readonly sampleRateHz: number
  readonly frameMs: number
}): Result<AudioFormat, AudioFormatProblem> {
  const rule = Object.hasOwn(AUDIO_FORMATS, format.codec) ? AUDIO_FORMATS[format.codec as Codec] : undefined
  if (!rule) return err({ field: 'codec', value: format.codec, allowed: CODECS })
  if (!rule.sampleRatesHz.includes(format.sampleRateHz)) {
    return err({ field: 'sampleRateHz', value: format.sampleRateHz, allowed: rule.sampleRatesHz })
  }
  if (!rule.framesMs.includes(format.frameMs)) {
    return err({ field: 'frameMs', value: format.frameMs, allowed: rule.framesMs })
  }
  return ok({ codec: format.codec as Codec, sampleRateHz: format.sampleRateHz, frameMs: format.frameMs })
}

/** Samples in one full frame of `format`. */
export function samplesPerFrame(format: AudioFormat): number {
  return (format.sampleRateHz * format.frameMs) / 1000
}

/** True when `byteLength` can be one frame of `format`. A last pcm16 frame may be short; no frame may be empty or odd. */
export function isFrameLength(format: AudioFormat, byteLength: number): boolean {
  if (format.codec === 'pcm16') {
    return byteLength >= 2 && byteLength % 2 === 0 && byteLength <= samplesPerFrame(format) * 2
  }
  const rule = AUDIO_FORMATS[format.codec]
  return byteLength >= rule.minFrameBytes && byteLength <= rule.maxFrameBytes
}

/** True when every frame of `format` fits one packet; audio of other formats goes over WebSocket. */
export function fitsUdp(format: AudioFormat): boolean {
  const longest = format.codec === 'pcm16' ? samplesPerFrame(format) * 2 : AUDIO_FORMATS[format.codec].maxFrameBytes
  // An encoder is never asked for Opus frames near its bound (510 kbit/s): what exceeds the payload is refused per frame.
  return format.codec === 'opus' || longest <= MAX_UDP_PAYLOAD_BYTES
}
