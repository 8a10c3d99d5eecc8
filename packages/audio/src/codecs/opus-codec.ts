// Opus frames of exactly the agreed duration. Stereo packets are accepted and mixed down by libopus; a packet of another
// duration is refused, because media time counts samples and must not depend on what a packet claims.
import { AUDIO_FORMATS, type AudioFormat, isFrameLength, samplesPerFrame } from '@parley/protocol'
import { opusPacketMs } from '../opus-packet.ts'
import { pcm16FromBytes } from '../pcm.ts'
import { type AudioDecoder, type AudioEncoder, CodecError, type EncoderOptions } from './audio-codec.ts'
import type { OpusLibrary } from './opus-library.ts'
import type { RawDecoder, RawEncoder } from './opus-raw.ts'

const CTL_SET_BITRATE = 4002
const CTL_SET_VBR_CONSTRAINT = 4020
const DEFAULT_BITRATE_BPS = 24_000
const MIN_BITRATE_BPS = 6_000
/** At 60 ms this fills about half of the largest packet: room for the peaks of variable rate. */
const MAX_BITRATE_BPS = 96_000
/** RFC 6716 section 3.2.5. */
const MAX_PACKET_MS = 120

export function createOpusDecoder(library: OpusLibrary, format: AudioFormat): AudioDecoder {
  let raw: RawDecoder | undefined = library.takeDecoder(format.sampleRateHz)
  const frameBytes = 2 * samplesPerFrame(format)
  return {
    format,
    decode(payload) {
      if (!raw) throw new CodecError('closed', 'The decoder is closed.')
      checkPacket(format, payload)
      const bytes = decodeRaw(raw, payload)
      if (bytes.byteLength !== frameBytes) {
        throw new CodecError('duration', `The Opus packet decoded to ${bytes.byteLength / 2} samples.`)
      }
      // Both builds hand out a fresh array at offset 0; the copy is for one that some day does not.
      return bytes.byteOffset % 2 === 0
        ? new Int16Array(bytes.buffer, bytes.byteOffset, frameBytes / 2)
        : pcm16FromBytes(bytes)
    },
    close() {
      if (raw) library.returnDecoder(format.sampleRateHz, raw)
      raw = undefined
    },
  }
}

/** Decodes packets of any duration, as files and foreign streams hold them; otherwise as an AudioDecoder. */
export interface OpusPacketDecoder {
  readonly sampleRateHz: number
  /** The packet's samples, mixed down to mono, in an array of the caller's own. Throws CodecError and stays usable. */
  decode(packet: Uint8Array): Int16Array
  close(): void
}

export function createPacketDecoder(library: OpusLibrary, sampleRateHz: number): OpusPacketDecoder {
  let raw: RawDecoder | undefined = library.takeDecoder(sampleRateHz)
  return {
    sampleRateHz,
    decode(packet) {
      if (!raw) throw new CodecError('closed', 'The decoder is closed.')
      const packetMs = opusPacketMs(packet)
      if (packetMs === undefined || packetMs > MAX_PACKET_MS) {
        throw new CodecError('corrupt', 'The Opus packet does not say how many frames it holds.')
      }
      return pcm16FromBytes(decodeRaw(raw, packet))
    },
    close() {
      if (raw) library.returnDecoder(sampleRateHz, raw)
      raw = undefined
    },
  }
}

function checkPacket(format: AudioFormat, payload: Uint8Array): void {
  if (!isFrameLength(format, payload.byteLength)) {
    const { minFrameBytes, maxFrameBytes } = AUDIO_FORMATS.opus
    throw new CodecError(
      'length',
      `An Opus packet has ${minFrameBytes} to ${maxFrameBytes} bytes, not ${payload.byteLength}.`,
    )
  }
  const packetMs = opusPacketMs(payload)
  if (packetMs === undefined) throw new CodecError('corrupt', 'The Opus packet does not say how many frames it holds.')
  if (packetMs !== format.frameMs) {
    throw new CodecError('duration', `The Opus packet holds ${packetMs} ms; the format says ${format.frameMs} ms.`)
  }
}

function decodeRaw(raw: RawDecoder, payload: Uint8Array): Uint8Array {
  try {
    return raw.decode(payload)
  } catch (failure) {
    throw new CodecError('corrupt', 'The Opus packet cannot be decoded.', failure)
  }
}

export function createOpusEncoder(library: OpusLibrary, format: AudioFormat, options: EncoderOptions): AudioEncoder {
  const frameSamples = samplesPerFrame(format)
  const wanted = Math.round(options.bitrateBps ?? DEFAULT_BITRATE_BPS)
  let raw: RawEncoder | undefined = library.takeEncoder(format.sampleRateHz)
  raw.ctl(CTL_SET_BITRATE, Math.max(MIN_BITRATE_BPS, Math.min(MAX_BITRATE_BPS, wanted)))
  raw.ctl(CTL_SET_VBR_CONSTRAINT, 1)
  return {
    format,
    frameSamples,
    encode(samples) {
      if (!raw) throw new CodecError('closed', 'The encoder is closed.')
      if (samples.length !== frameSamples) {
        throw new CodecError('length', `An Opus frame has ${frameSamples} samples here, not ${samples.length}.`)
      }
      return raw.encode(samples)
    },
    close() {
      if (raw) library.returnEncoder(format.sampleRateHz, raw)
      raw = undefined
    },
  }
}
