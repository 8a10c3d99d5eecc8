// Bytes of a client, in whatever encoding, to 16-bit mono samples: one reader for one stream, fed piece by piece.
import {
  type Companding,
  decodeG711,
  GRANULES_PER_MS,
  OggOpusReader,
  type WavHeader,
  wavDataToMono,
} from '@parley/audio'
import { createOpusPacketDecoder, type OpusPacketDecoder } from '@parley/audio/codecs'
import { err, ok, type Result } from '@parley/kernel'
import { ParleyError } from '@parley/protocol'
import { BACKEND_RATE_HZ } from './backends.ts'
import { BYTES_PER_SAMPLE, type Encoding, SampleReader } from './sample-format.ts'

/** Audio handed on at a time: other connections get their turn. */
const PIECE_MS = 500
/** The same of compressed audio: a second or less, as long as a page is not longer. */
const OGG_PIECE_BYTES = 1_024
const NOTHING = new Int16Array(0)

export interface AudioReader {
  /** Of the samples given out. */
  readonly sampleRateHz: number
  /** Bytes to be read at a time; Infinity: a message as a whole, and no two of them together. */
  readonly pieceBytes: number
  /** Bytes of a sample or page whose other bytes have not come. */
  readonly restBytes: number
  /** The samples that are whole with these bytes, in an array of the caller's own; or why they cannot be read. */
  read(bytes: Uint8Array): Result<Int16Array, ParleyError>
  /** How many samples `bytes` that are not to be heard stand for; forgets the rest. Readers without it are never asked. */
  skip?(bytes: number): number
  /** Idempotent. */
  close(): void
}

/** Bare samples. */
export function rawReader(encoding: Encoding, sampleRateHz: number): AudioReader {
  const sampleBytes = BYTES_PER_SAMPLE[encoding]
  let reader = new SampleReader(encoding)
  return {
    sampleRateHz,
    pieceBytes: (PIECE_MS * sampleRateHz * sampleBytes) / 1000,
    get restBytes() {
      return reader.restBytes
    },
    read: (bytes) => ok(reader.read(bytes)),
    skip(bytes) {
      const samples = Math.floor((bytes + reader.restBytes) / sampleBytes)
      reader = new SampleReader(encoding)
      return samples
    },
    close() {},
  }
}

/** Telephone samples: a byte each. */
export function g711Reader(companding: Companding, sampleRateHz: number): AudioReader {
  return {
    sampleRateHz,
    pieceBytes: (PIECE_MS * sampleRateHz) / 1000,
    restBytes: 0,
    read: (bytes) => ok(decodeG711(bytes, companding)),
    close() {},
  }
}

/** The data of a WAV file whose header has been read; what follows its samples is passed over. */
export function wavReader(header: WavHeader): AudioReader {
  const { sampleRateHz, blockBytes } = header
  let left = header.dataBytes ?? Number.POSITIVE_INFINITY
  let rest = new Uint8Array(0)
  return {
    sampleRateHz,
    pieceBytes: Math.max(blockBytes, Math.floor((PIECE_MS * sampleRateHz) / 1000) * blockBytes),
    get restBytes() {
      return rest.byteLength
    },
    read(bytes) {
      const joined = Buffer.concat([rest, bytes.subarray(0, left)])
      left -= Math.min(left, bytes.byteLength)
      const whole = joined.byteLength - (joined.byteLength % blockBytes)
      rest = new Uint8Array(joined.subarray(whole))
      return ok(wavDataToMono(header, joined.subarray(0, whole)))
    },
    close() {},
  }
}

/** One Opus packet, of any duration, in each message. */
export async function opusReader(): Promise<AudioReader> {
  const decoder = await createOpusPacketDecoder(BACKEND_RATE_HZ)
  return {
    sampleRateHz: BACKEND_RATE_HZ,
    pieceBytes: Number.POSITIVE_INFINITY,
    restBytes: 0,
    read: (packet) => decoded(decoder, packet),
    close: () => decoder.close(),
  }
}

/** Opus in an Ogg stream. */
export async function oggOpusReader(): Promise<AudioReader> {
  const decoder = await createOpusPacketDecoder(BACKEND_RATE_HZ)
  const reader = new OggOpusReader()
  const samplesPerGranule = BACKEND_RATE_HZ / 1000 / GRANULES_PER_MS
  return {
    sampleRateHz: BACKEND_RATE_HZ,
    pieceBytes: OGG_PIECE_BYTES,
    get restBytes() {
      return reader.restBytes
    },
    read(bytes) {
      const packets = reader.read(bytes)
      if (!packets.ok) return err(unreadable(packets.error.message))
      const parts: Int16Array[] = []
      for (const { bytes: packet, skip, take } of packets.value) {
        const samples = decoded(decoder, packet)
        if (!samples.ok) return samples
        parts.push(
          samples.value.subarray(Math.round(skip * samplesPerGranule), Math.round((skip + take) * samplesPerGranule)),
        )
      }
      return ok(joined(parts))
    },
    close: () => decoder.close(),
  }
}

function decoded(decoder: OpusPacketDecoder, packet: Uint8Array): Result<Int16Array, ParleyError> {
  try {
    return ok(decoder.decode(packet))
  } catch (cause) {
    return err(unreadable(cause instanceof Error ? cause.message : String(cause)))
  }
}

export function unreadable(why: string): ParleyError {
  return new ParleyError('AUDIO_FORMAT_UNSUPPORTED', { message: `the audio cannot be decoded: ${why}` })
}

function joined(parts: readonly Int16Array[]): Int16Array {
  if (parts.length === 1) return parts[0] as Int16Array
  const length = parts.reduce((sum, part) => sum + part.length, 0)
  if (length === 0) return NOTHING
  const whole = new Int16Array(length)
  let at = 0
  for (const part of parts) {
    whole.set(part, at)
    at += part.length
  }
  return whole
}
